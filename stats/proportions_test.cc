#include "stats/proportions.h"

#include <array>
#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

void ExpectNear(const Interval& interval, double lower, double upper, double error = 6e-5) {
  EXPECT_NEAR(interval.lower, lower, error);
  EXPECT_NEAR(interval.upper, upper, error);
}

TEST(ProportionsTest, IntervalsAreThoseOfNewcombesTable) {
  // Newcombe (1998), Two-sided confidence intervals for the single proportion, table I.
  ExpectNear(WilsonInterval({81, 263}, 0.05), 0.2553, 0.3662);
  ExpectNear(WilsonInterval({15, 148}, 0.05), 0.0624, 0.1605);
  ExpectNear(WilsonInterval({0, 20}, 0.05), 0, 0.1611);
  ExpectNear(WilsonInterval({1, 29}, 0.05), 0.0061, 0.1718);
  ExpectNear(ClopperPearsonInterval({81, 263}, 0.05), 0.2527, 0.3676);
  ExpectNear(ClopperPearsonInterval({15, 148}, 0.05), 0.0578, 0.1617);
  ExpectNear(ClopperPearsonInterval({0, 20}, 0.05), 0, 0.1684);
  ExpectNear(ClopperPearsonInterval({1, 29}, 0.05), 0.0009, 0.1776);
}

TEST(ProportionsTest, ADifferencesIntervalIsNewcombesTenthMethod) {
  // Newcombe (1998), Interval estimation for the difference, table II: 56/70 less 48/80.
  ExpectNear(NewcombeInterval({48, 80}, {56, 70}, 0.05), 0.0524, 0.3339);
}

TEST(ProportionsTest, SuccessesAndFailuresAreExchangeable) {
  const Interval of_successes = WilsonInterval({3, 17}, 0.1), of_failures = WilsonInterval({14, 17}, 0.1);
  ExpectNear(of_successes, 1 - of_failures.upper, 1 - of_failures.lower, 1e-14);
  const Interval exact = ClopperPearsonInterval({3, 17}, 0.1), mirrored = ClopperPearsonInterval({14, 17}, 0.1);
  ExpectNear(exact, 1 - mirrored.upper, 1 - mirrored.lower, 1e-12);
}

TEST(ProportionsTest, TheExactIntervalCoversAtLeastAsOftenAsItSays) {
  constexpr int kTrials = 25;
  for (double p = 0.02; p < 1; p += 0.02) {
    double covered = 0;
    for (int k = 0; k <= kTrials; ++k) {
      const Interval interval = ClopperPearsonInterval({static_cast<double>(k), kTrials}, 0.05);
      if (interval.lower > p || p > interval.upper) continue;
      covered += std::exp(std::lgamma(kTrials + 1) - std::lgamma(k + 1) - std::lgamma(kTrials - k + 1) +
                          k * std::log(p) + (kTrials - k) * std::log1p(-p));
    }
    EXPECT_GE(covered, 0.95) << p;
  }
}

TEST(ProportionsTest, ChiSquareOfTwoGroupsIsTheSquareOfThePooledZ) {
  const Proportion a{40, 200}, b{61, 220};
  const double pooled = 101.0 / 420;
  const double z = (b.rate() - a.rate()) / std::sqrt(pooled * (1 - pooled) * (1.0 / 200 + 1.0 / 220));
  const ProportionsTest test = TestProportions(std::array{a, b});
  EXPECT_NEAR(test.chi_square, z * z, 1e-12);
  EXPECT_NEAR(test.p_value, std::erfc(std::abs(z) / std::sqrt(2)), 1e-12);
}

TEST(ProportionsTest, RsBinomialTestOfMendelsPeas) {
  EXPECT_NEAR(BinomialPValue({682, 925}, 0.75), 0.3825, 6e-5);
  EXPECT_NEAR(BinomialPValue({7, 10}, 0.5), 0.34375, 1e-12);
  EXPECT_EQ(BinomialPValue({5, 10}, 0.5), 1);
}

TEST(ProportionsTest, TwoSidedPValuesSumTheOutcomesThatAreNoLikelier) {
  constexpr int kTrials = 12;
  const auto probability = [](int k, double p) {
    return std::exp(std::lgamma(kTrials + 1) - std::lgamma(k + 1) - std::lgamma(kTrials - k + 1) + k * std::log(p) +
                    (kTrials - k) * std::log1p(-p));
  };
  for (const double null : {0.1, 0.3, 0.5, 0.77}) {
    for (int observed = 0; observed <= kTrials; ++observed) {
      double sum = 0;
      for (int k = 0; k <= kTrials; ++k) {
        if (probability(k, null) <= probability(observed, null) * (1 + 1e-7)) sum += probability(k, null);
      }
      EXPECT_NEAR(BinomialPValue({static_cast<double>(observed), kTrials}, null), sum, 1e-10) << null << observed;
    }
  }
}

TEST(ProportionsTest, RatesThatAreInverseHaveInverseRatiosAndIntervals) {
  const std::array<double, 2> events{11, 23}, exposures{800, 1000}, swapped{23, 11}, swapped_exposures{1000, 800};
  const RateRatio there = CompareRates(events, exposures, 0.05), back = CompareRates(swapped, swapped_exposures, 0.05);
  EXPECT_NEAR(there.ratio, 11.0 / 800 / (23.0 / 1000), 1e-12);
  EXPECT_NEAR(there.p_value, back.p_value, 1e-12);
  EXPECT_NEAR(there.interval.lower, 1 / back.interval.upper, 1e-10);
}

TEST(ProportionsTest, ARateOverNoEventsIsInfinite) {
  const std::array<double, 2> events{4, 0}, exposures{10, 10};
  const RateRatio ratio = CompareRates(events, exposures, 0.05);
  EXPECT_EQ(ratio.ratio, std::numeric_limits<double>::infinity());
  EXPECT_EQ(ratio.interval.upper, std::numeric_limits<double>::infinity());
  EXPECT_NEAR(ratio.p_value, 0.125, 1e-12);  // 2 / 2^4.
}

}  // namespace
}  // namespace weir::stats
