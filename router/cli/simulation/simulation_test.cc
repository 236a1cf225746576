#include "config/parse.h"
#include "config/validate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/cli/simulation/simulate_command.h"
#include "router/runtime/json.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;

constexpr char kCanary[] = R"(apiVersion: weir/v1
kind: Experiment
metadata: {name: canary}
spec:
  default: baseline
  candidates:
    - {name: baseline, weight: 50}
    - {name: candidate, weight: 50}
  match: {service: S}
  assignment: {key: [{header: x-user-id}]}
  guardrails:
    - {name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2, alpha: 0.001, action: rollback}
    - {name: tail, metric: latency_p99, compareTo: default, maxRatio: 1.5, alpha: 0.001, action: rollback}
  rollout:
    strategy: canary
    steps:
      - {setWeight: 10, pause: {duration: 5m}}
      - {setWeight: 50, pause: {duration: 5m}, approval: {required: 2, roles: [operator]}}
      - {setWeight: 100}
)";

config::Experiment Canary() {
  config::Findings findings;
  auto experiments = config::ParseExperimentFile(kCanary, "canary.yaml", findings);
  config::ValidateExperiments(experiments, findings);
  EXPECT_TRUE(findings.errors.empty()) << config::ToString(findings.errors);
  return experiments.at(0).value;
}

SimulationSummary RunMany(const std::vector<Fault>& faults, int runs, int threads = 2) {
  return Summarise(Simulate(Canary(), {}, faults, runs, /*seed=*/7, threads, [](int) {}));
}

TEST(SimulationTest, HealthyCandidatesArePromotedPastTheirApprovals) {
  const SimulationSummary summary = RunMany({}, 20);
  EXPECT_EQ(summary.promoted, 20);
  EXPECT_EQ(summary.false_rollbacks, 0);
  // Two pauses of five minutes.
  ASSERT_EQ(summary.promoted_after_hours.size(), 20u);
  EXPECT_NEAR(summary.promoted_after_hours.front(), 10 / 60.0, 0.02);
  EXPECT_NEAR(summary.promoted_after_hours.back(), 10 / 60.0, 0.02);
  EXPECT_TRUE(summary.chosen_percent.empty());
}

TEST(SimulationTest, ACandidateThatFailsIsRolledBackAndNeverFalsely) {
  const SimulationSummary summary = RunMany({*ParseFault("errors=20%@stage2", Canary())}, 20);
  EXPECT_EQ(summary.rolled_back, 20);
  EXPECT_EQ(summary.false_rollbacks, 0);
  ASSERT_EQ(summary.delay_seconds.size(), 20u);
  EXPECT_LT(summary.delay_seconds.back(), 120);
  EXPECT_EQ(summary.by_guardrail.at(0).first, "errors");
}

TEST(SimulationTest, ASlowCandidateIsRolledBackByItsTail) {
  const SimulationSummary summary = RunMany({*ParseFault("latency=4x", Canary())}, 5);
  EXPECT_EQ(summary.rolled_back, 5);
  EXPECT_EQ(summary.by_guardrail.at(0).first, "tail");
}

TEST(SimulationTest, ABlueGreenIsSwitchedWhenItsPreviewedCallsAreGood) {
  config::Experiment experiment = Canary();
  experiment.guardrails = {{.name = "ceiling", .rule = config::ErrorCeiling{0.05}}};
  experiment.rollout = config::Rollout{
      .strategy = config::Strategy::kBlueGreen,
      .steps = {{.weight = config::Percent(),
                 .pause = {absl::ZeroDuration(), 100},
                 .analysis =
                     config::Analysis{.needs_non_inferiority = false,
                                      .success = *config::Condition::Parse("preview_error_rate.candidate < 0.1"),
                                      .timeout = absl::Hours(1)}}},
      .watch = absl::Minutes(1),
      .preview = config::Preview{"x-preview", ""}};
  const auto run = [&](const std::vector<Fault>& faults) {
    return Summarise(Simulate(experiment, {}, faults, 5, /*seed=*/7, 2, [](int) {}));
  };
  const SimulationSummary healthy = run({});
  EXPECT_EQ(healthy.promoted, 5);
  EXPECT_NEAR(healthy.promoted_after_hours.front(), 100 / 3600.0, 0.02);
  EXPECT_EQ(run({{Fault::Kind::kErrors, 0.3, 1, ""}}).promoted, 0);
}

TEST(SimulationTest, TheSameSeedGivesTheSameRunsOnAnyNumberOfThreads) {
  const std::vector<Fault> faults = {*ParseFault("errors=6%@stage1", Canary())};
  EXPECT_EQ(RunMany(faults, 6, 1).delay_requests, RunMany(faults, 6, 3).delay_requests);
}

