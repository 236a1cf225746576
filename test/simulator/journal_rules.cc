#include "test/simulator/journal_rules.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "router/experiment/proto_time.h"
#include "router/runtime/crypto.h"
#include "test/simulator/shares.h"

namespace weir::simulator {

// --- OpenedAfterItIsJournalled

void OpenedAfterItIsJournalled::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  if (std::holds_alternative<ProcessStarted>(event)) {
    last_route_.clear();
    found_ = last_row_;
  }
  if (const auto* written = std::get_if<RowWritten>(&event)) {
    const v1::ExperimentState& state = written->record.state();
    rows_[state.experiment()][{state.run(), state.epoch()}] = state;
    last_row_[state.experiment()] = state;
  }
  if (const auto* published = std::get_if<TablePublished>(&event)) OnTable(*published->table, accuse);
}

void OpenedAfterItIsJournalled::OnTable(const routing::RouteTable& table, const Accuse& accuse) {
  for (const routing::ExperimentRoute& route : table.experiments) {
    const auto before = last_route_.find(route.name);
    for (const routing::WeightedVariant& variant : route.variants) {
      const Share had =
          before == last_route_.end() ? FoundOf(route.name, variant.name) : ShareOf(before->second, variant.name);
      const bool was_default = before == last_route_.end() || DefaultOf(before->second) == variant.name;
      const bool is_default = variant.name == DefaultOf(route);
      // What candidates lose goes to the default: of the table before, or since a row that says so. And that a default
      // has all is how a gate is shut, whoever the default is.
      const auto last = last_row_.find(route.name);
      const bool is_known = last != last_row_.end() && last->second.default_variant() == variant.name;
      if ((is_default && (was_default || is_known || IsShut(route))) || ShareOf(route, variant.name) <= had) continue;
      if (IsJournalled(route, variant.name)) continue;
      accuse(absl::StrCat("table ", table.version, " gives ", variant.name, " of ", route.name, " ",
                          WeightOf(route, variant.name), " parts in run ", route.run_ordinal, ", epoch ", route.epoch,
                          ", of which the journal knows nothing"));
    }
    last_route_.insert_or_assign(route.name, route);
  }
}

Share OpenedAfterItIsJournalled::FoundOf(const std::string& experiment, const std::string& variant) const {
  const auto found = found_.find(experiment);
  return found == found_.end() ? Share{} : ShareOf(found->second, variant);
}

bool OpenedAfterItIsJournalled::IsJournalled(const routing::ExperimentRoute& route, const std::string& variant) const {
  const auto last = last_row_.find(route.name);
  if (last == last_row_.end()) return false;
  if (ShareOf(route, variant) <= ShareOf(last->second, variant)) return true;
  const auto& rows = rows_.at(route.name);
  const auto own = rows.find({route.run_ordinal, route.epoch});
  return own != rows.end() && ShareOf(route, variant) <= ShareOf(own->second, variant);
}

// --- TheChainVerifies

TheChainVerifies::TheChainVerifies() : hash_(runtime::kSha256Size, '\0') {}

void TheChainVerifies::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  if (const auto* written = std::get_if<RowWritten>(&event)) {
    const v1::AuditRecord& record = written->record;
    sequence_ = record.sequence();
    hash_ = runtime::Sha256(absl::StrCat(hash_, record.SerializeAsString()));
    if (written->head != absl::BytesToHexString(hash_)) accuse(absl::StrCat("row ", sequence_, " breaks it"));
    absl::StatusOr<experiment::State> state = experiment::StateOf(record.state());
    if (!state.ok()) return accuse(absl::StrCat("row ", sequence_, ": ", state.status().ToString()));
    states_.insert_or_assign(record.state().experiment(), *std::move(state));
  }
  const auto* started = std::get_if<ProcessStarted>(&event);
  if (started != nullptr && started->remembered != nullptr) Compare(*started->remembered, accuse);
  if (const auto* found = std::get_if<JournalFound>(&event)) Compare(*found->remembered, accuse);
}

void TheChainVerifies::Compare(const experiment::Remembered& remembered, const Accuse& accuse) const {
  if (remembered.sequence != sequence_) {
    accuse(absl::StrCat(sequence_, " rows were written, and ", remembered.sequence, " are found"));
  } else if (remembered.head != absl::BytesToHexString(hash_)) {
    accuse(absl::StrCat("the head that is found is ", remembered.head));
  }
  if (remembered.states != states_) accuse("an experiment is found where its last row does not put it");
}

// --- OrdinalsNeverGoBack

namespace {

// What tells a change from others, whichever row it became.
std::string IdentityOf(v1::AuditRecord record) {
  record.set_sequence(0);
  return record.SerializeAsString();
}

}  // namespace

