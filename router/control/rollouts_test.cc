// Rollouts as the controller carries them: the order of effects, what people are answered, and what is left after a
// process was killed in any phase.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "router/control/controller.h"
#include "router/control/controller_rig.h"

namespace weir::control {
namespace {

using experiment::CommandKind;
using Order = std::vector<std::string>;

config::Percent Share(double percent) { return *config::Percent::FromDouble(percent); }

// Two seconds at 5 %, a second at 20 % with approval, a second at 50 %, and three seconds of watch at 95 %.
config::Experiment ACanary() {
  config::Experiment experiment = ControllerRig::AnExperiment();
  experiment.rollout = config::Rollout{
      .steps = {{.weight = Share(5), .pause = {absl::Seconds(2), 0}},
                {.weight = Share(20), .pause = {absl::Seconds(1), 0}, .approval = config::Approval{1, {"operator"}}},
                {.weight = Share(50), .pause = {absl::Seconds(1), 10}}},
      .holdback = Share(5),
      .watch = absl::Seconds(3)};
  return experiment;
}

class RolloutsTest : public testing::Test {
 protected:
  void SetUp() override { rig.File({ACanary()}); }

  v1::Phase phase() const { return rig.Status().phase(); }
  v1::RolloutStatus rollout() const { return rig.Status().rollout(); }
  double share() const { return rig.Share("candidate"); }
  // Ticks with healthy calls until it is so; false if it never is within a minute.
  bool RunUntil(v1::Phase wanted, uint32_t step = 0) {
    for (int i = 0; i < 600; ++i) {
      if (phase() == wanted && rollout().step() == step) return true;
      rig.Run(1);
    }
    return false;
  }
  bool RunUntilApproval() {
    for (int i = 0; i < 600 && !rollout().awaits_approval(); ++i) rig.Run(1);
    return rollout().awaits_approval();
  }
  // Without checkpoints.
  Order OrderOfChanges() {
    Order order = rig.TakeOrder();
    std::erase(order, "checkpoint");
    return order;
  }
  std::string last_action() { return rig.journal().records().back().action(); }

