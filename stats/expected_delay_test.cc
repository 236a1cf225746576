#include "stats/expected_delay.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"
#include "stats/error_evidence.h"
#include "stats/outcomes.h"
#include "stats/tail_evidence.h"

namespace weir::stats {
namespace {

double ErrorDelay(double share, double max_ratio, double candidate_error, double design_effect = 1) {
  return ExpectedDelayOfErrorRatio({.baseline_error = 0.01,
                                    .candidate_error = candidate_error,
                                    .share = share,
                                    .max_ratio = max_ratio,
                                    .alpha = 0.001},
                                   design_effect);
}

double TailDelay(double share, double slowdown, double design_effect = 1) {
  return ExpectedDelayOfTailRatio({.slowdown = slowdown, .max_ratio = 1.5, .share = share, .alpha = 0.001},
                                  design_effect);
}

struct MeasuredDelay {
  double share, max_ratio, change, candidate_requests;
};

TEST(ExpectedDelayTest, OfErrorsIsThatOfTheDesignsMeasuredTable) {
  for (const MeasuredDelay& m : {MeasuredDelay{0.5, 1, 0.05, 553},
                                 {0.1, 1, 0.05, 261},
                                 {0.01, 1, 0.05, 218},
                                 {0.5, 1, 0.2, 79},
                                 {0.5, 2, 0.05, 1858},
                                 {0.1, 2, 0.05, 669},
                                 {0.01, 2, 0.05, 536},
                                 {0.5, 2, 0.2, 153},
                                 {0.1, 2, 0.2, 48},
                                 {0.01, 2, 0.2, 34}}) {
    EXPECT_NEAR(ErrorDelay(m.share, m.max_ratio, m.change) / m.candidate_requests, 1, 0.06) << m.candidate_requests;
  }
  for (const MeasuredDelay& m : {MeasuredDelay{0.1, 1, 0.2, 31}, {0.01, 1, 0.2, 25}}) {
    EXPECT_NEAR(ErrorDelay(m.share, m.max_ratio, m.change) / m.candidate_requests, 1, 0.15) << m.candidate_requests;
  }
}

TEST(ExpectedDelayTest, OfTailsIsThatOfTheDesignsMeasuredTable) {
  EXPECT_NEAR(TailDelay(0.5, 2) / 3182, 1, 0.08);
  EXPECT_NEAR(TailDelay(0.5, 3) / 985, 1, 0.08);
  EXPECT_NEAR(TailDelay(0.1, 2) / 865, 1, 0.08);
  EXPECT_NEAR(TailDelay(0.1, 3) / 143, 1, 0.16);
}

TEST(ExpectedDelayTest, NothingIsFasterThanWaldsBound) {
  for (const double share : {0.01, 0.1, 0.5, 0.9}) {
    for (const double rise : {1.5, 2.0, 3.0, 10.0}) {
      const ErrorRatioChange change{
          .baseline_error = 0.01, .candidate_error = 0.01 * rise, .share = share, .max_ratio = 1.2, .alpha = 0.001};
      EXPECT_GT(ExpectedDelayOfErrorRatio(change, 1), LeastDelayOfErrorRatio(change).candidate_requests);
      const TailRatioChange slower{.slowdown = rise, .max_ratio = 1.2, .share = share, .alpha = 0.001};
      EXPECT_GT(ExpectedDelayOfTailRatio(slower, 1), LeastDelayOfTailRatio(slower));
    }
  }
}

TEST(ExpectedDelayTest, OfAnErrorCeilingIsTheMeanOfWalks) {
  constexpr double kMax = 0.02, kError = 0.06, kAlpha = 1e-3;
  constexpr int kWalks = 2000;
  std::mt19937_64 rng(5);
  std::bernoulli_distribution fails(kError);
  double sum = 0;
  for (int walk = 0; walk < kWalks; ++walk) {
    GridLog grid{};
    int calls = 0;
    while (LogMixture(grid, 1) < std::log(1 / kAlpha)) AddTo(grid, CeilingGrid(kMax, fails(rng), 1)), ++calls;
    sum += calls;
  }
  EXPECT_NEAR(ExpectedDelayOfErrorCeiling(kMax, kError, kAlpha, 1) / (sum / kWalks), 1, 0.06);
}

TEST(ExpectedDelayTest, OfATailCeilingIsTheMeanOfWalks) {
  constexpr double kSlow = 0.08, kAlpha = 1e-3;
  constexpr int kWalks = 1000;
  const TailMixture mixture(0.99);
  std::mt19937_64 rng(6);
  std::bernoulli_distribution is_slow(kSlow);
  double sum = 0;
  for (int walk = 0; walk < kWalks; ++walk) {
    int slow = 0, calls = 0;
    while (mixture.LogAbove(slow, calls) < std::log(1 / kAlpha)) slow += is_slow(rng), ++calls;
    sum += calls;
  }
  EXPECT_NEAR(ExpectedDelayOfTailCeiling(0.99, kSlow, kAlpha, 1) / (sum / kWalks), 1, 0.15);
}

TEST(ExpectedDelayTest, OfAMeanIsWhereTheSequenceLeavesItsBound) {
  const double n = ExpectedDelayOfMeanBound(0.2, 1, 0.001, 0.001);
  EXPECT_NEAR(LogMeanExcess(0.2, 1 / std::sqrt(n), n, 0.001), std::log(1000), 1e-4);
  EXPECT_GT(n, LeastOutcomesOfMeanBound(0.2, 1, 0.001));
}

TEST(ExpectedDelayTest, ALargerChangeIsSeenSoonerAndADesignEffectDelays) {
  EXPECT_LT(ErrorDelay(0.1, 1.2, 0.1), ErrorDelay(0.1, 1.2, 0.05));
  EXPECT_LT(TailDelay(0.1, 4), TailDelay(0.1, 3));
  EXPECT_NEAR(ErrorDelay(0.1, 1.2, 0.05, 2) / ErrorDelay(0.1, 1.2, 0.05), 2, 1e-4);
  EXPECT_NEAR(TailDelay(0.1, 3, 2) / TailDelay(0.1, 3), 2, 1e-4);
}

TEST(ExpectedDelayTest, WhatTheTestAllowsIsNeverSeen) {
  EXPECT_TRUE(std::isinf(ErrorDelay(0.1, 2, 0.02)));
  // Its nearest alternative is 1.15 r: a doubling is beyond it from r = 1.86 on, though Wald's bound is finite.
  EXPECT_TRUE(std::isinf(ErrorDelay(0.1, 1.9, 0.02)));
  EXPECT_FALSE(std::isinf(ErrorDelay(0.1, 1.8, 0.02)));
  EXPECT_TRUE(std::isinf(TailDelay(0.5, 1.5)));
  // Rounded up to a bucket, and one more to tell.
  EXPECT_TRUE(std::isinf(TailDelay(0.5, 1.51)));
  EXPECT_FALSE(std::isinf(TailDelay(0.5, 1.6)));
  EXPECT_TRUE(std::isinf(ExpectedDelayOfErrorCeiling(0.05, 0.05, 0.001, 1)));
  EXPECT_TRUE(std::isinf(ExpectedDelayOfTailCeiling(0.99, 0.01, 0.001, 1)));
  EXPECT_TRUE(std::isinf(ExpectedDelayOfMeanBound(-0.1, 1, 0.001, 0.001)));
}

}  // namespace
}  // namespace weir::stats
