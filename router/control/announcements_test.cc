// What the controller announces, and to whom: tick by tick.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "router/control/controller.h"
#include "router/control/controller_rig.h"
#include "router/experiment/alarms.h"

namespace weir::control {
namespace {

using config::NotifyEvent;
using config::NotifyKind;
using experiment::CommandKind;
using Part = Announcement::Part;

config::NotifyTarget Webhook(std::set<NotifyEvent> events = {}) {
  return {.kind = NotifyKind::kWebhook, .url = {"hook", 80, "/"}, .events = std::move(events)};
}
// Half of what the rig's calls take. Without a detector.
config::Guardrail Slow() {
  return {.name = "tail",
          .rule = config::TailCeiling{0.95, absl::Milliseconds(5)},
          .action = config::GuardrailAction::kWarn};
}
config::NotifyTarget Alertmanager() { return {.kind = NotifyKind::kAlertmanager, .url = {"alerts", 9093, "/"}}; }

using Texts = std::vector<std::string>;

class AnnouncementsTest : public testing::Test {
 protected:
  void File(std::vector<config::NotifyTarget> targets) {
    experiment.notify = std::move(targets);
    rig.File({experiment});
  }
  void RollBack() {
    for (int i = 0; i < 600 && rig.Status().phase() != v1::ROLLED_BACK; ++i) rig.Run(1, "candidate");
    ASSERT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  }
  // Those to a kind of target since the last call: "EVENT-PART action".
  std::vector<std::string> Take(NotifyKind kind) {
    std::vector<std::string> taken;
    for (const Notification& notification : rig.TakeNotifications()) {
      for (const config::NotifyTarget& target : notification.targets) {
        if (target.kind == kind) taken.push_back(Text(notification.announcement));
      }
    }
    return taken;
  }
  // What stands as of the last files, for Alertmanagers alone.
  std::vector<std::string> Standing() {
    std::vector<std::string> standing;
    for (const Notification& notification : rig.standing().notifications) {
      for (const config::NotifyTarget& target : notification.targets) {
        EXPECT_EQ(target.kind, NotifyKind::kAlertmanager);
        standing.push_back(Text(notification.announcement));
      }
    }
    return standing;
  }
  static std::string Text(const Announcement& announcement) {
    const char* const kParts[] = {"begins", "stands", "ends"};
    std::string event;
    for (const auto& [known, word] : config::kNotifyEvents) {
      if (known == announcement.event) event = word;
    }
    return event + " " + kParts[static_cast<int>(announcement.part)] + " (" + announcement.action + ")";
  }

