#include "stats/error_evidence.h"

#include <cmath>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

double LogE(double ratio, ErrorRatioGrid::Cohort cohort) { return LogMixture(ErrorRatioGrid(ratio).Term(cohort), 1); }

TEST(ErrorEvidenceTest, TheMixtureIsThatOfTheReferenceCases) {
  EXPECT_NEAR(LogE(2, {.baseline_calls = 500, .candidate_calls = 500, .candidate_errors = 10, .errors = 12}),
              0.40127356, 1e-7);
  EXPECT_NEAR(LogE(1, {.baseline_calls = 900, .candidate_calls = 100, .candidate_errors = 9, .errors = 30}), 3.40100005,
              1e-7);
}

TEST(ErrorEvidenceTest, ACohortOfOneVariantAloneAddsNothing) {
  EXPECT_EQ(LogE(1, {.baseline_calls = 0, .candidate_calls = 50, .candidate_errors = 50, .errors = 50}), 0);
  EXPECT_EQ(LogE(1, {.baseline_calls = 50, .candidate_calls = 0, .candidate_errors = 0, .errors = 50}), 0);
}

TEST(ErrorEvidenceTest, TheTermIsTheTextbooksLikelihoodRatio) {
  const double rho = 0.3, r = 1.2;
  const GridLog term =
      ErrorRatioGrid(r).Term({.baseline_calls = 70, .candidate_calls = 30, .candidate_errors = 7, .errors = 11});
  const auto theta = [&](double l) { return rho * l / (rho * l + 1 - rho); };
  for (size_t j = 0; j < term.size(); ++j) {
    const double l = r * kErrorGrid[j];
    const double direct = 7 * std::log(theta(l) / theta(r)) + 4 * std::log((1 - theta(l)) / (1 - theta(r)));
    EXPECT_NEAR(term[j], direct, 1e-12);
  }
}

// Exhausts the outcomes of four errors: under the null's own boundary the mean of E is exactly 1, below it at most 1.
TEST(ErrorEvidenceTest, TheMeanOfEUnderTheNullIsAtMostOne) {
  const double rho = 0.2, max_ratio = 1.5;
  for (const double true_ratio : {0.5, 1.0, 1.5}) {
    const double theta = rho * true_ratio / (rho * true_ratio + 1 - rho);
    double mean = 0;
    for (int k = 0; k <= 4; ++k) {
      const double ways = k == 0 || k == 4 ? 1 : k == 2 ? 6 : 4;
      const double probability = ways * std::pow(theta, k) * std::pow(1 - theta, 4 - k);
      mean +=
          probability *
          std::exp(LogE(max_ratio, {.baseline_calls = 80, .candidate_calls = 20, .candidate_errors = k, .errors = 4}));
    }
    EXPECT_LE(mean, 1 + 1e-12) << true_ratio;
    if (true_ratio == max_ratio) {
      EXPECT_NEAR(mean, 1, 1e-12);
    }
  }
}

TEST(ErrorEvidenceTest, TheMeanOfTheCeilingsEUnderTheNullIsAtMostOne) {
  for (const double p : {0.01, 0.05}) {
    double mean = 0;
    for (int k = 0; k <= 2; ++k) {
      const double probability = (k == 1 ? 2 : 1) * std::pow(p, k) * std::pow(1 - p, 2 - k);
      mean += probability * std::exp(LogMixture(CeilingGrid(0.05, k, 2), 1));
    }
    EXPECT_LE(mean, 1 + 1e-12) << p;
  }
}

TEST(ErrorEvidenceTest, TheDesignEffectDividesEachPointOfTheGrid) {
  GridLog grid{};
  grid.fill(6);
  EXPECT_NEAR(LogMixture(grid, 2), 3, 1e-12);
}

TEST(ErrorEvidenceTest, HugeEvidenceNeitherOverflowsNorUnderflows) {
  EXPECT_TRUE(std::isfinite(LogE(1, {.baseline_calls = 1'000'000,
                                     .candidate_calls = 1'000'000,
                                     .candidate_errors = 1'000'000,
                                     .errors = 1'000'001})));
  EXPECT_LT(LogMixture(CeilingGrid(0.5, 0, 1e7), 1), -1e5);
}

}  // namespace
}  // namespace weir::stats
