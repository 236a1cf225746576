// One run of an experiment under simulated traffic: the machine, the evidence and the guardrails that the proxy runs
// (control::GovernedExperiment, experiment::Advance), with virtual time and users in place of clients and models.
//
// Time moves in batches: a second when a step or a fault begins, up to half a minute later. The calls of a batch start
// in its first tick, and have all ended at its end. Users have Zipf weights, and are assigned by the proxy's own rule.
// Where something reads an outcome (a guardrail, an analysis, a trend, a choice of shares), calls have outcomes, which
// are reported at once. A preview gets a call a second. A step that waits for people is approved at once. Pauses and
// least durations are cut, and whole weeks are not waited for; the timeouts of analyses stay.

#ifndef WEIR_ROUTER_CLI_SIMULATION_SIMULATED_RUN_H_
#define WEIR_ROUTER_CLI_SIMULATION_SIMULATED_RUN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "router/cli/simulation/fault.h"
#include "router/cli/simulation/simulated_calls.h"

namespace weir::cli {

enum class Ending {
  kPromoted,
  kCompleted,  // Of a rollout that promotes nothing: a shadow.
  kRolledBack,
  kInconclusive,
  kStillRunning,
};

// In place of a guardrail's name: the analysis of a step said so.
inline constexpr char kByAnalysis[] = "analysis";

struct SimulatedOutcome {
  Ending ending = Ending::kStillRunning;
  // From the start of the rollout to its promotion, with pauses as they were cut; nullopt where it had none.
  std::optional<absl::Duration> promoted_after;
  // What a rollout that chooses its shares had given the candidates together at its end, in percent.
  std::optional<double> chosen_percent;
  std::string guardrail;            // Of a rollback, or of a pause that ended the run; kByAnalysis.
  std::vector<std::string> warned;  // Guardrails that only warn, and did.
  uint32_t stage = 0;               // In which that was, from 1; 0 without a rollout.
  // From the fault to the rollback or pause; nullopt where there was no fault before it.
  std::optional<absl::Duration> delay;
  int64_t delay_requests = 0;  // Of candidates.
};

// The same seed gives the same outcome.
SimulatedOutcome RunOnce(const config::Experiment& experiment, const SimulatedTraffic& traffic,
                         const std::vector<Fault>& faults, uint64_t seed);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_SIMULATION_SIMULATED_RUN_H_
