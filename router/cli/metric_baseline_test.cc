#include "router/cli/metric_baseline.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;

config::Experiment TwoMetrics() {
  config::Experiment experiment;
  experiment.name = "income";
  experiment.metrics = {{.name = "accuracy", .field = "correct"},
                        {.name = "revenue", .field = "revenue", .type = config::MetricType::kMean}};
  return experiment;
}

TEST(MetricBaselineTest, EveryMetricHasOneAndSaysWhetherItWasGiven) {
  const MetricBaselines assumed = *BaselinesOf(TwoMetrics(), {});
  EXPECT_EQ(ToString(assumed.at("accuracy")), "90 %");
  EXPECT_EQ(ToString(assumed.at("revenue")), "1 (deviation 1)");
  EXPECT_FALSE(assumed.at("accuracy").is_given);
  const MetricBaselines given = *BaselinesOf(TwoMetrics(), {"accuracy=93%", "revenue=3.2/5"});
  EXPECT_NEAR(given.at("accuracy").mean, 0.93, 1e-15);
  EXPECT_NEAR(given.at("accuracy").deviation * given.at("accuracy").deviation, 0.93 * 0.07, 1e-15);
  EXPECT_EQ(given.at("revenue").mean, 3.2);
  EXPECT_EQ(given.at("revenue").deviation, 5);
  EXPECT_TRUE(given.at("revenue").is_given);
}

TEST(MetricBaselineTest, WhatDoesNotFitItsMetricIsRefusedByName) {
  for (const auto& [wrong, why] : {std::pair{"cost=1", "income has no metric cost; it has accuracy, revenue"},
                                   {"accuracy", "must be METRIC=RATE or METRIC=MEAN/DEVIATION"},
                                   {"accuracy=3/5", "accuracy is a proportion"},
                                   {"accuracy=1", "accuracy is a proportion"},
                                   {"revenue=3", "must be MEAN/DEVIATION"},
                                   {"revenue=3/0", "must be MEAN/DEVIATION"},
                                   {"revenue=inf/1", "must be MEAN/DEVIATION"}}) {
    const auto baselines = BaselinesOf(TwoMetrics(), {wrong});
    ASSERT_FALSE(baselines.ok()) << wrong;
    EXPECT_THAT(std::string(baselines.status().message()), HasSubstr(why));
    EXPECT_THAT(std::string(baselines.status().message()), HasSubstr(std::string("--baseline ") + wrong));
  }
}

}  // namespace
}  // namespace weir::cli
