#include "router/control/governed_experiment.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <variant>

#include "router/experiment/breach.h"
#include "router/experiment/evidence_record.h"

namespace weir::control {
namespace {

using experiment::RunEvidence;
using experiment::State;

bool HasModel(const std::vector<config::Model>& models, const std::string& name) {
  return std::any_of(models.begin(), models.end(), [&](const config::Model& model) { return model.name == name; });
}

}  // namespace

// --- At start.

void GovernedExperiment::Freeze(std::string why, absl::Time now) {
  state_ = experiment::FrozenState(plan(), std::move(why), now);
}

const std::optional<State>& GovernedExperiment::standing() const {
  return state_ && std::holds_alternative<experiment::Frozen>(state_->phase) ? found_ : state_;
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
  if (std::exchange(is_dropped_, false)) BeginEpoch();
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

void GovernedExperiment::TakeValue(const std::string& name, double value, absl::Time at) {
  if (std::isfinite(value)) external_values_.insert_or_assign(name, experiment::ExternalValue{value, at});
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
  const bool has_default = state_ && HasModel(models, state_->epoch.split.default_name());
  routed.is_of_run = has_default && !std::holds_alternative<experiment::Frozen>(state_->phase);
  if (!routed.is_of_run) routed.specification.metrics.clear();  // No run to count an outcome in: no tickets.
  if (!has_default) return routed;
  const experiment::Split& split = state_->epoch.split;
  routed.specification.variants = split.variants;
  routed.specification.default_variant = split.default_variant;
  routed.is_gate_shut = !is_open();
  if (std::holds_alternative<experiment::RolledBack>(state_->phase)) routed.rolled_back_at = state_->phase_since;
  routed.previewed = Previewed();
  return routed;
}

// Before the switch, the one candidate that it is going to be. Afterwards a preview has no effect.
std::string GovernedExperiment::Previewed() const {
  if (!filed_ || !state_) return "";
  const bool is_before =
      experiment::StepOf(*state_) != nullptr || std::holds_alternative<experiment::Waiting>(state_->phase);
  return is_before ? experiment::PreviewedBy(plan()) : "";
}

// --- Steps.

bool GovernedExperiment::is_open() const { return state_ && experiment::IsOpen(*state_); }

experiment::TimePassed GovernedExperiment::Known() const {
  experiment::TimePassed known;
  if (!state_) return known;
  const experiment::Stepping* stepping = experiment::StepOf(*state_);
  const std::string previewed = Previewed();
  for (const config::Variant& variant : state_->epoch.split.variants) {
    // What came before this process is not known to be missing.
    experiment::StepSamples samples{.variant = variant.name, .samples = 0, .newest = began_};
    // A step whose shares are chosen has more epochs than are kept apart.
    const bool is_counted_whole = stepping != nullptr && allocation_.is_active();
    if (is_counted_whole) samples.samples = allocation_.SamplesOf(variant.name);
    bool has_ended = false;
    absl::Time last_start = absl::InfinitePast();
    for (const auto& [epoch, variants] : evidence_.open()) {
      const experiment::VariantEvidence* evidence = evidence_.Find(epoch, variant.name);
      if (evidence == nullptr) continue;
      const stats::VariantCounts& counts = evidence->counts;
      const bool is_of_step = epoch >= experiment::FirstEpochOf(*state_);
      if (is_of_step && !is_counted_whole) samples.samples += counts.ended() - counts.neutral();
      if (is_of_step && variant.name == previewed && counts.previews().started > 0) {
        samples.samples += counts.previews().judged();
        samples.previewed_at = std::max(samples.previewed_at, stats::StartOf(counts.previews().newest));
      }
      has_ended |= is_of_step && counts.ended() > counts.lost();
      if (counts.cohorts().empty()) continue;
      const absl::Time newest = stats::StartOf(counts.cohorts().back().first);
      samples.newest = std::max(samples.newest, newest);
      if (is_of_step) last_start = std::max(last_start, newest);
    }
    if (has_ended) samples.last_call = last_start;
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
      RemoveTests(before);
      allocation_ = experiment::AllocationEvidence();
      while (past_runs_.size() > kPastRuns) DropRun(past_runs_.begin()->first);
    }
    guardrails_ = experiment::Guardrails();
    analyst_ = experiment::Analyst();
    judgements_.clear();
  }
  state_ = std::move(next);
  BeginEpoch();
  if (!filed_) return;
  FollowTests();
  allocation_.Follow(plan(), *state_);
}

// That of the state, where it is not kept yet. Of one that is found in the journal alone, nothing was counted: what
// comes late from before cannot be told from what a crash forgot, and is refused.
void GovernedExperiment::BeginEpoch() {
  const experiment::Epoch& epoch = state_->epoch;
  evidence_.BeginEpoch(epoch.ordinal, epoch.split, {.started = epoch.started, .begun_by = process_});
}

std::optional<experiment::Breach> GovernedExperiment::Judge(absl::Time now) {
  AskTests(now);
  FoldEpochs();
  return experiment::WorstBreach(judgements_, evidence_, *filed_, state_->epoch.split.default_name(), now);
}

void GovernedExperiment::AskTests(absl::Time now) {
  if (now == looked_at_) return;
  fresh_breaches_.clear();
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
  if (filed_) AskTests(now);
  v1::TestsCheckpoint tests = guardrails_.Checkpoint();
  experiment::ForgetBreaches(fresh_breaches_, tests);
  std::vector<experiment::Judgement> tested = judgements_;
  std::erase_if(tested, [](const experiment::Judgement& judgement) { return judgement.is_asleep; });
  v1::EvidenceRecord record = experiment::RecordOf(evidence_, std::move(tests), tested, now);
  *record.mutable_detectors() = analyst_.before_alarms();
  return record;
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

}  // namespace weir::control
