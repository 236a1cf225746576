#include "stats/bandits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

constexpr std::array<BetaArm, 3> kArms{{{80, 920}, {110, 890}, {95, 905}}};

double Sum(const Shares& shares) { return std::accumulate(shares.begin(), shares.end(), 0.0); }

TEST(ThompsonTest, AShareIsTheProbabilityOfBeingTheBest) {
  std::mt19937_64 rng(1);
  const std::array<BetaArm, 2> two{{{100, 900}, {120, 880}}};
  const Shares shares = ThompsonShares(two, rng, 40'000);
  EXPECT_NEAR(shares[1], ProbabilityBBeatsA({101, 901}, {121, 881}), 0.01);
  EXPECT_NEAR(Sum(shares), 1, 1e-9);
}

TEST(ThompsonTest, RelabellingTheArmsRelabelsTheShares) {
  std::mt19937_64 rng(2);
  std::array<BetaArm, 3> reversed = kArms;
  std::reverse(reversed.begin(), reversed.end());
  const Shares one = ThompsonShares(kArms, rng), other = ThompsonShares(reversed, rng);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(one[i], other[2 - i], 0.03);
}

TEST(ThompsonTest, ArmsWithoutOutcomesShareAlike) {
  std::mt19937_64 rng(3);
  const std::array<BetaArm, 4> none{};
  for (const double share : ThompsonShares(none, rng)) EXPECT_NEAR(share, 0.25, 0.02);
  std::array<GaussianArm, 2> few;
  few[0].Add(5);
  EXPECT_EQ(ThompsonShares(few, rng), (Shares{0.5, 0.5}));
}

TEST(ThompsonTest, GaussianArmsFollowTheNormalPosterior) {
  std::mt19937_64 rng(4);
  // Means 10 and 10.3 with standard errors 0.3 and 0.4: P = Phi(0.3 / 0.5) = 0.7257.
  const std::array<GaussianArm, 2> arms{{{100, 10, 9 * 99}, {100, 10.3, 16 * 99}}};
  EXPECT_NEAR(ThompsonShares(arms, rng, 40'000)[1], 0.7257, 0.01);
}

TEST(ThompsonTest, TheBetterArmEndsUpWithTheTraffic) {
  std::mt19937_64 rng(5);
  std::array<BetaArm, 2> arms{};
  Shares shares{0.5, 0.5};
  for (int step = 0; step < 40; ++step) {
    for (size_t i = 0; i < 2; ++i) {
      const int calls = static_cast<int>(500 * shares[i]);
      const int successes = std::binomial_distribution<int>(calls, i == 0 ? 0.1 : 0.15)(rng);
      arms[i].Merge({static_cast<double>(successes), static_cast<double>(calls - successes)});
    }
    shares = *NextShares(shares, ThompsonShares(arms, rng, 2000), {.default_arm = 0});
  }
  EXPECT_NEAR(shares[1], 0.9, 0.01);
}

TEST(Ucb1Test, TheBoundIsThatOfTheReferenceCase) {
  EXPECT_NEAR(Ucb1Bound(0.42, 100, 1000), 0.7916922, 1e-7);
  EXPECT_EQ(Ucb1Bound(0, 0, 1000), std::numeric_limits<double>::infinity());
}

TEST(Ucb1Test, AnUntriedArmComesFirstAndTiesShareAlike) {
  const std::array<BetaArm, 3> arms{{{5, 5}, {0, 0}, {0, 0}}};
  EXPECT_EQ(Ucb1Shares(arms), (Shares{0, 0.5, 0.5}));
}

TEST(EpsilonGreedyTest, TheBestArmHasAllButEpsilonsPart) {
  const Shares shares = EpsilonGreedyShares(kArms, 0.3);
  EXPECT_NEAR(shares[0], 0.1, 1e-12);
  EXPECT_NEAR(shares[1], 0.8, 1e-12);
  EXPECT_NEAR(Sum(shares), 1, 1e-12);
}

TEST(ProbabilityTest, OneArmBeatsTheOtherOrTheOtherWayRound) {
  EXPECT_NEAR(ProbabilityBBeatsA({3, 8}, {5, 6}) + ProbabilityBBeatsA({5, 6}, {3, 8}), 1, 1e-9);
  EXPECT_NEAR(ProbabilityBBeatsA({1, 1}, {1, 1}), 0.5, 1e-9);
  EXPECT_NEAR(ProbabilityBBeatsA({1e5, 1e6}, {2e5, 1e6}), 1, 1e-9);
  EXPECT_NEAR(ProbabilityBBeatsA({0.5, 0.5}, {0.5, 0.5}), 0.5, 1e-8);
}

TEST(NextSharesTest, NoShareMovesFurtherThanTheStepAndTheDefaultKeepsItsFloor) {
  std::mt19937_64 rng(6);
  std::exponential_distribution<double> part;
  const ShareLimits limits{.default_arm = 1, .default_floor = 0.2, .greatest_step = 0.05};
  Shares shares{0.1, 0.8, 0.1};
  for (int i = 0; i < 2000; ++i) {
    Shares wanted{part(rng), part(rng) * (i % 3), part(rng)};
    const double sum = Sum(wanted);
    for (double& share : wanted) share /= sum;
    const Shares next = *NextShares(shares, wanted, limits);
    EXPECT_NEAR(Sum(next), 1, 1e-12);
    EXPECT_GE(next[1], 0.2 - 1e-12);
    for (size_t a = 0; a < 3; ++a) EXPECT_LE(std::abs(next[a] - shares[a]), 0.05 + 1e-9);
    shares = next;
  }
}

TEST(NextSharesTest, ADefaultBelowItsFloorIsLiftedAtOnce) {
  const auto next = NextShares({0, 1}, {0, 1}, {.default_arm = 0, .default_floor = 0.3, .greatest_step = 0.01});
  EXPECT_NEAR((*next)[0], 0.3, 1e-12);
  EXPECT_NEAR((*next)[1], 0.7, 1e-12);
}

TEST(NextSharesTest, WhatAreNoSharesIsRefused) {
  EXPECT_FALSE(NextShares({0.5, 0.5}, {0.5, 0.6}, {}).ok());
  EXPECT_FALSE(NextShares({0.5, 0.5}, {1.5, -0.5}, {}).ok());
  EXPECT_FALSE(NextShares({1}, {0.5, 0.5}, {}).ok());
  EXPECT_FALSE(NextShares({0.5, 0.5}, {0.5, 0.5}, {.default_arm = 2}).ok());
}

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
    const auto estimate = arm.Mean(0.05);
    covered += estimate->interval->lower < 0.4 && estimate->interval->upper > 0.4;
    naive += sum / n / 100;
  }
  EXPECT_GE(covered, 88);  // Of a binomial(100, 0.95), fewer have a probability of 0.002.
  EXPECT_NEAR(naive, 0.24, 0.01);
}

TEST(PropensityTest, MergedShardsEqualOneStreamAndNothingHasNoMean) {
  std::mt19937_64 rng(7);
  PropensityWeighted whole, merged;
  std::vector<PropensityWeighted> shards(6);
  EXPECT_FALSE(whole.Mean(0.05).has_value());
  for (int i = 0; i < 3000; ++i) {
    const auto bucket = static_cast<uint8_t>(rng());
    const double outcome = static_cast<double>(rng() % 5), propensity = rng() % 2 == 0 ? 0.25 : 0.5;
    whole.Add(bucket, outcome, propensity);
    shards[rng() % 6].Add(bucket, outcome, propensity);
  }
  for (const PropensityWeighted& shard : shards) merged.Merge(shard);
  EXPECT_EQ(merged.Mean(0.05)->mean, whole.Mean(0.05)->mean);
  EXPECT_EQ(merged.Mean(0.05)->standard_error, whole.Mean(0.05)->standard_error);
}

TEST(GaussianArmTest, MergedMomentsEqualOneStreamTo12Digits) {
  std::mt19937_64 rng(8);
  std::normal_distribution<double> value(50, 3);
  GaussianArm whole, a, b;
  for (int i = 0; i < 4000; ++i) {
    const double v = value(rng);
    whole.Add(v);
    (i % 3 == 0 ? a : b).Add(v);
  }
  a.Merge(b);
  EXPECT_EQ(a.n, whole.n);
  EXPECT_NEAR(a.m2 / whole.m2, 1, 1e-12);
}

}  // namespace
}  // namespace weir::stats
