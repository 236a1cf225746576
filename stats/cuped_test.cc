#include "stats/cuped.h"

#include <array>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

PairMoments Correlated(std::mt19937_64& rng, int n, double effect) {
  std::normal_distribution<double> noise;
  PairMoments pairs;
  for (int i = 0; i < n; ++i) {
    const double x = 10 + 2 * noise(rng);
    pairs.Add(3 * x + noise(rng) + effect, x);
  }
  return pairs;
}

TEST(CupedTest, ThetaAndTheReductionAreThoseOfTheReferenceCase) {
  PairMoments pairs;
  const std::array<double, 4> y{3, 5, 7, 9}, x{1, 2, 2, 4};
  for (size_t i = 0; i < y.size(); ++i) pairs.Add(y[i], x[i]);
  const auto fit = FitCuped(pairs);
  EXPECT_NEAR(fit->theta, 1.894736842105263, 1e-14);
  EXPECT_NEAR(fit->variance_reduction, 0.8526315789473686, 1e-14);
}

TEST(CupedTest, WhatDoesNotVaryHasNoFit) {
  PairMoments pairs;
  EXPECT_FALSE(FitCuped(pairs).has_value());
  for (int i = 0; i < 5; ++i) pairs.Add(i, 2);
  EXPECT_FALSE(FitCuped(pairs).has_value());
}

TEST(CupedTest, ShiftingAndScalingTheCovariateChangesNoEffect) {
  std::mt19937_64 rng(1);
  std::normal_distribution<double> noise;
  PairMoments a, b, a2, b2;
  for (int i = 0; i < 300; ++i) {
    const double x = noise(rng), y = 2 * x + noise(rng);
    (i % 2 == 0 ? a : b).Add(y, x);
    (i % 2 == 0 ? a2 : b2).Add(y, 1e4 - 7 * x);
  }
  const auto one = AdjustedDifference(a, b), other = AdjustedDifference(a2, b2);
  EXPECT_NEAR(one->difference, other->difference, 1e-10);
  EXPECT_NEAR(one->standard_error, other->standard_error, 1e-10);
  EXPECT_NEAR(one->theta, -7 * other->theta, 1e-10);
}

TEST(CupedTest, TheAdjustedDifferenceIsTheEffectWithASmallerError) {
  std::mt19937_64 rng(2);
  const auto result = AdjustedDifference(Correlated(rng, 4000, 0), Correlated(rng, 4000, 0.2));
  EXPECT_NEAR(result->difference, 0.2, 4 * result->standard_error);
  // x explains 36 of 37 parts of the variance.
  EXPECT_NEAR(result->standard_error / result->plain_standard_error, std::sqrt(1 / 37.0), 0.02);
}

TEST(CupedTest, MergedMomentsEqualOneStreamTo12Digits) {
  std::mt19937_64 rng(3);
  std::normal_distribution<double> noise;
  PairMoments whole, merged;
  std::vector<PairMoments> shards(17);
  for (int i = 0; i < 3000; ++i) {
    const double x = 1000 + noise(rng), y = x + noise(rng);  // A double's rounding grows with mean / deviation.
    whole.Add(y, x);
    shards[rng() % shards.size()].Add(y, x);
  }
  for (const PairMoments& shard : shards) merged.Merge(shard);
  EXPECT_EQ(merged.n, whole.n);
  EXPECT_NEAR(merged.m2_y / whole.m2_y, 1, 1e-12);
  EXPECT_NEAR(merged.c_yx / whole.c_yx, 1, 1e-12);
}

// Users of an own mean that the covariate shows, a few calls each.
CupedSums UserTraffic(uint64_t seed, double effect) {
  std::mt19937_64 rng(seed);
  std::normal_distribution<double> noise;
  CupedSums sums;
  for (int user = 0; user < 3000; ++user) {
    const size_t bucket = rng() % kUserBuckets;
    const double habit = 5 + 2 * noise(rng);
    const int calls = 1 + static_cast<int>(rng() % 6);
    sums.covariate[bucket].n += 10;
    sums.covariate[bucket].sum += 10 * habit + 3 * noise(rng);
    sums.outcome[bucket].n += calls;
    for (int i = 0; i < calls; ++i) sums.outcome[bucket].sum += habit + effect + 0.5 * noise(rng);
  }
  return sums;
}

TEST(CupedTest, OverUsersTheIntervalCoversTheEffectAndIsNarrower) {
  int covered = 0;
  double narrower = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const auto result = AdjustedDifferenceOverUsers(UserTraffic(2 * seed, 0), UserTraffic(2 * seed + 1, 0.1));
    ASSERT_TRUE(result.has_value());
    covered += std::abs(result->difference - 0.1) < 1.969 * result->standard_error;
    narrower += result->standard_error / result->plain_standard_error / 100;
  }
  EXPECT_GE(covered, 88);  // Of a binomial(100, 0.95), fewer have a probability of 0.002.
  EXPECT_LT(narrower, 0.75);
}

TEST(CupedTest, AVariantWithoutCallsHasNoDifference) {
  EXPECT_FALSE(AdjustedDifferenceOverUsers(UserTraffic(1, 0), CupedSums{}).has_value());
  EXPECT_FALSE(AdjustedDifference(PairMoments{}, PairMoments{}).has_value());
}

}  // namespace
}  // namespace weir::stats
