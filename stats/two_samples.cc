#include "stats/two_samples.h"

#include <algorithm>
#include <cmath>

#include "stats/outcomes.h"
#include "stats/special_functions.h"

namespace weir::stats {

MeanDifference DifferenceOfMeans(const Summary& a, const Summary& b, DifferenceKind kind, bool has_equal_variances) {
  double variance_a = a.variance, variance_b = b.variance;
  MeanDifference result;
  if (has_equal_variances) {
    result.degrees_of_freedom = a.n + b.n - 2;
    variance_a = variance_b = ((a.n - 1) * a.variance + (b.n - 1) * b.variance) / result.degrees_of_freedom;
  } else {
    const double of_a = a.variance / a.n, of_b = b.variance / b.n;
    result.degrees_of_freedom = (of_a + of_b) * (of_a + of_b) / (of_a * of_a / (a.n - 1) + of_b * of_b / (b.n - 1));
  }
  const double of_a = variance_a / a.n, of_b = variance_b / b.n;
  result.difference = b.mean - a.mean;
  result.standard_error = std::sqrt(of_a + of_b);
  if (kind == DifferenceKind::kRelative) {
    const double ratio = b.mean / a.mean;
    result.difference /= a.mean;
    result.standard_error = std::sqrt(of_b + of_a * ratio * ratio) / std::abs(a.mean);
  }
  return result;
}

TTest TestDifference(const MeanDifference& difference, double alpha) {
  const double t = difference.difference / difference.standard_error;
  const double reach = -StudentQuantile(difference.degrees_of_freedom, alpha / 2) * difference.standard_error;
  return {.t = t,
          .p_value = std::min(1.0, 2 * StudentAbove(difference.degrees_of_freedom, std::abs(t))),
          .interval = {difference.difference - reach, difference.difference + reach}};
}

EquivalenceTest TestEquivalence(const MeanDifference& difference, double bound) {
  EquivalenceTest test;
  test.t_lower = (difference.difference + bound) / difference.standard_error;
  test.t_upper = (difference.difference - bound) / difference.standard_error;
  test.p_value = std::max(StudentAbove(difference.degrees_of_freedom, test.t_lower),
                          StudentBelow(difference.degrees_of_freedom, test.t_upper));
  return test;
}

SequentialInterval ConfidenceSequence(const MeanDifference& difference, double n, double alpha, double tuning_n) {
  const double reach = ConfidenceSequenceHalfWidth(difference.standard_error, n, alpha, tuning_n);
  return {.interval = {difference.difference - reach, difference.difference + reach},
          .log_e_value = LogMeanDiffers(difference.difference, difference.standard_error, n, alpha, tuning_n)};
}

double LogMixtureSprt(double difference, double variance, double prior_variance) {
  const double total = variance + prior_variance;
  return 0.5 * std::log(variance / total) + prior_variance * difference * difference / (2 * variance * total);
}

}  // namespace weir::stats
