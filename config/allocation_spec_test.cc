#include "config/allocation_spec.h"

#include <string>

#include "config/parse.h"
#include "gtest/gtest.h"

namespace weir::config {
namespace {

std::string With(const std::string& rollout, const std::string& weights) {
  return R"(apiVersion: weir/v1
kind: Experiment
metadata: {name: e}
spec:
  default: a
  candidates: )" +
         weights + R"(
  assignment: {key: [{header: x-user}]}
  metrics:
    - {name: accuracy, source: feedback, field: correct, type: proportion, goal: increase}
    - {name: revenue, source: feedback, field: revenue, type: mean, goal: increase}
  rollout: )" +
         rollout + "\n";
}

constexpr char kWeights[] = "[{name: a, weight: 50}, {name: b, weight: 25}, {name: c, weight: 25}]";

Percent Of(double percent) { return *Percent::FromDouble(percent); }

Rollout Read(const std::string& rollout) {
  const auto parsed = ParseExperiments(With(rollout, kWeights), "e.yaml");
  EXPECT_TRUE(parsed.value.has_value()) << ToString(parsed.errors);
  return parsed.value ? *parsed.value->at(0).rollout : Rollout();
}

std::string Errors(const std::string& rollout, const std::string& weights = kWeights) {
  return ToString(ParseExperiments(With(rollout, weights), "e.yaml").errors);
}

TEST(ReadBanditTest, EveryFieldArrives) {
  const Rollout rollout = Read(R"(
    strategy: bandit
    bandit: {policy: epsilonGreedy, metric: revenue, epsilon: 0.2, floor: 20, leastShare: 2, maxMove: 5, every: 30m,
             minOutcomes: 50}
    pause: {duration: 14d, minSamples: 1000}
    approval: {required: 2}
    holdback: 5)");
  EXPECT_EQ(rollout.strategy, Strategy::kBandit);
  EXPECT_EQ(rollout.bandit, (Bandit{.policy = BanditPolicy::kEpsilonGreedy,
                                    .metric = "revenue",
                                    .epsilon = 0.2,
                                    .floor = Of(20),
                                    .least_share = Of(2),
                                    .max_move = Of(5),
                                    .every = absl::Minutes(30),
                                    .min_outcomes = 50}));
  ASSERT_EQ(rollout.steps.size(), 1u);
  EXPECT_EQ(rollout.steps[0].weight, std::nullopt) << "it begins with the file's weights";
  EXPECT_EQ(rollout.steps[0].pause, (Pause{absl::Hours(14 * 24), 1000}));
  EXPECT_EQ(rollout.steps[0].approval, (Approval{2}));
  EXPECT_EQ(rollout.holdback, Of(5));
}

TEST(ReadBanditTest, UsuallyItIsThompsonsWithATenthForTheDefaultAndAHundredthForTheOthers) {
  EXPECT_EQ(Read("{strategy: bandit, bandit: {metric: accuracy}, pause: {duration: 1h}}").bandit,
            (Bandit{.policy = BanditPolicy::kThompson,
                    .metric = "accuracy",
                    .floor = Of(10),
                    .least_share = Of(1),
                    .max_move = Of(10),
                    .every = absl::Minutes(10),
                    .min_outcomes = 100}));
}

TEST(ReadBanditTest, EveryErrorIsReportedAtItsPlace) {
  EXPECT_EQ(Errors(R"(
    strategy: bandit
    bandit:
      policy: thomson
      metric: speed
      epsilon: 0.1
      floor: 95
      leastShare: 0.05
      maxMove: 0
      every: 10ms
      minOutcomes: 0
      draws: 5
    pause: {duration: 1h}
    dryRun: true)"),
            R"(e.yaml:14:15: spec.rollout.bandit.policy: must be thompson, ucb1 or epsilonGreedy, got thomson
e.yaml:15:15: spec.rollout.bandit.metric: must name one of spec.metrics, got speed
e.yaml:16:16: spec.rollout.bandit.epsilon: is for policy: epsilonGreedy
e.yaml:17:14: spec.rollout.bandit.floor: must be from 0.1 to 90, got 95
e.yaml:18:19: spec.rollout.bandit.leastShare: must be from 0.1 to 50, got 0.05
e.yaml:19:16: spec.rollout.bandit.maxMove: must be from 0.01 to 100, got 0
e.yaml:20:14: spec.rollout.bandit.every: must be from 1s to 8760h, got 10ms
e.yaml:21:20: spec.rollout.bandit.minOutcomes: must be a whole number from 1 to 1000000000, got 0
e.yaml:22:7: spec.rollout.bandit.draws: is not a known key (known: epsilon, every, floor, leastShare, maxMove, metric, minOutcomes, policy)
e.yaml:24:13: spec.rollout.dryRun: gives candidates no calls, and shares are chosen by what calls of theirs show
)");
}

