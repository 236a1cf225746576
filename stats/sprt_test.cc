#include "stats/sprt.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

TEST(SprtTest, WaldsOwnExampleOfInspection) {
  // Wald (1947), section 5.3: p0 = 0.1, p1 = 0.3, alpha = 0.02, beta = 0.03.
  const SprtLines lines = BinomialLines(WaldBounds(0.02, 0.03), 0.1, 0.3);
  EXPECT_NEAR(lines.slope, 0.186, 5e-4);
  EXPECT_NEAR(lines.reject_intercept, 2.875, 1e-3);
  EXPECT_NEAR(lines.accept_intercept, -2.583, 1e-3);
}

TEST(SprtTest, EqualErrorsHaveOppositeBounds) {
  const SprtBounds bounds = WaldBounds(0.05, 0.05);
  EXPECT_NEAR(bounds.log_upper, std::log(19), 1e-12);
  EXPECT_NEAR(bounds.log_lower, -bounds.log_upper, 1e-12);
}

TEST(SprtTest, TheLinesAreWhereTheLikelihoodRatioReachesItsBounds) {
  const SprtBounds bounds = WaldBounds(0.01, 0.2);
  for (const auto& [p0, p1] : {std::pair{0.1, 0.2}, {0.3, 0.05}}) {
    const SprtLines lines = BinomialLines(bounds, p0, p1);
    const auto log_ratio = [&](double successes, double n) {
      return successes * std::log(p1 / p0) + (n - successes) * std::log((1 - p1) / (1 - p0));
    };
    for (const double n : {1.0, 50.0, 1000.0}) {
      EXPECT_NEAR(log_ratio(lines.slope * n + lines.reject_intercept, n), bounds.log_upper, 1e-9);
      EXPECT_NEAR(log_ratio(lines.slope * n + lines.accept_intercept, n), bounds.log_lower, 1e-9);
    }
  }
}

TEST(SprtTest, ErrorsAreAtMostWhatWasAskedForTogether) {
  constexpr double kAlpha = 0.05, kBeta = 0.1, kP0 = 0.1, kP1 = 0.2;
  const SprtBounds bounds = WaldBounds(kAlpha, kBeta);
  constexpr int kWalks = 20'000;
  std::mt19937_64 rng(7);
  const auto rejected = [&](double p) {
    std::bernoulli_distribution succeeds(p);
    int count = 0;
    for (int walk = 0; walk < kWalks; ++walk) {
      double log_ratio = 0;
      while (log_ratio < bounds.log_upper && log_ratio > bounds.log_lower) {
        log_ratio += succeeds(rng) ? std::log(kP1 / kP0) : std::log((1 - kP1) / (1 - kP0));
      }
      count += log_ratio >= bounds.log_upper;
    }
    return static_cast<double>(count) / kWalks;
  };
  EXPECT_LE(rejected(kP0) + (1 - rejected(kP1)), kAlpha + kBeta);
}

}  // namespace
}  // namespace weir::stats
