// How long each guardrail takes to see a fault, at each stage: what its own test takes in the mean, beside the least
// that any method takes (Wald's bound), both by the alpha that the test really has. The fault is there from the
// beginning of the stage.

#ifndef WEIR_ROUTER_CLI_PLANNING_DELAYS_H_
#define WEIR_ROUTER_CLI_PLANNING_DELAYS_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "router/cli/planning/assumptions.h"
#include "router/cli/planning/stages.h"

namespace weir::cli {

// Of simulated runs.
struct MeasuredDelay {
  int runs = 0;
  int shut = 0;                      // Within the span that was simulated.
  double requests = 0, seconds = 0;  // The means of those.
};

struct PlannedDelay {
  double bound_requests = 0, requests = 0;  // Of the candidate; infinite: never.
  double bound_seconds = 0, seconds = 0;    // From the first faulty call; with the time that calls need to end.
  std::optional<MeasuredDelay> measured{};
};

struct DelaysAtStage {
  size_t stage = 0;
  size_t candidate = 0;              // Its place among the variants.
  double alpha = 0;                  // Of the test.
  std::vector<PlannedDelay> faults;  // As the guardrail's.
};

struct PlannedFault {
  std::string name;  // "errors x2", "latency x3", "failures x2", "falls by 1 deviation"
  double size = 0;   // The factor, or the number of deviations.
  std::string text;  // "1 % to 2 %"
};

struct PlannedGuardrail {
  size_t guardrail = 0;  // Its place in the experiment.
  std::vector<PlannedFault> faults;
  // Candidates without a share are left out, and so are stages in which the rule has nothing to compare.
  std::vector<DelaysAtStage> stages;
  std::vector<size_t> blind;  // Stages in which a candidate has a share, but the rule has no default beside it.
};

std::vector<PlannedGuardrail> GuardrailsOf(const config::Experiment& experiment, const Assumptions& assumptions,
                                           const std::vector<Stage>& stages);

// The delay of one rule at any size of its fault, for curves. Infinite: never.
PlannedDelay DelayOf(const config::GuardrailRule& rule, const Assumptions& assumptions, double fault_size,
                     double candidate_share, double default_share, double alpha);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PLANNING_DELAYS_H_
