#include "router/cli/planning/experiment_plan.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/cli/planning/spec_under_test.h"
#include "router/runtime/json.h"

namespace weir::cli {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kMetrics[] = "  metrics: [{name: accuracy, type: proportion, role: primary}]\n";

ExperimentPlan Plan(const std::string& rest, PlanCommand command = {}) {
  const config::Experiment experiment = ExperimentWith(rest);
  return PlanExperiment(experiment, Assume(experiment, std::move(command)));
}

std::vector<std::string> Warnings(const std::string& rest, PlanCommand command = {}) {
  return Plan(rest, std::move(command)).warnings;
}

TEST(ExperimentPlanTest, AFalseRollbackIsBoundedByTheGuardrailsThatRollBack) {
  const ExperimentPlan plan = Plan(R"(  guardrails:
    - {name: a, metric: error_rate, max: 0.05, alpha: 0.001, action: rollback}
    - {name: b, metric: latency_p99, max: 1s, alpha: 0.002, action: rollback}
    - {name: c, metric: latency_p95, max: 1s, alpha: 0.004, action: warn}
)");
  EXPECT_NEAR(plan.false_rollback, 0.003, 1e-15);
}

// --- Warnings.

TEST(PlanWarningsTest, APlanThatIsWellHasNone) {
  EXPECT_THAT(Warnings(std::string(kMetrics) + kGuardrails + kRollout, {.traffic = "500/s"}), IsEmpty());
}

TEST(PlanWarningsTest, SamplesThatMaxDurationDoesNotWaitFor) {
  EXPECT_THAT(Warnings(std::string(kMetrics) + kGuardrails + kRollout + "    maxDuration: 3d\n", {.traffic = "100/h"}),
              Contains(HasSubstr("maxDuration is 3 d: the rollout would end inconclusive")));
}

TEST(PlanWarningsTest, AHoldbackOfNothing) {
  std::string without = std::string(kMetrics) + kGuardrails + kRollout;
  without.replace(without.find("holdback: 1"), 11, "holdback: 0");
  EXPECT_THAT(Warnings(without), Contains(HasSubstr("which has no share in watch: give a holdback")));
}

TEST(PlanWarningsTest, APauseTooShortToProveADoublingSaysHowManySamplesWould) {
  const std::vector<std::string> warnings =
      Warnings(std::string(kMetrics) + kGuardrails + kRollout, {.traffic = "2/s"});
  EXPECT_THAT(warnings, Contains(HasSubstr("errors takes")));
  EXPECT_THAT(warnings, Contains(HasSubstr("to prove errors x2: a longer pause, or minSamples: ")));
}

TEST(PlanWarningsTest, AVariantThatLooksSilent) {
  EXPECT_THAT(Warnings(std::string(kMetrics) + kGuardrails + kRollout, {.traffic = "1/s"}),
              Contains(HasSubstr("candidate gets a call every 1.7 min in step 1: noDataAfter, 5 min,")));
}

TEST(PlanWarningsTest, WhatWouldRollBackTheHealthy) {
  EXPECT_THAT(Warnings("  guardrails: [{name: ceiling, metric: error_rate, max: 0.05, action: rollback}]\n",
                       {.baseline_error = "6%"}),
              Contains(HasSubstr("ceiling: a healthy variant's errors, 6 %, are not below its max")));
  EXPECT_THAT(Warnings("  guardrails: [{name: limit, metric: latency_p95, max: 40ms, action: rollback}]\n"),
              Contains(HasSubstr("limit: a healthy variant's p95 is not below its max")));
  EXPECT_THAT(Warnings(std::string(kMetrics) + "  guardrails: [{name: floor, metric: accuracy, min: 0.95}]\n"),
              Contains(HasSubstr("floor: a healthy variant's accuracy, 90 %, is beyond its bound")));
}

TEST(PlanWarningsTest, NothingThatShutsNothingThatDecidesAndTooFewUsers) {
  EXPECT_THAT(Warnings(""), Contains(HasSubstr("no guardrail rolls back")));
  EXPECT_THAT(Warnings(""), Contains(HasSubstr("no metric is primary")));
  EXPECT_THAT(Warnings(std::string(kMetrics) + kGuardrails + kRollout, {.users = 5000}),
              Contains(HasSubstr("candidate has about 50 users in step 1: below 128 there is no interval")));
}

// --- As people, programs and eyes take it.

TEST(PlanTextTest, SaysWhatWasAssumedAndWhichDelaysItCalculated) {
  const std::string text =
      PlanText(Plan(std::string(kMetrics) + kGuardrails + kRollout, {.baselines = {"accuracy=0.93"}}));
  for (const char* expected :
       {"canary: canary at 50 calls/s, 4.32 million a day", "--baseline accuracy", "93 %  given", "1 %  assumed",
        "in all 30 h without the watch", "A run is rolled back falsely with probability 0.002 at most",
        "by the\ntest's own evidence along its mean path (in brackets Wald's bound", "errors x2, 1 % to 2 %",
        "accuracy *"}) {
    EXPECT_THAT(text, HasSubstr(expected));
  }
  EXPECT_THAT(text, Not(HasSubstr("simulated")));
}

TEST(PlanJsonTest, HoldsTheSameNumbers) {
  const ExperimentPlan plan = Plan(std::string(kMetrics) + kGuardrails + kRollout);
  const auto json = runtime::ParseJson(PlanJson(plan));
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(json->Find("days_without_watch")->ToNumber(), 1.25);
  const auto& stages = *json->Find("stages")->As<runtime::Json::Array>();
  ASSERT_EQ(stages.size(), 4u);
  EXPECT_EQ(stages[1].Find("shares")->Find("candidate")->ToNumber(), 0.25);
  const runtime::Json& errors = (*json->Find("guardrails")->As<runtime::Json::Array>())[0];
  const runtime::Json& doubling =
      (*(*errors.Find("stages")->As<runtime::Json::Array>())[0].Find("faults")->As<runtime::Json::Array>())[1];
  EXPECT_EQ(doubling.Find("expected_candidate_requests")->ToNumber(), plan.guardrails[0].stages[0].faults[1].requests);
  EXPECT_GT(doubling.Find("expected_seconds")->ToNumber(), doubling.Find("bound_seconds")->ToNumber());
  EXPECT_EQ(json->Find("metrics")->As<runtime::Json::Array>()->size(), 3u);
}

TEST(PlanSvgTest, IsADocumentWithAPanelForEachGuardrail) {
  ExperimentPlan plan = Plan(std::string(kMetrics) + kGuardrails + kRollout);
  plan.experiment.name = "a<b";
  const std::string svg = PlanSvg(plan);
  EXPECT_THAT(svg, HasSubstr("a&lt;b at 50 calls/s"));
  EXPECT_THAT(svg, HasSubstr("How long until errors is proven (error rate &gt; 1.2 x default&#39;s)"));
  EXPECT_THAT(svg, HasSubstr("How long until tail is proven"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(PlanSvgTest, AGuardrailThatNothingCanBreachSaysSo) {
  const ExperimentPlan plan =
      Plan("  guardrails: [{name: lax, metric: error_rate, compareTo: default, maxRatio: 40}]\n");
  EXPECT_THAT(PlanSvg(plan), HasSubstr("No fault of this size is ever proven."));
}

}  // namespace
}  // namespace weir::cli
