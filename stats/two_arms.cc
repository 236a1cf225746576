#include "stats/two_arms.h"

#include <algorithm>

namespace weir::stats {
namespace {

// Of users who come back, fewer than this say too little about their spread for all looks together: measured with Zipf
// traffic the sequence covered 60 to 90 % from the first outcomes on, 94 to 97 % from 128 users on, and 95 to 98 % so.
constexpr double kUsersForASequence = 256;
constexpr double kValuesOfOneCall = 1.5;  // Up to so many a user, values are taken for independent.

std::optional<ArmMean> MeanOf(const BucketSums& buckets) {
  ArmMean arm;
  for (const BucketSum& bucket : buckets) arm.n += bucket.n;
  if (arm.n < kLeastValuesOfAnArm || HasTooFewUsers(buckets, arm.n)) return std::nullopt;
  if (EstimateActiveUsers(buckets) < kLeastUsersOfAnArm) return std::nullopt;
  const std::optional<ClusteredRatio> ratio = RatioOverUsers(buckets);
  if (!ratio) return std::nullopt;
  arm.mean = ratio->ratio;
  arm.variance = ratio->variance;
  return arm;
}

}  // namespace

bool HasTooFewUsers(const BucketSums& buckets, double n) {
  const double users = EstimateActiveUsers(buckets);
  return users < kUsersForASequence && n > kValuesOfOneCall * users;
}

std::optional<TwoArms> CompareArms(const BucketSums& baseline, const BucketSums& candidate) {
  const std::optional<ArmMean> a = MeanOf(baseline), b = MeanOf(candidate);
  if (!a || !b) return std::nullopt;
  TwoArms arms{.baseline = *a, .candidate = *b};
  // An arm's mean over n values has the variance of one value over n.
  const double of_a_value = (a->n * a->n * a->variance + b->n * b->n * b->variance) / (a->n + b->n);
  if (!(of_a_value > 0)) return std::nullopt;
  for (ArmMean* arm : {&arms.baseline, &arms.candidate}) arm->variance = std::max(arm->variance, of_a_value / arm->n);
  return arms;
}

}  // namespace weir::stats
