#include "router/cli/planning/delays.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/cli/planning/experiment_plan.h"
#include "router/cli/planning/spec_under_test.h"
#include "stats/detection_bound.h"

namespace weir::cli {
namespace {

std::vector<PlannedGuardrail> Guardrails(const std::string& rest, PlanCommand command = {}) {
  const config::Experiment experiment = ExperimentWith(rest);
  const Assumptions assumptions = Assume(experiment, std::move(command));
  return GuardrailsOf(experiment, assumptions, StagesOf(experiment, assumptions));
}

TEST(DelaysTest, TheBoundIsWaldsWithTheAlphaOfTheTest) {
  const PlannedGuardrail errors = Guardrails(std::string(kGuardrails) + kRollout, {.calls_per_user = 1})[0];
  ASSERT_EQ(errors.faults[2].name, "errors x3");
  EXPECT_EQ(errors.faults[2].text, "1 % to 3 %");
  const DelaysAtStage& second = errors.stages[1];
  EXPECT_NEAR(second.alpha, 0.001 * 0.8 * 0.5 * 0.8 / 4, 1e-15);
  EXPECT_NEAR(
      second.faults[2].bound_requests,
      stats::LeastDelayOfErrorRatio(
          {.baseline_error = 0.01, .candidate_error = 0.03, .share = 0.25, .max_ratio = 1.2, .alpha = second.alpha})
          .candidate_requests,
      1e-6);
  EXPECT_NEAR(second.faults[2].bound_seconds, second.faults[2].bound_requests / 12.5, 1e-9);
}

TEST(DelaysTest, NoTestIsFasterThanItsBoundAndALargerFaultIsSeenSooner) {
  constexpr char kAll[] = R"(  metrics:
    - {name: accuracy, type: proportion}
    - {name: cost, type: mean, goal: decrease}
  guardrails:
    - {name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2}
    - {name: ceiling, metric: error_rate, max: 0.012}
    - {name: tail, metric: latency_p99, compareTo: default, maxRatio: 1.2}
    - {name: limit, metric: latency_p95, max: 60ms}
    - {name: floor, metric: accuracy, min: 0.88}
    - {name: cap, metric: accuracy, max: 0.95}
    - {name: price, metric: cost, max: 1.2}
)";
  for (const PlannedGuardrail& guardrail : Guardrails(std::string(kAll) + kRollout)) {
    ASSERT_EQ(guardrail.stages.size(), 4u);
    for (const DelaysAtStage& at : guardrail.stages) {
      double before = std::numeric_limits<double>::infinity();
      for (const PlannedDelay& delay : at.faults) {
        EXPECT_GE(delay.requests, delay.bound_requests);  // Both are infinite where it is never seen.
        EXPECT_LE(delay.requests, before);
        before = delay.requests;
      }
      EXPECT_TRUE(std::isfinite(before)) << guardrail.guardrail;
    }
  }
}

TEST(DelaysTest, MoreTrafficIsSoonerWithAsManyRequests) {
  const auto slow = Guardrails(std::string(kGuardrails) + kRollout, {.traffic = "10/s"});
  const auto fast = Guardrails(std::string(kGuardrails) + kRollout, {.traffic = "100/s"});
  const PlannedDelay& later = slow[0].stages[0].faults[1];
  const PlannedDelay& sooner = fast[0].stages[0].faults[1];
  EXPECT_NEAR(later.requests, sooner.requests, 1e-6);
  EXPECT_LT(sooner.seconds, later.seconds / 9.9);
}

TEST(DelaysTest, ARatioThatAllowsADoublingNeverSeesIt) {
  const PlannedGuardrail lax =
      Guardrails("  guardrails: [{name: lax, metric: error_rate, compareTo: default, maxRatio: 2}]\n")[0];
  EXPECT_TRUE(std::isinf(lax.stages[0].faults[1].requests));
  EXPECT_TRUE(std::isinf(lax.stages[0].faults[1].bound_requests));
  EXPECT_FALSE(std::isinf(lax.stages[0].faults[2].requests));
}

TEST(DelaysTest, AGuardrailThatWaitsForMoreTrafficSeesNothing) {
  config::Experiment experiment = ExperimentWith(kGuardrails);
  experiment.guardrails[0].when = config::RateGate{.min_rate_per_second = 100};
  const Assumptions assumptions = Assume(experiment);
  const auto planned = GuardrailsOf(experiment, assumptions, StagesOf(experiment, assumptions));
  EXPECT_TRUE(std::isinf(planned[0].stages[0].faults[3].requests));
  EXPECT_FALSE(std::isinf(planned[1].stages[0].faults[2].requests));
  EXPECT_THAT(PlanExperiment(experiment, assumptions).warnings,
              testing::Contains(testing::HasSubstr("errors is judged from 100 calls/s on, and there are 50")));
}

TEST(DelaysTest, WithoutADefaultARatioIsBlindAndACeilingIsNot) {
  const std::vector<PlannedGuardrail> planned = Guardrails(R"(  guardrails:
    - {name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2}
    - {name: ceiling, metric: error_rate, max: 0.02}
  rollout: {strategy: blueGreen, pause: {duration: 2h}, watch: 1h}
)");
  EXPECT_TRUE(planned[0].stages.empty());
  EXPECT_EQ(planned[0].blind, std::vector<size_t>{1});
  ASSERT_EQ(planned[1].stages.size(), 1u);
  EXPECT_EQ(planned[1].stages[0].stage, 1u);
}

TEST(DelaysTest, OutcomesThatAreSeldomReportedTakeMoreRequests) {
  constexpr char kFloor[] = R"(  metrics: [{name: accuracy, type: proportion}]
  guardrails: [{name: floor, metric: accuracy, min: 0.85}]
)";
  const double all = Guardrails(kFloor)[0].stages[0].faults[1].requests;
  EXPECT_NEAR(Guardrails(kFloor, {.reported = "5%"})[0].stages[0].faults[1].requests, 20 * all, 1e-6 * all);
}

TEST(DelaysTest, FewUsersMayNeverProveALittle) {
  const PlannedGuardrail errors = Guardrails(kGuardrails, {.users = 500, .correlation = 0.2})[0];
  EXPECT_TRUE(std::isinf(errors.stages[0].faults[0].requests));
  EXPECT_FALSE(std::isinf(errors.stages[0].faults[3].requests));
}

}  // namespace
}  // namespace weir::cli
