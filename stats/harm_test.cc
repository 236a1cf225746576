#include "stats/harm.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

ArmEstimate Proportion(double rate, double n) {
  return {.n = static_cast<int64_t>(n),
          .mean = rate,
          .standard_error = n > 0 ? std::sqrt(rate * (1 - rate) / n) : 0,
          .effective_n = n};
}
ArmEstimate Mean(double mean, double standard_deviation, double n) {
  return {.n = static_cast<int64_t>(n),
          .mean = mean,
          .standard_error = standard_deviation / std::sqrt(n),
          .effective_n = n};
}

double Bound(const HarmEvidence& candidate, const HarmEvidence& baseline,
             std::optional<OutcomeScale> metric = std::nullopt) {
  return HarmBound(candidate, baseline, {}, {}, metric, 0.05);
}

TEST(HarmBoundTest, WhileNothingIsKnownItIsAsBadAsCanBe) {
  EXPECT_EQ(Bound({}, {}), 1);
  EXPECT_GT(Bound({}, {.errors = Proportion(0.01, 1e6)}), 0.99) << "what the default fails is no excess";
  EXPECT_EQ(Bound({.errors = Proportion(0, 1e6)}, {.errors = Proportion(0, 1e6)}, OutcomeScale{}), 1);
}

TEST(HarmBoundTest, ItFallsTowardsTheTrueExcessAsCallsCome) {
  double before = 1;
  for (double n : {1e2, 1e3, 1e4, 1e5, 1e6, 1e7}) {
    const double bound = Bound({.errors = Proportion(0.03, n)}, {.errors = Proportion(0.01, n)});
    EXPECT_LT(bound, before);
    EXPECT_GT(bound, 0.02);
    before = bound;
  }
  EXPECT_NEAR(before, 0.02, 0.001);
  EXPECT_NEAR(Bound({.errors = Proportion(0.01, 1e7)}, {.errors = Proportion(0.03, 1e7)}), 0, 1e-12);
}

TEST(HarmBoundTest, ADeclineIsRelativeToTheDefaultAndKnowsWhatIsBetter) {
  const HarmEvidence good{.errors = Proportion(0.01, 1e7), .outcomes = Proportion(0.80, 1e7)};
  const HarmEvidence bad{.errors = Proportion(0.01, 1e7), .outcomes = Proportion(0.72, 1e7)};
  EXPECT_NEAR(Bound(bad, good, OutcomeScale{.is_more_better = true}), 0.1, 0.005);
  EXPECT_LT(Bound(bad, good, OutcomeScale{.is_more_better = false}), 0.005);
  EXPECT_NEAR(Bound(good, bad, OutcomeScale{.is_more_better = false}), 0.08 / 0.72, 0.005);
}

TEST(HarmBoundTest, OfMeansItNeedsThirtyAndADefaultAboveZero) {
  const OutcomeScale revenue{.is_proportion = false};
  const auto evidence = [](double mean, double n) {
    return HarmEvidence{.errors = Proportion(0.01, 1e7), .outcomes = Mean(mean, 2, n)};
  };
  EXPECT_NEAR(Bound(evidence(4.5, 1e6), evidence(5, 1e6), revenue), 0.1, 0.02);
  EXPECT_EQ(Bound(evidence(4.5, 29), evidence(5, 1e6), revenue), 1);
  EXPECT_EQ(Bound(evidence(4.5, 1e6), evidence(-1, 1e6), revenue), 1);
}

TEST(HarmBoundTest, UnequalUsersAreWorthFewerTrials) {
  HarmEvidence candidate{.errors = Proportion(0.02, 1e5)}, baseline{.errors = Proportion(0.02, 1e5)};
  const double alone = Bound(candidate, baseline);
  candidate.errors.standard_error *= 4;
  EXPECT_GT(Bound(candidate, baseline), alone * 1.5);
}

TEST(HarmBoundTest, WhatIsProvenOfLateIsBelievedAgainstALongHealthyHistory) {
  const HarmEvidence healthy{.errors = Proportion(0.01, 1e6)};
  const HarmEvidence turned{.errors = Proportion(0.20, 500)}, noisy{.errors = Proportion(0.014, 500)};
  const HarmEvidence now{.errors = Proportion(0.01, 5000)};
  const auto bound = [&](const HarmEvidence& late) {
    return HarmBound(healthy, healthy, late, now, std::nullopt, 0.05);
  };
  EXPECT_GT(bound(turned), 0.19);
  EXPECT_LT(bound(noisy), 0.002) << "which proves nothing";
  EXPECT_LT(bound({}), 0.002);
}

TEST(HarmBoundTest, LookedAtAllTheTimeItIsEverTooLowInFewerThanAlphaOfTheRuns) {
  constexpr int kRuns = 300;
  int too_low = 0;
  for (unsigned seed = 0; seed < kRuns; ++seed) {
    std::mt19937_64 rng(seed);
    std::bernoulli_distribution a(0.02), b(0.06);
    double n = 0, failed_a = 0, failed_b = 0;
    bool is_too_low = false;
    for (int look = 0; look < 200 && !is_too_low; ++look) {
      for (int i = 0; i < 10; ++i) failed_a += a(rng), failed_b += b(rng), ++n;
      is_too_low = HarmBound({.errors = Proportion(failed_b / n, n), .outcomes = {}},
                             {.errors = Proportion(failed_a / n, n), .outcomes = {}}, {}, {}, std::nullopt, 0.1) < 0.04;
    }
    too_low += is_too_low;
  }
  EXPECT_LE(too_low, 46);  // Of a binomial(300, 0.1), more have a probability of 0.002.
}

}  // namespace
}  // namespace weir::stats
