// What goes wrong in a simulated rollout, and when: "errors=5%@stage2", "latency=2x".

#ifndef WEIR_ROUTER_CLI_SIMULATION_FAULT_H_
#define WEIR_ROUTER_CLI_SIMULATION_FAULT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace weir::cli {

struct Fault {
  enum class Kind {
    kErrors,   // The candidates' error rate becomes `size`, a fraction.
    kLatency,  // The candidates' latencies are multiplied by `size`.
  };
  Kind kind = Kind::kErrors;
  double size = 0;
  uint32_t stage = 1;  // From 1: begins when the rollout enters this step; without a rollout, at the start.
  bool operator==(const Fault&) const = default;
};

// KIND=SIZE[@stageN]: errors=5%, errors=0.05, latency=2x. InvalidArgument, with what is expected, for anything else.
absl::StatusOr<Fault> ParseFault(const std::string& text);
std::string ToString(const Fault& fault);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_SIMULATION_FAULT_H_
