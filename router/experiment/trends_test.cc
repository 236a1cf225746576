#include "router/experiment/trends.h"

#include <random>

#include "gtest/gtest.h"

namespace weir::experiment {
namespace {

Split TwoVariants() {
  return {.variants = {{"a", config::Weight::FromHundredths(100)}, {"b", config::Weight::FromHundredths(100)}}};
}

config::Experiment With(const std::string& metric, config::TrendMethod method) {
  config::Experiment experiment;
  experiment.metrics = {{.name = "revenue", .field = "revenue", .type = config::MetricType::kMean}};
  experiment.trends = {{"t", metric, method}};
  return experiment;
}

// Traffic of one candidate: 100 calls a second.
class TrendsTest : public testing::Test {
 protected:
  void Begin(const std::string& metric, config::TrendMethod method = config::TrendMethod::kCusum) {
    specification_ = With(metric, method);
    trends_.Follow(specification_, TwoVariants());
    evidence_.BeginEpoch(1, TwoVariants());
  }
  // The alarms that came of it.
  int Run(int seconds, double errors, double slow, double revenue) {
    int alarms = 0;
    for (int second = 0; second < seconds; ++second) {
      now_ += absl::Seconds(1);
      stats::VariantCounts counts;
      for (int i = 0; i < 100; ++i) {
        const auto bucket = static_cast<uint8_t>(random_());
        const bool fails = chance_(random_) < errors;
        const bool is_slow = chance_(random_) < slow;
        counts.CountStart(stats::TickOf(now_), bucket);
        counts.CountEnd({.started = stats::TickOf(now_),
                         .user_bucket = bucket,
                         .outcome = fails ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                         .latency = absl::Milliseconds(is_slow ? 100 : 10)});
        evidence_.AddOutcome(1, "b", "revenue", bucket, revenue + chance_(random_));
      }
      evidence_.Merge(1, "b", counts);
      for (const TrendReading& reading : trends_.Look(evidence_, now_)) alarms += reading.alarms_now;
    }
    return alarms;
  }
  const TrendReading& Reading() { return trends_.Look(evidence_, now_).at(0); }

  config::Experiment specification_;
  Trends trends_;
  RunEvidence evidence_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::mt19937_64 random_{7};
  std::uniform_real_distribution<double> chance_;
};

TEST_F(TrendsTest, AChartLearnsBeforeItWarns) {
  Begin("error_rate");
  EXPECT_EQ(Run(100, 0.05, 0, 0), 0);
  EXPECT_NE(Reading().note.find("learning: "), std::string::npos);
  EXPECT_EQ(Run(100, 0.5, 0, 0), 0);
}

TEST_F(TrendsTest, ErrorsThatRiseAreTold) {
  Begin("error_rate");
  Run(330, 0.05, 0, 0);
  EXPECT_EQ(Reading().note, "");
  EXPECT_GE(Run(60, 0.15, 0, 0), 1);
  EXPECT_GE(Reading().alarms.count, 1);
  EXPECT_TRUE(Reading().alarms.last.has_value());
}

TEST_F(TrendsTest, ATailThatGrowsIsTold) {
  Begin("latency_p95", config::TrendMethod::kEwma);
  Run(400, 0, 0.02, 0);
  EXPECT_EQ(Reading().note, "");
  EXPECT_GE(Run(60, 0, 0.2, 0), 1);
}

TEST_F(TrendsTest, AnOutcomeThatFallsIsTold) {
  Begin("revenue", config::TrendMethod::kPageHinkley);
  Run(330, 0, 0, 3);
  EXPECT_GE(Run(100, 0, 0, 2.9), 1);
}

TEST_F(TrendsTest, ASingleWindowFarOffIsTold) {
  Begin("error_rate", config::TrendMethod::kThreeSigma);
  Run(330, 0.05, 0, 0);
  EXPECT_GE(Run(20, 0.3, 0, 0), 1);
}

TEST_F(TrendsTest, WhatStaysAsItIsRarelyWarns) {
  Begin("error_rate");
  Run(310, 0.05, 0, 0);
  EXPECT_LE(Run(2000, 0.05, 0, 0), 4) << "200 windows of a chart with a false alarm in 465, by an estimated reference";
}

TEST_F(TrendsTest, AChartGoesOnAfterARestart) {
  Begin("error_rate");
  Run(330, 0.05, 0, 0);
  v1::AnalysisCheckpoint checkpoint;
  trends_.Write(checkpoint);
  trends_ = Trends();
  trends_.Restore(checkpoint);
  trends_.Follow(specification_, TwoVariants());
  v1::AnalysisCheckpoint again;
  trends_.Write(again);
  EXPECT_EQ(again.SerializeAsString(), checkpoint.SerializeAsString());
  EXPECT_GE(Run(60, 0.15, 0, 0), 1) << "it did not learn the rise";
}

TEST_F(TrendsTest, ThinTrafficIsJoinedUntilItSaysSomething) {
  TrendChart chart(config::TrendMethod::kEwma, /*is_proportion=*/true);
  EXPECT_TRUE(chart.is_learning());
  for (int i = 0; i < TrendChart::kReferenceWindows; ++i) EXPECT_FALSE(chart.Add(30, 0));
  EXPECT_FALSE(chart.is_learning());
  EXPECT_FALSE(chart.Add(30, 0)) << "none were ever seen, and none is there";
}

}  // namespace
}  // namespace weir::experiment
