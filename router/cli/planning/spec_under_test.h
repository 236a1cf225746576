// Experiments in their own language, for the tests of a plan.

#ifndef WEIR_ROUTER_CLI_PLANNING_SPEC_UNDER_TEST_H_
#define WEIR_ROUTER_CLI_PLANNING_SPEC_UNDER_TEST_H_

#include <string>

#include "config/config.h"
#include "router/cli/planning/assumptions.h"

namespace weir::cli {

// `rest`: further parts of the spec, each indented by two spaces. baseline and candidate share evenly. Fails the test
// where it is not valid.
config::Experiment ExperimentWith(const std::string& rest);

// Error and tail guardrails, as every example has them.
inline constexpr char kGuardrails[] = R"(  guardrails:
    - {name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2, alpha: 0.001, action: rollback}
    - {name: tail, metric: latency_p99, compareTo: default, maxRatio: 1.5, alpha: 0.001, action: rollback}
)";
inline constexpr char kRollout[] = R"(  rollout:
    strategy: canary
    steps:
      - {setWeight: 1, pause: {duration: 24h, minSamples: 1000}}
      - {setWeight: 25, pause: {duration: 6h}, approval: {required: 2}}
      - {setWeight: 100}
    holdback: 1
    watch: 12h
)";

// The defaults, at 50 calls a second, with `command`'s options where it has any. Fails the test where they cannot be.
Assumptions Assume(const config::Experiment& experiment, PlanCommand command = {});

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PLANNING_SPEC_UNDER_TEST_H_
