#include "router/experiment/detectors.h"

#include <random>

#include "gtest/gtest.h"

namespace weir::experiment {
namespace {

Split TwoVariants() {
  return {.variants = {{"a", config::Weight::FromHundredths(100)}, {"b", config::Weight::FromHundredths(100)}}};
}

class DetectorsTest : public testing::Test {
 protected:
  void SetUp() override {
    detectors_.Follow(guardrails_, TwoVariants());
    evidence_.BeginEpoch(1, TwoVariants());
  }
  // 100 calls a second of each variant. How many alarms came of it.
  int Run(int seconds, double errors_of_a, double errors_of_b) {
    int alarms = 0;
    for (int second = 0; second < seconds; ++second) {
      now_ += absl::Seconds(1);
      for (const char* variant : {"a", "b"}) {
        stats::VariantCounts counts;
        for (int i = 0; i < 100; ++i) {
          const auto bucket = static_cast<uint8_t>(random_());
          const bool fails = chance_(random_) < (*variant == 'a' ? errors_of_a : errors_of_b);
          counts.CountStart(stats::TickOf(now_), bucket);
          counts.CountEnd({.started = stats::TickOf(now_),
                           .user_bucket = bucket,
                           .outcome = fails ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                           .latency = absl::Milliseconds(10)});
        }
        evidence_.Merge(1, variant, counts);
      }
      for (const Detection& detection : detectors_.Look(evidence_, now_)) alarms += detection.alarms_now;
    }
    return alarms;
  }

  std::vector<config::Guardrail> guardrails_ = {
      {.name = "errors", .rule = config::ErrorRatio{1.2}, .detector_arl = 1e6},
      {.name = "tail", .rule = config::TailRatio{0.99, 1.5}}};
  Detectors detectors_;
  RunEvidence evidence_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::mt19937_64 random_{11};
  std::uniform_real_distribution<double> chance_;
};

TEST_F(DetectorsTest, ThereIsOneOfEachErrorGuardrailAndCandidate) {
  const std::vector<Detection> detections = detectors_.Look(evidence_, now_);
  ASSERT_EQ(detections.size(), 1u);
  EXPECT_EQ(detections[0].guardrail, "errors");
  EXPECT_EQ(detections[0].candidate, "b");
  EXPECT_DOUBLE_EQ(detections[0].log10_threshold, 6);
}

TEST_F(DetectorsTest, ARiseAfterALongHealthyHistoryIsFoundSoon) {
  EXPECT_EQ(Run(600, 0.01, 0.01), 0);
  EXPECT_GE(Run(30, 0.01, 0.10), 1);
  const Detection detection = detectors_.Look(evidence_, now_)[0];
  EXPECT_GE(detection.alarms.count, 1);
  EXPECT_TRUE(detection.alarms.last.has_value());
}

TEST_F(DetectorsTest, ARiseOfBothIsNone) { EXPECT_EQ(Run(120, 0.01, 0.01) + Run(120, 0.10, 0.10), 0); }

TEST_F(DetectorsTest, ItGoesOnAfterARestartWithoutTakingACohortTwice) {
  Run(100, 0.01, 0.02);
  const DetectorRecords checkpoint = detectors_.Checkpoint();
  const double before = detectors_.Look(evidence_, now_)[0].log10_statistic;
  detectors_ = Detectors();
  detectors_.Restore(checkpoint);
  detectors_.Follow(guardrails_, TwoVariants());
  EXPECT_EQ(detectors_.Look(evidence_, now_)[0].log10_statistic, before);
}

TEST_F(DetectorsTest, AnotherRuleBeginsAnew) {
  Run(60, 0.01, 0.05);
  guardrails_[0].rule = config::ErrorRatio{1.5};
  detectors_.Follow(guardrails_, TwoVariants());
  const DetectorRecords checkpoint = detectors_.Checkpoint();
  EXPECT_EQ(checkpoint[0].alarms(), 0);
}

}  // namespace
}  // namespace weir::experiment
