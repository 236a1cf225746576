#include "stats/proportion_sequence.h"

#include <cmath>

#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr double kPrior = 0.5;
constexpr int kHalvings = 60;

// x log p, and 0 where x is.
double Times(double x, double log_p) { return x > 0 ? x * log_p : 0; }

}  // namespace

Interval ProportionSequence(double successes, double n, double alpha) {
  if (!(n > 0)) return {0, 1};
  const double failures = n - successes;
  const double mixture = LogBeta(successes + kPrior, failures + kPrior) - LogBeta(kPrior, kPrior);
  const auto is_refuted = [&](double p) {
    return mixture - Times(successes, std::log(p)) - Times(failures, std::log1p(-p)) >= -std::log(alpha);
  };
  // Between a p that is refuted, or a bound of the domain, and the estimate, which never is.
  const auto edge = [&](double outside, double inside) {
    for (int i = 0; i < kHalvings; ++i) {
      const double middle = (outside + inside) / 2;
      (is_refuted(middle) ? outside : inside) = middle;
    }
    return outside;
  };
  const double estimate = successes / n;
  return {.lower = successes > 0 ? edge(0, estimate) : 0, .upper = failures > 0 ? edge(1, estimate) : 1};
}

}  // namespace weir::stats
