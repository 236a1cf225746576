#include "stats/outcomes.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

OutcomeCounts Proportion(int64_t n, int64_t successes) {
  OutcomeCounts counts;
  for (int64_t i = 0; i < n; ++i)
    counts.Add(static_cast<uint8_t>(i * 37), i * successes / n != (i + 1) * successes / n ? 1 : 0);
  return counts;
}

TEST(OutcomesTest, MeanAndDeviationAreExactWhereDifferencingSquaresIsNot) {  // NIST StRD NumAcc4.
  OutcomeCounts counts;
  counts.Add(0, 10'000'000.2);
  for (int i = 0; i < 500; ++i) counts.Add(0, 10'000'000.1), counts.Add(0, 10'000'000.3);
  EXPECT_NEAR(counts.mean, 10'000'000.2, 1e-8);
  EXPECT_NEAR(std::sqrt(counts.m2 / static_cast<double>(counts.n - 1)), 0.1, 1e-9);
}

TEST(OutcomesTest, AnyPartitionMergedInAnyOrderHasTheSameMomentsToTwelveDigits) {
  const unsigned seed = 3;
  SCOPED_TRACE(seed);
  std::mt19937_64 rng(seed);
  std::normal_distribution<double> value(1e4, 3);
  OutcomeCounts whole;
  std::vector<OutcomeCounts> shards(64);
  for (int i = 0; i < 100'000; ++i) {
    const uint8_t user = static_cast<uint8_t>(rng());
    const double y = value(rng);
    whole.Add(user, y);
    shards[rng() % shards.size()].Add(user, y);
  }
  std::shuffle(shards.begin(), shards.end(), rng);
  OutcomeCounts merged;
  for (const OutcomeCounts& shard : shards) merged.Merge(shard);
  EXPECT_EQ(merged.n, whole.n);
  EXPECT_NEAR(merged.mean, whole.mean, 1e-12 * whole.mean);
  EXPECT_NEAR(merged.m2, whole.m2, 1e-12 * whole.m2);
  for (int b = 0; b < kUserBuckets; ++b)
    EXPECT_NEAR(merged.users[b].sum, whole.users[b].sum, 1e-12 * whole.users[b].sum);
}

TEST(OutcomesTest, MergingIntoAnEmptyOneCopies) {
  OutcomeCounts counts;
  counts.Merge(Proportion(10, 3));
  EXPECT_EQ(counts, Proportion(10, 3));
  counts.Merge(OutcomeCounts());
  EXPECT_EQ(counts, Proportion(10, 3));
}

TEST(OutcomesTest, TheConfidenceSequenceIsThatOfTheReferenceCase) {
  // Half of the interval [-0.55844, 1.56516], from 6,461 observations with N* = 1,000.
  EXPECT_NEAR(ConfidenceSequenceHalfWidth(0.33341, 6461, 0.05, 1000), 1.0618, 5e-5);
}

TEST(OutcomesTest, TheOneSidedEvidenceReachesItsThresholdJustBeforeTheTwoSidedInterval) {
  OutcomeCounts counts = Proportion(4000, 2800);
  const MeanEstimate estimate = *EstimateMean(counts, 0.05);
  // At the two-sided interval's upper end the two-sided log E is log(1 / 0.05); the one-sided one doubles that mixture.
  EXPECT_NEAR(LogMeanBelow(counts, estimate.interval.upper, 0.05), std::log(2 / 0.05), 0.02);
  EXPECT_LT(LogMeanAbove(counts, estimate.interval.upper, 0.05), 0);
}

TEST(OutcomesTest, TooFewOrEqualOutcomesGiveNoIntervalAndNoEvidence) {
  EXPECT_FALSE(EstimateMean(Proportion(29, 10), 0.05).has_value());
  EXPECT_FALSE(EstimateMean(Proportion(100, 100), 0.05).has_value());
  EXPECT_EQ(LogMeanBelow(Proportion(29, 0), 0.9, 0.05), 0);
}

TEST(OutcomesTest, AProportionFarBelowItsFloorIsProvenAndOneAboveItNever) {
  EXPECT_GT(LogProportionBelow(Proportion(500, 300), 0.75), std::log(1000));
  EXPECT_LT(LogProportionBelow(Proportion(500, 400), 0.75), 0);
  EXPECT_GT(LogProportionAbove(Proportion(500, 400), 0.6), std::log(1000));
  EXPECT_NEAR(LogProportionBelow(OutcomeCounts(), 0.75), 0, 1e-12);
}