TEST(SimulationTest, TheSummaryIsTextJsonAndAPlot) {
  const SimulationTitle title{
      .experiment = "a<b", .faults = {*ParseFault("errors=20%", Canary())}, .traffic = {}, .seed = 7};
  const SimulationSummary summary = RunMany(title.faults, 4);
  EXPECT_THAT(SummaryText(title, summary), HasSubstr("rolled back          4 of 4 = 100.00 %"));
  const auto json = runtime::ParseJson(SummaryJson(title, summary));
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->Find("rollback_rate")->ToNumber(), 1);
  EXPECT_GT(json->Find("delay_seconds")->Find("p50")->ToNumber(), 0);
  EXPECT_THAT(SummarySvg(title, summary), HasSubstr("a&lt;b"));
}

// --- Outcomes.

config::Experiment WithAccuracy(const std::string& action) {
  config::Experiment experiment = Canary();
  experiment.metrics = {{.name = "accuracy", .field = "correct"}};
  experiment.guardrails = {
      {.name = "floor",
       .rule = config::OutcomeBound{"accuracy", 0.75, std::nullopt},
       .action = action == "warn" ? config::GuardrailAction::kWarn : config::GuardrailAction::kRollback}};
  return experiment;
}

SimulationSummary RunOutcomes(const config::Experiment& experiment, double shift, double reported = 1) {
  const SimulatedTraffic traffic{.outcomes = *BaselinesOf(experiment, {"accuracy=0.9"}), .reported = reported};
  std::vector<Fault> faults;
  if (shift != 0) faults.push_back({Fault::Kind::kOutcome, shift, 2, "accuracy"});
  return Summarise(Simulate(experiment, traffic, faults, 5, /*seed=*/7, 2, [](int) {}));
}

TEST(SimulatedOutcomesTest, ACandidateWhoseAccuracyFallsBelowItsFloorIsRolledBack) {
  const SimulationSummary summary = RunOutcomes(WithAccuracy("rollback"), -0.3);
  EXPECT_EQ(summary.rolled_back, 5);
  EXPECT_EQ(summary.false_rollbacks, 0);
  EXPECT_EQ(summary.by_guardrail.at(0).first, "floor");
}

TEST(SimulatedOutcomesTest, OneThatStaysAboveItsFloorIsNot) {
  EXPECT_EQ(RunOutcomes(WithAccuracy("rollback"), 0).promoted, 5);
  EXPECT_EQ(RunOutcomes(WithAccuracy("rollback"), -0.1).promoted, 5);
  EXPECT_TRUE(RunOutcomes(WithAccuracy("rollback"), -0.1).warned.empty());
}

TEST(SimulatedOutcomesTest, AGuardrailThatOnlyWarnsLetsTheRolloutGoOnAndIsCounted) {
  const SimulationSummary summary = RunOutcomes(WithAccuracy("warn"), -0.3);
  EXPECT_EQ(summary.promoted, 5);
  EXPECT_EQ(summary.warned.at("floor"), 5);
}

TEST(SimulatedOutcomesTest, FewerReportsTakeLonger) {
  const double all = RunOutcomes(WithAccuracy("rollback"), -0.3).delay_seconds.at(2);
  EXPECT_GT(RunOutcomes(WithAccuracy("rollback"), -0.3, 0.1).delay_seconds.at(2), 3 * all);
}

TEST(SimulatedOutcomesTest, AMeanIsGuardedToo) {
  config::Experiment experiment = Canary();
  experiment.metrics = {{.name = "revenue", .field = "revenue", .type = config::MetricType::kMean}};
  experiment.guardrails = {{.name = "floor", .rule = config::OutcomeBound{"revenue", 2, std::nullopt}}};
  const SimulatedTraffic traffic{.outcomes = *BaselinesOf(experiment, {"revenue=3/2"})};
  const std::vector<Fault> faults = {{Fault::Kind::kOutcome, -2, 1, "revenue"}};
  EXPECT_EQ(Summarise(Simulate(experiment, traffic, faults, 3, 7, 2, [](int) {})).rolled_back, 3);
}

// --- What stops a run that is no rollback, and what lets it go on.

TEST(SimulatedAnalysisTest, AStepIsLeftOnlyByACandidateThatIsShownToBeBetter) {
  config::Experiment experiment = Canary();
  experiment.metrics = {{.name = "accuracy", .field = "correct", .role = config::Role::kPrimary}};
  experiment.rollout->steps[1].analysis =
      config::Analysis{.needs_non_inferiority = false, .needs_primaries = true, .timeout = absl::Hours(2)};
  EXPECT_EQ(RunOutcomes(experiment, 0.05).promoted, 5);
  const SimulationSummary alike = RunOutcomes(experiment, 0);
  EXPECT_EQ(alike.promoted, 0);
  EXPECT_EQ(alike.inconclusive, 5);
  EXPECT_TRUE(alike.paused_by.empty());  // Its time was over.
}

TEST(SimulatedAnalysisTest, AConditionThatFailsRollsBack) {
  config::Experiment experiment = WithAccuracy("warn");
  experiment.rollout->steps[1].analysis = config::Analysis{
      .needs_non_inferiority = false, .failure = *config::Condition::Parse("accuracy.candidate < 0.8")};
  const SimulationSummary summary = RunOutcomes(experiment, -0.3);
  EXPECT_EQ(summary.rolled_back, 5);
  EXPECT_EQ(summary.false_rollbacks, 0);
  EXPECT_EQ(summary.by_guardrail.at(0).first, kByAnalysis);
}

