#include "stats/leave_one_out.h"

#include <cmath>

namespace weir::stats {

std::optional<double> LeaveOneOutVariance(int parts, absl::FunctionRef<std::optional<double>(int)> without) {
  if (parts < 2) return std::nullopt;
  double mean = 0, m2 = 0;  // By Welford's recurrence.
  for (int b = 0; b < parts; ++b) {
    const std::optional<double> estimate = without(b);
    if (!estimate || !std::isfinite(*estimate)) return std::nullopt;
    const double delta = *estimate - mean;
    mean += delta / (b + 1);
    m2 += delta * (*estimate - mean);
  }
  return m2 * (parts - 1) / parts;
}

}  // namespace weir::stats
