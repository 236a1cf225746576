#include "router/control/governed_experiment.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "router/experiment/breach.h"
#include "router/experiment/evidence_record.h"

namespace weir::control {
namespace {

using experiment::CheckpointRow;
using experiment::RunEvidence;
using experiment::State;

std::string RunKey(const std::string& prefix) { return absl::StrCat("run/", prefix); }
std::string TestsKey(const std::string& prefix) { return absl::StrCat("tests/", prefix); }
std::string AnalysisKey(const std::string& prefix) { return absl::StrCat("analysis/", prefix); }
std::string AllocationKey(const std::string& prefix) { return absl::StrCat("allocation/", prefix); }

bool HasModel(const std::vector<config::Model>& models, const std::string& name) {
  return std::any_of(models.begin(), models.end(), [&](const config::Model& model) { return model.name == name; });
}

}  // namespace

// --- At start.

std::string GovernedExperiment::PrefixOf(uint32_t run) const { return absl::StrCat(name_, "/", run); }

absl::Status GovernedExperiment::Restore(State state, const std::map<std::string, std::string>& checkpoints) {
  state_ = std::move(state);
  const uint32_t present = state_->run.ordinal;
  for (uint32_t past = present - std::min<uint32_t>(present - 1, kPastRuns); past < present; ++past) {
    RunEvidence run;
    if (!checkpoints.contains(RunKey(PrefixOf(past))) || !RestoreRun(past, checkpoints, run).ok()) continue;
    if (run.ended() == absl::InfiniteFuture()) run.End(state_->run.started);  // A crash came before it was written.
    past_runs_[past] = std::move(run);
  }
  RemoveLeftovers(checkpoints);
  absl::Status status = RestoreRun(present, checkpoints, evidence_);
  if (status.ok()) status = RestoreTests(present, checkpoints);
  RestoreAllocation(checkpoints);
  if (!status.ok()) {
    evidence_ = RunEvidence();
    guardrails_ = experiment::Guardrails();
    analyst_ = experiment::Analyst();
    // Else what cannot be read would not fit what is written from now on, at every later start.
    RemoveRows(absl::StrCat("epoch/", PrefixOf(present), "/"), checkpoints);
    for (const std::string& key : {TestsKey(PrefixOf(present)), AnalysisKey(PrefixOf(present))}) {
      if (checkpoints.contains(key)) removals_.push_back({key, std::nullopt});
    }
  }
  evidence_.CloseInFlight();
  is_restored_ = true;
  // A later epoch was in force and counted, and its row was not written when the process died. Its number is not given
  // again: tickets of it are out, and its variants may have had other places. What goes on now is a span of its own.
  if (evidence_.newest_epoch() > state_->epoch.ordinal) state_->epoch.ordinal = evidence_.newest_epoch() + 1;
  evidence_.BeginEpoch(state_->epoch.ordinal, state_->epoch.split, state_->epoch.started);
  return status;
}

absl::Status GovernedExperiment::RestoreTests(uint32_t run, const std::map<std::string, std::string>& checkpoints) {
  if (const auto tests = checkpoints.find(TestsKey(PrefixOf(run))); tests != checkpoints.end()) {
    v1::TestsCheckpoint checkpoint;
    if (!checkpoint.ParseFromString(tests->second))
      return absl::DataLossError("the checkpoint of the tests is damaged");
    if (absl::Status status = guardrails_.Restore(checkpoint); !status.ok()) return status;
  }
  if (const auto analysis = checkpoints.find(AnalysisKey(PrefixOf(run))); analysis != checkpoints.end()) {
    v1::AnalysisCheckpoint checkpoint;
    if (!checkpoint.ParseFromString(analysis->second)) {
      return absl::DataLossError("the checkpoint of the analysis is damaged");
    }
    return analyst_.Restore(checkpoint);
  }
  return absl::OkStatus();
}

absl::Status GovernedExperiment::RestoreRun(uint32_t ordinal, const std::map<std::string, std::string>& rows,
                                            RunEvidence& run) {
  const std::string prefix = PrefixOf(ordinal);
  const auto own = rows.find(RunKey(prefix));
  if (own == rows.end()) return absl::OkStatus();
  if (absl::Status status = run.RestoreRun(own->second); !status.ok()) return status;
  const std::string epochs = absl::StrCat("epoch/", prefix, "/");
  for (auto row = rows.lower_bound(epochs); row != rows.end() && row->first.starts_with(epochs); ++row) {
    uint32_t epoch = 0;
    if (!absl::SimpleAtoi(row->first.substr(epochs.size()), &epoch))
      return absl::DataLossError("an epoch has no number");
    if (absl::Status status = run.RestoreEpoch(epoch, row->second); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// What cannot be read of it is learned anew.
void GovernedExperiment::RestoreAllocation(const std::map<std::string, std::string>& checkpoints) {
  allocation_ = experiment::AllocationEvidence();
  const auto row = checkpoints.find(AllocationKey(PrefixOf(state_->run.ordinal)));
  v1::AllocationCheckpoint checkpoint;
  if (row == checkpoints.end() || !checkpoint.ParseFromString(row->second)) return;
  if (!allocation_.Restore(checkpoint).ok()) allocation_ = experiment::AllocationEvidence();
}

void GovernedExperiment::RemoveRows(const std::string& prefix, const std::map<std::string, std::string>& checkpoints) {
  for (auto row = checkpoints.lower_bound(prefix); row != checkpoints.end() && row->first.starts_with(prefix); ++row) {
    removals_.push_back({row->first, std::nullopt});
  }
}

// Rows of runs that are kept no more, where a crash came before their removal.
void GovernedExperiment::RemoveLeftovers(const std::map<std::string, std::string>& checkpoints) {
  struct Kind {
    const char* name;
    bool is_kept_of_past_runs;
  };
  for (const Kind kind : {Kind{"run/", true}, Kind{"epoch/", true}, Kind{"tests/", false}, Kind{"analysis/", false},
                          Kind{"allocation/", false}}) {
    const std::string prefix = absl::StrCat(kind.name, name_, "/");
    for (auto row = checkpoints.lower_bound(prefix); row != checkpoints.end() && row->first.starts_with(prefix);
         ++row) {
      const std::string rest = row->first.substr(prefix.size());
      uint32_t run = 0;
      const bool is_numbered = absl::SimpleAtoi(rest.substr(0, rest.find('/')), &run);
      if (!is_numbered || run == state_->run.ordinal || (kind.is_kept_of_past_runs && past_runs_.contains(run)))
        continue;
      removals_.push_back({row->first, std::nullopt});
    }
  }
}

void GovernedExperiment::Freeze(std::string why, absl::Time now) {
  state_ = experiment::FrozenState(plan(), std::move(why), now);
}

void GovernedExperiment::TakeUpFound(const State& found, const std::map<std::string, std::string>& checkpoints) {
  if (!state_) return;
  State taken_up = *state_;
  if (std::holds_alternative<experiment::RolledBack>(found.phase)) {
    taken_up = found;
  } else {
    taken_up.run = found.run;
  }
  // What cannot be read of its statistics is lost, as at any start.
  (void)Restore(found, checkpoints);
  state_ = std::move(taken_up);
}

// --- The file.

bool GovernedExperiment::SetFile(std::optional<config::Experiment> filed, absl::Time now) {
  ForgetValues(filed);
  filed_ = std::move(filed);
  began_ = std::min(began_, now);
  unfiled_since_.reset();
  if (filed_) join_window_ = filed_->join_window;
  if (!filed_ || !state_) return false;
  allocation_.Follow(plan(), *state_);
  if (!is_open() && !judgements_.empty()) return false;  // What was said when the gate shut stays.
  if (std::exchange(is_dropped_, false))
    evidence_.BeginEpoch(state_->epoch.ordinal, state_->epoch.split, state_->epoch.started);
  FollowTests();
  // The tests take up the counts as they are, before more come: after a restart that is how they find what is still
  // open.
  const bool was_set_back = std::exchange(is_restored_, false) && CloseFuture(now);
  AskTests(now);
  analyst_.TakeUp(evidence_, now);
  return was_set_back;
}

void GovernedExperiment::FollowTests() {
  looked_at_ = absl::InfinitePast();  // By other tests than these.
  analyst_.Follow(*filed_, state_->epoch.split);
  guardrails_.Follow(analyst_.Judged(*filed_), state_->epoch.split);
}

// Those of questions that are asked no more, or asked otherwise under the same name.
void GovernedExperiment::ForgetValues(const std::optional<config::Experiment>& next) {
  const auto asks = [](const std::optional<config::Experiment>& file, const config::QueryMetric& query) {
    return file && std::any_of(file->queries.begin(), file->queries.end(), [&](const config::QueryMetric& other) {
             return other.name == query.name && other.server == query.server && other.query == query.query;
           });
  };
  if (!filed_) return;
  for (const config::QueryMetric& query : filed_->queries) {
    if (!asks(next, query)) external_values_.erase(query.name);
  }
}

// Where the clock was later when the counts were written: cohorts of now would be older than their ring, and the tests
// would not see them before the clock has caught up. So what the rings say is taken up as of their own time, and they
// begin anew.
bool GovernedExperiment::CloseFuture(absl::Time now) {
  const std::optional<stats::Tick> newest = evidence_.NewestTick();
  if (!newest || *newest <= stats::TickOf(now)) return false;
  const absl::Time closed_at = stats::StartOf(*newest + stats::VariantCounts::kRingTicks);
  (void)guardrails_.Judge(evidence_, closed_at);
  analyst_.TakeUp(evidence_, closed_at);
  evidence_.CloseRings();
  guardrails_.CloseRings(stats::TickOf(now));
  analyst_.CloseRings(stats::TickOf(now));
  return true;
}

GovernedExperiment::Routed GovernedExperiment::InForce(const std::vector<config::Model>& models) const {
  Routed routed{.specification = *filed_, .is_gate_shut = true};
  if (!state_ || std::holds_alternative<experiment::Frozen>(state_->phase)) {
    routed.specification.metrics.clear();  // No run that an outcome could be counted in: no tickets.
  }
  if (!state_) return routed;
  const experiment::Split& split = state_->epoch.split;
  if (!HasModel(models, split.default_name())) return routed;
  routed.specification.variants = split.variants;
  routed.specification.default_variant = split.default_variant;
  routed.is_gate_shut = !is_open();
  if (std::holds_alternative<experiment::RolledBack>(state_->phase)) routed.rolled_back_at = state_->phase_since;
  routed.previewed = Previewed();
  return routed;
}

// Before the switch, the one candidate that it is going to be. Afterwards a preview has no effect.
std::string GovernedExperiment::Previewed() const {
  if (!filed_->rollout || !filed_->rollout->preview) return "";
  const bool is_before =
      experiment::StepOf(*state_) != nullptr || std::holds_alternative<experiment::Waiting>(state_->phase);
  if (!is_before) return "";
  for (const config::Variant& variant : filed_->variants) {
    const bool is_default = &variant == &filed_->variants[filed_->default_variant];
    if (!is_default && variant.weight > config::Weight()) return variant.name;
  }
  return "";
}

// --- Steps.

bool GovernedExperiment::is_open() const { return state_ && experiment::IsOpen(*state_); }

experiment::TimePassed GovernedExperiment::Known() const {
  experiment::TimePassed known;
  if (!state_) return known;
  const experiment::Stepping* stepping = experiment::StepOf(*state_);
  for (const config::Variant& variant : state_->epoch.split.variants) {
    // What came before this process is not known to be missing.
    experiment::StepSamples samples{.variant = variant.name, .samples = 0, .newest = began_};
    // A step whose shares are chosen has more epochs than are kept apart.
    const bool is_counted_whole = stepping != nullptr && allocation_.is_active();
    if (is_counted_whole) samples.samples = allocation_.SamplesOf(variant.name);
    for (const auto& [epoch, variants] : evidence_.open()) {
      const experiment::VariantEvidence* evidence = evidence_.Find(epoch, variant.name);
      if (evidence == nullptr) continue;
      const stats::VariantCounts& counts = evidence->counts;
      const bool is_of_step = stepping != nullptr && epoch >= stepping->first_epoch;
      if (is_of_step && !is_counted_whole) samples.samples += counts.ended() - counts.neutral();
      if (counts.cohorts().empty()) continue;
      samples.newest = std::max(samples.newest, stats::StartOf(counts.cohorts().back().first));
    }
    known.samples.push_back(std::move(samples));
  }
  known.analysed = analyst_.AnalysedIn(*state_);
  return known;
}

std::optional<experiment::Weighed> GovernedExperiment::Weigh(absl::Time now) {
  if (!filed_ || !state_ || !allocation_.is_active()) {
    last_look_.reset();
    return std::nullopt;
  }
  std::optional<experiment::Weighed> known = allocation_.Look(now);
  if (known) last_look_ = Look{*known, experiment::ChooseShares(plan(), *state_, *known, now)};
  return known;
}

void GovernedExperiment::Enter(State next, absl::Time now) {
  if (const uint32_t before = state_ ? state_->run.ordinal : 0; next.run.ordinal != before) {
    if (before != 0) {
      evidence_.End(now);
      past_runs_[before] = std::exchange(evidence_, RunEvidence());
      removals_.push_back({TestsKey(PrefixOf(before)), std::nullopt});
      removals_.push_back({AnalysisKey(PrefixOf(before)), std::nullopt});
      removals_.push_back({AllocationKey(PrefixOf(before)), std::nullopt});
      allocation_ = experiment::AllocationEvidence();
      while (past_runs_.size() > kPastRuns) DropRun(past_runs_.begin()->first);
    }
    guardrails_ = experiment::Guardrails();
    analyst_ = experiment::Analyst();
    judgements_.clear();
  }
  state_ = std::move(next);
  evidence_.BeginEpoch(state_->epoch.ordinal, state_->epoch.split, state_->epoch.started);
  if (!filed_) return;
  FollowTests();
  allocation_.Follow(plan(), *state_);
}

std::optional<experiment::Breach> GovernedExperiment::Judge(absl::Time now) {
  AskTests(now);
  FoldEpochs();
  return experiment::WorstBreach(judgements_, evidence_, *filed_, state_->epoch.split.default_name(), now);
}

void GovernedExperiment::AskTests(absl::Time now) {
  if (now != looked_at_) fresh_breaches_.clear();
  looked_at_ = now;
  judgements_ = guardrails_.Judge(evidence_, now);
  for (const experiment::Judgement& judgement : judgements_) {
    if (!judgement.breached || judgement.note == stats::kBreachedBefore) continue;
    fresh_breaches_.insert({judgement.candidate, judgement.guardrail});
  }
  ShowGates();
}

// Those that wait for their rate are shown beside the others, without evidence.
void GovernedExperiment::ShowGates() {
  for (const config::Guardrail& guardrail : filed_->guardrails) {
    if (analyst_.gates().IsOpen(guardrail)) continue;
    for (const config::Variant& variant : state_->epoch.split.variants) {
      if (variant.name == state_->epoch.split.default_name()) continue;
      judgements_.push_back({.guardrail = guardrail.name,
                             .candidate = variant.name,
                             .rule = config::ToString(guardrail.rule),
                             .action = guardrail.action,
                             .log10_threshold = -std::log10(guardrail.alpha),
                             .is_asleep = true,
                             .note = analyst_.gates().WhyShut(guardrail)});
    }
  }
}

// A guardrail that pauses, and whose breach has not paused the run yet.
std::optional<experiment::Demand> GovernedExperiment::DemandToPause() const {
  for (const experiment::Judgement& judgement : judgements_) {
    if (!judgement.breached || judgement.action != config::GuardrailAction::kPause) continue;
    if (analyst_.HasPaused(judgement.guardrail, judgement.candidate)) continue;
    return experiment::Demand{.guardrail = judgement.guardrail,
                              .candidate = judgement.candidate,
                              .log10_evidence = judgement.log10_evidence,
                              .log10_threshold = judgement.log10_threshold};
  }
  return std::nullopt;
}

std::optional<experiment::Event> GovernedExperiment::Analyse(absl::Time now) {
  if (analyst_.Look({*filed_, *state_, evidence_, judgements_, external_values_}, now)) {
    FollowTests();
  }
  const auto acts = [&](const experiment::Demand& alarm, config::GuardrailAction action) {
    return std::any_of(filed_->guardrails.begin(), filed_->guardrails.end(), [&](const config::Guardrail& guardrail) {
      return guardrail.name == alarm.guardrail && guardrail.action == action;
    });
  };
  for (const experiment::Demand& alarm : analyst_.alarms()) {
    if (acts(alarm, config::GuardrailAction::kRollback))
      return experiment::Breached{BreachOf(alarm, *filed_, evidence_, state_->epoch.split.default_name(), now)};
  }
  const experiment::Analysed analysed = analyst_.AnalysedIn(*state_);
  if (analysed.verdict == experiment::Verdict::kFailed) return analysed;
  const bool is_stepping = std::holds_alternative<experiment::Stepping>(state_->phase);
  if (const std::optional<experiment::Demand> demand = DemandToPause(); demand && is_stepping) {
    analyst_.MarkPaused(demand->guardrail, demand->candidate);
    return experiment::Breached{BreachOf(*demand, *filed_, evidence_, state_->epoch.split.default_name(), now),
                                /*pauses=*/true};
  }
  for (const experiment::Demand& alarm : analyst_.alarms()) {
    if (acts(alarm, config::GuardrailAction::kPause) && is_stepping) {
      return experiment::Breached{BreachOf(alarm, *filed_, evidence_, state_->epoch.split.default_name(), now),
                                  /*pauses=*/true};
    }
  }
  if (analysed.verdict == experiment::Verdict::kInconclusive) return analysed;
  return std::nullopt;
}

v1::EvidenceRecord GovernedExperiment::Evidence(absl::Time now) {
  if (looked_at_ != now && filed_) AskTests(now);
  v1::TestsCheckpoint tests = guardrails_.Checkpoint();
  experiment::ForgetBreaches(fresh_breaches_, tests);
  std::vector<experiment::Judgement> tested = judgements_;
  std::erase_if(tested, [](const experiment::Judgement& judgement) { return judgement.is_asleep; });
  return experiment::RecordOf(evidence_, std::move(tests), tested, now);
}

void GovernedExperiment::FoldEpochs() {
  const experiment::Stepping* stepping = experiment::StepOf(*state_);
  while (evidence_.open().size() > 1) {
    const uint32_t oldest = evidence_.open().begin()->first;
    // Those of the present step are still counted together.
    if (stepping != nullptr && oldest >= stepping->first_epoch && evidence_.open().size() <= kEpochsOfAStep) return;
    if (!guardrails_.IsFolded(evidence_, oldest) || !analyst_.IsFolded(evidence_, oldest)) return;
    evidence_.Fold(oldest);
  }
}

// --- Evidence.

RunEvidence* GovernedExperiment::RunOf(uint32_t ordinal) {
  if (!state_ || ordinal == 0) return nullptr;
  if (ordinal == state_->run.ordinal) return &evidence_;
  const auto past = past_runs_.find(ordinal);
  return past == past_runs_.end() ? nullptr : &past->second;
}

void GovernedExperiment::Merge(uint32_t run, uint32_t epoch, const std::string& variant,
                               const stats::VariantCounts& delta) {
  RunEvidence* evidence = RunOf(run);
  if (evidence == nullptr) return;
  evidence->Merge(epoch, variant, delta);
  if (evidence == &evidence_) allocation_.Merge(epoch, variant, delta);
}

absl::Status GovernedExperiment::Refuse(const char* cause, absl::Status status) {
  ++outcomes_refused_[cause];
  return status;
}

// Its metrics, before anything is marked or counted.
absl::Status GovernedExperiment::CheckOutcome(const stats::OutcomeReport& report) {
  bool names_one = false;
  for (const config::OutcomeMetric& metric : filed_->metrics) {
    const auto value = report.metrics.find(metric.field);
    if (value == report.metrics.end()) continue;
    names_one = true;
    const bool is_out_of_range =
        metric.type == config::MetricType::kProportion && !(value->second >= 0 && value->second <= 1);
    if (!std::isfinite(value->second) || is_out_of_range) {
      return Refuse("bad_value", absl::InvalidArgumentError(absl::StrCat(
                                     metric.field, " is ", value->second, ", not ",
                                     metric.type == config::MetricType::kProportion ? "between 0 and 1" : "finite")));
    }
  }
  if (names_one) return absl::OkStatus();
  return Refuse("unknown_metric", absl::InvalidArgumentError("the report names no metric of its experiment"));
}

absl::Status GovernedExperiment::Count(const stats::OutcomeReport& report, TicketLedger& tickets, absl::Time now) {
  const stats::Ticket& ticket = report.ticket;
  RunEvidence* run = RunOf(ticket.run);
  if (run == nullptr || !filed_) {
    return Refuse("unknown_run", absl::OutOfRangeError("the run of its ticket is no longer kept"));
  }
  // To the millisecond. One from before its run is of a journal that was lost since, and its number was given again;
  // unless this process gave it, when the clock was set back.
  const absl::Time earliest = std::min(state_->run.started, began_);
  if (run == &evidence_ && ticket.start + absl::Milliseconds(1) < earliest) {
    return Refuse("unknown_run", absl::OutOfRangeError("the run of its ticket is no longer kept"));
  }
  // In the same way: an epoch that a crash forgot, before anything of it was written.
  if (ticket.start + absl::Milliseconds(1) < std::min(run->StartOf(ticket.epoch), began_)) {
    return Refuse("unknown_run", absl::OutOfRangeError("the epoch of its ticket is no longer kept"));
  }
  const absl::StatusOr<std::string> variant = run->VariantAt(ticket.epoch, ticket.variant);
  if (!variant.ok()) return Refuse("unknown_run", absl::OutOfRangeError(variant.status().message()));
  if (absl::Status status = CheckOutcome(report); !status.ok()) return status;
  switch (tickets.Admit(ticket, now, filed_->join_window)) {
    case stats::OnceOnly::Admission::kRepeated:
      return Refuse("repeated", absl::AlreadyExistsError("the ticket was reported before"));
    case stats::OnceOnly::Admission::kExpired:
      return Refuse("expired", absl::OutOfRangeError("the ticket is older than the experiment's join window"));
    case stats::OnceOnly::Admission::kFirst:
      break;
  }
  for (const config::OutcomeMetric& metric : filed_->metrics) {
    if (const auto value = report.metrics.find(metric.field); value != report.metrics.end()) {
      run->AddOutcome(ticket.epoch, *variant, metric.name, ticket.user_bucket, value->second);
      if (run != &evidence_) continue;
      allocation_.AddOutcome(ticket.epoch, *variant, metric.name, ticket.user_bucket, value->second, now);
    }
  }
  ++outcomes_counted_[*variant];
  return absl::OkStatus();
}

void GovernedExperiment::MergeOutcomes(uint32_t epoch, const std::string& variant, const std::string& metric,
                                       const stats::OutcomeCounts& delta, absl::Time now) {
  evidence_.MergeOutcomes(epoch, variant, metric, delta);
  allocation_.MergeOutcomes(epoch, variant, metric, delta, now);
  outcomes_counted_[variant] += delta.n;
}

void GovernedExperiment::TakeValue(const std::string& name, double value, absl::Time at) {
  if (std::isfinite(value)) external_values_.insert_or_assign(name, experiment::ExternalValue{value, at});
}

int64_t GovernedExperiment::outcomes_counted(const std::string& variant) const {
  const auto counted = outcomes_counted_.find(variant);
  return counted == outcomes_counted_.end() ? 0 : counted->second;
}

void GovernedExperiment::DropRun(uint32_t ordinal) {
  std::vector<CheckpointRow> rows = past_runs_.at(ordinal).Removal(PrefixOf(ordinal));
  removals_.insert(removals_.end(), rows.begin(), rows.end());
  past_runs_.erase(ordinal);
}

void GovernedExperiment::DropExpiredRuns(absl::Time now) {
  while (!past_runs_.empty() && past_runs_.begin()->second.ended() + join_window_ < now) {
    DropRun(past_runs_.begin()->first);
  }
}

// Nobody asks for the statistics of what is in no file, and no report is due any more. Where it stands is kept.
void GovernedExperiment::DropUnfiled(absl::Time now) {
  if (filed_ || !state_ || is_dropped_) return;
  if (!unfiled_since_) unfiled_since_ = now;
  if (*unfiled_since_ + join_window_ >= now) return;
  const std::string prefix = PrefixOf(state_->run.ordinal);
  const std::vector<CheckpointRow> rows = evidence_.Removal(prefix);
  removals_.insert(removals_.end(), rows.begin(), rows.end());
  removals_.push_back({TestsKey(prefix), std::nullopt});
  removals_.push_back({AnalysisKey(prefix), std::nullopt});
  removals_.push_back({AllocationKey(prefix), std::nullopt});
  allocation_ = experiment::AllocationEvidence();
  evidence_ = RunEvidence();
  guardrails_ = experiment::Guardrails();
  analyst_ = experiment::Analyst();
  judgements_.clear();
  is_dropped_ = true;
}

std::vector<CheckpointRow> GovernedExperiment::TakeChanges(absl::Time now) {
  DropExpiredRuns(now);
  DropUnfiled(now);
  std::vector<CheckpointRow> rows = std::exchange(removals_, {});
  const auto append = [&](std::vector<CheckpointRow> more) {
    rows.insert(rows.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return !more.empty();
  };
  for (auto& [ordinal, run] : past_runs_) append(run.TakeChanges(PrefixOf(ordinal)));
  if (!state_ || state_->run.ordinal == 0 || is_dropped_) return rows;
  if (std::holds_alternative<experiment::Frozen>(state_->phase)) return rows;
  const std::string prefix = PrefixOf(state_->run.ordinal);
  // What the tests remember is of exactly these counts.
  if (append(evidence_.TakeChanges(prefix))) {
    rows.push_back({TestsKey(prefix), guardrails_.Checkpoint().SerializeAsString()});
    rows.push_back({AnalysisKey(prefix), analyst_.Checkpoint().SerializeAsString()});
  }
  if (allocation_.TakeChanged()) {
    std::optional<std::string> value;
    if (allocation_.is_active()) value = allocation_.Checkpoint().SerializeAsString();
    rows.push_back({AllocationKey(prefix), std::move(value)});
  }
  return rows;
}

}  // namespace weir::control
