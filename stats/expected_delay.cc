#include "stats/expected_delay.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/functional/function_ref.h"
#include "stats/error_evidence.h"
#include "stats/histogram.h"
#include "stats/outcomes.h"
#include "stats/special_functions.h"
#include "stats/tail_evidence.h"

namespace weir::stats {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kMost = 1e12;  // Requests: beyond it a lifetime is over.

// Where evidence that begins at 0, and rises for good once it rises, reaches the threshold of alpha. `guess`, positive,
// is where it is looked for first.
double WhenReached(absl::FunctionRef<double(double)> log_e, double alpha, double guess = 1) {
  const double goal = -std::log(alpha);
  double high = guess, low = 0;
  while (log_e(high) < goal) {
    low = high;
    high *= 2;
    if (high > kMost) return kNever;
  }
  while (high - low > 1e-6 * high) {
    const double middle = (low + high) / 2;
    (log_e(middle) < goal ? low : high) = middle;
  }
  return high;
}

// The tail ratio's minimum over edges, in deviations of the baseline; the true histogram's edges are as fine.
class TailPath {
 public:
  explicit TailPath(const TailRatioChange& change, double design_effect)
      : mixture_(change.quantile),
        first_(NormalQuantile(change.quantile)),
        baseline_calls_((1 - change.share) / change.share / design_effect),
        candidate_calls_(1 / design_effect) {
    // A candidate's edge lies one bucket further than the ratio, rounded up to buckets.
    const int buckets = LatencyHistogram::BucketsForRatio(change.max_ratio) + 1;
    shift_ = std::log(change.slowdown / LatencyHistogram::RatioOfBuckets(buckets)) / change.log_deviation;
  }

  bool IsSlower() const { return shift_ > 0; }

  double LogE(double n) const {
    constexpr double kMargin = 1.5;
    double from = first_ - kMargin, to = first_ + shift_ + kMargin, least = kNever;
    for (int round = 0; round < 2; ++round) {
      constexpr int kSteps = 24;
      const double step = (to - from) / kSteps;
      double where = from;
      for (int i = 0; i <= kSteps; ++i) {
        const double z = from + step * i, log_e = At(z, n);
        if (log_e < least) least = log_e, where = z;
      }
      from = where - step, to = where + step;
    }
    return least;
  }

 private:
  double At(double z, double n) const {
    const double a = n * baseline_calls_, b = n * candidate_calls_;
    return LogHalfKept(mixture_.LogBelow(a * NormalAbove(z), a)) +
           LogHalfKept(mixture_.LogAbove(b * NormalAbove(z - shift_), b));
  }

  TailMixture mixture_;
  double first_, baseline_calls_, candidate_calls_, shift_ = 0;
};

}  // namespace

double ExpectedDelayOfErrorRatio(const ErrorRatioChange& change, double design_effect) {
  const double others = change.baseline_error * (1 - change.share) / change.share;
  const auto log_e = [&](double n) {
    const double errors = n * change.candidate_error;
    return LogMixture(RatioGrid(change.share, change.max_ratio, errors, errors + n * others), design_effect);
  };
  return WhenReached(log_e, change.alpha);
}

double ExpectedDelayOfErrorCeiling(double max, double candidate_error, double alpha, double design_effect) {
  return WhenReached([&](double n) { return LogMixture(CeilingGrid(max, n * candidate_error, n), design_effect); },
                     alpha);
}

double ExpectedDelayOfTailRatio(const TailRatioChange& change, double design_effect) {
  const TailPath path(change, design_effect);
  if (!path.IsSlower()) return kNever;
  return WhenReached([&](double n) { return path.LogE(n); }, change.alpha,
                     LeastDelayOfTailRatio(change) * design_effect);
}

double ExpectedDelayOfTailCeiling(double quantile, double slow, double alpha, double design_effect) {
  if (!(slow > 1 - quantile)) return kNever;
  const TailMixture mixture(quantile);
  return WhenReached([&](double n) { return mixture.LogAbove(n * slow / design_effect, n / design_effect); }, alpha);
}

double ExpectedDelayOfMeanBound(double excess, double standard_deviation, double test_alpha, double alpha) {
  if (!(excess > 0)) return kNever;
  return WhenReached([&](double n) { return LogMeanExcess(excess, standard_deviation / std::sqrt(n), n, test_alpha); },
                     alpha);
}

}  // namespace weir::stats
