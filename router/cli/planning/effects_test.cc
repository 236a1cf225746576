#include "router/cli/planning/effects.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"
#include "router/cli/planning/spec_under_test.h"

namespace weir::cli {
namespace {

constexpr double kZ = 1.959963984540054 + 0.8416212335729143;  // Alpha 0.05 two-sided, power 0.8.

constexpr char kAccuracy[] = R"(  metrics:
    - {name: accuracy, type: proportion, goal: increase, role: primary}
    - {name: cost, type: mean, goal: decrease, role: secondary}
)";

PlanCommand Independent(PlanCommand command = {}) {
  command.calls_per_user = 1;
  return command;
}

std::vector<PlannedMetric> Metrics(const std::string& rest, const PlanCommand& command) {
  const config::Experiment experiment = ExperimentWith(rest);
  const Assumptions assumptions = Assume(experiment, command);
  return MetricsOf(experiment, assumptions, StagesOf(experiment, assumptions));
}

TEST(EffectsTest, AreOfTheOutcomesThenOfErrorsAndLatency) {
  const std::vector<PlannedMetric> metrics = Metrics(kAccuracy, {});
  ASSERT_EQ(metrics.size(), 4u);
  EXPECT_EQ(metrics[0].name, "accuracy");
  EXPECT_TRUE(metrics[0].is_primary);
  EXPECT_EQ(metrics[1].direction, stats::Direction::kFall);
  EXPECT_EQ(metrics[2].name, "error_rate");
  EXPECT_EQ(metrics[3].name, "latency");
}

TEST(EffectsTest, ALatencysLeastChangeIsTheFormulas) {
  // Lognormal of median 20 ms and deviation 0.5, for a day at 50 calls a second, half and half.
  const PlannedMetric latency = Metrics("", Independent({.p99_latency = "64.0048ms", .days = 1})).back();
  const double mean = 20 * std::exp(0.125), deviation = mean * std::sqrt(std::exp(0.25) - 1);
  EXPECT_NEAR(latency.baseline, mean, 1e-3);
  EXPECT_NEAR(*latency.by_stage[0], kZ * deviation * std::sqrt(2 / 2.16e6), 1e-5);
}

TEST(EffectsTest, AProportionsSizeIsTheTextbooks) {
  const PlannedMetric accuracy = Metrics(kAccuracy, Independent({.baselines = {"accuracy=0.8"}}))[0];
  ASSERT_EQ(accuracy.effects[2].difference, 0.02);
  EXPECT_NEAR(accuracy.effects[2].calls_of_each, (0.8 * 0.2 + 0.82 * 0.18) * kZ * kZ / 4e-4, 1);
  EXPECT_NEAR(accuracy.effects[2].seconds[0], 2 * accuracy.effects[2].calls_of_each / 50, 1e-6);
}

TEST(EffectsTest, SeveralPrimariesAndCandidatesShareAlpha) {
  const std::vector<PlannedMetric> metrics = Metrics(R"(  metrics:
    - {name: accuracy, type: proportion, role: primary}
    - {name: clicks, type: proportion, role: primary}
)",
                                                     {});
  EXPECT_EQ(metrics[0].comparisons, 2);
  EXPECT_EQ(metrics[2].comparisons, 1);  // Errors: every guardrail must hold, at full alpha.
  EXPECT_GT(*metrics[0].by_stage[0], *Metrics(kAccuracy, {})[0].by_stage[0]);
}

TEST(EffectsTest, LargerEffectsNeedFewerCallsAndMoreTrafficIsSooner) {
  const auto slow = Metrics(std::string(kAccuracy) + kRollout, {.traffic = "10/s"});
  const auto fast = Metrics(std::string(kAccuracy) + kRollout, {.traffic = "100/s"});
  for (size_t m = 0; m < slow.size(); ++m) {
    for (size_t e = 0; e < slow[m].effects.size(); ++e) {
      const double before = e == 0 ? std::numeric_limits<double>::infinity() : slow[m].effects[e - 1].calls_of_each;
      EXPECT_LT(slow[m].effects[e].calls_of_each, before);
      for (size_t s = 0; s < 4; ++s) EXPECT_LT(fast[m].effects[e].seconds[s], slow[m].effects[e].seconds[s]);
    }
    EXPECT_LT(*fast[m].by_stage[0], *slow[m].by_stage[0]);
    EXPECT_LT(*fast[m].together, *fast[m].by_stage[0]);
  }
}

TEST(EffectsTest, FewerReportsOrMoreAlikeUsersNeedMoreCalls) {
  const double plain = Metrics(kAccuracy, Independent())[0].effects[0].calls_of_each;
  EXPECT_NEAR(Metrics(kAccuracy, Independent({.reported = "10%"}))[0].effects[0].calls_of_each, 10 * plain,
              1e-6 * plain);
  EXPECT_NEAR(Metrics(kAccuracy, {.calls_per_user = 11, .correlation = 0.2})[0].effects[0].calls_of_each, 3 * plain,
              1e-6 * plain);
}

TEST(EffectsTest, FewUsersNeverShowALittle) {
  const PlannedMetric accuracy = Metrics(kAccuracy, {.users = 2000})[0];
  EXPECT_TRUE(std::isinf(accuracy.effects[0].calls_of_each));
  EXPECT_FALSE(std::isinf(accuracy.effects.back().calls_of_each));
}

TEST(EffectsTest, AStageInWhichAVariantHasNothingShowsNothing) {
  const PlannedMetric errors = Metrics("  rollout: {strategy: blueGreen, pause: {duration: 2h}, watch: 1h}\n", {})[0];
  EXPECT_FALSE(errors.by_stage[0].has_value());
  EXPECT_FALSE(errors.by_stage[1].has_value());
  EXPECT_FALSE(errors.together.has_value());
  EXPECT_TRUE(std::isinf(errors.effects[0].seconds[0]));
}

TEST(EffectsTest, WhatAStageCanShowTakesAsLongAsTheStage) {
  const std::string rest = std::string(kAccuracy) + kRollout;
  const config::Experiment experiment = ExperimentWith(rest);
  PlanCommand command = Independent();
  const Assumptions assumptions = Assume(experiment, command);
  const std::vector<Stage> stages = StagesOf(experiment, assumptions);
  const PlannedMetric latency = MetricsOf(experiment, assumptions, stages).back();
  const PlannedEffect& effect = latency.effects[0];
  // Sizes go with the inverse square of a difference.
  const double factor = effect.difference / *latency.by_stage[1];
  EXPECT_NEAR(effect.seconds[1] * factor * factor, absl::ToDoubleSeconds(stages[1].length), 1);
}

}  // namespace
}  // namespace weir::cli
