#include "router/experiment/false_rollback.h"

#include <gtest/gtest.h>

namespace weir::experiment {
namespace {

config::Experiment AnExperiment() {
  config::Experiment experiment;
  experiment.guardrails = {
      {.name = "errors", .rule = config::ErrorRatio{1.2}, .alpha = 0.001},
      {.name = "tail", .rule = config::ErrorRatio{1.2}, .alpha = 0.002, .action = config::GuardrailAction::kPause}};
  return experiment;
}

TEST(FalseRollbackTest, GuardrailsThatRollBackSpendTheirAlpha) {
  EXPECT_EQ(Describe(FalseRollbackOf(AnExperiment())), "0.001 at most (errors 0.001)");
  EXPECT_EQ(Describe(FalseRollbackOf({})), "0 at most");
}

TEST(FalseRollbackTest, AnAnalysisThatMayFailSpendsItsOwn) {
  config::Experiment experiment = AnExperiment();
  experiment.rollout = config::Rollout{.steps = {{.analysis = config::Analysis{}},
                                                 {.analysis = config::Analysis{.needs_primaries = true}},
                                                 {.analysis = config::Analysis{.needs_value = true}}}};
  const FalseRollback rollback = FalseRollbackOf(experiment);
  EXPECT_NEAR(rollback.at_most, 0.101, 1e-12);
  EXPECT_EQ(Describe(rollback), "0.101 at most (errors 0.001, analysis of step 2 0.05, analysis of step 3 0.05)");
}

TEST(FalseRollbackTest, WhatHasNoBoundIsNamed) {
  config::Experiment experiment = AnExperiment();
  experiment.guardrails[0].detector_acts = true;
  experiment.guardrails[1].detector_acts = true;  // It pauses.
  experiment.rollout = config::Rollout{
      .steps = {{.analysis = config::Analysis{.failure = *config::Condition::Parse("error_rate.candidate > 0.1")}}}};
  EXPECT_EQ(Describe(FalseRollbackOf(experiment)),
            "0.001 at most (errors 0.001), beside the detector of errors and the failureCondition of step 1");
}

}  // namespace
}  // namespace weir::experiment
