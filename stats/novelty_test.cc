#include "stats/novelty.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

// 800 users of either variant with habits of their own who come on each of `days` days; effects of whole cents, so that
// sums are exact.
void AddUsers(NoveltyCounts& counts, int days, double first_effect, double per_day, std::mt19937_64& rng) {
  std::normal_distribution<double> noise;
  for (int user = 0; user < 1600; ++user) {
    const auto bucket = static_cast<uint8_t>(rng());
    const bool candidate = user % 2 == 0;
    const double habit = std::round(100 * noise(rng));
    for (int d = 0; d < days; ++d) {
      const double effect = candidate ? 100 * (first_effect + per_day * d) : 0;
      counts.Add(d, bucket, candidate, std::round(habit + effect + 50 * noise(rng)));
    }
  }
}

TEST(NoveltyTest, AnEffectThatWearsOffHasItsSlope) {
  std::mt19937_64 rng(1);
  NoveltyCounts counts;
  AddUsers(counts, 14, 0.5, -0.03, rng);
  const auto slope = counts.Slope();
  ASSERT_TRUE(slope.has_value());
  EXPECT_NEAR(slope->estimate, -3, 4 * slope->standard_error);
  EXPECT_LT(slope->ConfidenceInterval(0.01).upper, 0);
  EXPECT_NEAR(counts.EffectOn(0)->estimate, 50, 4 * counts.EffectOn(0)->standard_error);
}

TEST(NoveltyTest, ASteadyEffectHasASlopeWhoseIntervalCoversZero) {
  int covered = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937_64 rng(seed);
    NoveltyCounts counts;
    AddUsers(counts, 10, 0.5, 0, rng);
    const Interval interval = counts.Slope()->ConfidenceInterval(0.05);
    covered += interval.lower < 0 && interval.upper > 0;
  }
  EXPECT_GE(covered, 50);  // Of a binomial(60, 0.95), fewer have a probability of 0.0004.
}

TEST(NoveltyTest, AnExactLineIsFittedExactly) {
  NoveltyCounts counts;
  for (int b = 0; b < kUserBuckets; ++b) {
    for (int d = 0; d < 5; ++d) {
      counts.Add(d, static_cast<uint8_t>(b), false, 10);
      for (int n = 0; n <= d; ++n) counts.Add(d, static_cast<uint8_t>(b), true, 12.5 - 0.5 * d);
    }
  }
  EXPECT_NEAR(counts.Slope()->estimate, -0.5, 1e-12);
  EXPECT_NEAR(counts.Slope()->standard_error, 0, 1e-12);
}

TEST(NoveltyTest, OneDayHasNoSlopeAndNoDayNoEffect) {
  std::mt19937_64 rng(2);
  NoveltyCounts counts;
  EXPECT_FALSE(counts.Slope().has_value());
  AddUsers(counts, 1, 0.5, 0, rng);
  EXPECT_FALSE(counts.Slope().has_value());
  EXPECT_TRUE(counts.EffectOn(0).has_value());
  EXPECT_FALSE(counts.EffectOn(1).has_value());
  EXPECT_FALSE(counts.EffectOn(NoveltyCounts::kDays).has_value());
}

TEST(NoveltyTest, ShardsInAnyOrderEqualOneStreamAndOtherDaysCountForNothing) {
  NoveltyCounts whole, merged;
  std::vector<NoveltyCounts> shards(9);
  std::mt19937_64 rng(3);
  for (int i = 0; i < 20'000; ++i) {
    const int day = static_cast<int>(rng() % 40) - 5;
    const auto bucket = static_cast<uint8_t>(rng());
    const bool candidate = rng() % 2 == 0;
    const double value = static_cast<double>(rng() % 50);
    whole.Add(day, bucket, candidate, value);
    shards[rng() % 9].Add(day, bucket, candidate, value);
  }
  std::shuffle(shards.begin(), shards.end(), rng);
  for (const NoveltyCounts& shard : shards) merged.Merge(shard);
  EXPECT_EQ(merged, whole);
}

TEST(FullWeeksTest, AVerdictWaitsForWholeWeeks) {
  const absl::Time start = absl::FromUnixSeconds(1'700'000'000);
  EXPECT_EQ(FullWeeks(start, start - absl::Hours(1)), 0);
  EXPECT_EQ(FullWeeks(start, start + absl::Hours(168) - absl::Nanoseconds(1)), 0);
  EXPECT_EQ(FullWeeks(start, start + absl::Hours(168)), 1);
  EXPECT_FALSE(MayJudge(start, start + absl::Hours(335), 2));
  EXPECT_TRUE(MayJudge(start, JudgedFrom(start, 2), 2));
  EXPECT_TRUE(MayJudge(start, start, 0));
}

}  // namespace
}  // namespace weir::stats
