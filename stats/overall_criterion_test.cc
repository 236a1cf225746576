#include "stats/overall_criterion.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

BucketSums Values(double mean, int calls_per_bucket, uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::exponential_distribution<double> value(1 / mean);
  BucketSums sums{};
  for (BucketSum& bucket : sums) {
    for (int i = 0; i < calls_per_bucket; ++i) bucket.sum += value(rng);
    bucket.n = calls_per_bucket;
  }
  return sums;
}

TEST(OverallCriterionTest, ItIsTheWeightedSumOfRelativeChanges) {
  const BucketSums a1 = Values(2, 20, 1), b1 = Values(3, 20, 2), a2 = Values(50, 20, 3), b2 = Values(40, 20, 4);
  const std::array<WeightedMetric, 2> metrics{WeightedMetric{&a1, &b1, 0.7}, WeightedMetric{&a2, &b2, -0.3}};
  const double direct = 0.7 * RelativeChange(a1, b1)->estimate - 0.3 * RelativeChange(a2, b2)->estimate;
  const auto criterion = OverallCriterion(metrics);
  EXPECT_NEAR(criterion->estimate, direct, 1e-12);
  EXPECT_NEAR(criterion->estimate, 0.7 * 0.5 + 0.3 * 0.2, 4 * criterion->standard_error);
}

TEST(OverallCriterionTest, ARelativeChangesErrorIsThatOfTheDeltaMethod) {
  const BucketSums a = Values(2, 40, 5), b = Values(3, 40, 6);
  const auto mean_a = RatioOverUsers(a), mean_b = RatioOverUsers(b);
  const double ratio = mean_b->ratio / mean_a->ratio;
  const double variance = (mean_b->variance + ratio * ratio * mean_a->variance) / (mean_a->ratio * mean_a->ratio);
  EXPECT_NEAR(RelativeChange(a, b)->standard_error / std::sqrt(variance), 1, 0.05);
}

TEST(OverallCriterionTest, AnEmptySideOrADefaultOfZeroGivesNothing) {
  const BucketSums a = Values(2, 20, 1);
  EXPECT_FALSE(RelativeChange(a, BucketSums{}).has_value());
  BucketSums zero = a;
  for (BucketSum& bucket : zero) bucket.sum = 0;
  EXPECT_FALSE(RelativeChange(zero, a).has_value());
  EXPECT_FALSE(OverallCriterion({}).has_value());
}

TEST(DeclineTest, ADeclineBeyondTheBoundGathersEvidenceAndOneWithinItDoesNot) {
  const BucketSums a = Values(10, 200, 7), less = Values(7, 200, 8), same = Values(10, 200, 9);
  EXPECT_GT(LogDeclinedByMoreThan(0.05, a, less, 0.01), std::log(1000.0));
  EXPECT_LT(LogDeclinedByMoreThan(0.05, a, same, 0.01), 0);
}

TEST(DeclineTest, AWiderBoundNeverRaisesTheEvidence) {
  const BucketSums a = Values(10, 100, 10), less = Values(8.5, 100, 11);
  double last = LogDeclinedByMoreThan(0, a, less, 0.01);
  for (const double fraction : {0.02, 0.05, 0.1, 0.2, 0.5, 0.9}) {
    const double log_e = LogDeclinedByMoreThan(fraction, a, less, 0.01);
    EXPECT_LE(log_e, last) << fraction;
    last = log_e;
  }
}

TEST(DeclineTest, AtTheBoundItselfItFiresWithProbabilityAlphaAtMostThoughLookedAtForEver) {
  const double alpha = 0.1;
  int alarms = 0;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    BucketSums a{}, b{};
    bool fired = false;
    for (uint64_t look = 0; look < 20; ++look) {
      const BucketSums more_a = Values(10, 2, 1000 * seed + look);
      const BucketSums more_b = Values(9, 2, 1'000'000 + 1000 * seed + look);
      for (int i = 0; i < kUserBuckets; ++i) {
        a[i].n += more_a[i].n, a[i].sum += more_a[i].sum;
        b[i].n += more_b[i].n, b[i].sum += more_b[i].sum;
      }
      fired |= LogDeclinedByMoreThan(0.1, a, b, alpha) >= -std::log(alpha);
    }
    alarms += fired;
  }
  EXPECT_LE(alarms, 34);  // Of a binomial(200, 0.1), more have a probability of 0.0006.
}

TEST(DeclineTest, FewUsersGiveNoEvidence) {
  BucketSums few{};
  for (int b = 0; b < 50; ++b) few[b] = {.n = 10, .sum = 1.0 * b};
  EXPECT_EQ(LogDeclinedByMoreThan(0.1, few, few, 0.01), 0);
}

}  // namespace
}  // namespace weir::stats
