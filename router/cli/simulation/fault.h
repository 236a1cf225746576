// What goes wrong in a simulated rollout, and when: "errors=5%@stage2", "latency=2x",
// "accuracy=-0.1".

#ifndef WEIR_ROUTER_CLI_SIMULATION_FAULT_H_
#define WEIR_ROUTER_CLI_SIMULATION_FAULT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/config.h"

namespace weir::cli {

struct Fault {
  enum class Kind {
    kErrors,   // The candidates' error rate becomes `size`, a fraction.
    kLatency,  // The candidates' latencies are multiplied by `size`.
    kOutcome,  // The mean of the candidates' outcomes of `metric` moves by `size`.
  };
  Kind kind = Kind::kErrors;
  double size = 0;
  uint32_t stage = 1;  // From 1: begins when the rollout enters this step; without a rollout, at the start.
  std::string metric{};
  bool operator==(const Fault&) const = default;
};

// KIND=SIZE[@stageN]: errors=5%, errors=0.05, latency=2x, or one of the experiment's metrics, accuracy=-0.1 or
// accuracy=-10%. InvalidArgument, with what is expected, for anything else, and for a stage that there is not.
absl::StatusOr<Fault> ParseFault(const std::string& text, const config::Experiment& experiment);
std::string ToString(const Fault& fault);
std::string ToString(const std::vector<Fault>& faults);  // "no fault" of none.

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_SIMULATION_FAULT_H_
