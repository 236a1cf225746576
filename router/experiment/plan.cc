#include "router/experiment/plan.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace weir::experiment {

namespace {

// Moves of a rollout that chooses its shares, if nobody interferes.
uint32_t PlannedMoves(const config::Rollout& rollout) {
  double moves = 0;
  if (rollout.bandit) {
    absl::Duration length = std::max(rollout.steps[0].pause.duration, rollout.min_duration);
    if (rollout.start && rollout.end) length = std::max(length, *rollout.end - *rollout.start);
    moves = absl::FDivDuration(length, rollout.bandit->every);
  } else if (rollout.schedule) {
    // Twice what it takes where the budget never holds it back.
    const double way = config::Percent::All().fraction() - rollout.schedule->first.fraction();
    moves = 2 * way / rollout.schedule->max_move.fraction();
  } else {
    return 0;
  }
  return static_cast<uint32_t>(std::clamp<double>(std::ceil(moves), 1, kMostPlannedMoves));
}

const config::Variant* Find(const std::vector<config::Variant>& variants, const std::string& name) {
  const auto found = std::find_if(variants.begin(), variants.end(), [&](const auto& v) { return v.name == name; });
  return found == variants.end() ? nullptr : &*found;
}

}  // namespace

Plan PlanOf(const config::Experiment& experiment) {
  Plan plan{.run_label = experiment.run, .split = SplitOf(experiment), .rollout = experiment.rollout};
  if (!plan.rollout) return plan;
  const std::string metric = plan.rollout->bandit     ? plan.rollout->bandit->metric
                             : plan.rollout->schedule ? plan.rollout->schedule->metric
                                                      : "";
  for (const config::OutcomeMetric& known : experiment.metrics) {
    if (known.name == metric) plan.metric = known;
  }
  return plan;
}

Plan WithChosen(const Plan& plan, const std::vector<config::Variant>& chosen) {
  if (!plan.rollout || !plan.rollout->bandit || plan.split.variants.size() != chosen.size()) return plan;
  Plan with = plan;
  for (config::Variant& variant : with.split.variants) {
    const config::Variant* of = Find(chosen, variant.name);
    if (of == nullptr || (of->weight > config::Weight()) != (variant.weight > config::Weight())) return plan;
    variant = *of;
  }
  return with;
}

std::optional<absl::Time> FrozenUntil(const config::Rollout& rollout, absl::Time now) {
  std::optional<absl::Time> until;
  for (const config::Freeze& freeze : rollout.freezes) {
    if (freeze.from <= now && now < freeze.to) until = std::max(until.value_or(freeze.to), freeze.to);
  }
  return until;
}

std::string PreviewedBy(const Plan& plan) {
  if (!plan.rollout || !plan.rollout->preview) return "";
  for (const config::Variant& variant : plan.split.variants) {
    if (variant.name != plan.split.default_name() && variant.weight > config::Weight()) return variant.name;
  }
  return "";
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
  return (waits ? steps : steps - 1) + PlannedMoves(rollout) + (is_watched ? 2 : 1);
}

}  // namespace weir::experiment
