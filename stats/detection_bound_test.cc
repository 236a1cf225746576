#include "stats/detection_bound.h"

#include <cmath>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

double CandidateRequests(double share, double max_ratio, double candidate_error) {
  return LeastDelayOfErrorRatio({.baseline_error = 0.01,
                                 .candidate_error = candidate_error,
                                 .share = share,
                                 .max_ratio = max_ratio,
                                 .alpha = 0.001})
      .candidate_requests;
}

TEST(DetectionBoundTest, CandidateRequestsAreThoseOfTheDesignsTable) {
  EXPECT_NEAR(CandidateRequests(0.5, 1, 0.05), 475, 0.5);
  EXPECT_NEAR(CandidateRequests(0.1, 1, 0.05), 207, 0.5);
  EXPECT_NEAR(CandidateRequests(0.01, 1, 0.05), 174, 0.5);
  EXPECT_NEAR(CandidateRequests(0.5, 1, 0.2), 66, 0.5);
  EXPECT_NEAR(CandidateRequests(0.1, 1, 0.2), 24, 0.5);
  EXPECT_NEAR(CandidateRequests(0.01, 1, 0.2), 18, 0.5);
  EXPECT_NEAR(CandidateRequests(0.5, 2, 0.05), 1635, 0.5);
  EXPECT_NEAR(CandidateRequests(0.1, 2, 0.05), 573, 0.5);
  EXPECT_NEAR(CandidateRequests(0.01, 2, 0.05), 449, 0.5);
  EXPECT_NEAR(CandidateRequests(0.5, 2, 0.2), 133, 0.5);
  EXPECT_NEAR(CandidateRequests(0.1, 2, 0.2), 38.5, 0.5);
  EXPECT_NEAR(CandidateRequests(0.01, 2, 0.2), 26, 0.5);
}

TEST(DetectionBoundTest, TheBinomialBoundIsTheReferenceCases) {
  EXPECT_NEAR(DetectionBound(0.01, 0.05, 0.001), 167.3, 0.05);
}

double TailRequests(double share, double slowdown) {
  return LeastDelayOfTailRatio({.slowdown = slowdown, .max_ratio = 1.5, .share = share, .alpha = 0.001});
}

TEST(DetectionBoundTest, ASlowTailsRequestsAreThoseOfTheDesignsTable) {
  EXPECT_NEAR(TailRequests(0.5, 2), 1570, 1);
  EXPECT_NEAR(TailRequests(0.5, 3), 731, 1);
  EXPECT_NEAR(TailRequests(0.1, 2), 394, 1);
  EXPECT_NEAR(TailRequests(0.1, 3), 84, 1);
}

TEST(DetectionBoundTest, NothingDetectsASlowDownThatTheGuardrailAllows) {
  EXPECT_TRUE(std::isinf(TailRequests(0.5, 1.5)));
  EXPECT_TRUE(std::isinf(TailRequests(0.5, 1.2)));
}

TEST(DetectionBoundTest, AKnownBaselineLeavesATailTheRequestsOfACeiling) {
  const double slow = 1 - 0.99;
  // With hardly a candidate call among thousands of the baseline's, its quantile is as good as known.
  const double p = 0.5 * std::erfc((2.3263478740408408 - std::log(2 / 1.5) / 0.5) / std::sqrt(2));
  EXPECT_NEAR(TailRequests(1e-6, 2), LeastRequestsOfErrorCeiling(slow, p, 0.001), 0.5);
}

TEST(DetectionBoundTest, AMeansBoundIsWaldsOfTwoNormals) {
  EXPECT_NEAR(LeastOutcomesOfMeanBound(0.5, 2, std::exp(-1)), 2 * 16, 1e-9);
  EXPECT_TRUE(std::isinf(LeastOutcomesOfMeanBound(0, 1, 0.001)));
}

TEST(DetectionBoundTest, NothingDetectsARatioThatTheGuardrailAllows) {
  EXPECT_TRUE(std::isinf(CandidateRequests(0.5, 2, 0.02)));
  EXPECT_TRUE(std::isinf(CandidateRequests(0.5, 2, 0.01)));
  EXPECT_TRUE(std::isinf(LeastRequestsOfErrorCeiling(0.05, 0.05, 0.001)));
}

TEST(DetectionBoundTest, ACandidateThatAlwaysFailsIsFinite) {
  EXPECT_NEAR(LeastRequestsOfErrorCeiling(0.5, 1, 0.001), std::log(1000) / std::log(2), 1e-9);
}

}  // namespace
}  // namespace weir::stats
