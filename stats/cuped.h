// CUPED: a covariate known before the experiment (a user's outcomes of the weeks before) takes away the part of an
// outcome's variance that has nothing to do with the models (Deng, Xu, Kohavi, Walker 2013):
//   theta = cov(y, x) / var(x),  adjusted y = y - theta (x - mean x),  var(adjusted) = var(y) (1 - rho^2).
// Since assignment does not depend on x, the difference of adjusted means estimates the same effect as the plain one.
// It assumes that x was measured before anyone was assigned; a covariate that the models can change biases it.

#ifndef WEIR_STATS_CUPED_H_
#define WEIR_STATS_CUPED_H_

#include <cstdint>
#include <optional>

#include "stats/clustered.h"
#include "stats/jackknife.h"

namespace weir::stats {

// Pairs (y, x) as their moments. Welford's recurrence, and Chan's to merge: about 15 digits, nothing is differenced.
struct PairMoments {
  int64_t n = 0;
  double mean_y = 0, mean_x = 0;
  double m2_y = 0, m2_x = 0;  // Sums of squared deviations from the means.
  double c_yx = 0;            // The sum of products of both deviations.

  void Add(double y, double x);
  void Merge(const PairMoments& other);
  bool operator==(const PairMoments&) const = default;
};

struct CupedFit {
  double theta = 0;
  double variance_reduction = 0;  // rho^2, from 0 to 1: the fraction of y's variance that x explains.
};
// Nothing while x or y does not vary.
std::optional<CupedFit> FitCuped(const PairMoments& pairs);

struct CupedDifference {
  double difference = 0;  // The candidate's adjusted mean less the default's.
  double standard_error = 0;
  double plain_difference = 0;
  double plain_standard_error = 0;
  double theta = 0;  // Pooled within variants.
};
// Of independent pairs, one a user. theta is pooled over both variants, whose own effect on y is kept out of it; that
// it is estimated costs a term of order 1/n. Nothing below two pairs on either side, or while x does not vary within
// either.
std::optional<CupedDifference> AdjustedDifference(const PairMoments& baseline, const PairMoments& candidate);

// One variant by user bucket: n calls with the sum of their outcomes, and the same of the covariate of the same users.
struct CupedSums {
  BucketSums outcome{};
  BucketSums covariate{};
};

// The same where calls of one user belong together: ratios over user buckets, with theta from the linearised buckets
// and kept fixed, and errors by the jackknife. Nothing below 128 active users, or while the covariate does not vary.
std::optional<CupedDifference> AdjustedDifferenceOverUsers(const CupedSums& baseline, const CupedSums& candidate);

}  // namespace weir::stats

#endif  // WEIR_STATS_CUPED_H_