TEST(SimulatedAnalysisTest, ABanditGivesTheBetterCandidateMoreThanTheWorse) {
  config::Experiment experiment = Canary();
  experiment.metrics = {{.name = "accuracy", .field = "correct"}};
  experiment.rollout = config::Rollout{.strategy = config::Strategy::kBandit,
                                       .steps = {{.weight = std::nullopt, .pause = {absl::Minutes(30), 0}}},
                                       .bandit = config::Bandit{.metric = "accuracy",
                                                                .floor = *config::Percent::FromDouble(10),
                                                                .least_share = *config::Percent::FromDouble(1),
                                                                .every = absl::Minutes(2),
                                                                .min_outcomes = 50}};
  const SimulatedTraffic traffic{.outcomes = *BaselinesOf(experiment, {"accuracy=0.9"})};
  const auto shares_after = [&](double shift) {
    const std::vector<Fault> faults = {{Fault::Kind::kOutcome, shift, 1, "accuracy"}};
    return Summarise(Simulate(experiment, traffic, faults, 5, /*seed=*/7, 2, [](int) {})).chosen_percent;
  };
  const std::vector<double> better = shares_after(0.09), worse = shares_after(-0.4);
  ASSERT_EQ(better.size(), 5u);
  ASSERT_EQ(worse.size(), 5u);
  EXPECT_GT(better.front(), worse.back());
}

TEST(SimulationTest, AGuardrailThatPausesLeavesTheRunToPeople) {
  config::Experiment experiment = Canary();
  for (config::Guardrail& guardrail : experiment.guardrails) guardrail.action = config::GuardrailAction::kPause;
  const SimulationSummary summary =
      Summarise(Simulate(experiment, {}, {*ParseFault("errors=20%@stage2", experiment)}, 5, /*seed=*/7, 2, [](int) {}));
  EXPECT_EQ(summary.inconclusive, 5);
  EXPECT_EQ(summary.rolled_back, 0);
  EXPECT_EQ(summary.paused_by.at(0), std::pair(std::string("errors"), 5));
  EXPECT_EQ(summary.delay_seconds.size(), 5u);
}

TEST(SimulationTest, AShadowCompletesAndIsNotInconclusive) {
  std::string shadow = kCanary;
  shadow.replace(shadow.find("  rollout:"), std::string::npos,
                 "  mirror: {name: candidate}\n  rollout: {strategy: shadow, pause: {duration: 5m}}\n");
  config::Findings findings;
  const auto experiments = config::ParseExperimentFile(shadow, "shadow.yaml", findings);
  ASSERT_TRUE(findings.errors.empty()) << config::ToString(findings.errors);
  const SimulationSummary summary =
      Summarise(Simulate(experiments.at(0).value, {}, {}, /*runs=*/3, /*seed=*/7, /*threads=*/1, [](int) {}));
  EXPECT_EQ(summary.completed, 3);
  EXPECT_EQ(summary.inconclusive, 0);
  EXPECT_EQ(summary.promoted, 0);
  const SimulationTitle title{.experiment = "shadow", .faults = {}, .traffic = {}, .seed = 7};
  EXPECT_THAT(SummaryText(title, summary), HasSubstr("completed            3 of 3 = 100.00 %"));
  EXPECT_EQ(runtime::ParseJson(SummaryJson(title, summary))->Find("completion_rate")->ToNumber(), 1);
  EXPECT_THAT(SummarySvg(title, summary), HasSubstr(">completed<"));
}

TEST(FaultTest, IsReadInTheWordsOfPeople) {
  const config::Experiment experiment = WithAccuracy("warn");
  EXPECT_EQ(*ParseFault("errors=5%@stage2", experiment), (Fault{Fault::Kind::kErrors, 0.05, 2}));
  EXPECT_EQ(*ParseFault("latency=2x", experiment), (Fault{Fault::Kind::kLatency, 2, 1}));
  EXPECT_EQ(*ParseFault("accuracy=-0.1@stage3", experiment), (Fault{Fault::Kind::kOutcome, -0.1, 3, "accuracy"}));
  EXPECT_EQ(*ParseFault("accuracy=-10%", experiment), (Fault{Fault::Kind::kOutcome, -0.1, 1, "accuracy"}));
  EXPECT_EQ(ToString(*ParseFault("accuracy=-10%", experiment)), "accuracy=-0.1@stage1");
  for (const char* wrong : {"", "errors", "errors=", "errors=x", "errors=150%", "latency=-1x", "errors=5%@2", "cost=3",
                            "accuracy=0", "accuracy=nan", "errors=5%@stage0", "errors@stage2=5%"}) {
    EXPECT_THAT(std::string(ParseFault(wrong, experiment).status().message()),
                HasSubstr("must be one of errors=RATE, latency=FACTORx, accuracy=SHIFT"))
        << wrong;
  }
  EXPECT_THAT(std::string(ParseFault("errors=5%@stage4", experiment).status().message()),
              HasSubstr("canary has 3 stages"));
}

}  // namespace
}  // namespace weir::cli
