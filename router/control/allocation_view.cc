#include "router/control/allocation_view.h"

#include "router/experiment/proto_time.h"

namespace weir::control {
namespace {

// Why the shares stay where the evidence alone would move them.
std::string WaitsFor(const experiment::State& state, const experiment::Choice& choice) {
  const auto* stepping = std::get_if<experiment::Stepping>(&state.phase);
  if (stepping == nullptr) return "a person goes on";
  if (stepping->by_hand) return "`weirctl resume`: a person set the share";
  return choice.next ? "" : choice.why;
}

}  // namespace

void ShowAllocation(const GovernedExperiment& experiment, v1::RolloutStatus& view) {
  const std::optional<GovernedExperiment::Look>& look = experiment.last_look();
  if (!look || experiment::StepOf(*experiment.state()) == nullptr) return;
  const config::Rollout& rollout = *experiment.filed()->rollout;
  v1::AllocationStatus& shown = *view.mutable_allocation();
  shown.set_policy(rollout.bandit ? config::ToString(rollout.bandit->policy) : "risk");
  const absl::Duration every = rollout.bandit ? rollout.bandit->every : rollout.schedule->every;
  *shown.mutable_next_move() = experiment::TimestampOf(experiment.state()->epoch.started + every);
  shown.set_waits_for(WaitsFor(*experiment.state(), look->choice));
  if (look->choice.regret) shown.set_regret(*look->choice.regret);
  if (look->choice.allowed) shown.set_allowed(*look->choice.allowed);
  for (size_t i = 0; i < look->known.arms.size(); ++i) {
    const experiment::ArmEvidence& known = look->known.arms[i];
    const stats::ArmEstimate& estimate = rollout.bandit ? known.outcomes : known.errors;
    v1::AllocationStatus::Arm* arm = shown.add_arms();
    arm->set_variant(known.variant);
    arm->set_count(estimate.n);
    arm->set_mean(estimate.mean);
    arm->set_standard_error(estimate.standard_error);
    if (i >= look->choice.arms.size()) continue;
    if (look->choice.arms[i].best) arm->set_best(*look->choice.arms[i].best);
    if (look->choice.arms[i].harm) arm->set_harm(*look->choice.arms[i].harm);
  }
}

void AddAllocation(const std::string& experiment, const v1::RolloutStatus& view, stats::MetricsSnapshot& metrics) {
  for (const v1::AllocationStatus::Arm& arm : view.allocation().arms()) {
    stats::AllocationMetrics& added = metrics.allocations.emplace_back();
    added.experiment = experiment;
    added.variant = arm.variant();
    if (arm.has_best()) added.probability_best = arm.best();
    if (arm.has_harm()) added.harm_bound = arm.harm();
  }
}

}  // namespace weir::control
