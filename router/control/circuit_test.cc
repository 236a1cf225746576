// What the tables of a blueGreen and of a rollback say beside the shares: who is previewed, and until when is drained.
// And what previewed calls lead to.

#include <gtest/gtest.h>

#include <string>

#include "router/control/controller.h"
#include "router/control/controller_rig.h"

namespace weir::control {
namespace {

using experiment::CommandKind;

config::Experiment ABlueGreen() {
  config::Experiment experiment = ControllerRig::AnExperiment();
  experiment.drain_timeout = absl::Seconds(7);
  experiment.rollout = config::Rollout{.strategy = config::Strategy::kBlueGreen,
                                       .steps = {{.weight = config::Percent(), .pause = {absl::Hours(1), 0}}},
                                       .watch = absl::Hours(1),
                                       .preview = config::Preview{"x-preview", "green"}};
  return experiment;
}

class CircuitTest : public testing::Test {
 protected:
  void SetUp() override { rig.File({ABlueGreen()}); }
  const routing::ExperimentRoute& route() { return rig.controller().table()->experiments[0]; }
  ControllerRig rig;
};

TEST_F(CircuitTest, BeforeTheSwitchThePreviewGoesToTheCandidateWhichHasNoShare) {
  EXPECT_EQ(rig.Share("candidate"), 0);
  EXPECT_EQ(route().preview, (routing::PreviewRoute{"x-preview", "green", 1}));
  ASSERT_TRUE(rig.Obey(CommandKind::kPause).ok());
  EXPECT_TRUE(route().preview.has_value());
}

TEST_F(CircuitTest, AfterTheSwitchAndAfterARollbackThereIsNone) {
  ASSERT_TRUE(rig.Obey({.kind = CommandKind::kPromote, .is_full = true}).ok());
  EXPECT_EQ(rig.Share("candidate"), 1);
  EXPECT_FALSE(route().preview.has_value());
  ASSERT_TRUE(rig.Obey(CommandKind::kRollback).ok());
  EXPECT_EQ(rig.Share("candidate"), 0);
  EXPECT_FALSE(route().preview.has_value());
  ASSERT_TRUE(rig.Reset().ok());
  EXPECT_TRUE(route().preview.has_value());
}

TEST_F(CircuitTest, ARollbackSaysUntilWhenItsCandidatesAreDrained) {
  EXPECT_EQ(route().drained_by, absl::InfiniteFuture());
  rig.Run(3);
  ASSERT_TRUE(rig.Obey(CommandKind::kRollback).ok());
  const absl::Time drained_by = rig.now() + absl::Seconds(7);
  EXPECT_EQ(route().drained_by, drained_by);
  rig.Run(3);
  EXPECT_EQ(route().drained_by, drained_by);  // It is no later for having waited.
  rig.Restart();
  EXPECT_EQ(route().drained_by, drained_by);
  ASSERT_TRUE(rig.Reset().ok());
  EXPECT_EQ(route().drained_by, absl::InfiniteFuture());
}

TEST_F(CircuitTest, AnExperimentThatIsFrozenIsNotDrained) {
  rig.RestartUnreadable(absl::UnavailableError("no disk"));
  EXPECT_EQ(rig.Share("candidate"), 0);
  EXPECT_EQ(route().drained_by, absl::InfiniteFuture());
  EXPECT_FALSE(route().preview.has_value());
}

// A preview that has to show something before the switch, which would otherwise come after a second.
config::Experiment AChecked(const std::string& success, const std::string& failure = "") {
  config::Experiment experiment = ABlueGreen();
  config::RolloutStep& step = experiment.rollout->steps[0];
  step.pause = {absl::Seconds(1), 30};
  step.analysis = config::Analysis{.needs_non_inferiority = false, .timeout = absl::Minutes(1)};
  if (!success.empty()) step.analysis->success = *config::Condition::Parse(success);
  if (!failure.empty()) step.analysis->failure = *config::Condition::Parse(failure);
  return experiment;
}

class PreviewTest : public testing::Test {
 protected:
  static void ExpectIn(const std::string& text, const std::string& part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  ControllerRig rig;
};

TEST_F(PreviewTest, ThereIsNoSwitchToOneThatFailsItsPreviews) {
  rig.File({AChecked("preview_error_rate.candidate < 0.05")});
  rig.Run(30);
  EXPECT_EQ(rig.Status().rollout().waits_for(),
            "candidate has 0 of 30 previewed calls, analysis: success-condition: preview_error_rate.candidate < 0.05; "
            "preview_error_rate.candidate is not known");
  rig.Preview("candidate", 40, 40);
  rig.Run(500);
  EXPECT_EQ(rig.Share("candidate"), 0);
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING);
  EXPECT_EQ(rig.Status().variants(1).previewed(), 40);
  EXPECT_EQ(rig.Status().variants(1).preview_errors(), 40);
  EXPECT_EQ(rig.Status().variants(1).started(), 0);
  rig.Run(100);
  EXPECT_EQ(rig.Status().phase(), v1::INCONCLUSIVE);
  ExpectIn(rig.Status().phase_reason(), "preview_error_rate.candidate is 1");
}

TEST_F(PreviewTest, OneThatAnswersThemIsSwitchedToAlsoAfterARestart) {
  rig.File({AChecked("preview_error_rate.candidate < 0.05 && preview_requests.candidate >= 30")});
  rig.Run(30);
  rig.Preview("candidate", 29, 0);
  rig.Run(30);
  EXPECT_EQ(rig.Share("candidate"), 0);
  rig.Restart();
  EXPECT_EQ(rig.Status().variants(1).previewed(), 29);
  rig.Run(30);
  EXPECT_EQ(rig.Share("candidate"), 0);
  rig.Preview("candidate", 1, 1);
  rig.Run(30);
  EXPECT_EQ(rig.Status().phase(), v1::WATCHING);
  EXPECT_EQ(rig.Share("candidate"), 1);
}

TEST_F(PreviewTest, TheLastOfABurstCountBeforeTheSwitch) {
  rig.File({AChecked("preview_error_rate.candidate < 0.05")});
  rig.Run(30);
  rig.Preview("candidate", 25, 0);
  rig.Run(12);
  ASSERT_EQ(rig.Status().analysis().verdict(), "success");
  rig.Preview("candidate", 10, 10);
  EXPECT_EQ(rig.Share("candidate"), 0) << "what was a success before them is none";
  rig.Run(100);
  EXPECT_EQ(rig.Share("candidate"), 0);
}

TEST_F(PreviewTest, CallsOfDaysAgoLeadToNoSwitch) {
  config::Experiment experiment = AChecked("preview_error_rate.candidate < 0.05");
  experiment.rollout->steps[0].pause.duration = absl::Hours(25);
  experiment.rollout->steps[0].analysis->timeout = absl::Hours(48);
  rig.File({experiment});
  rig.Run(10);
  rig.Preview("candidate", 40, 0);
  rig.Run(10);
  ASSERT_EQ(rig.Status().analysis().verdict(), "success");
  rig.Advance(absl::Hours(25));
  rig.Run(20);
  EXPECT_EQ(rig.Share("candidate"), 0);
  ExpectIn(rig.Status().rollout().waits_for(), "0 of 30 previewed calls, since those before are too old");
  rig.Preview("candidate", 1, 0);
  rig.Run(20);
  EXPECT_EQ(rig.Share("candidate"), 1);
}

TEST_F(PreviewTest, AnotherStrategyDoesNotCountWhatWasPreviewed) {
  rig.File({AChecked("preview_error_rate.candidate < 0.05 && preview_requests.candidate > 1000")});
  rig.Run(30);
  rig.Preview("candidate", 500, 0);
  config::Experiment canary = ControllerRig::AnExperiment();
  canary.rollout = config::Rollout{.steps = {{.weight = *config::Percent::FromDouble(50), .pause = {{}, 400}}}};
  rig.File({canary});
  rig.Run(20);
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING) << "200 calls only";
  rig.Run(60);
  EXPECT_EQ(rig.Status().phase(), v1::COMPLETED);
}

TEST_F(PreviewTest, ADryRunWaitsForNone) {
  config::Experiment experiment = AChecked("preview_error_rate.candidate < 0.05");
  experiment.rollout->is_dry_run = true;
  rig.File({experiment});
  rig.Run(40);
  EXPECT_EQ(rig.Status().phase(), v1::WATCHING);
}

TEST_F(PreviewTest, FailuresRollBackBeforeAnybodyWasServed) {
  rig.File({AChecked("", "preview_error_rate.candidate > 0.5")});
  rig.Run(20);
  rig.Preview("candidate", 19, 19);
  rig.Run(20);
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING) << "too few to say anything";
  rig.Preview("candidate", 1, 1);
  rig.Run(20);
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  ExpectIn(rig.Status().phase_reason(), "preview_error_rate.candidate is 1");
}

TEST_F(PreviewTest, WhatWasAskedOfThePreviewRollsNothingBackAfterTheSwitch) {
  rig.File({AChecked("", "preview_error_rate.candidate > 0.5 || preview_requests.candidate < 5")});
  rig.Run(20);
  rig.Preview("candidate", 40, 0);
  rig.Run(40);
  ASSERT_EQ(rig.Status().phase(), v1::WATCHING);
  rig.Run(100);
  EXPECT_EQ(rig.Status().phase(), v1::WATCHING);
}

}  // namespace
}  // namespace weir::control
