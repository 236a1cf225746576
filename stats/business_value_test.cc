#include "stats/business_value.h"

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

TEST(BusinessValueTest, IsRevenueMinusCostPlusRiskAsInTheReferenceCase) {
  const BusinessWeights weights{
      .revenue_per_accuracy_point = 0.5, .cost_per_millisecond = 0.1, .risk_per_error_point = 10};
  const ModelPerformance baseline{.accuracy_percent = 78.5, .latency_ms = 45, .error_percent = 1.2};
  const ModelPerformance candidate{.accuracy_percent = 82.1, .latency_ms = 62, .error_percent = 0.8};
  EXPECT_NEAR(NetBusinessValue(weights, baseline, candidate), 4.1, 1e-9);
  EXPECT_NEAR(NetBusinessValue(weights, candidate, baseline), -4.1, 1e-9);
}

TEST(BusinessValueTest, LabelsChangeStrictlyBeyondTheirLimits) {
  EXPECT_EQ(BusinessLabel(2.01), "STRONG_RECOMMEND");
  EXPECT_EQ(BusinessLabel(2), "RECOMMEND");
  EXPECT_EQ(BusinessLabel(0.5), "CONTINUE_TESTING");
  EXPECT_EQ(BusinessLabel(-0.5), "CONTINUE_TESTING");
  EXPECT_EQ(BusinessLabel(-0.51), "REJECT");
}

}  // namespace
}  // namespace weir::stats
