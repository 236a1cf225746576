#include "stats/bandits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "stats/propensity.h"

namespace weir::stats {
namespace {

// Of independent trials.
ArmEstimate Proportion(double successes, double n) {
  const double rate = n > 0 ? successes / n : 0;
  return {.n = static_cast<int64_t>(n),
          .mean = rate,
          .standard_error = n > 0 ? std::sqrt(rate * (1 - rate) / n) : 0,
          .effective_n = n};
}

const std::vector<ArmEstimate> kArms = {Proportion(80, 1000), Proportion(110, 1000), Proportion(95, 1000)};

double Sum(const Shares& shares) { return std::accumulate(shares.begin(), shares.end(), 0.0); }

TEST(ProbabilitiesOfBestTest, TwoBetaArmsAreComparedExactly) {
  const std::vector<std::pair<BetaParameters, BetaParameters>> pairs = {{{101, 901}, {121, 881}},
                                                                        {{1, 1}, {1, 1}},
                                                                        {{1, 101}, {2, 100}},
                                                                        {{1, 1}, {5000, 5000}},
                                                                        {{3000, 7000}, {31, 71}}};
  for (const auto& [a, b] : pairs) {
    const std::array<Posterior, 2> arms{a, b};
    EXPECT_NEAR(ProbabilitiesOfBest(arms)[1], ProbabilityBBeatsA(a, b), 1e-3) << a.alpha << " against " << b.alpha;
  }
}

TEST(ProbabilitiesOfBestTest, NormalArmsFollowTheDifferenceOfTheirMeans) {
  // P(second > first) = Phi(0.3 / sqrt(0.3^2 + 0.4^2)).
  const std::array<Posterior, 2> arms{NormalParameters{10, 0.3}, NormalParameters{10.3, 0.4}};
  EXPECT_NEAR(ProbabilitiesOfBest(arms)[1], 0.7257, 1e-3);
  const std::array<Posterior, 2> exact{NormalParameters{10, 0}, NormalParameters{10.3, 0}};
  EXPECT_NEAR(ProbabilitiesOfBest(exact)[1], 1, 1e-9);
}

TEST(ProbabilitiesOfBestTest, AlikeArmsShareAlikeAndTheSumIsOne) {
  for (const size_t arms : {1u, 2u, 3u, 16u}) {
    const std::vector<Posterior> alike(arms, BetaParameters{20, 80});
    const Shares best = ProbabilitiesOfBest(alike);
    EXPECT_NEAR(Sum(best), 1, 1e-12);
    for (double share : best) EXPECT_NEAR(share, 1 / static_cast<double>(arms), 1e-9);
  }
}

// Draws from the posteriors agree with the integral.
TEST(ThompsonTest, AShareIsHowOftenADrawOfTheArmIsTheGreatest) {
  std::mt19937_64 rng(1);
  std::array<int, 3> won{};
  constexpr int kDraws = 40'000;
  for (int d = 0; d < kDraws; ++d) {
    std::array<double, 3> draws;
    for (size_t i = 0; i < 3; ++i) {
      const double successes = kArms[i].mean * 1000;
      const double x = std::gamma_distribution<double>(1 + successes)(rng);
      draws[i] = x / (x + std::gamma_distribution<double>(1 + 1000 - successes)(rng));
    }
    ++won[static_cast<size_t>(std::max_element(draws.begin(), draws.end()) - draws.begin())];
  }
  const Shares shares = ThompsonShares(kArms, true);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(shares[i], static_cast<double>(won[i]) / kDraws, 0.01);
}

TEST(ThompsonTest, TheSameEstimatesGiveTheSameSharesToTheLastBitAndRelabellingRelabels) {
  std::vector<ArmEstimate> reversed = kArms;
  std::reverse(reversed.begin(), reversed.end());
  const Shares one = ThompsonShares(kArms, true), other = ThompsonShares(reversed, true);
  EXPECT_EQ(one, ThompsonShares(kArms, true));
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(one[i], other[2 - i], 1e-9);
}

TEST(ThompsonTest, ArmsWithoutOutcomesShareAlike) {
  for (const double share : ThompsonShares(std::vector<ArmEstimate>(4), true)) EXPECT_NEAR(share, 0.25, 1e-9);
  EXPECT_EQ(ThompsonShares(std::vector<ArmEstimate>(2), false), (Shares{0.5, 0.5}));
}

TEST(ThompsonTest, UsersThatAreAlikeAreWorthLessThanTheirOutcomes) {
  std::vector<ArmEstimate> clustered = {Proportion(80, 1000), Proportion(110, 1000)};
  const double alone = ThompsonShares(clustered, true)[1];
  for (ArmEstimate& arm : clustered) arm.standard_error *= 3;
  const double together = ThompsonShares(clustered, true)[1];
  EXPECT_GT(alone, 0.98);
  EXPECT_LT(together, 0.85);
}

TEST(Ucb1Test, TheBoundIsThatOfTheReferenceCase) {
  EXPECT_NEAR(Ucb1Bound(0.42, 100, 1000), 0.7916922, 1e-7);
  EXPECT_EQ(Ucb1Bound(0, 0, 1000), std::numeric_limits<double>::infinity());
}

TEST(Ucb1Test, AnUntriedArmComesFirstAndTiesShareAlike) {
  EXPECT_EQ(Ucb1Shares(std::vector<ArmEstimate>{Proportion(5, 10), {}, {}}), (Shares{0, 0.5, 0.5}));
}

TEST(EpsilonGreedyTest, TheBestArmHasAllButEpsilonsPart) {
  const Shares shares = EpsilonGreedyShares(kArms, 0.3);
  EXPECT_NEAR(shares[0], 0.1, 1e-12);
  EXPECT_NEAR(shares[1], 0.8, 1e-12);
  EXPECT_NEAR(Sum(shares), 1, 1e-12);
}

TEST(RegretTest, ItIsWhatTheSharesLoseAgainstTheBestMean) {
  EXPECT_NEAR(RegretOf({0.5, 0.25, 0.25}, kArms), 0.5 * 0.030 + 0.25 * 0.015, 1e-12);
  EXPECT_EQ(RegretOf({0, 1, 0}, kArms), 0);
}

TEST(ProbabilityTest, OneArmBeatsTheOtherOrTheOtherWayRound) {
  EXPECT_NEAR(ProbabilityBBeatsA({3, 8}, {5, 6}) + ProbabilityBBeatsA({5, 6}, {3, 8}), 1, 1e-9);
  EXPECT_NEAR(ProbabilityBBeatsA({1, 1}, {1, 1}), 0.5, 1e-9);
  EXPECT_NEAR(ProbabilityBBeatsA({1e5, 1e6}, {2e5, 1e6}), 1, 1e-9);
  EXPECT_NEAR(ProbabilityBBeatsA({0.5, 0.5}, {0.5, 0.5}), 0.5, 1e-8);
}

TEST(NextSharesTest, ShareSumExactlyFloorsHoldAndNoMoreChangesHandsThanMay) {
  std::mt19937_64 rng(6);
  std::exponential_distribution<double> part;
  const ShareLimits limits{.default_arm = 1, .default_floor = 2000, .other_floor = 150, .greatest_move = 437};
  std::vector<int> shares{1000, 8000, 700, 300};
  for (int i = 0; i < 5000; ++i) {
    Shares wanted{part(rng), part(rng) * (i % 3), part(rng) * (i % 2), std::pow(part(rng), 3)};
    const double sum = Sum(wanted);
    for (double& share : wanted) share /= sum;
    const std::vector<int> next = NextShares(shares, wanted, limits).value();
    ASSERT_EQ(std::accumulate(next.begin(), next.end(), 0), 10000);
    int gained = 0;
    for (size_t a = 0; a < next.size(); ++a) {
      ASSERT_GE(next[a], a == 1 ? 2000 : 150);
      gained += std::max(0, next[a] - shares[a]);
    }
    ASSERT_LE(gained, 437);
    shares = next;
  }
}

TEST(NextSharesTest, WithoutALimitTheWantedSharesAreReachedToABasisPoint) {
  const std::vector<int> next =
      NextShares(std::vector<int>{10000, 0, 0}, {0.2, 0.33333, 0.46667}, {.default_floor = 500}).value();
  EXPECT_EQ(next, (std::vector<int>{2000, 3333, 4667}));
}

TEST(NextSharesTest, AnArmThatIsWorthNothingKeepsItsFloorAndTheOthersDivideTheRest) {
  const ShareLimits limits{.default_floor = 1000, .other_floor = 100};
  EXPECT_EQ(*NextShares(std::vector<int>{3334, 3333, 3333}, {0, 0, 1}, limits), (std::vector<int>{1000, 100, 8900}));
  EXPECT_EQ(*NextShares(std::vector<int>{3334, 3333, 3333}, {1, 0, 0}, limits), (std::vector<int>{9800, 100, 100}));
}

TEST(NextSharesTest, ADefaultBelowItsFloorIsLiftedAtOnce) {
  EXPECT_EQ(*NextShares(std::vector<int>{0, 10000}, {0, 1}, {.default_floor = 3000, .greatest_move = 100}),
            (std::vector<int>{3000, 7000}));
}

TEST(NextSharesTest, WhatAreNoSharesIsRefused) {
  const std::vector<int> even{5000, 5000};
  EXPECT_FALSE(NextShares(even, {0.5, 0.6}, {}).ok());
  EXPECT_FALSE(NextShares(even, {1.5, -0.5}, {}).ok());
  EXPECT_FALSE(NextShares(std::vector<int>{10000}, {0.5, 0.5}, {}).ok());
  EXPECT_FALSE(NextShares(std::vector<int>{5000, 4999}, {0.5, 0.5}, {}).ok());
  EXPECT_FALSE(NextShares(even, {0.5, 0.5}, {.default_arm = 2}).ok());
  EXPECT_FALSE(NextShares(even, {0.5, 0.5}, {.default_floor = 9000, .other_floor = 1001}).ok());
}

// --- What a bandit is for.

struct Played {
  double regret = 0;  // A call, against the best arm from the start.
  double last_share = 0;
};

// Rounds of 500 calls; arm 0 is the default.
template <typename Policy>
Played Play(unsigned seed, const std::vector<double>& rates, Policy policy) {
  std::mt19937_64 rng(seed);
  std::vector<PropensityWeighted> known(rates.size());
  std::vector<int> shares(rates.size(), 10000 / static_cast<int>(rates.size()));
  shares[0] = 10000 - shares[1] * static_cast<int>(rates.size() - 1);
  const double best = *std::max_element(rates.begin(), rates.end());
  Played played;
  constexpr int kRounds = 60, kCalls = 500;
  for (int round = 0; round < kRounds; ++round) {
    for (int call = 0; call < kCalls; ++call) {
      const size_t arm = std::discrete_distribution<size_t>(shares.begin(), shares.end())(rng);
      const bool success = std::bernoulli_distribution(rates[arm])(rng);
      known[arm].Add(static_cast<uint8_t>(rng()), success, shares[arm] / 10000.0);
      played.regret += (best - rates[arm]) / (kRounds * kCalls);
    }
    std::vector<ArmEstimate> arms;
    for (const PropensityWeighted& arm : known) arms.push_back(arm.Estimate());
    shares =
        NextShares(shares, policy(arms), {.default_floor = 500, .other_floor = 100, .greatest_move = 1000}).value();
  }
  played.last_share = shares.back() / 10000.0;
  return played;
}

TEST(BanditTest, EveryPolicyFindsTheBetterArmAndLosesLessThanEvenShares) {
  const std::vector<double> rates = {0.10, 0.06, 0.16};
  const double even = (0.06 + 0.10 + 0) / 3;
  const auto thompson = [](const std::vector<ArmEstimate>& arms) { return ThompsonShares(arms, true); };
  const auto greedy = [](const std::vector<ArmEstimate>& arms) { return EpsilonGreedyShares(arms, 0.1); };
  const auto ucb1 = [](const std::vector<ArmEstimate>& arms) { return Ucb1Shares(arms); };
  for (unsigned seed = 0; seed < 10; ++seed) {
    const Played by_thompson = Play(seed, rates, thompson), by_greed = Play(seed, rates, greedy);
    EXPECT_NEAR(by_thompson.last_share, 0.94, 0.005) << "seed " << seed;
    EXPECT_LT(by_thompson.regret, even / 3) << "seed " << seed;
    EXPECT_NEAR(by_greed.last_share, 0.9, 0.04) << "seed " << seed;
    EXPECT_LT(by_greed.regret, even / 2) << "seed " << seed;
    // It explores for long: its bonus is as large as the difference of these arms until they have thousands of calls.
    EXPECT_LT(Play(seed, rates, ucb1).regret, even) << "seed " << seed;
  }
}

}  // namespace
}  // namespace weir::stats