TEST(OutcomesTest, UsersWhoAlwaysDoTheSameWidenTheError) {
  OutcomeCounts clustered, independent;
  for (int user = 0; user < 250; ++user) {
    for (int i = 0; i < 20; ++i) {
      clustered.Add(static_cast<uint8_t>(user), user % 2);
      independent.Add(static_cast<uint8_t>(user), i % 2);
    }
  }
  EXPECT_NEAR(OutcomeDesignEffect(clustered), 20, 1);
  EXPECT_EQ(OutcomeDesignEffect(independent), 1);
  EXPECT_GT(*StandardErrorOfMean(clustered), 4 * *StandardErrorOfMean(independent));
}

TEST(CompareMeansTest, ADifferenceIsShownInItsDirectionAndEqualMeansShowNone) {
  const auto of = [](int hundredths) {
    OutcomeCounts counts;
    for (int i = 0; i < 4000; ++i) counts.Add(static_cast<uint8_t>(i * 73), i * 37 % 100 < hundredths ? 1 : 0);
    return counts;
  };
  const MeanComparison better = *CompareMeans(of(70), of(80), 0.05);
  EXPECT_GT(better.log_e_higher, std::log(20));
  EXPECT_LT(better.log_e_lower, 0);
  EXPECT_GT(better.difference.lower, 0);
  EXPECT_NEAR(better.candidate - better.baseline, 0.1, 1e-12);
  const MeanComparison same = *CompareMeans(of(70), of(70), 0.05);
  EXPECT_LT(same.log_e_higher, 0);
  EXPECT_LT(same.difference.lower, 0);
  EXPECT_GT(same.difference.upper, 0);
}

TEST(CompareMeansTest, FewUsersOrOutcomesAndWhatNeverVariesSayNothing) {
  OutcomeCounts many, few, equal;
  for (int i = 0; i < 4000; ++i) {
    many.Add(static_cast<uint8_t>(i * 73), i % 2);
    few.Add(static_cast<uint8_t>(i % 100), i % 2);
    equal.Add(static_cast<uint8_t>(i * 73), 1);
  }
  EXPECT_FALSE(CompareMeans(many, few, 0.05).has_value());
  EXPECT_FALSE(CompareMeans(OutcomeCounts(), many, 0.05).has_value());
  EXPECT_FALSE(CompareMeans(equal, equal, 0.05).has_value());
  EXPECT_TRUE(CompareMeans(equal, many, 0.05).has_value()) << "one of them varies";
}

// 200 looks at a 95 % interval: nearly all of 400 streams are covered at every look. (The naive interval covers 57 %.)
TEST(OutcomesTest, AFewUsersWhoComeBackGiveNoIntervalAndAsManyOutcomesOfManyUsersDo) {
  OutcomeCounts few, many;
  for (int i = 0; i < 3000; ++i) {
    few.Add(static_cast<uint8_t>(i % 100), i % 3);
    many.Add(static_cast<uint8_t>(i), i % 3);
  }
  EXPECT_FALSE(EstimateMean(few, 0.05).has_value());
  EXPECT_EQ(LogMeanBelow(few, 2, 0.05), 0);
  EXPECT_TRUE(EstimateMean(many, 0.05).has_value());
}

TEST(OutcomesTest, TheIntervalCoversTheMeanAtAllLooksTogether) {
  const unsigned seed = 8;
  SCOPED_TRACE(seed);
  std::mt19937_64 rng(seed);
  int missed = 0;
  for (int stream = 0; stream < 400; ++stream) {
    OutcomeCounts counts;
    bool covered = true;
    for (int i = 1; i <= 10'000 && covered; ++i) {
      counts.Add(static_cast<uint8_t>(rng()), rng() % 10 < 7 ? 1 : 0);
      if (i < 100 || i % 50 != 0) continue;
      const MeanEstimate estimate = *EstimateMean(counts, 0.05);
      covered = estimate.interval.lower <= 0.7 && 0.7 <= estimate.interval.upper;
    }
    missed += !covered;
  }
  EXPECT_LE(missed, 30);  // 7.5 %: 5 % and the allowance of 400 streams at 1 in 1,000.
}

}  // namespace
}  // namespace weir::stats
