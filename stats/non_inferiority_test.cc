#include "stats/non_inferiority.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

using Cohort = ErrorRatioGrid::Cohort;

TEST(NonInferiorityTest, TheTermIsTheTextbooksLikelihoodRatioOfTheMirroredGrid) {
  const double rho = 0.3, r = 1.2;
  const GridLog term =
      NonInferiorityGrid(r).Term({.baseline_calls = 70, .candidate_calls = 30, .candidate_errors = 2, .errors = 11});
  const auto theta = [&](double l) { return rho * l / (rho * l + 1 - rho); };
  for (size_t j = 0; j < term.size(); ++j) {
    const double l = r / kErrorGrid[j];
    EXPECT_NEAR(term[j], 2 * std::log(theta(l) / theta(r)) + 9 * std::log((1 - theta(l)) / (1 - theta(r))), 1e-12);
  }
}

TEST(NonInferiorityTest, AnExchangedCohortIsTheSame) {
  const NonInferiorityGrid grid(1.1);
  EXPECT_EQ(grid.Term({.baseline_calls = 70, .candidate_calls = 30, .candidate_errors = 2, .errors = 11}),
            grid.MirroredTerm({.baseline_calls = 30, .candidate_calls = 70, .candidate_errors = 9, .errors = 11}));
}

// Exhausts the outcomes of four errors: at the margin the mean of E is exactly 1, beyond it at most 1.
TEST(NonInferiorityTest, TheMeanOfEIsAtMostOneForEveryRatioFromTheMarginUpwards) {
  const double rho = 0.2, margin = 1.1;
  for (const double true_ratio : {1.1, 1.5, 4.0}) {
    const double theta = rho * true_ratio / (rho * true_ratio + 1 - rho);
    double mean = 0;
    for (int k = 0; k <= 4; ++k) {
      const double ways = k == 0 || k == 4 ? 1 : k == 2 ? 6 : 4;
      const GridLog term = NonInferiorityGrid(margin).Term(
          {.baseline_calls = 80, .candidate_calls = 20, .candidate_errors = k, .errors = 4});
      mean += ways * std::pow(theta, k) * std::pow(1 - theta, 4 - k) * std::exp(LogMixture(term, 1));
    }
    EXPECT_LE(mean, 1 + 1e-12) << true_ratio;
    if (true_ratio == margin) {
      EXPECT_NEAR(mean, 1, 1e-12);
    }
  }
}

TEST(NonInferiorityTest, FewerErrorsOfTheCandidateAndWiderMarginsNeverLowerTheEvidence) {
  const auto log_e = [](double margin, int64_t candidate_errors) {
    return LogMixture(NonInferiorityGrid(margin).Term({.baseline_calls = 1000,
                                                       .candidate_calls = 1000,
                                                       .candidate_errors = candidate_errors,
                                                       .errors = 50 + candidate_errors}),
                      1);
  };
  for (int64_t k = 1; k < 50; ++k) EXPECT_GE(log_e(1.1, k - 1), log_e(1.1, k)) << k;
  for (double margin = 1.05; margin < 3; margin += 0.1) EXPECT_GE(log_e(margin + 0.1, 50), log_e(margin, 50)) << margin;
}

TEST(NonInferiorityTest, CohortsAddUpAndOneOfASingleVariantSaysNothing) {
  const NonInferiorityGrid grid(1.2);
  GridLog sum = grid.Term({.baseline_calls = 10, .candidate_calls = 20, .candidate_errors = 1, .errors = 3});
  const GridLog before = sum;
  AddTo(sum, grid.Term({.baseline_calls = 0, .candidate_calls = 9, .candidate_errors = 9, .errors = 9}));
  EXPECT_EQ(sum, before);
}

TEST(TailNonInferiorityTest, TheMarginIsRoundedDownToABucket) {
  EXPECT_EQ(MarginBuckets(1), 0);
  EXPECT_EQ(MarginBuckets(1.5), 40);
  EXPECT_EQ(MarginBuckets(2.25), 80);
  EXPECT_EQ(MarginBuckets(1.2), 17);
}

TailCounts Latencies(double median_ms, int calls, std::mt19937_64& rng) {
  std::normal_distribution<double> noise;
  TailCounts tail{.calls = calls, .from = {}};
  for (int i = 0; i < calls; ++i)
    ++tail.from[static_cast<size_t>(
        LatencyHistogram::BucketOf(absl::Milliseconds(median_ms * std::exp(0.5 * noise(rng)))))];
  for (int b = LatencyHistogram::kBuckets - 2; b >= 0; --b) tail.from[b] += tail.from[b + 1];
  return tail;
}

TEST(TailNonInferiorityTest, EqualTailsAreWithinAMarginOfAHalfAndSlowerOnesAreNot) {
  std::mt19937_64 rng(1);
  const TailMixture mixture(0.99);
  const TailCounts a = Latencies(20, 30'000, rng), same = Latencies(20, 30'000, rng), slow = Latencies(40, 30'000, rng);
  EXPECT_GT(LogTailNonInferior(mixture, 1.5, same, a, 1), std::log(1000.0));
  EXPECT_LT(LogTailNonInferior(mixture, 1.5, slow, a, 1), 0);
  EXPECT_LT(LogTailNonInferior(mixture, 1.5, TailCounts{}, TailCounts{}, 1), 1e-9);
}

TEST(TailNonInferiorityTest, ACandidateAtTheMarginIsProvedWithinItWithProbabilityAlphaAtMost) {
  const TailMixture mixture(0.95);
  int false_proofs = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    std::mt19937_64 rng(seed);
    TailCounts candidate{}, baseline{};
    bool proved = false;
    for (int look = 0; look < 20; ++look) {
      const TailCounts more_candidate = Latencies(30, 200, rng), more_baseline = Latencies(20, 200, rng);
      for (auto [sum, more] : {std::pair(&candidate, &more_candidate), std::pair(&baseline, &more_baseline)}) {
        sum->calls += more->calls;
        for (size_t b = 0; b < sum->from.size(); ++b) sum->from[b] += more->from[b];
      }
      proved |= LogTailNonInferior(mixture, 1.5, candidate, baseline, 1) >= std::log(20.0);
    }
    false_proofs += proved;
  }
  EXPECT_LE(false_proofs, 12);  // Of a binomial(100, 0.05), more have a probability of 0.0015.
}

TEST(TailNonInferiorityTest, LatenciesBelowTheFirstAndBeyondTheLastEdgeProveNothing) {
  std::mt19937_64 rng(2);
  const TailMixture mixture(0.99);
  const TailCounts fast = Latencies(0.001, 20'000, rng), stuck = Latencies(1e6, 20'000, rng);
  EXPECT_LT(LogTailNonInferior(mixture, 1.5, fast, fast, 1), 0);
  EXPECT_LT(LogTailNonInferior(mixture, 1.5, stuck, stuck, 1), 0);
}

}  // namespace
}  // namespace weir::stats
