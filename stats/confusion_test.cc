#include "stats/confusion.h"

#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

// In each bucket TP 6 or 8, FP 2, FN 3, TN 9.
ConfusionCounts Even() {
  ConfusionCounts counts;
  for (int b = 0; b < kUserBuckets; ++b) {
    const auto bucket = static_cast<uint8_t>(b);
    counts.Add(bucket, true, true, b % 2 == 0 ? 6 : 8);
    counts.Add(bucket, true, false, 2);
    counts.Add(bucket, false, true, 3);
    counts.Add(bucket, false, false, 9);
  }
  return counts;
}

TEST(ConfusionTest, TheScoresAreTheirDefinitions) {
  const ConfusionCounts counts = Even();  // On average TP 7, FP 2, FN 3, TN 9.
  EXPECT_NEAR(counts.Estimate(ConfusionScore::kPrecision)->estimate, 7.0 / 9, 1e-12);
  EXPECT_NEAR(counts.Estimate(ConfusionScore::kRecall)->estimate, 0.7, 1e-12);
  EXPECT_NEAR(counts.Estimate(ConfusionScore::kF1)->estimate, 14.0 / 19, 1e-12);
  EXPECT_NEAR(counts.Estimate(ConfusionScore::kAccuracy)->estimate, 16.0 / 21, 1e-12);
}

TEST(ConfusionTest, AnErrorIsThatOfTheDeltaMethod) {
  // Recall TP / (TP + FN) is a ratio whose residuals are TP_b - 0.7 (TP_b + 3), -0.3 and 0.3 by turns.
  const double variance = 256.0 / 255 * 256 * 0.09 / (2560.0 * 2560);
  EXPECT_NEAR(Even().Estimate(ConfusionScore::kRecall)->standard_error, std::sqrt(variance), 1e-5);
}

TEST(ConfusionTest, AVariantDoesNotDifferFromItself) {
  const auto difference = ScoreDifference(ConfusionScore::kF1, Even(), Even());
  EXPECT_NEAR(difference->estimate, 0, 1e-15);
  EXPECT_NEAR(difference->standard_error, 0, 1e-12);
}

TEST(ConfusionTest, MergedShardsEqualOneStream) {
  std::mt19937_64 rng(3);
  std::vector<ConfusionCounts> shards(5);
  ConfusionCounts whole, merged;
  for (int i = 0; i < 5000; ++i) {
    const auto bucket = static_cast<uint8_t>(rng());
    const bool predicted = rng() % 2 == 0, actual = rng() % 3 == 0;
    shards[rng() % shards.size()].Add(bucket, predicted, actual);
    whole.Add(bucket, predicted, actual);
  }
  for (const ConfusionCounts& shard : shards) merged.Merge(shard);
  EXPECT_EQ(merged, whole);
}

TEST(ConfusionTest, PrecisionWithoutAPositivePredictionIsNothing) {
  ConfusionCounts counts;
  for (int b = 0; b < kUserBuckets; ++b) counts.Add(static_cast<uint8_t>(b), false, b % 2 == 0);
  EXPECT_FALSE(counts.Estimate(ConfusionScore::kPrecision).has_value());
  EXPECT_EQ(counts.Estimate(ConfusionScore::kRecall)->estimate, 0);
}

}  // namespace
}  // namespace weir::stats
