#include "stats/planning.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

constexpr double kZ = 1.959963984540054 + 0.8416212335729143;  // Of alpha 0.05, two-sided, and a power of 0.8.

TEST(PlanningTest, SizesAreThoseOfRAndStatsmodels) {
  // R's power.t.test(delta = 0.5, power = 0.8) and (n = 20, delta = 1).
  EXPECT_NEAR(SampleSizeForT({}, 0.5, 1), 63.76576, 1e-5);
  EXPECT_NEAR(PowerOfT(20, 1, 1, 0.05, 2), 0.8689528, 1e-7);
  // statsmodels' zt_ind_solve_power(effect_size=0.5, alpha=0.05, power=0.8), and the same with ratio=4.
  EXPECT_NEAR(SampleSizeForMeans({}, 0.5, 1), 62.79104, 1e-4);
  EXPECT_NEAR(TotalForMeans({}, 0.8, 0.5, 1) * 0.2, 39.2444, 1e-4);
}

TEST(PlanningTest, ATotalOfEqualGroupsIsTwiceTheSizeOfOne) {
  EXPECT_NEAR(TotalForMeans({}, 0.5, 0.3, 2), 2 * SampleSizeForMeans({}, 0.3, 2), 1e-9);
  EXPECT_NEAR(TotalForProportions({}, 0.5, 0.1, 0.12), 2 * SampleSizeForProportions({}, 0.1, 0.12), 1e-9);
}

TEST(PlanningTest, EqualGroupsNeedTheFewestInAll) {
  for (const double share : {0.01, 0.1, 0.4, 0.6, 0.99}) {
    EXPECT_GT(TotalForMeans({}, share, 1, 3), TotalForMeans({}, 0.5, 1, 3)) << share;
  }
}

