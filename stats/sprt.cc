#include "stats/sprt.h"

#include <cmath>

namespace weir::stats {

SprtBounds WaldBounds(double alpha, double beta) {
  return {.log_upper = std::log((1 - beta) / alpha), .log_lower = std::log(beta / (1 - alpha))};
}

SprtLines BinomialLines(const SprtBounds& bounds, double p0, double p1) {
  const double success = std::log(p1 / p0), failure = std::log1p(-p0) - std::log1p(-p1);
  const double step = success + failure;
  return {.accept_intercept = bounds.log_lower / step,
          .reject_intercept = bounds.log_upper / step,
          .slope = failure / step};
}

}  // namespace weir::stats
