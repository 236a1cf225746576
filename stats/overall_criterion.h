// The overall evaluation criterion: one number for several metrics, each a weighted relative change of the candidate
// (B) over the default (A),
//   OEC = sum_i w_i (B_i - A_i) / |A_i|      (Kohavi, Tang, Xu 2020, chapter 7, whose means are positive),
// with its error by the jackknife over user buckets, so that correlations between metrics of one user are taken up.
// A metric's mean may not be 0 on the default; a metric for which less is better has a negative weight.

#ifndef WEIR_STATS_OVERALL_CRITERION_H_
#define WEIR_STATS_OVERALL_CRITERION_H_

#include <optional>
#include <span>

#include "stats/clustered.h"
#include "stats/jackknife.h"

namespace weir::stats {

// One metric by user bucket, and what it is worth. The pointers are borrowed for the call.
struct WeightedMetric {
  const BucketSums* baseline = nullptr;
  const BucketSums* candidate = nullptr;
  double weight = 1;
};

// Nothing while a metric lacks values on either side, a default's mean is 0, or there are fewer than 128 active users.
std::optional<JackknifeEstimate> OverallCriterion(std::span<const WeightedMetric> metrics);

// The least variance that the criterion may be given where it is looked at from the first calls on: of its means as
// two_arms.h gives them, through the relative change's derivatives. Nothing while a metric lacks what those ask for, or
// a default's mean is not known to a tenth of itself.
std::optional<double> LeastVarianceOfCriterion(std::span<const WeightedMetric> metrics);

// One metric alone: (B - A) / A.
std::optional<JackknifeEstimate> RelativeChange(const BucketSums& baseline, const BucketSums& candidate);

// log E, an e-value against "B >= (1 - fraction) A": evidence that the metric declined by more than `fraction`, in
// [0, 1). It may be looked at after every outcome: the one-sided asymptotic confidence sequence of outcomes.h on
// (1 - fraction) A - B, with the errors of two_arms.h. 0, no evidence, where that gives nothing. `alpha` is where it is
// tightest.
double LogDeclinedByMoreThan(double fraction, const BucketSums& baseline, const BucketSums& candidate, double alpha);

}  // namespace weir::stats

#endif  // WEIR_STATS_OVERALL_CRITERION_H_
