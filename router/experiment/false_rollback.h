// How likely it is that a run is rolled back though its candidates are as good as the default: by the specification.

#ifndef WEIR_ROUTER_EXPERIMENT_FALSE_ROLLBACK_H_
#define WEIR_ROUTER_EXPERIMENT_FALSE_ROLLBACK_H_

#include <string>
#include <vector>

#include "config/config.h"

namespace weir::experiment {

struct FalseRollback {
  struct Part {
    std::string name;  // "errors", "analysis of step 2"
    double alpha = 0;
  };
  std::vector<Part> parts{};          // What may roll back with a bounded probability of doing so falsely.
  std::vector<std::string> beside{};  // What may, too, and has no such bound: "the detector of errors", ...
  double at_most = 0;                 // The sum over `parts`.
};
// Guardrails with `action: rollback`, and analyses that fail where a primary is worse or the value is to be rejected.
FalseRollback FalseRollbackOf(const config::Experiment& experiment);

// "0.051 at most (errors 0.001, analysis of step 2 0.05), beside the detector of errors"
std::string Describe(const FalseRollback& rollback);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_FALSE_ROLLBACK_H_
