// The delays of a plan measured: by simulated runs of the very code that the proxy governs an experiment with.

#ifndef WEIR_ROUTER_CLI_PLANNING_MEASURED_DELAYS_H_
#define WEIR_ROUTER_CLI_PLANNING_MEASURED_DELAYS_H_

#include <cstdint>
#include <functional>

#include "router/cli/planning/experiment_plan.h"

namespace weir::cli {

// Fills in `measured` of each delay that is not too long to be simulated (kMostSimulatedCalls for all runs of one).
// Each is of its guardrail alone, with the fault from the beginning of its stage, the stages before it cut short, and
// its own made long enough. `progress` hears how many of how many are done.
void MeasureDelays(ExperimentPlan& plan, int runs, uint64_t seed, int threads,
                   const std::function<void(int64_t done, int64_t all)>& progress);

inline constexpr double kMostSimulatedCalls = 3e7;

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PLANNING_MEASURED_DELAYS_H_
