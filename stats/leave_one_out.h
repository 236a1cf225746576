// Tukey's jackknife (1958), the recurrence alone: the spread of an estimate, from what it is without each of K
// exchangeable parts. Used by clustered.cc for ratios and by jackknife.cc for any smooth function of sums.

#ifndef WEIR_STATS_LEAVE_ONE_OUT_H_
#define WEIR_STATS_LEAVE_ONE_OUT_H_

#include <optional>

#include "absl/functional/function_ref.h"

namespace weir::stats {

// (K-1)/K * sum_b (theta_(b) - mean theta_(.))^2, where `without(b)` gives theta_(b) for b from 0 to K - 1. Nothing
// where one of them is undefined or not finite, or of fewer than two parts.
std::optional<double> LeaveOneOutVariance(int parts, absl::FunctionRef<std::optional<double>(int)> without);

}  // namespace weir::stats

#endif  // WEIR_STATS_LEAVE_ONE_OUT_H_
