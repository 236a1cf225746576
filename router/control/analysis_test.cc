// The analysis of the whole as the controller carries it: steps that wait for it, what fails, what pauses, what is
// shown, and what is left after a process was killed.

#include <gtest/gtest.h>

#include <string>

#include "router/control/controller.h"
#include "router/control/controller_rig.h"
#include "stats/export/prometheus.h"

namespace weir::control {
namespace {

using experiment::CommandKind;

config::Percent Share(double percent) { return *config::Percent::FromDouble(percent); }

config::Analysis Conditions(const std::string& success, const std::string& failure = "") {
  config::Analysis analysis{.needs_non_inferiority = false};
  if (!success.empty()) analysis.success = *config::Condition::Parse(success);
  if (!failure.empty()) analysis.failure = *config::Condition::Parse(failure);
  return analysis;
}

// Half of the calls for two seconds and an analysis, and then all.
config::Experiment ACanary(const config::Analysis& analysis) {
  config::Experiment experiment = ControllerRig::AnExperiment();
  experiment.guardrails.clear();
  experiment.rollout = config::Rollout{
      .steps = {{.weight = Share(50), .pause = {absl::Seconds(2), 0}, .analysis = analysis}, {.weight = Share(100)}},
      .holdback = Share(5),
      .watch = absl::Seconds(30)};
  return experiment;
}

std::string LastReason(ControllerRig& rig) { return rig.journal().records().back().detail(); }

TEST(AnalysisTest, AStepIsLeftWhenItsConditionHoldsAndItsPauseIsOver) {
  ControllerRig rig;
  rig.File({ACanary(Conditions("error_rate.candidate < 0.05 && requests.candidate > 300"))});
  rig.Run(21);
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING) << "200 calls only";
  EXPECT_EQ(rig.Status().analysis().verdict(), "undecided");
  EXPECT_TRUE(rig.Status().analysis().decides());
  rig.Run(30);
  EXPECT_EQ(rig.Status().phase(), v1::WATCHING);
}

TEST(AnalysisTest, AFailureRollsBackAtOnceAndSaysWhy) {
  ControllerRig rig;
  rig.File({ACanary(Conditions("", "error_rate.candidate > 0.1"))});
  rig.Run(19, "candidate");
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig.Share("candidate"), 0);
  EXPECT_NE(rig.Status().phase_reason().find("error_rate.candidate is 0.2"), std::string::npos)
      << rig.Status().phase_reason();
  EXPECT_NE(LastReason(rig).find("failure-condition"), std::string::npos) << LastReason(rig);
}

TEST(AnalysisTest, WhatIsTooOldIsNotBelieved) {
  config::Experiment experiment = ACanary(Conditions("checkouts > 5"));
  experiment.queries = {{.name = "checkouts", .max_age = absl::Seconds(10)}};
  ControllerRig rig;
  rig.File({experiment});
  rig.Run(25);
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING);
  rig.controller().TakeValues("income", "checkouts", 7, rig.now() - absl::Seconds(11));
  rig.Run(15);
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING);
  rig.controller().TakeValues("nobody", "checkouts", 7, rig.now());
  rig.controller().TakeValues("income", "checkouts", 7, rig.now());
  rig.Run(15);
  EXPECT_EQ(rig.Status().phase(), v1::WATCHING);
}

TEST(AnalysisTest, OneAnswerLeavesOneStep) {
  const config::Analysis analysis = Conditions("checkouts > 0.9");
  config::Experiment experiment = ACanary(analysis);
  experiment.queries = {{.name = "checkouts", .max_age = absl::Minutes(2)}};
  experiment.rollout->steps = {{.weight = Share(5), .pause = {}, .analysis = analysis},
                               {.weight = Share(25), .pause = {}, .analysis = analysis}};
  ControllerRig rig;
  rig.File({experiment});
  rig.Run(15);
  rig.controller().TakeValues("income", "checkouts", 1, rig.now());
  rig.Run(30);
  EXPECT_NEAR(rig.Share("candidate"), 0.25, 1e-12) << "the answer was measured at 5 %";
  rig.controller().TakeValues("income", "checkouts", 1, rig.now());
  rig.Run(30);
  EXPECT_EQ(rig.Status().phase(), v1::WATCHING);
}

TEST(AnalysisTest, ASuccessByTheFileBeforeAnEditIsNone) {
  config::Experiment experiment = ACanary(Conditions("", "error_rate.candidate > 0.9"));
  experiment.rollout->steps[0].pause.duration = absl::Hours(24);
  ControllerRig rig;
  rig.File({experiment});
  rig.Run(35);
  ASSERT_EQ(rig.Status().analysis().verdict(), "success");
  experiment.rollout->steps[0].pause.duration = absl::Seconds(1);
  experiment.rollout->steps[0].analysis = config::Analysis{.needs_non_inferiority = false, .needs_primaries = true};
  rig.File({experiment});
  EXPECT_FALSE(rig.Status().has_analysis());
  rig.Tick();
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING) << "no primary metric was shown";
  EXPECT_EQ(rig.Status().analysis().verdict(), "undecided") << "it is looked at at once";
  rig.Run(30);
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING);
}

