// One run of an experiment under simulated traffic: the machine, the evidence and the guardrails that the proxy runs
// (control::GovernedExperiment, experiment::Advance), with virtual time and users in place of clients and models.
//
// Time moves in batches: a second for the first minutes of a step, where verdicts are near, and ten later. The calls of
// a batch start in its first tick, and have all ended at its end. Users have Zipf weights, and are assigned by the
// proxy's own rule. Where a guardrail is on an outcome, calls have outcomes, which are reported at once. A step that
// waits for people is approved at once.

#ifndef WEIR_ROUTER_CLI_SIMULATION_SIMULATED_RUN_H_
#define WEIR_ROUTER_CLI_SIMULATION_SIMULATED_RUN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "router/cli/metric_baseline.h"
#include "router/cli/simulation/fault.h"

namespace weir::cli {

struct SimulatedTraffic {
  double calls_per_second = 50;
  int users = 2000;
  double zipf = 1.05;
  double error_rate = 0.01;                       // Of every variant, without a fault.
  double latency_ms = 20;                         // The median; lognormal.
  double latency_deviation = 0.5;                 // Of its logarithm.
  MetricBaselines outcomes{};                     // Of every variant, without a fault; one that is missing has none.
  double reported = 1;                            // The part of calls whose outcome is reported.
  absl::Duration longest_pause = absl::Hours(1);  // Pauses of the specification are cut to this.
  absl::Duration duration = absl::Hours(1);       // Of an experiment without a rollout.
};

enum class Ending { kPromoted, kRolledBack, kInconclusive, kStillRunning };

struct SimulatedOutcome {
  Ending ending = Ending::kStillRunning;
  absl::Duration took;              // Virtual.
  std::string guardrail;            // Of a rollback.
  std::vector<std::string> warned;  // Guardrails that only warn, and did.
  uint32_t stage = 0;               // In which the gate shut, from 1; 0 without a rollout.
  // From the fault to the rollback; nullopt where there was no fault before it.
  std::optional<absl::Duration> delay;
  int64_t delay_requests = 0;  // Of candidates.
};

// The same seed gives the same outcome.
SimulatedOutcome RunOnce(const config::Experiment& experiment, const SimulatedTraffic& traffic,
                         const std::vector<Fault>& faults, uint64_t seed);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_SIMULATION_SIMULATED_RUN_H_
