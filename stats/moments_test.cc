#include "stats/moments.h"

#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

// NIST StRD's NumAcc3 and NumAcc4: one value in the middle, then 500 pairs a tenth below and above it.
Moments NumericalAccuracy(double middle) {
  Moments moments;
  moments.Add(middle);
  for (int i = 0; i < 500; ++i) moments.Add(middle - 0.1), moments.Add(middle + 0.1);
  return moments;
}

TEST(MomentsTest, NistsLargeAndCloseValuesKeepTheirDigits) {
  for (const double middle : {1'000'000.2, 10'000'000.2}) {
    const Moments moments = NumericalAccuracy(middle);
    EXPECT_EQ(moments.n(), 1001);
    EXPECT_NEAR(moments.mean() / middle, 1, 1e-14);
    EXPECT_NEAR(std::sqrt(moments.variance()), 0.1, 1e-9);
  }
}

TEST(MomentsTest, ShardsMergeToTheWhole) {
  std::mt19937_64 rng(1);
  std::lognormal_distribution<double> value(3, 1);
  Moments whole;
  std::vector<Moments> shards(17);
  for (int i = 0; i < 5000; ++i) {
    const double drawn = value(rng);
    whole.Add(drawn);
    shards[rng() % shards.size()].Add(drawn);
  }
  Moments merged;
  for (const Moments& shard : shards) merged.Merge(shard);
  EXPECT_EQ(merged.n(), whole.n());
  EXPECT_NEAR(merged.mean() / whole.mean(), 1, 1e-13);
  EXPECT_NEAR(merged.m2() / whole.m2(), 1, 1e-12);
}

TEST(MomentsTest, NothingMergedChangesNothing) {
  const Moments some = MomentsOf(std::vector<double>{1, 2, 4});
  Moments left = some, right;
  left.Merge(Moments());
  right.Merge(some);
  EXPECT_EQ(left, some);
  EXPECT_EQ(right, some);
}

TEST(MomentsTest, AShiftMovesTheMeanAloneAndAScaleSquaresIntoTheVariance) {
  std::vector<double> values{1, 2, 4, 8}, shifted, scaled;
  for (const double value : values) shifted.push_back(value + 100), scaled.push_back(value * 3);
  const Moments moments = MomentsOf(values);
  EXPECT_NEAR(MomentsOf(shifted).mean(), moments.mean() + 100, 1e-12);
  EXPECT_NEAR(MomentsOf(shifted).variance(), moments.variance(), 1e-12);
  EXPECT_NEAR(MomentsOf(scaled).variance(), 9 * moments.variance(), 1e-12);
}

TEST(MomentsTest, FewerThanTwoValuesHaveNoSpread) {
  EXPECT_EQ(Moments().variance(), 0);
  EXPECT_EQ(MomentsOf(std::vector<double>{7}).variance(), 0);
  EXPECT_EQ(MomentsOf(std::vector<double>{7}).summary(), (Summary{1, 7, 0}));
}

}  // namespace
}  // namespace weir::stats
