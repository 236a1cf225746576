// What the comparisons of an experiment can show: the least effect at the end of each stage, and how many calls an
// effect takes. Normal approximations (stats/planning.h); the candidate with the smallest share stands for all.

#ifndef WEIR_ROUTER_CLI_PLANNING_EFFECTS_H_
#define WEIR_ROUTER_CLI_PLANNING_EFFECTS_H_

#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "router/cli/planning/assumptions.h"
#include "router/cli/planning/stages.h"
#include "stats/planning.h"

namespace weir::cli {

struct PlannedEffect {
  double difference = 0;        // Absolute: of the metric's own unit.
  double calls_of_each = 0;     // At equal shares. Infinite: the users there are never tell so much.
  std::vector<double> seconds;  // At the shares of each stage; infinite where a variant has none.
};

struct PlannedMetric {
  std::string name;    // "error_rate", "latency" (the mean), or the outcome's.
  std::string unit{};  // "ms" or empty.
  bool is_proportion = true;
  bool is_primary = false;
  double baseline = 0, deviation = 0;
  stats::Direction direction = stats::Direction::kRise;  // In which a change is of interest.
  int comparisons = 1;                                   // That share alpha: primaries times candidates.
  double reported = 1;                                   // Of calls.
  std::vector<std::optional<double>> by_stage{};         // The least absolute difference; nothing: none that can be.
  std::optional<double> together{};                      // By all stages before the watch.
  std::vector<PlannedEffect> effects{};                  // The smallest first.
};

// The outcome metrics, primaries first, then errors and latency.
std::vector<PlannedMetric> MetricsOf(const config::Experiment& experiment, const Assumptions& assumptions,
                                     const std::vector<Stage>& stages);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PLANNING_EFFECTS_H_
