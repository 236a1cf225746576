#include "config/parse.h"
#include "config/validate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/cli/calculator/json.h"
#include "router/cli/simulation/simulate_command.h"

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
}

TEST(SimulationTest, ACandidateThatFailsIsRolledBackAndNeverFalsely) {
  const SimulationSummary summary = RunMany({*ParseFault("errors=20%@stage2")}, 20);
  EXPECT_EQ(summary.rolled_back, 20);
  EXPECT_EQ(summary.false_rollbacks, 0);
  ASSERT_EQ(summary.delay_seconds.size(), 20u);
  EXPECT_LT(summary.delay_seconds.back(), 120);
  EXPECT_EQ(summary.by_guardrail.at(0).first, "errors");
}

TEST(SimulationTest, ASlowCandidateIsRolledBackByItsTail) {
  const SimulationSummary summary = RunMany({*ParseFault("latency=4x")}, 5);
  EXPECT_EQ(summary.rolled_back, 5);
  EXPECT_EQ(summary.by_guardrail.at(0).first, "tail");
}

TEST(SimulationTest, TheSameSeedGivesTheSameRunsOnAnyNumberOfThreads) {
  const std::vector<Fault> faults = {*ParseFault("errors=6%@stage1")};
  EXPECT_EQ(RunMany(faults, 6, 1).delay_requests, RunMany(faults, 6, 3).delay_requests);
}

TEST(SimulationTest, TheSummaryIsTextJsonAndAPlot) {
  const SimulationTitle title{.experiment = "a<b", .faults = {*ParseFault("errors=20%")}, .traffic = {}, .seed = 7};
  const SimulationSummary summary = RunMany(title.faults, 4);
  EXPECT_THAT(SummaryText(title, summary), HasSubstr("rolled back          4 of 4 = 100.00 %"));
  const auto json = ParseJson(SummaryJson(title, summary));
  ASSERT_TRUE(json.ok());
  EXPECT_EQ(json->Find("rollback_rate")->ToNumber(), 1);
  EXPECT_GT(json->Find("delay_seconds")->Find("p50")->ToNumber(), 0);
  EXPECT_THAT(SummarySvg(title, summary), HasSubstr("a&lt;b"));
}

TEST(FaultTest, IsReadInTheWordsOfPeople) {
  EXPECT_EQ(*ParseFault("errors=5%@stage2"), (Fault{Fault::Kind::kErrors, 0.05, 2}));
  EXPECT_EQ(*ParseFault("latency=2x"), (Fault{Fault::Kind::kLatency, 2, 1}));
  for (const char* wrong :
       {"", "errors", "errors=", "errors=x", "errors=150%", "latency=-1x", "errors=5%@2", "cost=3"}) {
    EXPECT_THAT(std::string(ParseFault(wrong).status().message()), HasSubstr("must be errors=RATE")) << wrong;
  }
}

}  // namespace
}  // namespace weir::cli
