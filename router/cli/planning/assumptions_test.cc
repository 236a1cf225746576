#include "router/cli/planning/assumptions.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;

config::Experiment Income() {
  config::Experiment experiment;
  experiment.name = "income";
  experiment.metrics = {{.name = "accuracy", .field = "correct"}};
  return experiment;
}

std::string ErrorOf(PlanCommand command, const config::Experiment& experiment = Income()) {
  if (command.traffic.empty()) command.traffic = "50/s";
  const auto assumptions = AssumptionsOf(command, experiment);
  return assumptions.ok() ? "no error" : std::string(assumptions.status().message());
}

TEST(AssumptionsTest, WhatNobodyGaveIsSaidToBeAssumed) {
  const Assumptions assumptions = *AssumptionsOf({.traffic = "3000/m", .baseline_error = "2%"}, Income());
  EXPECT_EQ(assumptions.calls_per_second, 50);
  EXPECT_EQ(assumptions.baseline_error, 0.02);
  for (const Assumed& said : assumptions.said) {
    EXPECT_EQ(said.source, said.option == "--baseline-error" ? "given" : "assumed") << said.option;
    EXPECT_NE(said.value, "");
  }
  EXPECT_EQ(assumptions.said.size(), 10u);
}

TEST(AssumptionsTest, WhatTheFileSaysIsTakenFromIt) {
  config::Experiment experiment = Income();
  experiment.ticket_sample = *config::Percent::FromDouble(5);
  experiment.decision_rules.alpha = 0.01;
  const Assumptions filed = *AssumptionsOf({.traffic = "1/s"}, experiment);
  EXPECT_EQ(filed.reported, 0.05);
  EXPECT_EQ(filed.alpha, 0.01);
  for (const Assumed& said : filed.said) {
    EXPECT_EQ(said.source == "file", said.option == "--reported" || said.option == "--alpha") << said.option;
  }
  EXPECT_EQ(AssumptionsOf({.traffic = "1/s", .alpha = 0.1}, experiment)->alpha, 0.1);
}

TEST(AssumptionsTest, LatenciesAreLognormalThroughBothQuantiles) {
  const Assumptions assumptions =
      *AssumptionsOf({.traffic = "1/s", .median_latency = "80ms", .p99_latency = "400ms"}, Income());
  EXPECT_NEAR(80 * std::exp(assumptions.latency_deviation() * 2.3263478740408408), 400, 1e-9);
  // The usual ones are those that simulations draw.
  EXPECT_NEAR(AssumptionsOf({.traffic = "1/s"}, Income())->latency_deviation(), 0.5, 1e-3);
}

TEST(AssumptionsTest, UsersAreAsManyAsSaidOrMakeSoManyCallsEach) {
  const Assumptions each = *AssumptionsOf({.traffic = "1/s", .calls_per_user = 21, .correlation = 0.1}, Income());
  EXPECT_NEAR(each.DesignEffect(1e9, 1), 3, 1e-12);
  EXPECT_NEAR(each.CallsOf(500, 0.1), 1500, 1e-9);
  const Assumptions all = *AssumptionsOf({.traffic = "1/s", .users = 1000, .correlation = 0.1}, Income());
  EXPECT_NEAR(all.DesignEffect(21'000, 1), 3, 1e-12);
  EXPECT_NEAR(all.DesignEffect(2'100, 0.1), 3, 1e-12);
  // A tenth of a thousand users cannot say more than a thousand independent calls.
  EXPECT_TRUE(std::isinf(all.CallsOf(1000, 0.1)));
}

TEST(AssumptionsTest, WhatCannotBeIsRefusedByItsOption) {
  EXPECT_THAT(ErrorOf({.traffic = "often"}), HasSubstr("--traffic must be calls in a time"));
  EXPECT_THAT(ErrorOf({.baseline_error = "120%"}), HasSubstr("--baseline-error must be a rate"));
  EXPECT_THAT(ErrorOf({.median_latency = "slow"}), HasSubstr("--median-latency must be a latency"));
  EXPECT_THAT(ErrorOf({.p99_latency = "10ms"}), HasSubstr("--p99-latency must be above the median, 20ms, got 10ms"));
  EXPECT_THAT(ErrorOf({.reported = "0"}), HasSubstr("--reported must be a rate"));
  EXPECT_THAT(ErrorOf({.baselines = {"cost=1"}}), HasSubstr("--baseline cost=1"));
  EXPECT_THAT(ErrorOf({.alpha = 0.2, .power = 0.1}), HasSubstr("--power must be above --alpha, which is 0.2"));
  config::Experiment stepping = Income();
  stepping.rollout = config::Rollout{};
  EXPECT_THAT(ErrorOf({.days = 3}, stepping), HasSubstr("--days is for an experiment without a rollout"));
}

}  // namespace
}  // namespace weir::cli