  ControllerRig rig;
};

TEST_F(RolloutsTest, ACanaryIsWalkedToItsEnd) {
  EXPECT_EQ(phase(), v1::STEPPING);
  EXPECT_NEAR(share(), 0.05, 1e-12);
  ASSERT_TRUE(RunUntilApproval());
  EXPECT_NEAR(share(), 0.20, 1e-12);
  EXPECT_EQ(rollout().waits_for(), "1 approval missing");
  EXPECT_TRUE(rig.Obey({.kind = CommandKind::kApprove, .comment = "fine"}).ok());
  EXPECT_NEAR(share(), 0.50, 1e-12);
  ASSERT_TRUE(RunUntil(v1::WATCHING));
  EXPECT_NEAR(share(), 0.95, 1e-12);
  ASSERT_TRUE(RunUntil(v1::COMPLETED));
  EXPECT_EQ(share(), 1);
  Order actions;
  for (const v1::AuditRecord& record : rig.journal().records()) actions.push_back(record.action());
  EXPECT_EQ(actions, (Order{"run-opened", "step-entered", "approval-asked", "approved", "promoted", "completed"}));
}

TEST_F(RolloutsTest, AStepOpensAfterItIsJournalledAndShutsBefore) {
  rig.Run(19);
  (void)OrderOfChanges();
  rig.Run(2);
  EXPECT_EQ(OrderOfChanges(), (Order{"append", "table"}));
  EXPECT_TRUE(rig.Obey(CommandKind::kRollback).ok());
  EXPECT_EQ(OrderOfChanges(), (Order{"table", "append"}));
}

TEST_F(RolloutsTest, AStepIsNotEnteredWhileTheJournalRefuses) {
  rig.journal().FailWith(absl::UnavailableError("disk full"));
  rig.Run(40);
  EXPECT_EQ(rollout().step(), 1u);
  EXPECT_NEAR(share(), 0.05, 1e-12);
  EXPECT_TRUE(absl::IsUnavailable(rig.Obey(CommandKind::kPromote)));
  rig.journal().FailWith(absl::OkStatus());
  rig.Run(20);
  EXPECT_EQ(rollout().step(), 2u);
}

TEST_F(RolloutsTest, APersonShutsTheGateAtOnceWhateverTheJournalSays) {
  rig.journal().FailWith(absl::UnavailableError("disk full"));
  const absl::Status told = rig.Obey({.kind = CommandKind::kRollback, .comment = "no"});
  EXPECT_TRUE(absl::IsUnavailable(told));
  EXPECT_EQ(told.message(),
            "in force, but not in the journal yet (disk full): a restart before it is may find it undone");
  EXPECT_FALSE(rig.Obey(CommandKind::kRollback).ok()) << "it is so already, and no row says so";
  EXPECT_EQ(share(), 0);
  EXPECT_EQ(phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig.Status().phase_reason(), "rolled back by ann: no");
  EXPECT_TRUE(absl::IsUnavailable(rig.Reset()));
  rig.journal().FailWith(absl::OkStatus());
  rig.Run(20);
  EXPECT_EQ(last_action(), "rolled-back");
  rig.Restart();
  EXPECT_EQ(share(), 0);
  EXPECT_TRUE(rig.Reset().ok());
  EXPECT_EQ(rig.Status().run(), 2u);
  EXPECT_NEAR(share(), 0.05, 1e-12);
}

TEST_F(RolloutsTest, WhoShutsHearsOfItOnceItWouldOutliveACrashOrTheJournalIsSlow) {
  rig.HoldReplies();
  EXPECT_TRUE(absl::IsDeadlineExceeded(rig.Obey(CommandKind::kRollback))) << "not answered yet";
  EXPECT_EQ(share(), 0) << "but in force";
  EXPECT_FALSE(rig.AnswerOf(1).has_value());
  rig.Run(10);
  EXPECT_TRUE(absl::IsUnavailable(*rig.AnswerOf(1))) << "after a second";

  ControllerRig other;
  other.File({ACanary()});
  other.HoldReplies();
  EXPECT_TRUE(absl::IsDeadlineExceeded(other.Obey(CommandKind::kRollback)));
  other.GiveReplies();
  EXPECT_EQ(other.AnswerOf(1), absl::OkStatus());
}

TEST_F(RolloutsTest, EachOfThoseWhoShutOneAfterAnotherIsKeptWaitingForItsOwnTime) {
  rig.HoldReplies();
  (void)rig.Obey(CommandKind::kPause);
  rig.Run(6);
  (void)rig.Obey(CommandKind::kRollback);
  rig.Run(6);
  EXPECT_TRUE(absl::IsUnavailable(*rig.AnswerOf(1)));
  EXPECT_FALSE(rig.AnswerOf(2).has_value()) << "0.6 s of 1 s, and the journal has not answered";
  rig.Run(4);
  EXPECT_TRUE(absl::IsUnavailable(*rig.AnswerOf(2)));
}

TEST_F(RolloutsTest, WhoseRowAnotherTookThePlaceOfHearsOfItsOwn) {
  rig.HoldReplies();
  (void)rig.Obey(CommandKind::kPause);
  (void)rig.Obey(CommandKind::kRollback);
  rig.GiveReplies();
  EXPECT_EQ(rig.AnswerOf(1), absl::OkStatus()) << "its row was on its way";
  EXPECT_EQ(rig.AnswerOf(2), absl::OkStatus());
  EXPECT_EQ(rig.journal().records().size(), 3u);

  ControllerRig failing;
  failing.File({ACanary()});
  failing.journal().FailWith(absl::UnavailableError("disk full"));
  failing.HoldReplies();
  (void)failing.Obey(CommandKind::kPause);
  (void)failing.Obey(CommandKind::kRollback);
  failing.journal().FailWith(absl::OkStatus());
  failing.GiveReplies();
  failing.Run(20);
  ASSERT_TRUE(failing.AnswerOf(1).has_value());
  EXPECT_FALSE(failing.AnswerOf(1)->ok()) << "no row of it was ever written";
}

TEST_F(RolloutsTest, WhoShutsWhatIsShutStopsTheResetThatIsOnItsWay) {
  ASSERT_TRUE(rig.Obey(CommandKind::kRollback).ok());
  rig.HoldReplies();
  (void)rig.Obey(CommandKind::kReset);
  (void)rig.Obey(CommandKind::kRollback);
  rig.GiveReplies();
  rig.Run(5);
  EXPECT_TRUE(absl::IsAborted(*rig.AnswerOf(2))) << "the reset";
  EXPECT_EQ(rig.AnswerOf(3), absl::OkStatus());
  EXPECT_EQ(phase(), v1::ROLLED_BACK);
  EXPECT_EQ(share(), 0);
  rig.Restart();
  EXPECT_EQ(phase(), v1::ROLLED_BACK);
}

TEST_F(RolloutsTest, AGateThatIsShutWhileAStepIsBeingJournalledStaysShut) {
  rig.Run(19);
  rig.HoldReplies();
  rig.Run(3);
  (void)rig.Obey(CommandKind::kRollback);
  EXPECT_EQ(share(), 0);
  rig.GiveReplies();
  rig.Run(5);
  EXPECT_EQ(share(), 0);
  rig.Restart();
  EXPECT_EQ(phase(), v1::ROLLED_BACK);
}

TEST_F(RolloutsTest, AFailingCandidateIsRolledBackInAnyStep) {
  ASSERT_TRUE(RunUntilApproval());
  rig.Run(300, "candidate");
  EXPECT_EQ(phase(), v1::ROLLED_BACK);
  EXPECT_TRUE(rig.Status().has_breach());
}

TEST_F(RolloutsTest, SamplesAreCountedInTheStepAlsoOverSharesSetByHand) {
  config::Experiment experiment = ACanary();
  experiment.rollout->steps = {{.weight = Share(50), .pause = {absl::Milliseconds(100), 900}},
                               {.weight = Share(60), .pause = {absl::Hours(1), 200}}};
  ControllerRig other;
  other.File({experiment});
  const auto wait = [&] { return other.Status().rollout().waits_for(); };
  other.Run(10);
  EXPECT_EQ(wait(), "candidate has 100 of 900 samples");
  EXPECT_TRUE(other.Obey({.kind = CommandKind::kSetWeight, .weight = Share(5)}).ok());
  other.Run(700);  // Past the ring of what was counted before.
  EXPECT_EQ(wait(), "candidate has 800 of 900 samples");
  other.Restart();
  EXPECT_EQ(wait(), "candidate has 800 of 900 samples");
  other.Run(101);
  EXPECT_EQ(other.Status().rollout().step(), 2u);
}

TEST_F(RolloutsTest, WithoutCallsNoStepIsLeft) {
  config::Experiment experiment = ACanary();
  experiment.rollout->no_data_after = absl::Seconds(1);
  rig.File({experiment});
  for (int i = 0; i < 100; ++i) rig.Tick();
  EXPECT_EQ(rollout().step(), 1u);
  EXPECT_EQ(rollout().waits_for(), "no calls of baseline, candidate");
  rig.Run(5);
  EXPECT_EQ(rollout().step(), 2u);
}

TEST_F(RolloutsTest, AnUnknownExperimentAndAnImpossibleCommandAreRefusedWithWhatIsPossible) {
  EXPECT_TRUE(absl::IsNotFound(rig.Obey({.kind = CommandKind::kPause}, "nothing")));
  const absl::Status refused = rig.Obey(CommandKind::kApprove);
  EXPECT_TRUE(absl::IsFailedPrecondition(refused));
  EXPECT_EQ(refused.message(),
            "nothing waits for approval: it is in step 1; possible now: pause, promote, retry, set-weight, rollback");
}

TEST_F(RolloutsTest, AnExperimentWithoutARolloutCanBeRolledBackByHand) {
  ControllerRig plain;
  plain.File({ControllerRig::AnExperiment()});
  EXPECT_TRUE(absl::IsFailedPrecondition(plain.Obey(CommandKind::kPause)));
  EXPECT_TRUE(plain.Obey(CommandKind::kRollback).ok());
  EXPECT_EQ(plain.Share("candidate"), 0);
}

// Killed in every phase, it goes on exactly where it was.
TEST_F(RolloutsTest, KilledInAnyPhaseItGoesOnWhereItWas) {
  const auto check = [&](const char* where) {
    const v1::ExperimentStatus before = rig.Status();
    const double candidates = share();
    rig.Restart();
    const v1::ExperimentStatus after = rig.Status();
    EXPECT_EQ(after.phase(), before.phase()) << where;
    EXPECT_EQ(after.phase_reason(), before.phase_reason()) << where;
    EXPECT_EQ(after.epoch(), before.epoch()) << where;
    EXPECT_EQ(after.phase_since().seconds(), before.phase_since().seconds()) << where;
    EXPECT_EQ(after.rollout().step(), before.rollout().step()) << where;
    EXPECT_EQ(after.rollout().awaits_approval(), before.rollout().awaits_approval()) << where;
    EXPECT_EQ(share(), candidates) << where;
  };
  check("in the first step");
  EXPECT_TRUE(rig.Obey({.kind = CommandKind::kPause, .comment = "lunch"}).ok());
  check("paused");
  EXPECT_TRUE(rig.Obey(CommandKind::kResume).ok());
  EXPECT_TRUE(rig.Obey({.kind = CommandKind::kSetWeight, .weight = Share(5)}).ok());
  check("by hand");
  ASSERT_TRUE(RunUntilApproval());
  check("awaiting approval");
  config::Experiment shorter = ACanary();
  shorter.rollout->steps.resize(1);
  rig.File({shorter});
  EXPECT_EQ(phase(), v1::INCONCLUSIVE);
  check("inconclusive");
  rig.File({ACanary()});
  EXPECT_TRUE(rig.Obey(CommandKind::kResume).ok());
  ASSERT_TRUE(RunUntilApproval());
  EXPECT_TRUE(rig.Obey(CommandKind::kApprove).ok());
  ASSERT_TRUE(RunUntil(v1::WATCHING));
  check("watching");
  ASSERT_TRUE(RunUntil(v1::COMPLETED));
  check("completed");
  EXPECT_TRUE(rig.Obey(CommandKind::kRollback).ok());
  check("rolled back");
}

TEST_F(RolloutsTest, ARolloutThatIsFiledDuringADowntimeIsTakenUp) {
  ControllerRig waiting;
  config::Experiment experiment = ACanary();
  experiment.rollout->is_started_by_hand = true;
  waiting.File({experiment});
  EXPECT_EQ(waiting.Status().phase(), v1::WAITING);
  EXPECT_EQ(waiting.Share("candidate"), 0);
  EXPECT_EQ(waiting.Share("baseline"), 1);
  waiting.Restart();
  EXPECT_EQ(waiting.Status().phase(), v1::WAITING);
  EXPECT_TRUE(waiting.Obey(CommandKind::kStart).ok());
  EXPECT_NEAR(waiting.Share("candidate"), 0.05, 1e-12);
}

}  // namespace
}  // namespace weir::control