void OrdinalsNeverGoBack::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  ++events_;
  if (std::holds_alternative<ProcessStarted>(event)) {
    version_ = 0;
    last_in_table_.clear();
    unheard_.clear();
    asked_.clear();
    places_asked_.clear();
    for (auto& [experiment, last] : last_row_) last.asked.reset();  // Whatever overtook it, it is read from the disk.
  } else if (const auto* published = std::get_if<TablePublished>(&event)) {
    OnTable(*published->table, accuse);
  } else if (const auto* asked = std::get_if<RowAsked>(&event)) {
    const experiment::Change& change = asked->change;
    asked_.try_emplace(IdentityOf(experiment::RecordOf(change, 0)), events_);
    const RunAndEpoch place{change.state.run.ordinal, change.state.epoch.ordinal};
    places_asked_[change.experiment].emplace_back(events_, place);
  } else if (const auto* written = std::get_if<RowWritten>(&event)) {
    OnRow(written->record, accuse);
  } else if (const auto* repeated = std::get_if<RowRepeated>(&event)) {
    AwaitReply(repeated->experiment);
  } else if (const auto* heard = std::get_if<RowHeard>(&event)) {
    OnReply(heard->experiment, true, accuse);
  } else if (const auto* failed = std::get_if<WriteFailed>(&event); failed && failed->is_on_disk) {
    OnReply(failed->experiment, false, accuse);
  }
}

// Of the experiment's last row.
void OrdinalsNeverGoBack::AwaitReply(const std::string& experiment) {
  std::deque<bool>& unheard = unheard_[experiment];
  if (!unheard.empty()) unheard.back() = false;
  unheard.push_back(true);
}

void OrdinalsNeverGoBack::OnReply(const std::string& experiment, bool is_taken, const Accuse& accuse) {
  std::deque<bool>& unheard = unheard_[experiment];
  if (unheard.empty()) return accuse(absl::StrCat("a row of ", experiment, " is heard of, and none is written"));
  if (unheard.front() && is_taken) last_row_[experiment].heard = events_;
  unheard.pop_front();
}

void OrdinalsNeverGoBack::OnTable(const routing::RouteTable& table, const Accuse& accuse) {
  if (table.version <= version_) accuse(absl::StrCat("table ", table.version, " follows table ", version_));
  version_ = table.version;
  for (const routing::ExperimentRoute& route : table.experiments) {
    if (route.run_ordinal == 0) continue;
    const RunAndEpoch present{route.run_ordinal, route.epoch};
    RunAndEpoch& last = last_in_table_[route.name];
    if (present < last) {
      accuse(absl::StrCat(route.name, ": run ", present.first, ", epoch ", present.second, " follows run ", last.first,
                          ", epoch ", last.second, " in table ", table.version));
    }
    last = present;
  }
}

bool OrdinalsNeverGoBack::IsOvertaken(const std::string& experiment, const LastRow& row) const {
  const auto asks = places_asked_.find(experiment);
  if (asks == places_asked_.end() || !row.asked) return false;
  return std::any_of(asks->second.begin(), asks->second.end(), [&](const auto& ask) {
    const bool is_between = ask.first > *row.asked && ask.first < row.heard.value_or(events_);
    return is_between && ask.second < row.place;
  });
}

void OrdinalsNeverGoBack::OnRow(const v1::AuditRecord& record, const Accuse& accuse) {
  if (record.sequence() != sequence_ + 1) accuse(absl::StrCat("row ", record.sequence(), " follows row ", sequence_));
  sequence_ = record.sequence();
  const v1::ExperimentState& state = record.state();
  LastRow& last = last_row_[state.experiment()];
  const RunAndEpoch present{state.run(), state.epoch()};
  if (present < last.place && !IsOvertaken(state.experiment(), last)) {
    accuse(absl::StrCat(state.experiment(), ": row ", sequence_, " is of run ", present.first, ", epoch ",
                        present.second, " after run ", last.place.first, ", epoch ", last.place.second));
  }
  if (present.first > last.place.first + 1) {
    accuse(absl::StrCat(state.experiment(), ": run ", present.first, " follows run ", last.place.first));
  }
  const auto asked = asked_.find(IdentityOf(record));
  last = {.place = present, .asked = {}, .heard = {}};
  if (asked != asked_.end()) last.asked = asked->second;
  AwaitReply(state.experiment());
}

// --- WhatWasRefusedIsNotFound

void WhatWasRefusedIsNotFound::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  if (const auto* written = std::get_if<RowWritten>(&event)) {
    last_actor_[written->record.state().experiment()] = written->record.actor();
  } else if (const auto* answered = std::get_if<CommandAnswered>(&event)) {
    const std::string told(answered->status.message());
    const bool is_final = !absl::StrContains(told, "may find it opened");
    if (!told.starts_with("nothing was opened") || !is_final) return;
    refused_.insert(absl::StrCat("person-", answered->token));
    Compare(accuse);
  } else if (std::holds_alternative<ProcessStarted>(event)) {
    Compare(accuse);
  }
}

void WhatWasRefusedIsNotFound::Compare(const Accuse& accuse) const {
  for (const auto& [experiment, actor] : last_actor_) {
    if (!refused_.contains(actor)) continue;
    accuse(absl::StrCat(actor, " was told that nothing was opened, and the last row of ", experiment, " is theirs"));
  }
}

