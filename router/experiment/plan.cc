#include "router/experiment/plan.h"

namespace weir::experiment {

Plan PlanOf(const config::Experiment& experiment) {
  return {.run_label = experiment.run, .split = SplitOf(experiment), .rollout = experiment.rollout};
}

Split SplitBeforeStart(const Plan& plan) { return WithCandidateShare(plan.split, config::Percent()); }

Split SplitOfStep(const Plan& plan, uint32_t step) {
  const std::optional<config::Percent> weight = plan.rollout->steps[step].weight;
  if (!weight) return plan.split;
  return WithCandidateShare(plan.split, config::LessHoldback(*weight, plan.rollout->holdback));
}

Split SplitPromoted(const Plan& plan) {
  return WithCandidateShare(plan.split, config::LessHoldback(config::Percent::All(), plan.rollout->holdback));
}

Split SplitCompleted(const Plan& plan, bool is_promoted) {
  return WithCandidateShare(plan.split, is_promoted ? config::Percent::All() : config::Percent());
}

uint32_t PlannedRestarts(const Plan& plan) {
  if (!plan.rollout) return 0;
  const config::Rollout& rollout = *plan.rollout;
  const auto steps = static_cast<uint32_t>(rollout.steps.size());
  // A run begins in the first step, or before it. Then come the others, the watch, and the end.
  const bool waits = rollout.start.has_value() || rollout.is_started_by_hand;
  const bool is_watched = config::EndOf(rollout.strategy) != config::RolloutEnd::kCompletion;
  return (waits ? steps : steps - 1) + (is_watched ? 2 : 1);
}

}  // namespace weir::experiment
