// What the analysis of a step lets through: how much better a candidate must be to be shown so in time.

#ifndef WEIR_ROUTER_CLI_PLANNING_ANALYSES_H_
#define WEIR_ROUTER_CLI_PLANNING_ANALYSES_H_

#include <cstddef>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "router/cli/planning/assumptions.h"
#include "router/cli/planning/effects.h"
#include "router/cli/planning/stages.h"

namespace weir::cli {

// One primary metric in one step that is not left before its primaries are shown to be better.
struct PlannedAnalysis {
  size_t stage = 0;   // In the plan's stages.
  size_t metric = 0;  // In the plan's metrics.
  // The change that half of the candidates that have it have shown after `pause`, and by the analysis' timeout: where
  // the proxy's own test reaches its threshold along its mean path (stats::LogMeanExcess, that may be looked at after
  // every outcome; Holm's first step). Unsigned, in the metric's unit. nullopt: nothing can be shown by then.
  absl::Duration pause;
  std::optional<double> by_pause;
  absl::Duration timeout;  // InfiniteDuration: it has none.
  std::optional<double> by_timeout;
};

std::vector<PlannedAnalysis> AnalysesOf(const config::Experiment& experiment, const Assumptions& assumptions,
                                        const std::vector<Stage>& stages, const std::vector<PlannedMetric>& metrics);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PLANNING_ANALYSES_H_