// --- TheJournalIsFollowedInTheEnd

namespace {

v1::Phase PhaseOf(const v1::ExperimentState& state) {
  switch (state.phase_case()) {
    case v1::ExperimentState::kRunning:
      return v1::RUNNING;
    case v1::ExperimentState::kRolledBack:
      return v1::ROLLED_BACK;
    case v1::ExperimentState::kWaiting:
      return v1::WAITING;
    case v1::ExperimentState::kStepping:
      return v1::STEPPING;
    case v1::ExperimentState::kPaused:
      return v1::PAUSED;
    case v1::ExperimentState::kInconclusive:
      return v1::INCONCLUSIVE;
    case v1::ExperimentState::kWatching:
      return v1::WATCHING;
    case v1::ExperimentState::kCompleted:
      return v1::COMPLETED;
    case v1::ExperimentState::kFrozen:
      return v1::FROZEN;
    case v1::ExperimentState::PHASE_NOT_SET:
      break;
  }
  return v1::PHASE_UNSPECIFIED;
}

}  // namespace

namespace {

// Whether an epoch that was counted is later than the row's, or another one of its number.
bool IsBeyond(const v1::EpochNames& counted, const experiment::Epoch& row) {
  if (counted.epoch() != row.ordinal) return counted.epoch() > row.ordinal;
  if (counted.has_started_at() && experiment::TimeOf(counted.started_at()) != row.started) return true;
  return !std::equal(counted.names().begin(), counted.names().end(), row.split.variants.begin(),
                     row.split.variants.end(),
                     [](const std::string& name, const config::Variant& variant) { return name == variant.name; });
}

// Of those that the journal remembers, the experiments with counts of an epoch of which no row was written.
std::set<std::string> ThoseAhead(const experiment::Remembered& remembered) {
  std::set<std::string> ahead;
  for (const auto& [experiment, state] : remembered.states) {
    const auto run = remembered.checkpoints.find(absl::StrCat("run/", experiment, "/", state.run.ordinal));
    v1::RunCheckpoint counted;
    if (run == remembered.checkpoints.end() || !counted.ParseFromString(run->second)) continue;
    const bool is_ahead = std::any_of(counted.epochs().begin(), counted.epochs().end(),
                                      [&](const v1::EpochNames& epoch) { return IsBeyond(epoch, state.epoch); });
    if (is_ahead) ahead.insert(experiment);
  }
  return ahead;
}

}  // namespace

void TheJournalIsFollowedInTheEnd::Hear(const Event& event, absl::Time, const Accuse& accuse) {
  const auto* started = std::get_if<ProcessStarted>(&event);
  if (started != nullptr && started->remembered != nullptr) ahead_ = ThoseAhead(*started->remembered);
  if (const auto* found = std::get_if<JournalFound>(&event)) ahead_ = ThoseAhead(*found->remembered);
  if (const auto* written = std::get_if<RowWritten>(&event)) {
    last_row_[written->record.state().experiment()] = written->record.state();
  } else if (const auto* published = std::get_if<TablePublished>(&event)) {
    table_ = published->table;
  } else if (const auto* viewed = std::get_if<Viewed>(&event)) {
    shown_ = *viewed->status;
  } else if (std::holds_alternative<Settled>(event)) {
    if (shown_.journal().unjournalled() != 0) accuse("a change is not journalled");
    if (table_ == nullptr) return accuse("there is no table");
    for (const v1::ExperimentStatus& status : shown_.experiments()) {
      // Only a person ends that state, which no row ever says.
      if (status.phase() != v1::FROZEN) Compare(status, accuse);
    }
  }
}

void TheJournalIsFollowedInTheEnd::Compare(const v1::ExperimentStatus& status, const Accuse& accuse) const {
  const auto last = last_row_.find(status.name());
  if (last == last_row_.end()) return accuse(absl::StrCat(status.name(), " has no row"));
  const v1::ExperimentState& row = last->second;
  const bool is_epoch_so =
      ahead_.contains(status.name()) ? status.epoch() >= row.epoch() : status.epoch() == row.epoch();
  if (status.run() != row.run() || !is_epoch_so || status.phase() != PhaseOf(row)) {
    accuse(absl::StrCat(status.name(), " is shown in run ", status.run(), ", epoch ", status.epoch(), ", ",
                        v1::Phase_Name(status.phase()), ", and its last row is of run ", row.run(), ", epoch ",
                        row.epoch(), ", ", v1::Phase_Name(PhaseOf(row))));
  }
  const routing::ExperimentRoute* route = Find(*table_, status.name());
  if (route == nullptr) return accuse(absl::StrCat(status.name(), " is in no table"));
  if (DefaultOf(*route) != row.default_variant()) return;  // A default that is no model any more serves nobody.
  for (const routing::WeightedVariant& variant : route->variants) {
    if (ShareOf(*route, variant.name) == ShareOf(row, variant.name)) continue;
    accuse(absl::StrCat(status.name(), ": the table and its last row give ", variant.name, " different shares"));
  }
}

}  // namespace weir::simulator
