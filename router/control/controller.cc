#include "router/control/controller.h"

#include <algorithm>
#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/limits.h"
#include "router/routing/assignment.h"
#include "router/routing/build_table.h"

namespace weir::control {
namespace {

using experiment::CheckpointRow;
using experiment::Gate;
using experiment::State;
using experiment::Step;

CountsLayout LayoutOf(const config::Experiment& specification, uint32_t run) {
  CountsLayout layout{.experiment = specification.name, .run = run, .variants = {}, .mirrors = {}};
  for (const config::Variant& variant : specification.variants) layout.variants.push_back(variant.name);
  for (const config::Mirror& mirror : specification.mirrors) layout.mirrors.push_back(mirror.name);
  return layout;
}

}  // namespace

Controller::Controller(absl::StatusOr<experiment::Remembered> remembered, std::string version, stats::Issuer process,
                       absl::Time now)
    : version_(std::move(version)), process_(process), started_at_(now), checkpoint_due_(now + kCheckpointInterval) {
  if (!remembered.ok()) {
    unread_ = remembered.status();
    load_again_at_ = now + kJournalRetry;
    NoteJournal(unread_);
    Say(true, "the journal cannot be read: every experiment is at its default", "", std::string(unread_.message()));
    return;
  }
  journal_head_ = remembered->head;
  for (auto& [name, version] : remembered->specifications) GovernedBy(name).versions.Remember(std::move(version));
  for (auto& [name, state] : remembered->states) {
    Governed& governed = GovernedBy(name);
    const absl::Status status = governed.experiment.Restore(std::move(state), remembered->checkpoints);
    if (!status.ok()) Say(true, "its statistics begin anew", name, std::string(status.message()));
    AskForReport(governed);  // It is written unless a crash came between.
  }
  absl::StatusOr<TicketLedger> tickets = TicketLedger::FromRows(remembered->checkpoints);
  if (tickets.ok()) {
    tickets_ = *std::move(tickets);
  } else {
    tickets_ = TicketLedger::Forgetful(remembered->checkpoints, now);
    Say(true, "reported tickets are forgotten: what started before now is refused", "",
        std::string(tickets.status().message()));
  }
}

// --- Files.

void Controller::TakeConfig(config::Config config, absl::Time now) {
  const bool is_first = !config_;
  const bool is_changed = is_first || *config_ != config;
  const bool was_refused = !configuration_errors_.empty();
  if (is_changed) TakeUp(std::move(config), now);
  configuration_errors_.clear();
  counts_.configuration_valid = true;
  if (!is_first && (is_changed || was_refused)) {
    ++counts_.reloads_accepted;
    Say(false, "the files were taken up");
    for (const std::string& notice : RestartNotices()) Say(true, notice);
  }
  Flush(now);
}

void Controller::TakeUp(config::Config config, absl::Time now) {
  std::map<std::string, config::Experiment> filed;
  for (const config::Experiment& experiment : config.experiments) {
    filed.emplace(experiment.name, experiment);
    GovernedBy(experiment.name);
  }
  if (!started_with_) started_with_ = config.proxy;
  config_ = std::move(config);
  for (auto& [name, governed] : experiments_) {
    const auto own = filed.find(name);
    std::optional<config::Experiment> specification;
    if (own != filed.end()) specification = own->second;
    if (governed.experiment.filed() == specification) continue;
    if (!specification) {
      governed.warned.clear();
      governed.has_looked_at_them = false;
    }
    governed.external.Follow(specification ? specification->queries : std::vector<config::QueryMetric>());
    if (governed.experiment.SetFile(std::move(specification), now)) {
      Say(true, "the clock was set back: its newest minute of calls is closed as it stood", name);
    }
    if (!unread_.ok() && governed.experiment.filed() && !governed.experiment.state()) {
      governed.experiment.Freeze(absl::StrCat("the journal cannot be read: ", std::string(unread_.message())), now);
    }
    governed.retry_at = absl::InfinitePast();
    if (governed.experiment.filed()) governed.versions.TakeUp(*governed.experiment.filed());
    // Evidence from before a restart, or a guardrail that only warned until now, may prove a breach already.
    Judge(governed, now);
    FollowFile(governed, now);
    AnnounceWarnings(governed, now);
  }
  AnnounceStanding();
  is_table_stale_ = true;
}

void Controller::RefuseConfig(std::vector<std::string> errors, absl::Time now) {
  if (errors == configuration_errors_) return;
  configuration_errors_ = std::move(errors);
  counts_.configuration_valid = false;
  ++counts_.reloads_refused;
  Say(true, "the files are refused, and what was taken up last stays", "", absl::StrJoin(configuration_errors_, "; "));
  Flush(now);
}

Controller::Governed& Controller::GovernedBy(const std::string& name) {
  names_[routing::NameHash(name)] = name;
  return experiments_.try_emplace(name, name, process_).first->second;
}

// --- Steps.

// What the file asks for, and is not so yet. Told at every tick, so that nothing that failed is forgotten.
void Controller::FollowFile(Governed& governed, absl::Time now) {
  if (!governed.experiment.filed()) return;
  const experiment::Plan plan = governed.experiment.plan();
  for (;;) {
    // A file is never refused.
    std::optional<Step> step =
        experiment::Advance(plan, governed.experiment.state(), experiment::Filed{}, now).value_or(std::nullopt);
    if (!step) return KeepVersion(governed, now);
    const bool opens = step->gate == Gate::kOpens;
    if (opens && (governed.opening || governed.unjournalled || now < governed.retry_at || !unread_.ok())) return;
    Carry(governed, *std::move(step), experiment::Filed{}, now);
    if (opens) return;
  }
}

void Controller::Carry(Governed& governed, Step step, const experiment::Event& event, absl::Time now) {
  experiment::Change change = ChangeOf(governed, step, event, now);
  if (step.gate == Gate::kOpens) {
    governed.opening = Opening{.id = 0,
                               .step = std::move(step),
                               .change = std::move(change),
                               .base = governed.experiment.state(),
                               .token = {}};
    return;
  }
  Enter(governed, step, now);
  Unjournalled row{.id = 0, .change = std::move(change), .waiting = {}};
  if (governed.unjournalled) row.waiting = TakeWaiting(*governed.unjournalled, row.change);
  governed.unjournalled = std::move(row);
  governed.retry_at = absl::InfinitePast();
}

void Controller::Enter(Governed& governed, const Step& step, absl::Time now) {
  const std::optional<State> before = governed.experiment.state();
  governed.experiment.Enter(step.next, now);
  AnnounceStep(governed, before, step, now);
  is_table_stale_ = true;
  const bool is_rollback = std::holds_alternative<experiment::RolledBack>(step.next.phase);
  if (is_rollback) {
    ++counts_.rollbacks;
    checkpoint_due_ = now;  // What it was decided on is to be seen after a crash too.
  }
  Say(is_rollback, step.action, governed.experiment.name(),
      absl::StrCat("run ", step.next.run.ordinal, ", epoch ", step.next.epoch.ordinal, ", by ", step.actor, ": ",
                   step.detail));
}

// Why nothing can be opened now; OK if it can.
absl::Status Controller::WhyNotOpened(const Governed& governed) const {
  if (!unread_.ok()) {
    return absl::UnavailableError(absl::StrCat("it could not be journalled: ", std::string(unread_.message())));
  }
  if (governed.opening) return absl::UnavailableError("another change is being journalled: try again");
  if (governed.unjournalled) {
    return absl::UnavailableError(
        absl::StrCat("its last change is not journalled yet, and goes first: ", governed.journal_error));
  }
  return absl::OkStatus();
}

void Controller::Obey(uint64_t token, const std::string& experiment, const experiment::Command& command,
                      absl::Time now) {
  const auto answer = [&](absl::Status status) { effects_.emplace_back(AnswerCommand{token, std::move(status)}); };
  const auto found = experiments_.find(experiment);
  if (found == experiments_.end() || !found->second.experiment.filed()) {
    return answer(absl::NotFoundError(absl::StrCat("no experiment '", experiment, "'")));
  }
  Governed& governed = found->second;
  experiment::Command given = command;
  given.overtakes = governed.opening.has_value();
  absl::StatusOr<std::optional<Step>> step =
      experiment::Advance(governed.experiment.plan(), governed.experiment.state(), given, now);
  if (!step.ok()) return answer(step.status());
  if (!*step) {  // It is so already; whether it stays so, and the journal says so, is another matter.
    if (governed.opening) return answer(WhyNotOpened(governed));
    const bool is_frozen = std::holds_alternative<experiment::Frozen>(governed.experiment.state()->phase);
    if (is_frozen) return answer(Provisional(governed, absl::OkStatus()));
    if (!governed.unjournalled || IsOfVersion(*governed.unjournalled)) return answer(absl::OkStatus());
    governed.unjournalled->waiting.push_back({token, now, absl::OkStatus()});
    return Flush(now);
  }
  const bool opens = (*step)->gate == Gate::kOpens;
  if (opens) {
    DropVersionRow(governed);
    if (absl::Status why = WhyNotOpened(governed); !why.ok()) return answer(std::move(why));
  }
  Carry(governed, **std::move(step), given, now);
  if (opens) {
    governed.opening->token = token;
    governed.retry_at = absl::InfinitePast();  // Who asks is not kept waiting for a try that failed before.
  }
  if (!opens) governed.unjournalled->waiting.push_back({token, now, absl::OkStatus()});
  Flush(now);
}

// Time goes on for the rollout, and its shares follow what is known, unless a change of it is on its way.
void Controller::GoOn(Governed& governed, absl::Time now) {
  if (!governed.experiment.filed() || governed.opening) return;
  // Time is never refused, and neither is what is known.
  const auto advance = [&](const experiment::Event& event) {
    return experiment::Advance(governed.experiment.plan(), governed.experiment.state(), event, now)
        .value_or(std::nullopt);
  };
  experiment::Event known = governed.experiment.Known();
  std::optional<Step> step = advance(known);
  if (!step) {
    if (auto weighed = governed.experiment.Weigh(now)) {
      known = *std::move(weighed);
      step = advance(known);
    }
  }
  if (!step) return;
  if (step->gate == Gate::kOpens && (governed.unjournalled || now < governed.retry_at || !unread_.ok())) return;
  Carry(governed, *std::move(step), known, now);
}

void Controller::Judge(Governed& governed, absl::Time now) {
  if (!governed.experiment.is_open() || !governed.experiment.filed()) return;
  std::optional<experiment::Breach> breach = governed.experiment.Judge(now);
  if (!breach) return;
  const experiment::Plan plan = governed.experiment.plan();
  const experiment::Breached breached{*std::move(breach)};
  auto step = experiment::Advance(plan, governed.experiment.state(), breached, now);
  if (step.ok() && *step) Carry(governed, **std::move(step), breached, now);
}

void Controller::Analyse(Governed& governed, absl::Time now) {
  if (!governed.experiment.is_open() || !governed.experiment.filed()) return;
  const std::optional<experiment::Event> event = governed.experiment.Analyse(now);
  if (!event) return;
  auto step = experiment::Advance(governed.experiment.plan(), governed.experiment.state(), *event, now);
  if (step.ok() && *step) Carry(governed, **std::move(step), *event, now);
}

void Controller::Tick(absl::Time now) {
  for (auto& [name, governed] : experiments_) {
    Judge(governed, now);
    Analyse(governed, now);
    AnnounceWarnings(governed, now);
    FollowFile(governed, now);
    GoOn(governed, now);
    if (governed.unjournalled) AnswerWaiting(governed, false, now - kShutPatience);
  }
  Flush(now);
  if (!unread_.ok() && load_request_ == 0 && now >= load_again_at_) {
    load_request_ = NextRequest();
    effects_.emplace_back(AskJournal{LoadRequest{load_request_}});
  }
  if (now < checkpoint_due_) return;
  checkpoint_due_ = now + kCheckpointInterval;
  Checkpoint(now);
}

// --- Counts.

void Controller::TakeReport(const stats::WorkerReport& report) {
  if (table_ == nullptr) return;
  totals_.Add(report, *table_);
  KeepFailedCalls(report);
  for (const auto& [key, counts] : report.delta.inference) {
    const CountsLayout* layout = totals_.LayoutOf(key.run);
    if (layout == nullptr || key.variant >= layout->variants.size()) continue;
    experiments_.at(layout->experiment).experiment.Merge(layout->run, key.epoch, layout->variants[key.variant], counts);
  }
}

absl::Status Controller::TakeOutcome(const stats::OutcomeReport& report, absl::Time now) {
  const auto name = names_.find(report.ticket.experiment);
  if (name == names_.end()) {
    ++outcomes_of_nobody_;
    return absl::OutOfRangeError("the experiment of its ticket is not known here");
  }
  return experiments_.at(name->second).experiment.Count(report, tickets_, now);
}

void Controller::TakeValues(const std::string& experiment, const std::string& name, double value, absl::Time at) {
  const auto found = experiments_.find(experiment);
  if (found != experiments_.end()) found->second.experiment.TakeValue(name, value, at);
}

void Controller::TakeAnswer(const QueryAnswer& answer, absl::Time now) {
  const auto found = experiments_.find(answer.experiment);
  if (found == experiments_.end()) return;
  const bool is_answered = answer.value.ok();
  // A later time than now is of a clock that goes ahead.
  if (is_answered) TakeValues(answer.experiment, answer.metric, answer.value->value, std::min(answer.value->at, now));
  if (!found->second.external.Take(answer.metric, answer.value.status(), now)) return;
  Say(!is_answered, is_answered ? "a metric is answered again" : "a metric is not answered: its last value ages",
      answer.experiment, absl::StrCat(answer.metric, ": ", std::string(answer.value.status().message())));
}

// --- Effects.

void Controller::Flush(absl::Time now) {
  AnnounceJournal(now);
  Publish(now);
  for (auto& [name, governed] : experiments_) AskFor(governed, now);
}

absl::StatusOr<routing::RouteTable> Controller::BuildTable(const config::Config& config) {
  config::Config routed{.proxy = config.proxy, .experiments = {}};
  std::set<std::string> models;
  for (const config::Model& model : config.proxy.models) models.insert(model.name);
  routing::ExperimentStates states;
  for (const config::Experiment& filed : config.experiments) {
    const GovernedExperiment& experiment = experiments_.at(filed.name).experiment;
    GovernedExperiment::Routed in_force = experiment.InForce(config.proxy.models);
    const std::optional<State>& state = experiment.state();
    const uint32_t run = in_force.is_of_run ? state->run.ordinal : 0;
    states[filed.name] = {.run = totals_.NumberOf(LayoutOf(in_force.specification, run)),
                          .run_ordinal = run,
                          .epoch = run == 0 ? 0 : state->epoch.ordinal,
                          .is_gate_shut = in_force.is_gate_shut,
                          .rolled_back_at = in_force.rolled_back_at,
                          .previewed = std::move(in_force.previewed)};
    for (const config::Variant& variant : in_force.specification.variants) {
      // A candidate that is no model any more: nobody answers for it until its weight is gone too.
      if (!models.insert(variant.name).second) continue;
      routed.proxy.models.push_back({.name = variant.name, .endpoints = {}, .health = {}, .deadline = {}});
    }
    routed.experiments.push_back(std::move(in_force.specification));
  }
  return routing::BuildRouteTable(routed, states, table_.get(), table_ == nullptr ? 1 : table_->version + 1);
}

void Controller::Publish(absl::Time now) {
  if (!is_table_stale_ || !config_) return;
  // The first table waits for the journal's first word, so that a start does not move users to the default and back.
  const bool waits = std::any_of(experiments_.begin(), experiments_.end(),
                                 [](const auto& entry) { return entry.second.opening.has_value(); });
  if (table_ == nullptr && waits && now < started_at_ + kFirstTableWait) return;
  is_table_stale_ = false;
  absl::StatusOr<routing::RouteTable> table = BuildTable(*config_);
  if (!table.ok()) {
    Say(true, "no route table can be made: the last one stays", "", std::string(table.status().message()));
    return;
  }
  if (table_ != nullptr) {
    routing::RouteTable same = *table;
    same.version = table_->version;
    if (same == *table_) return;
  }
  table_ = std::make_shared<const routing::RouteTable>(*std::move(table));
  effects_.emplace_back(PublishTable{table_});
}

void Controller::Say(bool is_warning, std::string message, std::string experiment, std::string detail) {
  effects_.emplace_back(Notice{is_warning, std::move(message), std::move(experiment), std::move(detail)});
}

}  // namespace weir::control