  config::Experiment experiment = ControllerRig::AnExperiment();
  ControllerRig rig;
};

TEST_F(AnnouncementsTest, ARollbackIsAnnouncedWithItsEvidence) {
  File({Webhook({NotifyEvent::kRolledBack})});
  RollBack();
  const std::vector<Notification> notifications = rig.TakeNotifications();
  ASSERT_EQ(notifications.size(), 1u);
  const Announcement& rollback = notifications[0].announcement;
  EXPECT_EQ(rollback.event, NotifyEvent::kRolledBack);
  EXPECT_EQ(rollback.proxy, "test");
  EXPECT_EQ(rollback.experiment, "income");
  EXPECT_EQ(rollback.actor, "weir");
  EXPECT_EQ(rollback.run, 1u);
  ASSERT_TRUE(rollback.breach.has_value());
  EXPECT_EQ(rollback.breach->guardrail, "errors");
  EXPECT_GT(rollback.breach->candidate_errors, 0);
  EXPECT_EQ(rollback.detail, rollback.breach->summary);
  EXPECT_EQ(rollback.audit_head, "1") << "of the row that opened the run: what shuts goes before its own";
}

TEST_F(AnnouncementsTest, AWebhookHearsOfRunsRollbacksAndResets) {
  File({Webhook()});
  EXPECT_EQ(Take(NotifyKind::kWebhook), Texts{"stepEntered begins (run-opened)"});
  RollBack();
  EXPECT_EQ(Take(NotifyKind::kWebhook), Texts{"rolledBack begins (rolled-back)"});
  ASSERT_TRUE(rig.Reset().ok());
  EXPECT_EQ(Take(NotifyKind::kWebhook), Texts{"stepEntered begins (reset)"});
}

TEST_F(AnnouncementsTest, AnAlertmanagerHearsOfWhatLastsAndOfItsEnd) {
  File({Alertmanager()});
  EXPECT_EQ(Take(NotifyKind::kAlertmanager), Texts());
  RollBack();
  EXPECT_EQ(Take(NotifyKind::kAlertmanager), Texts{"rolledBack begins (rolled-back)"});
  ASSERT_TRUE(rig.Reset().ok());
  EXPECT_EQ(Take(NotifyKind::kAlertmanager), Texts{"rolledBack ends (rolled-back)"});
}

TEST_F(AnnouncementsTest, AfterARestartAnAlertmanagerHearsThatItStandsAndAWebhookNothing) {
  File({Alertmanager(), Webhook()});
  RollBack();
  const absl::Time since = rig.now();
  rig.TakeNotifications();
  rig.Restart();
  EXPECT_EQ(rig.TakeNotifications().size(), 0u);
  ASSERT_EQ(Standing(), Texts{"rolledBack stands (rolled-back)"});
  EXPECT_EQ(rig.standing().notifications[0].announcement.at, since);
}

TEST_F(AnnouncementsTest, AnExperimentThatIsInNoFileAnyMoreCallsNobody) {
  File({Alertmanager()});
  RollBack();
  rig.TakeNotifications();
  rig.File({});
  EXPECT_EQ(Standing(), Texts());
  rig.File({experiment});
  EXPECT_EQ(Standing(), Texts{"rolledBack stands (rolled-back)"});
}

TEST_F(AnnouncementsTest, WhatStandsIsSaidAnewWithEveryFileToThoseThatAreToHearItNow) {
  config::Experiment other = ControllerRig::AnExperiment("other");
  other.notify = {Alertmanager()};
  other.guardrails.clear();
  experiment.notify = {Alertmanager(), Webhook()};
  rig.File({experiment, other});
  EXPECT_EQ(rig.standing().targets.size(), 2u);
  RollBack();
  rig.TakeNotifications();
  other.run = "again";
  rig.File({experiment, other});
  EXPECT_EQ(Standing(), Texts{"rolledBack stands (rolled-back)"}) << "of the experiment whose file did not change";
  experiment.notify[0].events = {NotifyEvent::kWarned};
  rig.File({experiment, other});
  EXPECT_EQ(Standing(), Texts());
  experiment.notify[0].events = {};
  rig.File({experiment, other});
  EXPECT_EQ(Standing(), Texts{"rolledBack stands (rolled-back)"});
  experiment.notify = {};
  rig.File({experiment, other});
  EXPECT_EQ(Standing(), Texts());
  EXPECT_EQ(rig.standing().targets, std::vector<config::NotifyTarget>{Alertmanager()});
  EXPECT_EQ(Take(NotifyKind::kWebhook), Texts()) << "it was told already";
}

TEST_F(AnnouncementsTest, OnlyTheEventsThatATargetAsksForAreTold) {
  File({Webhook({NotifyEvent::kPromoted})});
  RollBack();
  EXPECT_EQ(Take(NotifyKind::kWebhook), Texts());
}

TEST_F(AnnouncementsTest, AWarningIsToldOnceARun) {
  experiment.guardrails[0] = Slow();
  File({Webhook({NotifyEvent::kWarned}), Alertmanager()});
  rig.Run(100, "candidate");
  std::vector<Notification> notifications = rig.TakeNotifications();
  ASSERT_EQ(notifications.size(), 1u);
  EXPECT_EQ(Text(notifications[0].announcement), "warned begins (warned)");
  EXPECT_EQ(notifications[0].announcement.subject,
            (WarningSubject{WarningSubject::Kind::kGuardrail, "tail", "candidate"}));
  EXPECT_EQ(notifications[0].targets.size(), 2u);
  experiment.run = "again";
  File({Webhook({NotifyEvent::kWarned}), Alertmanager()});
  rig.Run(1, "", 0);
  EXPECT_EQ(Take(NotifyKind::kAlertmanager), Texts{"warned ends (warning-over)"});
}

TEST_F(AnnouncementsTest, AWarningFromBeforeARestartStandsAndIsNoNews) {
  experiment.guardrails[0] = Slow();
  File({Webhook({NotifyEvent::kWarned}), Alertmanager()});
  rig.Run(100, "candidate");
  rig.TakeNotifications();
  rig.Restart();
  rig.Run(10);
  const std::vector<Notification> notifications = rig.TakeNotifications();
  ASSERT_EQ(notifications.size(), 1u);
  EXPECT_EQ(Text(notifications[0].announcement), "warned stands (warned)");
  EXPECT_EQ(notifications[0].targets, std::vector<config::NotifyTarget>{Alertmanager()});
}

// A candidate whose errors rise late, beside a guardrail that a ratio of 10 would breach alone, and a trend.
class LateRiseTest : public AnnouncementsTest {
 protected:
  // With the five minutes that a trend learns from.
  void Rise() {
    experiment.guardrails[0] = {.name = "errors", .rule = config::ErrorRatio{10}, .detector_arl = 1e4};
    experiment.trends = {{"moves", "error_rate", config::TrendMethod::kThreeSigma}};
    File({Webhook({NotifyEvent::kWarned}), Alertmanager()});
    rig.Run(3300);
    ASSERT_EQ(Take(NotifyKind::kWebhook), Texts());
    rig.Run(300, "candidate");
  }
};

TEST_F(LateRiseTest, WhatAlarmsAgainAndAgainIsOneWarning) {
  Rise();
  std::vector<Notification> notifications = rig.TakeNotifications();
  ASSERT_EQ(notifications.size(), 2u);
  EXPECT_EQ(Text(notifications[0].announcement), "warned begins (late-rise-warned)");
  EXPECT_EQ(notifications[0].announcement.subject,
            (WarningSubject{WarningSubject::Kind::kDetector, "errors", "candidate"}));
  EXPECT_NE(notifications[0].announcement.detail.find("log10 statistic"), std::string::npos);
  EXPECT_EQ(notifications[0].targets.size(), 2u);
  EXPECT_EQ(Text(notifications[1].announcement), "warned begins (trend-warned)");
  EXPECT_EQ(notifications[1].announcement.subject,
            (WarningSubject{WarningSubject::Kind::kTrend, "moves", "candidate"}));
  rig.Run(1200, "candidate");
  EXPECT_EQ(rig.TakeNotifications().size(), 0u);
  EXPECT_GT(rig.Status().trends(0).alarms(), 2);
}

TEST_F(LateRiseTest, AWarningIsOverWhenItsAlarmsHaveBeenQuietForLong) {
  Rise();
  rig.TakeNotifications();
  const int quiet = static_cast<int>(experiment::Alarms::kQuiet / stats::kTick);
  rig.Run(quiet - 400);
  EXPECT_EQ(Take(NotifyKind::kAlertmanager), Texts());
  rig.Run(800);
  EXPECT_EQ(Take(NotifyKind::kAlertmanager), (Texts{"warned ends (warning-over)", "warned ends (warning-over)"}));
}

TEST_F(LateRiseTest, AnAlarmFromBeforeARestartStandsAndIsNoNews) {
  Rise();
  rig.TakeNotifications();
  rig.Restart();
  rig.Run(120);
  EXPECT_EQ(Take(NotifyKind::kWebhook), Texts());
  rig.Restart();
  rig.Run(120);
  EXPECT_EQ(Take(NotifyKind::kAlertmanager),
            (Texts{"warned stands (late-rise-warned)", "warned stands (trend-warned)"}));
}

TEST_F(LateRiseTest, AnAlertmanagerThatIsNamedLaterHearsOfWhatStands) {
  Rise();
  rig.TakeNotifications();
  File({Webhook()});
  EXPECT_EQ(Standing(), Texts());
  File({Webhook(), Alertmanager()});
  EXPECT_EQ(Standing(), (Texts{"warned stands (late-rise-warned)", "warned stands (trend-warned)"}));
  rig.File({});
  EXPECT_EQ(Standing(), Texts());
  EXPECT_EQ(rig.TakeNotifications().size(), 0u);
}

TEST_F(LateRiseTest, ADetectorThatActsIsToldAsWhatItDoes) {
  experiment.guardrails[0] = {
      .name = "errors", .rule = config::ErrorRatio{10}, .detector_acts = true, .detector_arl = 1e4};
  File({Webhook()});
  rig.Run(600);
  rig.Run(100, "candidate");
  EXPECT_EQ(Take(NotifyKind::kWebhook), (Texts{"stepEntered begins (run-opened)", "rolledBack begins (rolled-back)"}));
}

TEST_F(AnnouncementsTest, ARolloutTellsItsStepsApprovalsAndPromotion) {
  const config::Percent half = *config::Percent::FromDouble(50);
  experiment.rollout =
      config::Rollout{.steps = {{.weight = half, .pause = {absl::Seconds(1), 0}, .approval = config::Approval{}}},
                      .watch = absl::Seconds(1)};
  File({Webhook(), Alertmanager()});
  for (int i = 0; i < 100 && !rig.Status().rollout().awaits_approval(); ++i) rig.Run(1);
  ASSERT_TRUE(rig.Obey(CommandKind::kApprove).ok());
  rig.Run(20);
  Texts webhook, alertmanager;
  for (const Notification& notification : rig.TakeNotifications()) {
    for (const config::NotifyTarget& target : notification.targets) {
      (target.kind == NotifyKind::kWebhook ? webhook : alertmanager).push_back(Text(notification.announcement));
    }
  }
  EXPECT_EQ(webhook, (Texts{"stepEntered begins (run-opened)", "approvalAsked begins (approval-asked)",
                            "promoted begins (approved)", "promoted begins (completed)"}));
  EXPECT_EQ(alertmanager, (Texts{"approvalAsked begins (approval-asked)", "approvalAsked ends (approval-asked)"}));
}

TEST_F(AnnouncementsTest, APauseLastsUntilItIsResumed) {
  experiment.rollout = config::Rollout{.steps = {{.pause = {absl::Hours(1), 0}}}};
  File({Alertmanager(), Webhook({NotifyEvent::kInconclusive})});
  ASSERT_TRUE(rig.Obey({.kind = CommandKind::kPause, .comment = "lunch"}).ok());
  const std::vector<Notification> paused = rig.TakeNotifications();
  ASSERT_EQ(paused.size(), 1u);
  EXPECT_EQ(Text(paused[0].announcement), "inconclusive begins (paused)");
  EXPECT_EQ(paused[0].announcement.actor, "ann");
  EXPECT_EQ(paused[0].targets.size(), 2u);
  ASSERT_TRUE(rig.Obey(CommandKind::kResume).ok());
  EXPECT_EQ(Take(NotifyKind::kAlertmanager), Texts{"inconclusive ends (paused)"});
}

TEST_F(AnnouncementsTest, AJournalThatFailsIsToldOnceToEveryTargetAndItsEndToo) {
  config::Experiment other = ControllerRig::AnExperiment("other");
  experiment.notify = {Webhook({NotifyEvent::kRolledBack, NotifyEvent::kJournalFails}), Alertmanager()};
  other.notify = {Webhook()};
  rig.File({experiment, other});
  rig.TakeNotifications();
  rig.journal().FailWith(absl::ResourceExhaustedError("disk full"));
  rig.Run(20);
  std::vector<Notification> notifications = rig.TakeNotifications();
  ASSERT_EQ(notifications.size(), 1u);
  EXPECT_EQ(Text(notifications[0].announcement), "journalFails begins (journal-fails)");
  EXPECT_EQ(notifications[0].announcement.detail, "disk full");
  EXPECT_EQ(notifications[0].targets.size(), 2u);
  rig.File({experiment});
  EXPECT_EQ(Standing(), Texts{"journalFails stands (journal-fails)"});
  EXPECT_EQ(rig.standing().notifications[0].announcement.at, notifications[0].announcement.at);
  EXPECT_EQ(rig.TakeNotifications().size(), 0u);
  rig.journal().FailWith(absl::OkStatus());
  rig.Run(20);
  notifications = rig.TakeNotifications();
  ASSERT_EQ(notifications.size(), 1u);
  EXPECT_EQ(Text(notifications[0].announcement), "journalFails ends (journal-works)");
  EXPECT_EQ(notifications[0].targets.size(), 2u);
}

// --- Numbers from outside, on their way through the controller.

TEST_F(AnnouncementsTest, AnAnswerReachesTheStatusAndAChangedQuestionForgetsIt) {
  experiment.queries = {{.name = "revenue", .server = {"prom", 9090, ""}, .query = "x"}};
  File({});
  EXPECT_FALSE(rig.Status().external_metrics(0).has_value());
  const absl::Time ahead = rig.now() + absl::Hours(1);
  rig.controller().TakeAnswer({"income", "revenue", experiment::ExternalValue{42, ahead}}, rig.now());
  EXPECT_EQ(rig.Status().external_metrics(0).value(), 42);
  EXPECT_EQ(rig.Status().external_metrics(0).age().seconds(), 0);
  EXPECT_TRUE(rig.Status().external_metrics(0).believed());
  rig.controller().TakeAnswer({"income", "revenue", absl::UnavailableError("down")}, rig.now());
  EXPECT_EQ(rig.Status().external_metrics(0).value(), 42);
  EXPECT_EQ(rig.Status().external_metrics(0).error(), "down");
  experiment.queries[0].query = "y";
  File({});
  EXPECT_FALSE(rig.Status().external_metrics(0).has_value());
  rig.controller().TakeAnswer({"nobody", "revenue", absl::UnavailableError("down")}, rig.now());
}

}  // namespace
}  // namespace weir::control
