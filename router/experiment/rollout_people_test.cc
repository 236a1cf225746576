// What people may do to a rollout, told with virtual time.

#include <gtest/gtest.h>

#include <string>

#include "router/experiment/machine.h"
#include "router/experiment/rollout_walk.h"

namespace weir::experiment {
namespace {

TEST(RolloutPeopleTest, AnApprovalExpires) {
  Walk walk;
  walk.ToApproval();
  walk.Pass(absl::Hours(23));
  EXPECT_NE(walk.In<Stepping>(), nullptr);
  walk.Pass(absl::Hours(1));
  ASSERT_NE(walk.In<Inconclusive>(), nullptr);
  EXPECT_EQ(walk.In<Inconclusive>()->why, "nobody approved within 24h");
  EXPECT_TRUE(walk.Ask(CommandKind::kResume).ok());
  walk.Pass(absl::ZeroDuration());
  EXPECT_EQ(walk.In<Stepping>()->asked_at, walk.now()) << "it is asked for again";
}

TEST(RolloutPeopleTest, AnApprovalThatExpiredOrStoodStillCountsNoMore) {
  for (const bool expires : {true, false}) {
    Walk walk;
    walk.ToApproval();
    ASSERT_TRUE(walk.Ask(CommandKind::kApprove, "ann").ok());
    if (expires) {
      walk.Pass(absl::Hours(24));
      ASSERT_NE(walk.In<Inconclusive>(), nullptr);
      EXPECT_EQ(walk.In<Inconclusive>()->why, "only 1 of 2 approved within 24h");
    } else {
      ASSERT_TRUE(walk.Ask(CommandKind::kPause).ok());
    }
    ASSERT_TRUE(walk.Ask(CommandKind::kResume).ok());
    walk.Pass(absl::ZeroDuration());
    ASSERT_TRUE(walk.Ask(CommandKind::kApprove, "bob").ok());
    EXPECT_EQ(walk.step(), 1u) << "hers is gone";
    ASSERT_TRUE(walk.Ask(CommandKind::kApprove, "ann").ok());
    EXPECT_EQ(walk.step(), 2u);
  }
}

TEST(RolloutPeopleTest, AnApprovalIsOfWhatFollowedWhenItWasGiven) {
  Walk walk;
  walk.ToApproval();
  const std::string asked_for = walk.In<Stepping>()->asked_for;
  EXPECT_NE(asked_for.find("step 3 of"), std::string::npos) << asked_for;
  ASSERT_TRUE(walk.Ask(CommandKind::kApprove, "ann").ok());
  Plan edited = walk.plan();
  edited.rollout->steps[2].weight = Share(90);
  walk.File(edited);
  EXPECT_TRUE(absl::IsFailedPrecondition(walk.Ask(CommandKind::kApprove, "bob"))) << "he saw another step";
  walk.Pass(absl::ZeroDuration());
  EXPECT_NE(walk.In<Stepping>()->asked_for, asked_for);
  EXPECT_TRUE(walk.In<Stepping>()->approvals.empty());
  ASSERT_TRUE(walk.Ask(CommandKind::kApprove, "bob").ok());
  EXPECT_EQ(walk.step(), 1u);
}

// Where all have approved, and what else the step waits for lapsed.
TEST(RolloutPeopleTest, ApprovalsOfAnotherStepOrTimeLetNobodyPastIt) {
  for (const bool is_edited : {true, false}) {
    Plan plan = ACanary();
    plan.rollout->steps[1].analysis = config::Analysis{};
    Walk walk(plan);
    walk.ToApproval();
    walk.PassAnalysed(absl::ZeroDuration(), Verdict::kSuccess);
    ASSERT_TRUE(walk.In<Stepping>()->asked_at.has_value());
    ASSERT_TRUE(walk.Ask(CommandKind::kApprove, "ann").ok());
    ASSERT_TRUE(walk.Ask(CommandKind::kApprove, "bob").ok());
    ASSERT_EQ(walk.step(), 1u) << "the success has to hold still";
    if (is_edited) {
      Plan edited = plan;
      edited.rollout->steps[2].weight = Share(90);
      walk.File(edited);
    } else {
      ASSERT_TRUE(walk.Ask(CommandKind::kPause).ok());
    }
    EXPECT_FALSE(walk.Ask({.kind = CommandKind::kPromote, .actor = "eve", .is_full = true}).ok()) << is_edited;
    EXPECT_FALSE(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "eve", .weight = Share(99)}).ok()) << is_edited;
    EXPECT_TRUE(walk.Ask({.kind = CommandKind::kPromote, .actor = "eve"}).ok());
    EXPECT_EQ(walk.step(), 1u) << "it asks anew: " << is_edited;
    EXPECT_TRUE(walk.In<Stepping>()->approvals.empty());
  }
}

TEST(RolloutPeopleTest, WhoTakesEverythingAwayIsNotGivenTheNextStep) {
  Walk walk;
  ASSERT_TRUE(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "ann", .weight = Share(0)}).ok());
  walk.Pass(absl::Hours(10));
  EXPECT_EQ(walk.step(), 0u);
  EXPECT_EQ(walk.share(), 0);
  ASSERT_TRUE(walk.Ask(CommandKind::kResume).ok());
  walk.Pass(absl::Hours(1));
  EXPECT_EQ(walk.step(), 1u);
}

TEST(RolloutPeopleTest, AShareSetByHandInTheWatchIsNotUndoneByItsEnd) {
  Walk walk;
  walk.ToTheWatch();
  ASSERT_TRUE(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "ann", .weight = Share(0)}).ok());
  walk.Pass(absl::Hours(100));
  EXPECT_NE(walk.In<Watching>(), nullptr);
  EXPECT_EQ(walk.share(), 0);
  ASSERT_TRUE(walk.Ask(CommandKind::kResume).ok());
  walk.Pass(absl::ZeroDuration());
  EXPECT_NE(walk.In<Completed>(), nullptr);
}

