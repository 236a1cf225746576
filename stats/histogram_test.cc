#include "stats/histogram.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

constexpr int kLast = LatencyHistogram::kBuckets - 1;

TEST(LatencyHistogramTest, EveryEdgeBelongsToTheBucketAboveItAndTheNanosecondBelowToTheOneBelow) {
  for (int bucket = 1; bucket <= kLast; ++bucket) {
    const absl::Duration edge = LatencyHistogram::LowerEdge(bucket);
    EXPECT_EQ(LatencyHistogram::BucketOf(edge), bucket);
    EXPECT_EQ(LatencyHistogram::BucketOf(edge - absl::Nanoseconds(1)), bucket - 1);
  }
}

TEST(LatencyHistogramTest, EdgesAreTheRealOnesRoundedUpToANanosecond) {
  for (int bucket = 1; bucket <= kLast; ++bucket) {
    const long double real = 50'000.0L * std::pow(1.5L, (bucket - 1) / 40.0L);
    const int64_t edge = absl::ToInt64Nanoseconds(LatencyHistogram::LowerEdge(bucket));
    EXPECT_GE(edge, real - 1e-6L) << bucket;
    EXPECT_LT(edge - 1, real + 1e-6L) << bucket;
  }
}

TEST(LatencyHistogramTest, HalfAgainAsSlowIsExactlyFortyBuckets) {
  EXPECT_EQ(LatencyHistogram::BucketsForRatio(1.5), 40);
  EXPECT_EQ(LatencyHistogram::BucketsForRatio(2.25), 80);
  for (int bucket = 1; bucket + 40 <= kLast; ++bucket) {
    const absl::Duration edge = LatencyHistogram::LowerEdge(bucket);
    EXPECT_GE(LatencyHistogram::BucketOf(edge * 1.5 + absl::Nanoseconds(1)), bucket + 40);
    EXPECT_LE(LatencyHistogram::BucketOf(edge * 1.5 - absl::Nanoseconds(2)), bucket + 39);
  }
}

TEST(LatencyHistogramTest, ARatioThatIsNotAWholeNumberOfBucketsIsRoundedUp) {
  for (const double ratio : {1.0, 1.001, 1.2, 1.25, 1.5, 1.7, 2.0, 3.0, 10.0}) {
    const int buckets = LatencyHistogram::BucketsForRatio(ratio);
    EXPECT_GE(LatencyHistogram::RatioOfBuckets(buckets), ratio * (1 - 1e-12));
    if (buckets > 0) {
      EXPECT_LT(LatencyHistogram::RatioOfBuckets(buckets - 1), ratio);
    }
  }
  EXPECT_EQ(LatencyHistogram::BucketsForRatio(1.0), 0);
}

TEST(LatencyHistogramTest, WhatIsOutOfRangeIsKeptInTheOutermostBuckets) {
  EXPECT_EQ(LatencyHistogram::BucketOf(absl::Seconds(-1)), 0);
  EXPECT_EQ(LatencyHistogram::BucketOf(absl::ZeroDuration()), 0);
  EXPECT_EQ(LatencyHistogram::BucketOf(-absl::InfiniteDuration()), 0);
  EXPECT_EQ(LatencyHistogram::BucketOf(absl::Seconds(120)), kLast - 1);
  EXPECT_EQ(LatencyHistogram::BucketOf(absl::Seconds(121)), kLast);
  EXPECT_EQ(LatencyHistogram::BucketOf(absl::Hours(1)), kLast);
  EXPECT_EQ(LatencyHistogram::BucketOf(absl::InfiniteDuration()), kLast);
}

TEST(LatencyHistogramTest, TheBucketOfAnyLatencyHoldsIt) {
  const unsigned seed = 20261;
  SCOPED_TRACE(seed);
  std::mt19937_64 rng(seed);
  std::uniform_real_distribution<double> log_ns(0, 27);
  for (int i = 0; i < 1'000'000; ++i) {
    const absl::Duration latency = absl::Nanoseconds(static_cast<int64_t>(std::exp(log_ns(rng))));
    const int bucket = LatencyHistogram::BucketOf(latency);
    ASSERT_LE(LatencyHistogram::LowerEdge(bucket), latency);
    ASSERT_LT(latency, LatencyHistogram::LowerEdge(bucket + 1));
  }
}

TEST(LatencyHistogramTest, AQuantileIsWithinHalfAPercentOfTheExactOne) {
  LatencyHistogram histogram;
  for (int us = 1; us <= 1'000'000; us += 7) histogram.Add(absl::Microseconds(us));
  for (const double q : {0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
    EXPECT_NEAR(absl::ToDoubleSeconds(*histogram.Quantile(q)), q, 0.0052 * q) << q;
    EXPECT_GE(*histogram.QuantileAtMost(q), absl::Seconds(q) - absl::Microseconds(7));
  }
}

TEST(LatencyHistogramTest, AnEmptyOneHasNoQuantile) {
  EXPECT_EQ(LatencyHistogram().Quantile(0.5), std::nullopt);
  EXPECT_EQ(LatencyHistogram().CountFrom(0), 0);
}

TEST(LatencyHistogramTest, CountFromIsExactAtEdges) {
  LatencyHistogram histogram;
  const int bucket = LatencyHistogram::BucketOf(absl::Milliseconds(200));
  histogram.Add(LatencyHistogram::LowerEdge(bucket));
  histogram.Add(LatencyHistogram::LowerEdge(bucket) - absl::Nanoseconds(1));
  EXPECT_EQ(histogram.CountFrom(bucket), 1);
  EXPECT_EQ(histogram.CountFrom(0), 2);
  EXPECT_EQ(histogram.CountFrom(LatencyHistogram::kBuckets), 0);
}

TEST(LatencyHistogramTest, ItsNonzeroBucketsRebuildIt) {
  LatencyHistogram histogram, rebuilt;
  for (const int ms : {0, 1, 1, 5, 80, 200'000}) histogram.Add(absl::Milliseconds(ms));
  histogram.ForEachNonzero([&](int bucket, int64_t n) { rebuilt.Add(bucket, n); });
  EXPECT_EQ(rebuilt, histogram);
}

TEST(LatencyHistogramTest, AddingNothingLeavesItEqualToAnEmptyOne) {
  LatencyHistogram histogram;
  histogram.Add(3, 0);
  histogram.Merge(LatencyHistogram());
  EXPECT_EQ(histogram, LatencyHistogram());
}

}  // namespace
}  // namespace weir::stats