TEST(AnalysisTest, NoVerdictByTheTimeoutIsInconclusive) {
  config::Analysis never = Conditions("accuracy.candidate > 0.5");
  never.timeout = absl::Seconds(4);
  ControllerRig rig;
  rig.File({ACanary(never)});
  rig.Run(39);
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING);
  rig.Run(3);
  EXPECT_EQ(rig.Status().phase(), v1::INCONCLUSIVE);
  EXPECT_NE(rig.Status().phase_reason().find("no verdict within 4s"), std::string::npos);
  EXPECT_NEAR(rig.Share("candidate"), 0.5, 1e-12);
}

TEST(AnalysisTest, AGuardrailThatPausesKeepsTheShareAndPausesOnce) {
  config::Experiment experiment = ACanary(Conditions("requests.candidate > 1000000"));
  experiment.guardrails = {
      {.name = "errors", .rule = config::ErrorRatio{1.2}, .action = config::GuardrailAction::kPause}};
  ControllerRig rig;
  rig.File({experiment});
  rig.Run(200, "candidate");
  EXPECT_EQ(rig.Status().phase(), v1::INCONCLUSIVE);
  EXPECT_NE(rig.Status().phase_reason().find("errors: candidate: error rate > 1.2 x default's"), std::string::npos);
  EXPECT_EQ(rig.Status().guardrails(0).action(), "pause");
  EXPECT_NEAR(rig.Share("candidate"), 0.5, 1e-12);
  rig.Restart();
  EXPECT_TRUE(rig.Obey(CommandKind::kResume).ok());
  rig.Run(30, "candidate");
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING) << "who goes on has seen it";
}

TEST(AnalysisTest, AStepGoesOnFromItsNumbersAfterARestart) {
  ControllerRig rig;
  rig.File({ACanary(Conditions("requests.candidate > 300"))});
  rig.Run(28);
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING);
  rig.Restart();
  rig.Run(15);
  EXPECT_EQ(rig.Status().phase(), v1::WATCHING) << rig.Status().rollout().waits_for();
}

TEST(AnalysisTest, WhatIsFoundIsShownAndMeasured) {
  config::Experiment experiment = ACanary(Conditions("requests.candidate > 1000000"));
  experiment.guardrails = {{.name = "errors", .rule = config::ErrorRatio{1.2}}};
  experiment.trends = {{"moves", "error_rate", config::TrendMethod::kCusum}};
  ControllerRig rig;
  rig.File({experiment});
  rig.Run(130);
  const v1::ExperimentStatus status = rig.Status();
  EXPECT_GT(status.analysis().findings_size(), 3);
  EXPECT_NE(status.rollout().waits_for().find("analysis: success-condition"), std::string::npos)
      << status.rollout().waits_for();
  ASSERT_EQ(status.trends_size(), 1);
  EXPECT_NE(status.trends(0).note().find("learning"), std::string::npos);
  EXPECT_TRUE(status.guardrails(0).has_detector_log10_statistic());
  EXPECT_DOUBLE_EQ(status.guardrails(0).detector_log10_threshold(), 9);
  const std::string page = stats::RenderMetrics(rig.controller().View(rig.now()).metrics, "test");
  EXPECT_NE(page.find("weir_analysis_verdict{experiment=\"income\",verdict=\"undecided\"} 1"), std::string::npos);
  EXPECT_NE(page.find("weir_sample_ratio_log10_bayes_factor{experiment=\"income\"}"), std::string::npos);
  EXPECT_NE(page.find("weir_trend_limit{experiment=\"income\",trend=\"moves\",variant=\"candidate\"} 5"),
            std::string::npos);
}

TEST(AnalysisTest, AGuardrailBehindAShutGateIsShownWithoutEvidence) {
  config::Experiment experiment = ACanary(Conditions("requests.candidate > 1000000"));
  experiment.guardrails = {
      {.name = "errors", .rule = config::ErrorRatio{1.2}, .when = config::RateGate{1000, absl::Seconds(10)}}};
  ControllerRig rig;
  rig.File({experiment});
  rig.Run(200, "candidate");
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING);
  ASSERT_EQ(rig.Status().guardrails_size(), 1);
  EXPECT_EQ(rig.Status().guardrails(0).note(), "not judged before 1000/s for 10s (now 200/s)");
  rig.Run(250, "candidate", 200);
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
}

}  // namespace
}  // namespace weir::control