TEST(RolloutPeopleTest, ApprovalNeedsTheRoleAndTwoPeopleAreTwo) {
  Walk walk;
  EXPECT_TRUE(absl::IsFailedPrecondition(walk.Ask(CommandKind::kApprove)));
  walk.ToApproval();
  EXPECT_TRUE(absl::IsPermissionDenied(walk.Ask(Command{.kind = CommandKind::kApprove, .actor = "eve"})));
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove, "ann").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(walk.Ask(CommandKind::kApprove, "ann")));
  EXPECT_EQ(walk.step(), 1u);
}

TEST(RolloutPeopleTest, ARejectionRollsBackWhoeverAsks) {
  Walk walk;
  walk.ToApproval();
  EXPECT_TRUE(walk.Ask(Command{.kind = CommandKind::kReject, .actor = "eve", .comment = "too slow"}).ok());
  EXPECT_EQ(walk.last_gate(), Gate::kShuts);
  ASSERT_NE(walk.In<RolledBack>(), nullptr);
  EXPECT_EQ(walk.In<RolledBack>()->why, "rejected by eve: too slow");
}

TEST(RolloutPeopleTest, PromoteGoesPastAStepsPauseButNeverPastPeople) {
  Walk walk;
  EXPECT_TRUE(walk.Ask(CommandKind::kPromote).ok());
  EXPECT_EQ(walk.step(), 1u);
  EXPECT_TRUE(absl::IsFailedPrecondition(walk.Ask({.kind = CommandKind::kPromote, .actor = "ann", .is_full = true})));
  EXPECT_TRUE(walk.Ask(CommandKind::kPromote).ok());
  EXPECT_TRUE(walk.In<Stepping>()->asked_at) << "it asks at once";
  EXPECT_TRUE(absl::IsFailedPrecondition(walk.Ask(CommandKind::kPromote)));
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove, "ann").ok());
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove, "bob").ok());
  EXPECT_TRUE(walk.Ask({.kind = CommandKind::kPromote, .actor = "ann", .is_full = true}).ok());
  EXPECT_NE(walk.In<Watching>(), nullptr);
}

TEST(RolloutPeopleTest, AShareSetByHandLastsUntilTheNextStepOrResume) {
  Plan plan = ACanary();
  plan.rollout->steps[1].approval.reset();
  Walk walk(plan);
  EXPECT_TRUE(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "ann", .weight = Share(40)}).ok());
  EXPECT_EQ(walk.last_gate(), Gate::kOpens);
  EXPECT_DOUBLE_EQ(walk.share(), 0.40);
  EXPECT_FALSE(walk.Tell(Filed{})) << "the file does not take it back";
  EXPECT_TRUE(walk.Ask(CommandKind::kResume).ok());
  EXPECT_EQ(walk.last_gate(), Gate::kShuts);
  EXPECT_DOUBLE_EQ(walk.share(), 0.05);
  EXPECT_TRUE(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "ann", .weight = Share(1)}).ok());
  EXPECT_EQ(walk.last_gate(), Gate::kShuts);
  walk.Pass(absl::Hours(1));
  EXPECT_NE(walk.step(), 0u);
  EXPECT_GE(walk.share(), 0.25);
}

TEST(RolloutPeopleTest, NobodyGivesByHandWhatNeedsApproval) {
  Walk walk;
  EXPECT_TRUE(
      absl::IsFailedPrecondition(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "ann", .weight = Share(6)})));
  EXPECT_TRUE(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "ann", .weight = Share(4)}).ok());
  EXPECT_TRUE(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "ann", .weight = Share(5)}).ok());
}

TEST(RolloutPeopleTest, TheHoldbackIsNotTakenByHandEither) {
  Plan plan = ACanary();
  plan.rollout->steps = {{.weight = Share(5), .pause = {absl::Hours(1), 0}}};
  Walk walk(plan);
  EXPECT_TRUE(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "ann", .weight = Share(100)}).ok());
  EXPECT_DOUBLE_EQ(walk.share(), 0.99);
}

TEST(RolloutPeopleTest, RetryBeginsTheStepAnew) {
  Walk walk;
  walk.ToApproval();
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove, "ann").ok());
  const uint32_t epoch = walk.state().epoch.ordinal;
  EXPECT_TRUE(walk.Ask(CommandKind::kRetry).ok());
  EXPECT_EQ(walk.step(), 1u);
  EXPECT_TRUE(walk.In<Stepping>()->approvals.empty());
  EXPECT_EQ(walk.In<Stepping>()->first_epoch, epoch + 1);
}

TEST(RolloutPeopleTest, WhatIsShutIsOpenedByAResetFromItsFirstStep) {
  Walk walk;
  walk.ToApproval();
  EXPECT_TRUE(walk.Ask(CommandKind::kRollback).ok());
  EXPECT_EQ(walk.share(), 0);
  EXPECT_TRUE(walk.Ask(CommandKind::kAbort).ok()) << "shut already";
  walk.Pass(absl::Hours(100));
  EXPECT_FALSE(walk.Tell(Filed{}));
  const absl::Status refused = walk.Ask(CommandKind::kResume);
  EXPECT_EQ(refused.message(), "it is rolled back; possible now: reset");
  EXPECT_TRUE(walk.Ask(CommandKind::kReset).ok());
  EXPECT_EQ(walk.state().run.ordinal, 2u);
  EXPECT_EQ(walk.step(), 0u);
}

}  // namespace
}  // namespace weir::experiment
