#include "stats/detection_bound.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

double Term(double p, double q) { return p > 0 ? p * std::log(p / q) : 0; }

}  // namespace

double KlBernoulli(double p, double q) { return Term(p, q) + Term(1 - p, 1 - q); }

double DetectionBound(double null, double alternative, double alpha) {
  const double kl = KlBernoulli(alternative, null);
  return kl > 0 ? -std::log(alpha) / kl : kNever;
}

LeastDelay LeastDelayOfErrorRatio(const ErrorRatioChange& change) {
  const auto candidates_part = [&](double ratio) {
    return change.share * ratio / (change.share * ratio + 1 - change.share);
  };
  const double true_ratio = change.candidate_error / change.baseline_error;
  if (!(true_ratio > change.max_ratio)) return {kNever, kNever, kNever};
  const double part = candidates_part(true_ratio);
  const double errors = DetectionBound(candidates_part(change.max_ratio), part, change.alpha);
  return {.errors = errors,
          .candidate_errors = errors * part,
          .candidate_requests = errors * part / change.candidate_error};
}

double LeastDelayOfTailRatio(const TailRatioChange& change) {
  constexpr int kThresholds = 2000;
  const double tail = 1 - change.quantile, shift = std::log(change.slowdown / change.max_ratio) / change.log_deviation;
  if (!(shift > 0)) return kNever;
  // Thresholds in deviations of the baseline. Outside this span one of the two terms is 0, and the other one larger.
  const double first = NormalQuantile(change.quantile), baseline_calls = (1 - change.share) / change.share;
  double least = kNever;
  for (int i = 0; i <= kThresholds; ++i) {
    const double z = first + shift * i / kThresholds;
    least =
        std::min(least, KlBernoulli(NormalAbove(z - shift), tail) + baseline_calls * KlBernoulli(NormalAbove(z), tail));
  }
  return -std::log(change.alpha) / least;
}

double LeastOutcomesOfMeanBound(double excess, double standard_deviation, double alpha) {
  if (!(excess > 0)) return kNever;
  return -2 * std::log(alpha) * standard_deviation * standard_deviation / (excess * excess);
}

double LeastRequestsOfErrorCeiling(double max, double candidate_error, double alpha) {
  return candidate_error > max ? DetectionBound(max, candidate_error, alpha) : kNever;
}

}  // namespace weir::stats