TEST(ReadBanditTest, ItNeedsAPlannedLengthAndAMetricThatItsPolicyCanUse) {
  EXPECT_EQ(
      Errors("{strategy: bandit, bandit: {metric: accuracy}}"),
      "e.yaml:11:12: spec.rollout: a bandit needs pause: {duration: ..., minSamples: ...}, its planned length, or "
      "end\n");
  EXPECT_EQ(Errors("{strategy: bandit, bandit: {policy: ucb1, metric: revenue}, pause: {duration: 1h}}"),
            "e.yaml:11:48: spec.rollout.bandit.policy: ucb1 is for outcomes from 0 to 1, and revenue is no "
            "proportion\n");
}

TEST(ReadBanditTest, FloorsMustLeaveSomethingAndHoldFromTheBeginning) {
  EXPECT_EQ(Errors("{strategy: bandit, bandit: {metric: accuracy, floor: 50, leastShare: 26}, pause: {duration: 1h}}"),
            "e.yaml:11:39: spec.rollout.bandit: floor and leastShare leave nothing to move: 50 % for the default and "
            "26 % for each of 2 candidates\n");
  EXPECT_EQ(Errors("{strategy: bandit, bandit: {metric: accuracy, floor: 30}, pause: {duration: 1h}}",
                   "[{name: a, weight: 20}, {name: b, weight: 80}]"),
            "e.yaml:11:39: spec.rollout.bandit: the default begins with 20 % by the candidates' weights, below its "
            "floor, 30 %\n");
}

TEST(ReadRiskTest, EveryFieldArrives) {
  const Rollout rollout = Read(R"(
    strategy: canary
    schedule: risk
    riskBudget: 50
    risk: {impact: 1000, first: 5, maxMove: 20, every: 5m, metric: accuracy, alpha: 0.01}
    pause: {minSamples: 500}
    approval: {roles: [operator]})");
  EXPECT_EQ(rollout.schedule, (RiskSchedule{.budget = 50,
                                            .impact = 1000,
                                            .first = Of(5),
                                            .max_move = Of(20),
                                            .every = absl::Minutes(5),
                                            .metric = "accuracy",
                                            .alpha = 0.01}));
  ASSERT_EQ(rollout.steps.size(), 1u);
  EXPECT_EQ(rollout.steps[0].weight, Of(5));
  EXPECT_EQ(rollout.steps[0].pause.min_samples, 500);
  EXPECT_TRUE(rollout.steps[0].approval.has_value());
}

TEST(ReadRiskTest, ItBeginsWithOnePercentOrWhatTheBudgetAllowsOfTheWorst) {
  const auto first = [](const std::string& risk) {
    return Read("{strategy: canary, schedule: risk, " + risk + "}").schedule->first;
  };
  EXPECT_EQ(first("riskBudget: 50, risk: {impact: 1000}"), Of(1));
  EXPECT_EQ(first("riskBudget: 5, risk: {impact: 1000}"), Of(0.5));
}

TEST(ReadRiskTest, EveryErrorIsReportedAtItsPlace) {
  EXPECT_EQ(
      Errors(R"(
    strategy: canary
    schedule: risk
    riskBudget: 20
    risk: {impact: 1000, first: 5, maxMove: 101, every: 0s, metric: speed, alpha: 1}
    steps: [{setWeight: 5}]
    dryRun: true)"),
      R"(e.yaml:15:33: spec.rollout.risk.first: 5 % of an impact of 1000 is more than the riskBudget, 20, on a candidate of which nothing is known: at most 2 %
e.yaml:15:45: spec.rollout.risk.maxMove: must be from 0 to 100, got 101
e.yaml:15:57: spec.rollout.risk.every: must be from 1s to 8760h, got 0s
e.yaml:15:69: spec.rollout.risk.metric: must name one of spec.metrics, got speed
e.yaml:15:83: spec.rollout.risk.alpha: must be from 1e-12 to 0.5, got 1
e.yaml:16:12: spec.rollout.steps: excludes schedule: risk, which chooses the shares itself
e.yaml:17:13: spec.rollout.dryRun: gives candidates no calls, and shares are chosen by what calls of theirs show
)");
  EXPECT_EQ(Errors("{strategy: canary, schedule: risk, riskBudget: 1, risk: {impact: 1e6}}"),
            "e.yaml:11:77: spec.rollout.risk.impact: 0.01 % of 1e+06 is more than the riskBudget, 1: no share is small "
            "enough to begin with\n");
  EXPECT_EQ(Errors("{strategy: canary, schedule: risk}"),
            "e.yaml:11:12: spec.rollout.risk: is missing\n"
            "e.yaml:11:12: spec.rollout.riskBudget: is missing\n");
  EXPECT_EQ(Errors("{strategy: canary, schedule: soon, steps: [{setWeight: 1}]}"),
            "e.yaml:11:41: spec.rollout.schedule: must be steps or risk, got soon\n");
}

}  // namespace
}  // namespace weir::config
