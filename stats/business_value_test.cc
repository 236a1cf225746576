#include "stats/business_value.h"

#include <random>

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

// Sums over 256 buckets of `calls` calls each, with the means that `performance` says.
BusinessSums Traffic(const ModelPerformance& performance, int calls, uint64_t seed) {
  std::mt19937_64 rng(seed);
  const auto bernoulli = [&](double percent) { return static_cast<double>(rng() % 100'000) < 1000 * percent; };
  BusinessSums sums;
  for (int b = 0; b < kUserBuckets; ++b) {
    for (int i = 0; i < calls; ++i) {
      sums.accuracy[b].sum += bernoulli(performance.accuracy_percent);
      sums.latency_ms[b].sum += performance.latency_ms * (0.5 + static_cast<double>(rng() % 1000) / 1000);
      sums.errors[b].sum += bernoulli(performance.error_percent);
    }
    sums.accuracy[b].n = sums.latency_ms[b].n = sums.errors[b].n = calls;
  }
  return sums;
}

constexpr BusinessWeights kWeights{
    .revenue_per_accuracy_point = 0.5, .cost_per_millisecond = 0.1, .risk_per_error_point = 10};
constexpr ModelPerformance kBefore{.accuracy_percent = 78.5, .latency_ms = 45, .error_percent = 1.2};
constexpr ModelPerformance kAfter{.accuracy_percent = 82.1, .latency_ms = 62, .error_percent = 0.8};

TEST(BusinessValueTest, TheDecisionGoesByTheIntervalAndNotByThePoint) {
  const auto little = EstimateBusinessValue(kWeights, Traffic(kBefore, 20, 1), Traffic(kAfter, 20, 2), 0.05, false);
  const auto much = EstimateBusinessValue(kWeights, Traffic(kBefore, 1500, 3), Traffic(kAfter, 1500, 4), 0.05, false);
  ASSERT_TRUE(little.has_value() && much.has_value());
  EXPECT_NE(little->label, "STRONG_RECOMMEND") << little->interval.lower;
  EXPECT_EQ(much->label, "STRONG_RECOMMEND") << much->interval.lower;
  EXPECT_NEAR(much->net.estimate, 4.1, 4 * much->net.standard_error);
  EXPECT_EQ(much->point_label, "STRONG_RECOMMEND");
}

TEST(BusinessValueTest, AnIntervalOnBothSidesOfALineGoesOnTesting) {
  EXPECT_EQ(DecisionLabel(Interval{0.4, 9}, false), "CONTINUE_TESTING");
  EXPECT_EQ(DecisionLabel(Interval{0.6, 9}, false), "RECOMMEND");
  EXPECT_EQ(DecisionLabel(Interval{2.1, 9}, false), "STRONG_RECOMMEND");
  EXPECT_EQ(DecisionLabel(Interval{-9, -0.4}, false), "CONTINUE_TESTING");
  EXPECT_EQ(DecisionLabel(Interval{-9, -0.6}, false), "REJECT");
  EXPECT_EQ(DecisionLabel(std::nullopt, false), "CONTINUE_TESTING");
}

TEST(BusinessValueTest, AHardBreachRejectsWhateverTheValue) {
  EXPECT_EQ(DecisionLabel(Interval{5, 9}, true), "REJECT");
  EXPECT_EQ(DecisionLabel(std::nullopt, true), "REJECT");
}

TEST(BusinessValueTest, SwappingTheModelsTurnsTheSign) {
  const BusinessSums a = Traffic(kBefore, 30, 5), b = Traffic(kAfter, 30, 6);
  const auto forth = EstimateBusinessValue(kWeights, a, b, 0.05, false);
  const auto back = EstimateBusinessValue(kWeights, b, a, 0.05, false);
  EXPECT_NEAR(forth->net.estimate, -back->net.estimate, 1e-10);
  EXPECT_NEAR(forth->interval.lower, -back->interval.upper, 1e-10);
}

TEST(BusinessValueTest, AQuantityWithoutAWeightNeedsNoValues) {
  BusinessSums a = Traffic(kBefore, 30, 5), b = Traffic(kAfter, 30, 6);
  a.accuracy = b.accuracy = BucketSums{};
  EXPECT_FALSE(EstimateBusinessValue(kWeights, a, b, 0.05, false).has_value());
  EXPECT_TRUE(EstimateBusinessValue({.cost_per_millisecond = 0.1}, a, b, 0.05, false).has_value());
}

}  // namespace
}  // namespace weir::stats
