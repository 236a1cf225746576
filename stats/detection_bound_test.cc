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
