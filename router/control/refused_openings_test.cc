// An opening that the journal refused, though a later start may find it on the disk.

#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "router/control/controller.h"
#include "router/control/controller_rig.h"

namespace weir::control {
namespace {

TEST(RefusedOpeningTest, AnOpeningThatWasRefusedAndIsFoundOnTheDiskIsNotInForceAfterARestart) {
  ControllerRig rig;
  ASSERT_TRUE(rig.RollBack());
  rig.journal().FailAfterWriting(absl::UnavailableError("the sync failed"));
  const absl::Status refused = rig.Reset();
  EXPECT_TRUE(absl::IsUnavailable(refused));
  EXPECT_NE(refused.message().find("may find it opened"), std::string::npos) << refused;
  EXPECT_NE(rig.Status().notice().find("the sync failed"), std::string::npos) << rig.Status().notice();
  EXPECT_TRUE(absl::IsUnavailable(rig.Reset())) << "the refusal's own row goes first";
  rig.journal().FailAfterWriting(absl::OkStatus());
  rig.Run(15);
  const std::vector<v1::AuditRecord>& rows = rig.journal().records();
  ASSERT_GE(rows.size(), 2u);
  EXPECT_EQ(rows[rows.size() - 2].action(), "reset");
  EXPECT_EQ(rows.back().action(), "not-opened");
  EXPECT_NE(rows.back().detail().find("reset by ann"), std::string::npos) << rows.back().detail();
  rig.Restart();
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig.Status().run(), 1u);
  EXPECT_EQ(rig.Share("baseline"), 1);
  EXPECT_TRUE(rig.Reset().ok());
  EXPECT_EQ(rig.Status().run(), 2u);
}

TEST(RefusedOpeningTest, AnOpeningThatIsRefusedOnceIsTakenBackBeforeItsAnswer) {
  ControllerRig rig;
  ASSERT_TRUE(rig.RollBack());
  rig.HoldReplies();
  rig.journal().FailAfterWriting(absl::UnavailableError("the sync failed"));
  (void)rig.Reset();
  rig.journal().FailAfterWriting(absl::OkStatus());
  rig.GiveReplies();
  const std::optional<absl::Status> refused = rig.AnswerOf(1);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->message(), "nothing was opened: the sync failed");
  EXPECT_EQ(rig.journal().records().back().action(), "not-opened");
}

TEST(RefusedOpeningTest, AShutGateTakesThePlaceOfAnOpeningThatWasRefused) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.HoldReplies();
  rig.journal().FailAfterWriting(absl::UnavailableError("the sync failed"));
  rig.File({ControllerRig::Weighing(40, 60)});
  rig.journal().FailAfterWriting(absl::OkStatus());
  EXPECT_TRUE(absl::IsDeadlineExceeded(rig.Obey(experiment::CommandKind::kRollback)));
  rig.GiveReplies();
  EXPECT_TRUE(rig.AnswerOf(1).has_value() && rig.AnswerOf(1)->ok());
  rig.Run(20);
  EXPECT_EQ(rig.journal().records().back().action(), "rolled-back");
  rig.Restart();
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
}

TEST(RefusedOpeningTest, WhatAFileAsksForIsTakenBackAndTriedAgain) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.journal().FailAfterWriting(absl::UnavailableError("the sync failed"));
  rig.File({ControllerRig::Weighing(40, 60)});
  EXPECT_NEAR(rig.Share("candidate"), 0.3, 1e-12);
  rig.Run(50);
  EXPECT_EQ(rig.journal().records().size(), 3u) << "the opening, and once that it did not happen";
  rig.journal().FailAfterWriting(absl::OkStatus());
  rig.Run(25);
  EXPECT_NEAR(rig.Share("candidate"), 0.6, 1e-12);
  EXPECT_EQ(rig.journal().records().back().action(), "epoch-opened");
}

TEST(RefusedOpeningTest, AResetOfAFrozenExperimentThatIsRefusedLeavesWhatTheJournalSaid) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.RestartUnreadable(absl::UnavailableError("locked"));
  rig.RepairJournal();
  rig.Run(20);
  rig.journal().FailAfterWriting(absl::UnavailableError("the sync failed"));
  EXPECT_TRUE(absl::IsUnavailable(rig.Reset()));
  rig.journal().FailAfterWriting(absl::OkStatus());
  rig.Run(15);
  EXPECT_EQ(rig.Status().phase(), v1::FROZEN);
  rig.Restart();
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
  EXPECT_EQ(rig.Status().run(), 1u);
}

}  // namespace
}  // namespace weir::control