TEST(PlanningTest, WhatASizeDetectsNeedsThatSize) {
  const TestPlan plan{.alpha = 0.01, .power = 0.9, .design_effect = 2.5, .comparisons = 3};
  const GroupSizes n{90'000, 10'000};
  const double difference = DetectableDifferenceOfMeans(plan, n, 4);
  EXPECT_NEAR(TotalForMeans(plan, 0.1, difference, 4), 100'000, 1e-3);
  const double higher = DetectableProportion(plan, n, 0.2, Direction::kRise);
  EXPECT_GT(higher, 0.2);
  EXPECT_NEAR(TotalForProportions(plan, 0.1, 0.2, higher), 100'000, 1e-2);
  const double lower = DetectableProportion(plan, n, 0.2, Direction::kFall);
  EXPECT_LT(lower, 0.2);
  EXPECT_NEAR(TotalForProportions(plan, 0.1, 0.2, lower), 100'000, 1e-2);
}

TEST(PlanningTest, ADetectableProportionHasThePowerThatWasAskedFor) {
  const double p2 = DetectableProportion({}, {3000, 3000}, 0.1, Direction::kRise);
  EXPECT_NEAR(PowerOfProportions(3000, 0.1, p2, 0.05, 2, NullVariance::kUnpooled), 0.8, 1e-9);
}

TEST(PlanningTest, TooFewObservationsDetectNothingBelowCertainty) {
  EXPECT_EQ(DetectableProportion({}, {4, 4}, 0.5, Direction::kRise), 1);
  EXPECT_EQ(DetectableProportion({}, {4, 4}, 0.5, Direction::kFall), 0);
}

TEST(PlanningTest, MoreObservationsDetectLess) {
  double before = 1;
  for (double n = 100; n < 1e7; n *= 2) {
    const double p2 = DetectableProportion({}, {n, n}, 0.01, Direction::kRise);
    EXPECT_LT(p2, before);
    before = p2;
  }
}

TEST(PlanningTest, ADesignEffectMultipliesAndComparisonsDivideAlpha) {
  EXPECT_NEAR(SampleSizeForMeans({.design_effect = 3}, 1, 1), 3 * SampleSizeForMeans({}, 1, 1), 1e-12);
  EXPECT_EQ(SampleSizeForMeans({.comparisons = 5}, 1, 1), SampleSizeForMeans({.alpha = 0.01}, 1, 1));
}

TEST(PlanningTest, ARatiosDeviationIsTheDeltaMethods) {
  const RatioMoments user{.numerator_mean = 0.5,
                          .numerator_deviation = 0.8,
                          .denominator_mean = 10,
                          .denominator_deviation = 6,
                          .correlation = 0.4};
  const double variance = 0.64 - 2 * 0.05 * 0.4 * 0.8 * 6 + 0.0025 * 36;
  EXPECT_NEAR(DeviationOfRatio(user), std::sqrt(variance) / 10, 1e-15);
  EXPECT_NEAR(SampleSizeForRatios({}, 0.01, user), 2 * variance / 100 * kZ * kZ / 1e-4, 1e-8);
  const double size = SampleSizeForRatios({}, 0.01, user);
  EXPECT_NEAR(DetectableDifferenceOfRatios({}, {size, size}, user), 0.01, 1e-12);
}

TEST(PlanningTest, ARatioOfUsersWhoAllCallOnceIsAMean) {
  const RatioMoments user{.numerator_mean = 0.3, .numerator_deviation = 0.45};
  EXPECT_EQ(DetectableDifferenceOfRatios({}, {500, 800}, user), DetectableDifferenceOfMeans({}, {500, 800}, 0.45));
}

TEST(PlanningTest, ARatioWhosePartsMoveTogetherHasNoSpread) {
  const RatioMoments user{.numerator_mean = 1,
                          .numerator_deviation = 2,
                          .denominator_mean = 4,
                          .denominator_deviation = 8,
                          .correlation = 1};
  EXPECT_NEAR(DeviationOfRatio(user), 0, 1e-7);
}

TEST(PlanningTest, ARatiosErrorIsThatWhichUsersShow) {
  // Users of unequal traffic and unequal error rates, in many samples: how far their ratio strays.
  constexpr int kUsers = 2000, kSamples = 400;
  std::mt19937_64 rng(8);
  std::lognormal_distribution<double> rate_of_calls(1.5, 0.6), error_factor(-0.125, 0.5);
  double sum = 0, squares = 0, variances = 0;
  for (int sample = 0; sample < kSamples; ++sample) {
    double n = 0, nn = 0, y = 0, yy = 0, ny = 0;
    for (int user = 0; user < kUsers; ++user) {
      const int calls = 1 + std::poisson_distribution<int>(rate_of_calls(rng))(rng);
      const int errors = std::binomial_distribution<int>(calls, std::min(1.0, 0.1 * error_factor(rng)))(rng);
      n += calls, nn += calls * calls, y += errors, yy += errors * errors, ny += calls * errors;
    }
    const double ratio = y / n;
    sum += ratio, squares += ratio * ratio;
    const double mean_n = n / kUsers, mean_y = y / kUsers;
    const double deviation_n = std::sqrt(nn / kUsers - mean_n * mean_n),
                 deviation_y = std::sqrt(yy / kUsers - mean_y * mean_y);
    const double deviation =
        DeviationOfRatio({.numerator_mean = mean_y,
                          .numerator_deviation = deviation_y,
                          .denominator_mean = mean_n,
                          .denominator_deviation = deviation_n,
                          .correlation = (ny / kUsers - mean_n * mean_y) / deviation_n / deviation_y});
    variances += deviation * deviation / kUsers;
  }
  const double shown = squares / kSamples - sum / kSamples * sum / kSamples;
  EXPECT_NEAR(variances / kSamples / shown, 1, 4 * std::sqrt(2.0 / kSamples));
}

TEST(PlanningTest, UsersWhoseCallsAreAlikeCostKishsDesignEffect) {
  EXPECT_EQ(DesignEffectOfUsers(1, 0.3), 1);
  EXPECT_EQ(DesignEffectOfUsers(0.2, 0.3), 1);
  EXPECT_NEAR(DesignEffectOfUsers(11, 0.3), 4, 1e-15);
  EXPECT_EQ(DesignEffectOfUsers(11, 0), 1);
  EXPECT_EQ(DesignEffectOfUsers(11, 1), 11);  // Each user says one thing.
}

TEST(PlanningTest, CallsOfTheSameUsersSayLessAndLess) {
  constexpr double kUsers = 1000, kCorrelation = 0.05;
  for (const double independent : {500.0, 1000.0, 5000.0, 15'000.0}) {
    const double calls = CallsOfUsers(independent, kUsers, kCorrelation);
    EXPECT_NEAR(calls / DesignEffectOfUsers(calls / kUsers, kCorrelation), independent, 1e-6 * independent);
  }
  // A thousand users are worth at most a thousand divided by their correlation.
  EXPECT_TRUE(std::isinf(CallsOfUsers(kUsers / kCorrelation, kUsers, kCorrelation)));
  EXPECT_EQ(CallsOfUsers(1e9, kUsers, 0), 1e9);
}

TEST(PlanningTest, TheRarerGroupTakesLonger) {
  EXPECT_EQ(DaysNeeded(1000, 2000, 0.05), 10);
  EXPECT_LT(DaysNeeded(1000, 2000, 0.5), DaysNeeded(1000, 2000, 0.05));
}

}  // namespace
}  // namespace weir::stats
