// What is asked of the journal, what it answers, and what whoever waits for that is told.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "router/control/controller.h"

namespace weir::control {
namespace {

using experiment::CheckpointRow;

absl::Status Replaced(const std::string& later) {
  return absl::AbortedError(
      absl::StrCat("it was in force, and a later change (", later, ") took its place before the journal held it"));
}

bool IsKnown(const std::optional<experiment::State>& state) {
  return state && !std::holds_alternative<experiment::Frozen>(state->phase);
}

}  // namespace

// What whoever asked is told while no row says so yet.
absl::Status Controller::Provisional(const Governed& governed, const absl::Status& answer) const {
  std::string why = governed.journal_error.empty() ? "its disk is slow" : governed.journal_error;
  if (!unread_.ok()) why = std::string(unread_.message());
  if (!IsKnown(governed.experiment.state())) why = "it is frozen, which no row ever says";
  if (absl::IsAborted(answer)) return answer;  // What became of the later change, who gave that hears.
  if (answer.ok()) {
    return absl::UnavailableError(
        absl::StrCat("in force, but not in the journal yet (", why, "): a restart before it is may find it undone"));
  }
  return absl::Status(answer.code(), absl::StrCat(std::string(answer.message()),
                                                  "; the journal does not hold this refusal yet, and a restart before "
                                                  "it does may find it opened"));
}

// Tells those who have waited since then, at least. What shut is in force, whatever came of its row.
void Controller::AnswerWaiting(Governed& governed, bool is_written, absl::Time waited_since) {
  std::erase_if(governed.unjournalled->waiting, [&](const Waiting& waiting) {
    if (waiting.since > waited_since) return false;
    effects_.emplace_back(
        AnswerCommand{waiting.token, is_written ? waiting.answer : Provisional(governed, waiting.answer)});
    return true;
  });
}

// Those who wait for `row`, whose place that of a newer change takes. Where it was asked for it may be written yet.
std::vector<Controller::Waiting> Controller::TakeWaiting(Unjournalled& row, const experiment::Change& newer) {
  std::vector<Waiting> waiting = std::move(row.waiting);
  for (Waiting& each : waiting) {
    if (each.replaced_row || !each.answer.ok()) continue;
    each.later = absl::StrCat(newer.action, " by ", newer.actor);
    if (row.id != 0) each.replaced_row = row.id;
    if (row.id == 0) each.answer = Replaced(each.later);
  }
  return waiting;
}

// What came of a row that a newer one has taken the place of since.
void Controller::AnswerReplaced(Governed& governed, const JournalReply& reply) {
  if (!governed.unjournalled) return;
  std::erase_if(governed.unjournalled->waiting, [&](Waiting& waiting) {
    if (waiting.replaced_row != reply.id) return false;
    waiting.replaced_row.reset();
    if (!reply.status.ok()) waiting.answer = Replaced(waiting.later);
    if (reply.status.ok()) effects_.emplace_back(AnswerCommand{waiting.token, waiting.answer});
    return reply.status.ok();
  });
}

std::vector<std::string> Controller::UnjournalledChanges() const {
  std::vector<std::string> changes;
  for (const auto& [name, governed] : experiments_) {
    if (!governed.unjournalled || IsOfVersion(*governed.unjournalled)) continue;
    const experiment::Change& change = governed.unjournalled->change;
    changes.push_back(absl::StrCat(name, ": ", change.action, change.action == experiment::kNotOpened ? "; " : " by ",
                                   change.action == experiment::kNotOpened ? change.detail : change.actor));
  }
  return changes;
}

// Asks the journal for what waits, where it is time to.
void Controller::AskFor(Governed& governed, absl::Time now) {
  if (!unread_.ok()) return;
  const bool is_asked_for = governed.unjournalled && !governed.unjournalled->waiting.empty();
  const bool has_room = governed.rows_on_their_way.size() + (is_asked_for ? 0 : config::limits::kShutRowsOfPeople) <
                        config::limits::kShutRows;
  if (governed.unjournalled && governed.unjournalled->id == 0 && has_room && now >= governed.unjournalled->retry_at) {
    governed.unjournalled->id = NextRequest();
    governed.rows_on_their_way.insert(governed.unjournalled->id);
    effects_.emplace_back(AskJournal{AppendRequest{governed.unjournalled->id, governed.unjournalled->change}});
  }
  if (governed.opening && governed.opening->id == 0) {
    governed.opening->id = NextRequest();
    effects_.emplace_back(AskJournal{AppendRequest{governed.opening->id, governed.opening->change}});
  }
}

void Controller::Checkpoint(absl::Time now) {
  if (!unread_.ok() || checkpoint_request_ != 0) return;
  const auto take = [&](std::vector<CheckpointRow> rows) {
    for (CheckpointRow& row : rows) unwritten_rows_.insert_or_assign(std::move(row.key), std::move(row.value));
  };
  absl::Duration longest = absl::ZeroDuration();
  for (auto& [name, governed] : experiments_) {
    take(governed.experiment.TakeChanges(now));
    if (const auto& filed = governed.experiment.filed()) longest = std::max(longest, filed->join_window);
  }
  if (longest > absl::ZeroDuration()) tickets_.Forget(now, longest);
  take(tickets_.TakeChanges());
  if (unwritten_rows_.empty()) return;
  asked_rows_ = std::exchange(unwritten_rows_, {});
  CheckpointRequest request{.id = NextRequest(), .rows = {}};
  for (const auto& [key, value] : asked_rows_) request.rows.push_back({key, value});
  checkpoint_request_ = request.id;
  effects_.emplace_back(AskJournal{std::move(request)});
}

void Controller::CheckpointNow(absl::Time now) {
  // What the tests remember is of the counts that are written with it.
  for (auto& [name, governed] : experiments_) {
    Judge(governed, now);
    governed.rows_on_their_way.clear();  // They are written before what is asked now.
    if (governed.unjournalled) governed.unjournalled->retry_at = absl::InfinitePast();
  }
  Flush(now);
  checkpoint_request_ = 0;  // One that is outstanding is written before this one, in the journal's order.
  for (auto& [key, value] : std::exchange(asked_rows_, {})) unwritten_rows_.emplace(key, std::move(value));
  Checkpoint(now);
}

// --- What the journal answered.

void Controller::TakeReply(JournalReply reply, absl::Time now) {
  if (reply.id == load_request_) {
    OnLoaded(reply, now);
  } else if (reply.id == checkpoint_request_) {
    OnCheckpoint(reply.status);
  } else if (reply.report) {
    OnReport(reply);
  } else {
    for (auto& [name, governed] : experiments_) OnAppended(governed, reply, now);
  }
  Flush(now);
}

void Controller::OnAppended(Governed& governed, JournalReply& reply, absl::Time now) {
  governed.rows_on_their_way.erase(reply.id);
  AnswerReplaced(governed, reply);
  const bool is_row = governed.unjournalled && governed.unjournalled->id == reply.id;
  const bool is_opening = governed.opening && governed.opening->id == reply.id;
  if (!is_row && !is_opening) return;  // Of a row that a newer one replaced, or of another experiment.
  NoteJournal(reply.status);
  if (reply.status.ok()) {
    journal_head_ = reply.head;
    governed.journal_error.clear();
    const experiment::Change& change = is_opening ? governed.opening->change : governed.unjournalled->change;
    if (change.grounds.specification) governed.versions.NoteJournalled(change.grounds.specification->ordinal);
  } else {
    if (governed.journal_error.empty()) {
      Say(true, "a change waits for the journal", governed.experiment.name(), std::string(reply.status.message()));
    }
    governed.retry_at = now + kJournalRetry;
    governed.journal_error = std::string(reply.status.message());
  }
  if (is_opening) return OnOpened(governed, reply.status, now);
  AnswerWaiting(governed, reply.status.ok());
  if (reply.status.ok()) {
    governed.unjournalled.reset();
    AskForReport(governed);
  } else {
    governed.unjournalled->id = 0;
    governed.unjournalled->retry_at = governed.retry_at;
  }
}

void Controller::OnOpened(Governed& governed, const absl::Status& status, absl::Time now) {
  const Opening opening = *std::exchange(governed.opening, std::nullopt);
  const auto answer = [&](absl::Status result) {
    if (opening.token) effects_.emplace_back(AnswerCommand{*opening.token, std::move(result)});
  };
  if (!status.ok()) return TakeBack(governed, opening, status, now);
  if (opening.base != governed.experiment.state()) {
    // The gate was shut meanwhile. That row follows in the journal, and this step is not taken.
    return answer(absl::AbortedError("the gate was shut meanwhile"));
  }
  Enter(governed, opening.step, now);
  FollowFile(governed, now);  // Which may have changed meanwhile.
  Publish(now);
  answer(absl::OkStatus());
}

// An opening that was refused.
void Controller::TakeBack(Governed& governed, const Opening& opening, const absl::Status& why, absl::Time now) {
  const absl::Status refusal = absl::UnavailableError(absl::StrCat("nothing was opened: ", std::string(why.message())));
  const bool may_be_found = !absl::IsInvalidArgument(why);
  const std::optional<experiment::State>& standing = governed.experiment.standing();
  if (may_be_found && !governed.unjournalled && standing) {
    governed.unjournalled =
        Unjournalled{.id = 0, .change = NotOpened(governed, *standing, opening, why, now), .waiting = {}};
  }
  if (!opening.token) return;
  // A shutting step that came meanwhile was asked for after the opening, and takes its place as well.
  if (may_be_found && governed.unjournalled) {
    governed.unjournalled->waiting.push_back({*opening.token, now, refusal});
  } else {
    effects_.emplace_back(AnswerCommand{*opening.token, may_be_found ? Provisional(governed, refusal) : refusal});
  }
}

void Controller::OnCheckpoint(const absl::Status& status) {
  checkpoint_request_ = 0;
  NoteJournal(status);
  auto asked = std::exchange(asked_rows_, {});
  if (status.ok()) return;
  for (auto& [key, value] : asked) unwritten_rows_.emplace(key, std::move(value));
}

// The journal could not be read at start: what it says now is too late to go on from, but a run is not numbered twice,
// and a latch that is found holds.
void Controller::OnLoaded(JournalReply& reply, absl::Time now) {
  load_request_ = 0;
  load_again_at_ = now + kJournalRetry;
  NoteJournal(reply.status);
  unread_ = reply.status;
  if (!reply.status.ok()) return;
  journal_head_ = reply.head;
  Say(false, "the journal can be read again: frozen experiments may be reset");
  for (auto& [name, version] : reply.remembered->specifications) GovernedBy(name).versions.Remember(std::move(version));
  for (const auto& [name, state] : reply.remembered->states) {
    Governed& governed = GovernedBy(name);
    if (governed.experiment.state()) {
      governed.experiment.TakeUpFound(state, reply.remembered->checkpoints);
    } else {
      (void)governed.experiment.Restore(state, reply.remembered->checkpoints);
    }
  }
  absl::StatusOr<TicketLedger> tickets = TicketLedger::FromRows(reply.remembered->checkpoints);
  tickets_ = tickets.ok() ? *std::move(tickets) : TicketLedger::Forgetful(reply.remembered->checkpoints, now);
  is_table_stale_ = true;
}

void Controller::NoteJournal(const absl::Status& status) {
  if (!status.ok()) ++counts_.journal_failures;
  if (absl::IsInvalidArgument(status)) return;  // One row can never be written: that says nothing of the disk.
  if (status.ok() != is_journal_healthy_) {
    Say(!status.ok(), status.ok() ? "the journal works" : "the journal fails", "", std::string(status.message()));
  }
  is_journal_healthy_ = status.ok();
  journal_error_ = std::string(status.message());
}

}  // namespace weir::control
