// What the calls of one variant were worth by one outcome metric: the mean, its spread, and the same by user bucket.

#ifndef WEIR_STATS_OUTCOMES_H_
#define WEIR_STATS_OUTCOMES_H_

#include <array>
#include <cstdint>
#include <optional>

#include "stats/clustered.h"
#include "stats/counts.h"

namespace weir::stats {

// Outcomes of the users that hash into one bucket.
struct OutcomeBucket {
  int64_t n = 0;
  double sum = 0;
  double sum_squares = 0;
  bool operator==(const OutcomeBucket&) const = default;
};

// One (variant, epoch, metric). A plain value: a checkpoint writes its fields. Welford's recurrence, and Chan's to
// merge, keep about 15 digits; squares are never differenced to get a variance.
struct OutcomeCounts {
  int64_t n = 0;
  double mean = 0;
  double m2 = 0;  // The sum of squared deviations from the mean.
  std::array<OutcomeBucket, kUserBuckets> users{};

  // `value` is finite.
  void Add(uint8_t user_bucket, double value);
  void Merge(const OutcomeCounts& other);
  double sum() const { return mean * static_cast<double>(n); }
  bool operator==(const OutcomeCounts&) const = default;
};

// The buckets as ratios over users take them.
BucketSums OutcomeSums(const OutcomeCounts& counts);

// The standard error of the mean: over user buckets from 128 active users on, over single outcomes below that. Nothing
// below two outcomes.
std::optional<double> StandardErrorOfMean(const OutcomeCounts& counts);

// By how much users' unequal outcomes inflate the variance of a proportion's mean, at least 1, and 1 while undefined.
double OutcomeDesignEffect(const OutcomeCounts& counts);

// For how many observations an asymptotic confidence sequence is tightest; any other number is valid as well.
inline constexpr double kPlannedObservations = 5000;

// Half of the width of the asymptotic confidence sequence (Waudby-Smith et al. 2021), for an estimate with standard
// error `standard_error` from `n` observations: it covers the truth at all n together with probability 1 - alpha.
// Asymptotic: from a few dozen observations on.
double ConfidenceSequenceHalfWidth(double standard_error, double n, double alpha,
                                   double planned_n = kPlannedObservations);

// The mean with a 1 - alpha interval that may be looked at after every outcome. Nothing below 30 outcomes, while all
// are equal, or while fewer than 256 users have come back again and again. The interval of a proportion may reach
// beyond 0 or 1.
struct MeanEstimate {
  double mean = 0;
  double standard_error = 0;
  Interval interval;
};
std::optional<MeanEstimate> EstimateMean(const OutcomeCounts& counts, double alpha,
                                         double planned_n = kPlannedObservations);

// A candidate's mean beside the default's, with a 1 - alpha interval of the difference that may be looked at after
// every outcome, and log E of "it is higher" and "it is lower" (LogMeanExcess), with the errors of two_arms.h, and
// nothing where that gives nothing.
struct MeanComparison {
  double baseline = 0, candidate = 0;
  double standard_error = 0;  // Of the difference.
  Interval difference;        // candidate - baseline
  double log_e_higher = 0, log_e_lower = 0;
};
std::optional<MeanComparison> CompareMeans(const OutcomeCounts& baseline, const OutcomeCounts& candidate, double alpha,
                                           double planned_n = kPlannedObservations);

// log E of "the true difference is not 0", of an estimated one with its standard error from `n` observations: it
// reaches log(1/alpha) just when the confidence sequence leaves 0. standard_error > 0.
double LogMeanDiffers(double difference, double standard_error, double n, double alpha,
                      double planned_n = kPlannedObservations);

// log E of "the true excess is positive", of an estimated one with its standard error from `n` observations: the
// one-sided form of the same sequence, a mixture over a half-normal. standard_error > 0.
double LogMeanExcess(double excess, double standard_error, double n, double alpha,
                     double planned_n = kPlannedObservations);

// log E of "the true mean is below `bound`" (or above), by LogMeanExcess. 0, no evidence, where EstimateMean gives
// nothing, and until the outcomes' variance is known to a tenth of itself: 200 outcomes where they are normal, 800
// where they are exponential, ten thousand and more where a few large ones make the mean. Nothing can be promised of a
// mean that is made by outcomes so rare that none has come yet.
double LogMeanBelow(const OutcomeCounts& counts, double bound, double alpha, double planned_n = kPlannedObservations);
double LogMeanAbove(const OutcomeCounts& counts, double bound, double alpha, double planned_n = kPlannedObservations);

// log E of "the true proportion is below `bound`" (or above), of outcomes between 0 and 1: the error ceiling's e-value
// on the failures (or successes), divided by the design effect. 0 < bound < 1.
double LogProportionBelow(const OutcomeCounts& counts, double bound);
double LogProportionAbove(const OutcomeCounts& counts, double bound);

}  // namespace weir::stats

#endif  // WEIR_STATS_OUTCOMES_H_
