// What the file asks of an experiment, as the machine follows it: values that are computed from the specification
// alone.

#ifndef WEIR_ROUTER_EXPERIMENT_PLAN_H_
#define WEIR_ROUTER_EXPERIMENT_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "config/rollout.h"
#include "router/experiment/split.h"

namespace weir::experiment {

struct Plan {
  std::string run_label;                          // spec.run
  Split split;                                    // By the file's weights.
  std::optional<config::Rollout> rollout{};       // Owns the shares, where there is one.
  std::optional<config::OutcomeMetric> metric{};  // By which the rollout chooses shares itself, if it does by one.
  bool operator==(const Plan&) const = default;
};
Plan PlanOf(const config::Experiment& experiment);

// The end of the freeze that holds at `now`, if one does.
std::optional<absl::Time> FrozenUntil(const config::Rollout& rollout, absl::Time now);

// The candidate that a preview goes to before the switch; empty: there is no preview.
std::string PreviewedBy(const Plan& plan);

// --- Shares that a plan with a rollout gives. Candidates divide theirs by the file's weights.

// What the candidates get together. A dry run gives nothing, whatever is asked.
Split SplitWithShare(const Plan& plan, config::Percent share);
// The plan with the shares that a bandit chose in the place of the file's weights. The plan itself where it has no
// bandit, or one of other arms: then the bandit begins from the file's weights again.
Plan WithChosen(const Plan& plan, const std::vector<config::Variant>& chosen);
// The default has all: before the first step.
Split SplitBeforeStart(const Plan& plan);
// In a step, from 0; it is one of the plan's.
Split SplitOfStep(const Plan& plan, uint32_t step);
// After the promotion, while it is watched.
Split SplitPromoted(const Plan& plan);
// At the end: candidates have all after a promotion, and nothing otherwise.
Split SplitCompleted(const Plan& plan, bool is_promoted);

// Spans of unchanged shares that come after the run's first one, where nobody interferes: each has a restarted test of
// its own in the ledger of alpha. 0 without a rollout, for then nobody knows. A rollout that chooses its shares plans
// with kMostPlannedMoves of them at most: what it moves beyond has the convergent shares of unplanned restarts.
inline constexpr uint32_t kMostPlannedMoves = 64;
uint32_t PlannedRestarts(const Plan& plan);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_PLAN_H_
