#include "stats/propensity.h"

#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

// Days on which everything succeeds more often are those on which the arm has little traffic: the naive mean is wrong.
TEST(PropensityTest, TheWeightedMeanIsRightWhereTheNaiveOneIsNot) {
  int covered = 0;
  double naive = 0;
  for (unsigned seed = 0; seed < 100; ++seed) {
    std::mt19937_64 rng(seed);
    PropensityWeighted arm;
    double sum = 0, n = 0;
    for (int call = 0; call < 20'000; ++call) {
      const bool second_day = call >= 10'000;
      const double propensity = second_day ? 0.9 : 0.1, rate = second_day ? 0.2 : 0.6;
      const auto bucket = static_cast<uint8_t>(rng());
      if (static_cast<double>(rng() % 1000) >= 1000 * propensity) continue;
      const double outcome = static_cast<double>(rng() % 1000) < 1000 * rate;
      arm.Add(bucket, outcome, propensity);
      sum += outcome, ++n;
    }
    const Interval interval = arm.IntervalOfMean(0.05).value();
    covered += interval.lower < 0.4 && interval.upper > 0.4;
    naive += sum / n / 100;
  }
  EXPECT_GE(covered, 88);  // Of a binomial(100, 0.95), fewer have a probability of 0.002.
  EXPECT_NEAR(naive, 0.24, 0.01);
}

TEST(PropensityTest, MergedShardsEqualOneStreamAndNothingHasNoMean) {
  std::mt19937_64 rng(7);
  PropensityWeighted whole, merged;
  std::vector<PropensityWeighted> shards(6);
  EXPECT_EQ(whole.Estimate(), ArmEstimate());
  for (int i = 0; i < 3000; ++i) {
    const auto bucket = static_cast<uint8_t>(rng());
    const double outcome = static_cast<double>(rng() % 5), propensity = rng() % 2 == 0 ? 0.25 : 0.5;
    whole.Add(bucket, outcome, propensity);
    shards[rng() % 6].Add(bucket, outcome, propensity);
  }
  for (const PropensityWeighted& shard : shards) merged.Merge(shard);
  EXPECT_EQ(merged.Estimate(), whole.Estimate());
  EXPECT_EQ(PropensityWeighted(whole.sums()).Estimate(), whole.Estimate());
}

TEST(PropensityTest, OutcomesOfOnePropensityMayComeTogether) {
  std::mt19937_64 rng(7);
  PropensityWeighted one_by_one, together;
  for (const double propensity : {0.25, 0.5}) {
    OutcomeCounts outcomes;
    for (int i = 0; i < 3000; ++i) {
      const auto bucket = static_cast<uint8_t>(rng());
      const double outcome = static_cast<double>(rng() % 5);
      one_by_one.Add(bucket, outcome, propensity);
      outcomes.Add(bucket, outcome);
    }
    together.AddOutcomes(outcomes, propensity);
  }
  const ArmEstimate estimate = one_by_one.Estimate(), same = together.Estimate();
  EXPECT_EQ(same.n, estimate.n);
  EXPECT_NEAR(same.mean, estimate.mean, 1e-12);
  EXPECT_NEAR(same.standard_error, estimate.standard_error, 1e-12);
  EXPECT_NEAR(same.effective_n, estimate.effective_n, 1e-6);
}

TEST(PropensityTest, EqualPropensitiesGiveThePlainMeanOfAsManyOutcomes) {
  PropensityWeighted arm;
  for (int i = 0; i < 1000; ++i) arm.Add(static_cast<uint8_t>(i), i % 4 == 0, 0.2);
  const ArmEstimate estimate = arm.Estimate();
  EXPECT_NEAR(estimate.mean, 0.25, 1e-12);
  EXPECT_NEAR(estimate.effective_n, 1000, 1e-9);
  EXPECT_LE(EffectiveTrials(estimate), 1000 + 1e-9);
}

TEST(PropensityTest, UnequalWeightsAndUnequalUsersAreWorthFewerTrials) {
  PropensityWeighted skewed, clustered;
  for (int i = 0; i < 1000; ++i) skewed.Add(static_cast<uint8_t>(i), i % 2, i % 10 == 0 ? 0.01 : 0.5);
  EXPECT_LT(skewed.Estimate().effective_n, 200);
  for (int i = 0; i < 10'000; ++i) clustered.Add(static_cast<uint8_t>(i), (i % 256) < 64, 0.5);  // By user alone.
  EXPECT_NEAR(clustered.Estimate().effective_n, 10'000, 1e-6);
  EXPECT_LT(EffectiveTrials(clustered.Estimate()), 300);
}

TEST(PropensityTest, ErrorsAreCountedAmongTheCallsThatEndedWellOrBadly) {
  VariantCounts calls;
  const auto end = [&](CallOutcome outcome) {
    calls.CountStart(7, 3);
    calls.CountEnd({.started = 7, .user_bucket = 3, .outcome = outcome, .latency = absl::Milliseconds(1)});
  };
  for (int i = 0; i < 6; ++i) end(CallOutcome::kSuccess);
  for (int i = 0; i < 2; ++i) end(CallOutcome::kError);
  for (int i = 0; i < 5; ++i) end(CallOutcome::kCancelled);
  PropensityWeighted arm;
  arm.AddErrors(calls, 0.5);
  EXPECT_EQ(arm.Estimate().n, 8);
  EXPECT_DOUBLE_EQ(arm.Estimate().mean, 0.25);
}

}  // namespace
}  // namespace weir::stats
