// The calculator's functions by family, each in the file of that name.

#ifndef WEIR_ROUTER_CLI_CALCULATOR_FAMILIES_H_
#define WEIR_ROUTER_CLI_CALCULATOR_FAMILIES_H_

#include <vector>

#include "router/cli/calculator/function.h"
#include "router/cli/calculator/inputs.h"
#include "stats/clustered.h"

namespace weir::cli {

std::vector<Function> MeansFunctions();
std::vector<Function> ProportionsFunctions();
std::vector<Function> PlanningFunctions();
std::vector<Function> SequentialFunctions();
std::vector<Function> TrustFunctions();

// For the families: an interval as [lower, upper].
inline runtime::Json JsonOf(const stats::Interval& interval) {
  return runtime::Json(std::vector<double>{interval.lower, interval.upper});
}

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_CALCULATOR_FAMILIES_H_
