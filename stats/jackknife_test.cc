#include "stats/jackknife.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

std::optional<double> Ratio(std::span<const double> sums) {
  if (sums[0] == 0) return std::nullopt;
  return sums[1] / sums[0];
}

// Users of unequal weight, each with a value of her own; whole values, so that sums are exact in any order.
BucketTable RandomTable(std::mt19937_64& rng, int calls) {
  BucketTable table(2);
  for (int i = 0; i < calls; ++i) {
    const int bucket = static_cast<int>(rng() % kUserBuckets);
    table.Add(bucket, 0, 1);
    table.Add(bucket, 1, static_cast<double>(rng() % 10 + static_cast<uint64_t>(bucket % 3)));
  }
  return table;
}

TEST(JackknifeTest, AMeansErrorIsTheTextbooksStandardError) {
  const std::array<double, 5> values{3, 5, 4, 8, 10};
  BucketTable table(2, 5);
  for (int b = 0; b < 5; ++b) table.Add(b, 0, 1), table.Add(b, 1, values[static_cast<size_t>(b)]);
  const auto estimate = Jackknife(table, Ratio);
  ASSERT_TRUE(estimate.has_value());
  EXPECT_DOUBLE_EQ(estimate->estimate, 6);
  EXPECT_NEAR(estimate->standard_error, std::sqrt(34.0 / 4 / 5), 1e-14);
  // t(4, 0.975) = 2.776445.
  EXPECT_NEAR(estimate->ConfidenceInterval(0.05).upper, 6 + 2.776445105 * std::sqrt(1.7), 1e-8);
}

TEST(JackknifeTest, ARatiosErrorIsThatOfTheDeltaMethodToOrderOneOverK) {
  std::mt19937_64 rng(7);
  const BucketTable table = RandomTable(rng, 20'000);
  std::array<double, kUserBuckets> y{}, n{};
  for (int b = 0; b < kUserBuckets; ++b) n[b] = table.at(b, 0), y[b] = table.at(b, 1);
  const double delta = std::sqrt(RatioOverBuckets(y, n)->variance);
  EXPECT_NEAR(Jackknife(table, Ratio)->standard_error / delta, 1, 2.0 / kUserBuckets);
}

TEST(JackknifeTest, AnyPartitionMergesToTheSameEstimate) {
  std::mt19937_64 rng(8);
  std::vector<BucketTable> shards;
  BucketTable whole(2);
  for (int i = 0; i < 13; ++i) {
    shards.push_back(RandomTable(rng, 700));
    whole.Merge(shards.back());
  }
  std::shuffle(shards.begin(), shards.end(), rng);
  BucketTable merged(2);
  for (const BucketTable& shard : shards) merged.Merge(shard);
  EXPECT_EQ(merged, whole);
  EXPECT_EQ(Jackknife(merged, Ratio)->standard_error, Jackknife(whole, Ratio)->standard_error);
}

TEST(JackknifeTest, TheOrderOfTheBucketsDoesNotMatter) {
  std::mt19937_64 rng(9);
  const BucketTable table = RandomTable(rng, 5000);
  BucketTable reversed(2);
  for (int b = 0; b < kUserBuckets; ++b) {
    for (int c = 0; c < 2; ++c) reversed.Add(kUserBuckets - 1 - b, c, table.at(b, c));
  }
  EXPECT_NEAR(Jackknife(reversed, Ratio)->standard_error, Jackknife(table, Ratio)->standard_error, 1e-12);
}

TEST(JackknifeTest, AFunctionThatLeavingOneBucketOutMakesUndefinedHasNoEstimate) {
  BucketTable table(2);
  EXPECT_FALSE(Jackknife(table, Ratio).has_value());
  table.Add(17, 0, 100);
  table.Add(17, 1, 30);
  EXPECT_FALSE(Jackknife(table, Ratio).has_value());
}

TEST(JackknifeTest, FewUsersFallBackToFewerBucketsAndVeryFewToNothing) {
  const auto with_nonempty = [](int buckets) {
    BucketTable table(2);
    for (int b = 0; b < buckets; ++b) table.Add(b, 0, 4), table.Add(b, 1, b % 2);
    return JackknifeOverUsers(table, Ratio);
  };
  EXPECT_FALSE(with_nonempty(90).has_value());
  EXPECT_EQ(with_nonempty(150)->buckets, 64);
  EXPECT_EQ(with_nonempty(256)->buckets, 256);
}

}  // namespace
}  // namespace weir::stats
