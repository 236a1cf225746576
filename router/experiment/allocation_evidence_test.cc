#include "router/experiment/allocation_evidence.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "router/experiment/allocation.h"

namespace weir::experiment {
namespace {

config::Percent Share(double percent) { return *config::Percent::FromDouble(percent); }

Split Weights(double a, double b) {
  return {.variants = {{"a", *config::Weight::FromDouble(a)}, {"b", *config::Weight::FromDouble(b)}}};
}

Plan ABandit() {
  const config::Rollout rollout{
      .strategy = config::Strategy::kBandit,
      .steps = {{.weight = std::nullopt, .pause = {absl::Hours(24), 0}}},
      .bandit =
          config::Bandit{.metric = "accuracy", .floor = Share(10), .least_share = Share(1), .max_move = Share(20)}};
  return {.run_label = "",
          .split = Weights(50, 50),
          .rollout = rollout,
          .metric = config::OutcomeMetric{.name = "accuracy", .field = "correct"}};
}

Plan ARisk() {
  Plan plan = ABandit();
  plan.rollout = config::Rollout{
      .steps = {{.weight = Share(1)}},
      .schedule = config::RiskSchedule{.budget = 5, .impact = 100, .first = Share(1), .max_move = Share(30)}};
  plan.metric.reset();
  return plan;
}

const absl::Time kStart = absl::FromUnixSeconds(1'000'000);

State StateOf(uint32_t epoch, Split split, uint32_t first_epoch = 1) {
  return {.run = {.ordinal = 1, .label = "", .started = kStart},
          .epoch = {.ordinal = epoch, .started = kStart, .split = std::move(split)},
          .phase = Stepping{.first_epoch = first_epoch, .begun = kStart, .entered = kStart},
          .phase_since = kStart};
}

stats::VariantCounts Calls(int calls, int errors, absl::Time at = kStart) {
  stats::VariantCounts counts;
  for (int i = 0; i < calls; ++i) {
    const auto bucket = static_cast<uint8_t>(i * 37);
    counts.CountStart(stats::TickOf(at), bucket);
    counts.CountEnd({.started = stats::TickOf(at),
                     .user_bucket = bucket,
                     .outcome = i < errors ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                     .latency = absl::Milliseconds(1)});
  }
  return counts;
}

// Both arms become better from day to day, and `a` is better on each of them; but `b` has had most of its calls of
// late. The raw means say that `b` is better, and a bandit that believed them would go on to give it more.
TEST(AllocationEvidenceTest, ATrendWithMovingSharesFoolsTheRawMeansButNotTheBandit) {
  for (unsigned seed = 0; seed < 10; ++seed) {
    std::mt19937_64 rng(seed);
    AllocationEvidence evidence;
    std::map<std::string, std::pair<double, double>> raw;  // Successes and outcomes.
    for (uint32_t day = 1; day <= 9; ++day) {
      const double share_b = 0.1 * day;
      evidence.Follow(ABandit(), StateOf(day, Weights(100 - 10 * day, 10 * day)));
      for (int call = 0; call < 2000; ++call) {
        const bool is_b = std::bernoulli_distribution(share_b)(rng);
        const double rate = 0.2 + 0.05 * day - (is_b ? 0.06 : 0);
        const bool success = std::bernoulli_distribution(rate)(rng);
        const std::string variant = is_b ? "b" : "a";
        evidence.AddOutcome(day, variant, "accuracy", static_cast<uint8_t>(rng()), success, kStart);
        raw[variant].first += success;
        raw[variant].second += 1;
      }
    }
    const auto raw_mean = [&](const std::string& variant) { return raw[variant].first / raw[variant].second; };
    EXPECT_GT(raw_mean("b"), raw_mean("a") + 0.05) << "seed " << seed;
    const Weighed known = evidence.Look(kStart).value();
    EXPECT_NEAR(known.arms[0].outcomes.mean, 0.45, 0.03) << "seed " << seed;
    EXPECT_NEAR(known.arms[1].outcomes.mean, 0.39, 0.03) << "seed " << seed;
    const Choice choice = ChooseShares(ABandit(), StateOf(9, Weights(10, 90)), known, kStart + absl::Minutes(10));
    EXPECT_GT(*choice.arms[0].best, 0.9) << "seed " << seed;
    ASSERT_TRUE(choice.next.has_value());
    EXPECT_GT(ShareOf(*choice.next, "a"), 0.25);
  }
}

TEST(AllocationEvidenceTest, WhatComesLateIsWeightedByTheShareOfItsOwnEpoch) {
  AllocationEvidence evidence;
  evidence.Follow(ABandit(), StateOf(1, Weights(75, 25)));
  evidence.Follow(ABandit(), StateOf(2, Weights(50, 50)));
  evidence.AddOutcome(1, "b", "accuracy", 1, 1, kStart);  // Weight 4.
  evidence.AddOutcome(2, "b", "accuracy", 2, 0, kStart);  // Weight 2.
  EXPECT_NEAR(evidence.Look(kStart)->arms[1].outcomes.mean, 4.0 / 6, 1e-12);

  stats::OutcomeCounts late;
  for (uint8_t i = 0; i < 5; ++i) late.Add(i, 1);
  evidence.MergeOutcomes(1, "b", "accuracy", late, kStart);
  evidence.MergeOutcomes(1, "b", "revenue", late, kStart);  // Not what it goes by.
  EXPECT_NEAR(evidence.Look(kStart + absl::Seconds(2))->arms[1].outcomes.mean, 24.0 / 26, 1e-12);
}

TEST(AllocationEvidenceTest, AnEpochInWhichAnArmHadNoShareIsLeftOutForAll) {
  AllocationEvidence evidence;
  evidence.Follow(ABandit(), StateOf(1, Weights(50, 50)));
  evidence.Follow(ABandit(), StateOf(2, Weights(100, 0)));
  evidence.AddOutcome(1, "a", "accuracy", 1, 1, kStart);
  evidence.AddOutcome(2, "a", "accuracy", 1, 0, kStart);
  EXPECT_EQ(evidence.Look(kStart)->arms[0].outcomes.n, 1);
}

TEST(AllocationEvidenceTest, ItBeginsAnewWithTheStepTheArmsOrTheMetric) {
  const auto counted = [](const Plan& then, const State& state) {
    AllocationEvidence evidence;
    evidence.Follow(ABandit(), StateOf(1, Weights(50, 50)));
    evidence.AddOutcome(1, "a", "accuracy", 1, 1, kStart);
    evidence.Follow(then, state);
    const auto known = evidence.Look(kStart);
    return known ? known->arms[0].outcomes.n : -1;
  };
  EXPECT_EQ(counted(ABandit(), StateOf(2, Weights(40, 60))), 1);
  EXPECT_EQ(counted(ABandit(), StateOf(2, Weights(50, 50), /*first_epoch=*/2)), 0);
  Plan plan = ABandit();
  plan.metric->name = "revenue";
  EXPECT_EQ(counted(plan, StateOf(2, Weights(50, 50))), 0);
  plan = ABandit();
  plan.split.variants.push_back({"c", *config::Weight::FromDouble(5)});
  EXPECT_EQ(counted(plan, StateOf(2, Weights(50, 50))), 0);
  State watching = StateOf(2, Weights(1, 99));
  watching.phase = Watching{.since = kStart};
  EXPECT_EQ(counted(ABandit(), watching), -1);
}

TEST(AllocationEvidenceTest, OutcomesOfEarlierStepsAndOtherMetricsCountForNothing) {
  AllocationEvidence evidence;
  evidence.Follow(ABandit(), StateOf(3, Weights(50, 50), 3));
  evidence.AddOutcome(2, "a", "accuracy", 1, 1, kStart);
  evidence.AddOutcome(3, "a", "revenue", 1, 1, kStart);
  evidence.AddOutcome(3, "nobody", "accuracy", 1, 1, kStart);
  EXPECT_EQ(evidence.Look(kStart)->arms[0].outcomes.n, 0);
}

TEST(AllocationEvidenceTest, SamplesAreCountedOverAllEpochsOfTheStep) {
  AllocationEvidence evidence;
  for (uint32_t epoch = 1; epoch <= 100; ++epoch) {
    evidence.Follow(ABandit(), StateOf(epoch, Weights(50, 50)));
    evidence.Merge(epoch, "b", Calls(10, 2));
  }
  EXPECT_EQ(evidence.SamplesOf("b"), 1000);
  EXPECT_EQ(evidence.SamplesOf("a"), 0);
}

TEST(AllocationEvidenceTest, ItIsLookedAtWhenThereIsNewsAndNotAllTheTime) {
  AllocationEvidence evidence;
  EXPECT_FALSE(evidence.Look(kStart).has_value()) << "no rollout chooses shares";
  evidence.Follow(ABandit(), StateOf(1, Weights(50, 50)));
  EXPECT_TRUE(evidence.Look(kStart).has_value());
  evidence.AddOutcome(1, "a", "accuracy", 1, 1, kStart);
  EXPECT_FALSE(evidence.Look(kStart + absl::Milliseconds(900)).has_value());
  EXPECT_TRUE(evidence.Look(kStart + absl::Seconds(1)).has_value());
  EXPECT_FALSE(evidence.Look(kStart + absl::Seconds(3)).has_value()) << "nothing new";
  EXPECT_TRUE(evidence.Look(kStart + absl::Seconds(6)).has_value()) << "it becomes old";
}

TEST(AllocationEvidenceTest, OfARiskScheduleErrorsCountAndThoseOfLateAreForgottenAfterTwoPeriods) {
  AllocationEvidence evidence;
  const Plan plan = ARisk();
  evidence.Follow(plan, StateOf(1, Weights(99, 1)));
  (void)evidence.Look(kStart);
  evidence.Merge(1, "b", Calls(100, 20));
  const absl::Time late = kStart + absl::Minutes(9);
  EXPECT_NEAR(evidence.Look(late)->arms[1].recent_errors.mean, 0.2, 1e-12);
  EXPECT_EQ(evidence.Look(late + absl::Minutes(2))->arms[1].recent_errors.n, 100);
  EXPECT_EQ(evidence.Look(late + absl::Minutes(13))->arms[1].recent_errors.n, 100);
  const Weighed known = evidence.Look(late + absl::Minutes(14)).value();
  EXPECT_EQ(known.arms[1].recent_errors.n, 0);
  EXPECT_EQ(known.arms[1].errors.n, 100);
  EXPECT_EQ(known.arms[1].newest, stats::StartOf(stats::TickOf(kStart)));
}

TEST(AllocationEvidenceTest, AfterARestartItKnowsWhatItKnewAndNothingIsNewUntilMoreComes) {
  AllocationEvidence lasting;
  lasting.Follow(ABandit(), StateOf(1, Weights(70, 30)));
  std::mt19937_64 rng(3);
  for (int i = 0; i < 500; ++i)
    lasting.AddOutcome(1, i % 3 ? "a" : "b", "accuracy", static_cast<uint8_t>(rng()), i % 2, kStart);
  lasting.Merge(1, "a", Calls(50, 1));
  EXPECT_TRUE(lasting.TakeChanged());
  EXPECT_FALSE(lasting.TakeChanged());

  v1::AllocationCheckpoint checkpoint;
  ASSERT_TRUE(checkpoint.ParseFromString(lasting.Checkpoint().SerializeAsString()));
  AllocationEvidence restored;
  ASSERT_TRUE(restored.Restore(checkpoint).ok());
  restored.Follow(ABandit(), StateOf(1, Weights(70, 30)));
  EXPECT_FALSE(restored.TakeChanged());
  EXPECT_EQ(restored.SamplesOf("a"), 50);
  const Weighed before = lasting.Look(kStart).value(), after = restored.Look(kStart).value();
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(after.arms[i].outcomes, before.arms[i].outcomes);
    EXPECT_EQ(after.arms[i].newest, absl::InfinitePast());
  }
  restored.AddOutcome(1, "a", "accuracy", 5, 1, kStart);
  EXPECT_EQ(restored.Look(kStart + absl::Seconds(1))->arms[0].newest, kStart);
}

TEST(AllocationEvidenceTest, ADamagedCheckpointIsRefused) {
  AllocationEvidence lasting;
  lasting.Follow(ABandit(), StateOf(1, Weights(50, 50)));
  lasting.AddOutcome(1, "a", "accuracy", 1, 1, kStart);
  v1::AllocationCheckpoint checkpoint = lasting.Checkpoint();
  checkpoint.mutable_arms(0)->mutable_outcomes()->mutable_bucket_sums()->RemoveLast();
  EXPECT_TRUE(absl::IsDataLoss(AllocationEvidence().Restore(checkpoint)));
}

}  // namespace
}  // namespace weir::experiment
