// `weirctl simulate`: what would these guardrails have done? Many runs of one experiment, and their summary.

#ifndef WEIR_ROUTER_CLI_SIMULATION_SIMULATE_COMMAND_H_
#define WEIR_ROUTER_CLI_SIMULATION_SIMULATE_COMMAND_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "config/config.h"
#include "router/cli/simulation/fault.h"
#include "router/cli/simulation/simulated_run.h"

namespace weir::cli {

// Runs 0 to `runs` - 1 on `threads` threads, in the order of their numbers, whichever thread ran which. `progress`
// hears the number of runs done, now and then, on the calling thread.
std::vector<SimulatedOutcome> Simulate(const config::Experiment& experiment, const SimulatedTraffic& traffic,
                                       const std::vector<Fault>& faults, int runs, uint64_t seed, int threads,
                                       const std::function<void(int)>& progress);

struct SimulationSummary {
  int runs = 0;
  int promoted = 0, completed = 0, inconclusive = 0, still_running = 0;
  int rolled_back = 0;
  int false_rollbacks = 0;                                // Without a fault, or before it.
  std::vector<double> promoted_after_hours;               // Ascending.
  std::vector<double> chosen_percent;                     // Of rollouts that choose their shares, ascending.
  std::vector<double> delay_seconds;                      // Of rollbacks and pauses after a fault, ascending.
  std::vector<double> delay_requests;                     // Of candidates, ascending.
  std::vector<std::pair<std::string, int>> by_guardrail;  // Which shut the gate, most often first.
  std::vector<std::pair<std::string, int>> paused_by;     // Which made the run inconclusive, most often first.
  std::map<std::string, int> warned;                      // Runs in which a guardrail warned, by name.
};
SimulationSummary Summarise(const std::vector<SimulatedOutcome>& outcomes);

struct SimulationTitle {
  std::string experiment;
  std::vector<Fault> faults;
  SimulatedTraffic traffic;
  uint64_t seed = 0;
};
std::string SummaryText(const SimulationTitle& title, const SimulationSummary& summary);
std::string SummaryJson(const SimulationTitle& title, const SimulationSummary& summary);
// How the runs ended, and the delays of detection as the share of runs that had shut by then. A whole SVG document.
std::string SummarySvg(const SimulationTitle& title, const SimulationSummary& summary);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_SIMULATION_SIMULATE_COMMAND_H_
