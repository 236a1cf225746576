#include "router/experiment/plan.h"

#include <algorithm>

namespace weir::experiment {

Plan PlanOf(const config::Experiment& experiment) {
  return {.run_label = experiment.run, .split = SplitOf(experiment), .rollout = experiment.rollout};
}

std::optional<absl::Time> FrozenUntil(const config::Rollout& rollout, absl::Time now) {
  std::optional<absl::Time> until;
  for (const config::Freeze& freeze : rollout.freezes) {
    if (freeze.from <= now && now < freeze.to) until = std::max(until.value_or(freeze.to), freeze.to);
  }
  return until;
}

Split SplitWithShare(const Plan& plan, config::Percent share) {
  return WithCandidateShare(plan.split, plan.rollout->is_dry_run ? config::Percent() : share);
}

Split SplitBeforeStart(const Plan& plan) { return SplitWithShare(plan, config::Percent()); }

Split SplitOfStep(const Plan& plan, uint32_t step) {
  const std::optional<config::Percent> weight = plan.rollout->steps[step].weight;
  if (!weight && !plan.rollout->is_dry_run) return plan.split;
  return SplitWithShare(plan, config::LessHoldback(weight.value_or(config::Percent()), plan.rollout->holdback));
}

Split SplitPromoted(const Plan& plan) {
  return SplitWithShare(plan, config::LessHoldback(config::Percent::All(), plan.rollout->holdback));
}

Split SplitCompleted(const Plan& plan, bool is_promoted) {
  return SplitWithShare(plan, is_promoted ? config::Percent::All() : config::Percent());
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
