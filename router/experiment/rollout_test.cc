// The life of a rollout, told with virtual time. What follows on what at all is machine_table_test's.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "router/experiment/machine.h"
#include "router/experiment/rollout_walk.h"
#include "router/experiment/wait.h"

namespace weir::experiment {
namespace {

TEST(RolloutTest, ACanaryGoesFromItsFirstStepToTheEnd) {
  Walk walk;
  EXPECT_DOUBLE_EQ(walk.share(), 0.05);
  walk.Pass(absl::Minutes(59));
  EXPECT_EQ(walk.step(), 0u);
  walk.Pass(absl::Minutes(1));
  EXPECT_EQ(walk.step(), 1u);
  EXPECT_DOUBLE_EQ(walk.share(), 0.25);
  EXPECT_TRUE(walk.In<Stepping>()->asked_at);
  walk.Pass(absl::Hours(5));
  EXPECT_EQ(walk.step(), 1u);
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove, "ann").ok());
  EXPECT_EQ(walk.step(), 1u);
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove, "bob").ok());
  EXPECT_EQ(walk.last_gate(), Gate::kOpens);
  EXPECT_EQ(walk.step(), 2u);
  EXPECT_DOUBLE_EQ(walk.share(), 0.99);
  const uint32_t epoch = walk.state().epoch.ordinal;
  walk.Pass(absl::Hours(2));
  ASSERT_NE(walk.In<Watching>(), nullptr);
  EXPECT_DOUBLE_EQ(walk.share(), 0.99);
  EXPECT_EQ(walk.state().epoch.ordinal, epoch) << "the shares are as they were: its test goes on";
  walk.Pass(absl::Hours(3));
  EXPECT_NE(walk.In<Completed>(), nullptr);
  EXPECT_DOUBLE_EQ(walk.share(), 1);
}

TEST(RolloutTest, AStepIsNotLeftBeforeEachCandidateHasItsSamples) {
  Walk walk;
  walk.Pass(absl::Hours(9), 99);
  EXPECT_EQ(walk.step(), 0u);
  EXPECT_EQ(Describe(WaitOf(walk.plan(), walk.state(),
                            {{{"a", 99, walk.now(), walk.now()}, {"b", 99, walk.now(), walk.now()}}}, walk.now())),
            "b has 99 of 100 samples");
  walk.Pass(absl::Seconds(1), 100);
  EXPECT_EQ(walk.step(), 1u);
}

TEST(RolloutTest, EveryStepBeginsAnEpochSoThatItsSamplesAreItsOwn) {
  Plan plan = ACanary();
  plan.rollout->steps = {{.weight = Share(5), .pause = {absl::Hours(1), 0}},
                         {.weight = Share(5), .pause = {absl::Hours(1), 10}},
                         {.weight = Share(50), .pause = {absl::Hours(1), 0}}};
  Walk walk(plan);
  walk.Pass(absl::Hours(1), 5);
  EXPECT_EQ(walk.step(), 1u);
  EXPECT_EQ(walk.state().epoch.ordinal, 2u);
  EXPECT_EQ(walk.In<Stepping>()->first_epoch, 2u);
}

TEST(RolloutTest, WithoutCallsAStepIsNotLeft) {
  Walk walk;
  const absl::Time newest = walk.now() + absl::Minutes(54);
  walk.PassSilently(absl::Minutes(60), newest);
  EXPECT_EQ(walk.step(), 0u);
  walk.Pass(absl::Seconds(1));
  EXPECT_EQ(walk.step(), 1u);
}

TEST(RolloutTest, AStepOfWhichNothingIsKnownIsNotLeftHoweverShortItIs) {
  const auto knowing = [](int64_t samples, absl::Time newest, absl::Time last_call) {
    return TimePassed{{{"a", samples, newest, last_call}, {"b", samples, newest, last_call}}};
  };
  Plan plan = ACanary();
  for (config::RolloutStep& step : plan.rollout->steps) step.pause = {absl::Seconds(5), 0};
  Walk walk(plan);
  walk.PassSilently(absl::Seconds(6), absl::InfinitePast());
  EXPECT_EQ(walk.step(), 0u);
  EXPECT_FALSE(walk.Tell(knowing(10, walk.now(), absl::InfinitePast()))) << "of the step none is known";
  // A process that began now does not know that any are missing; those that are known are old.
  EXPECT_FALSE(walk.Tell(knowing(10, walk.now(), walk.now() - absl::Minutes(5))));
  EXPECT_EQ(Describe(WaitOf(walk.plan(), walk.state(), knowing(0, walk.now(), absl::InfinitePast()), walk.now())),
            "no calls of a, b");
  ASSERT_TRUE(walk.Ask(CommandKind::kPause).ok());
  ASSERT_TRUE(walk.Ask(CommandKind::kResume).ok());
  walk.PassSilently(absl::Seconds(6), absl::InfinitePast());
  EXPECT_EQ(walk.step(), 0u) << "a pause is no data";
  // As rows from before it was kept say.
  EXPECT_TRUE(walk.Tell(knowing(0, walk.now(), absl::InfiniteFuture())));
  EXPECT_EQ(walk.step(), 1u);
}

TEST(RolloutTest, AWatchDoesNotEndWithoutCalls) {
  Walk walk;
  walk.ToTheWatch();
  walk.PassSilently(absl::Hours(100), walk.now());
  EXPECT_NE(walk.In<Watching>(), nullptr);
  walk.Pass(absl::ZeroDuration());
  EXPECT_NE(walk.In<Completed>(), nullptr);
}

TEST(RolloutTest, TheWinnerBecomesTheDefaultAndKeepsWhatItHas) {
  for (const bool is_watched : {true, false}) {
    Walk walk;
    walk.ToTheWatch();
    if (!is_watched) walk.Pass(absl::Hours(100));
    Plan cleaned = walk.plan();
    cleaned.split.default_variant = 1;
    walk.File(cleaned);
    ASSERT_NE(walk.In<Completed>(), nullptr) << is_watched;
    EXPECT_EQ(walk.state().epoch.split.default_name(), "b");
    EXPECT_DOUBLE_EQ(ShareOf(walk.state().epoch.split, "b"), 1);
    EXPECT_TRUE(HasFollowed(walk.plan(), walk.state()));
  }
}

TEST(RolloutTest, WithoutCallsItPausesOrRollsBackWhereTheFileSaysSo) {
  Plan plan = ACanary();
  plan.rollout->on_no_data = config::OnNoData::kPause;
  Walk pausing(plan);
  pausing.PassSilently(absl::Minutes(4), absl::InfinitePast());
  EXPECT_NE(pausing.In<Stepping>(), nullptr);
  pausing.PassSilently(absl::Minutes(1), absl::InfinitePast());
  ASSERT_NE(pausing.In<Inconclusive>(), nullptr);
  EXPECT_EQ(pausing.In<Inconclusive>()->why, "no calls of a, b for 5m");
  EXPECT_DOUBLE_EQ(pausing.share(), 0.05);
  EXPECT_TRUE(pausing.Ask(CommandKind::kResume).ok());
  pausing.PassSilently(absl::Minutes(4), absl::InfinitePast());
  EXPECT_NE(pausing.In<Stepping>(), nullptr) << "it has its time again";

  plan.rollout->on_no_data = config::OnNoData::kRollback;
  Walk rolling_back(plan);
  rolling_back.PassSilently(absl::Minutes(5), absl::InfinitePast());
  EXPECT_NE(rolling_back.In<RolledBack>(), nullptr);
  EXPECT_EQ(rolling_back.share(), 0);
}

TEST(RolloutTest, APauseStopsTheClock) {
  Walk walk;
  walk.Pass(absl::Minutes(30));
  EXPECT_TRUE(walk.Ask(CommandKind::kPause).ok());
  EXPECT_DOUBLE_EQ(walk.share(), 0.05);
  walk.Pass(absl::Hours(10));
  EXPECT_NE(walk.In<Paused>(), nullptr);
  EXPECT_TRUE(walk.Ask(CommandKind::kResume).ok());
  walk.Pass(absl::Minutes(29));
  EXPECT_EQ(walk.step(), 0u);
  walk.Pass(absl::Minutes(1));
  EXPECT_EQ(walk.step(), 1u);
}

TEST(RolloutTest, WhatTakesTooLongIsInconclusiveAndMayBeGrantedItsTimeAgain) {
  Plan plan = ACanary();
  plan.rollout->max_duration = absl::Hours(4);
  Walk walk(plan);
  walk.Pass(absl::Hours(1));
  walk.Pass(absl::Hours(3));
  ASSERT_NE(walk.In<Inconclusive>(), nullptr);
  EXPECT_DOUBLE_EQ(walk.share(), 0.25);
  EXPECT_TRUE(walk.Ask(CommandKind::kResume).ok());
  walk.Pass(absl::Hours(3));
  EXPECT_NE(walk.In<Stepping>(), nullptr);
  walk.Pass(absl::Hours(1));
  EXPECT_NE(walk.In<Inconclusive>(), nullptr);

  plan.rollout->on_inconclusive = config::OnInconclusive::kRollback;
  Walk rolling_back(plan);
  rolling_back.Pass(absl::Hours(4), 0);
  EXPECT_NE(rolling_back.In<RolledBack>(), nullptr);
}

TEST(RolloutTest, ItWaitsForItsStartOrForAPerson) {
  Plan plan = ACanary();
  plan.rollout->start = absl::FromUnixSeconds(1'000'000) + absl::Hours(2);
  Walk walk(plan);
  EXPECT_EQ(walk.share(), 0);
  walk.Pass(absl::Hours(1));
  EXPECT_TRUE(walk.Ask(CommandKind::kPause).ok());
  walk.Pass(absl::Hours(5));
  EXPECT_NE(walk.In<Waiting>(), nullptr);
  EXPECT_TRUE(walk.Ask(CommandKind::kResume).ok());
  walk.Pass(absl::Seconds(1));
  EXPECT_DOUBLE_EQ(walk.share(), 0.05);

  plan.rollout->is_started_by_hand = true;
  Walk by_hand(plan);
  by_hand.Pass(absl::Hours(50));
  EXPECT_NE(by_hand.In<Waiting>(), nullptr);
  EXPECT_TRUE(by_hand.Ask(CommandKind::kStart).ok());
  EXPECT_EQ(by_hand.step(), 0u);
}

TEST(RolloutTest, ThePromotionWaitsForMinDuration) {
  Plan plan = ACanary();
  plan.rollout->steps = {{.weight = Share(50), .pause = {absl::Hours(1), 0}}};
  plan.rollout->min_duration = absl::Hours(6);
  Walk walk(plan);
  walk.Pass(absl::Hours(5));
  EXPECT_NE(walk.In<Stepping>(), nullptr);
  walk.Pass(absl::Hours(1));
  EXPECT_NE(walk.In<Watching>(), nullptr);
}

TEST(RolloutTest, InAFreezeNothingGrowsAndWhatShutsStillDoes) {
  Plan plan = ACanary();
  const absl::Time start = absl::FromUnixSeconds(1'000'000);
  plan.rollout->steps[1].approval.reset();
  plan.rollout->freezes = {{start + absl::Minutes(30), start + absl::Hours(5)}};
  Walk walk(plan);
  walk.Pass(absl::Hours(2));
  EXPECT_EQ(walk.step(), 0u);
  EXPECT_EQ(Describe(WaitOf(walk.plan(), walk.state(),
                            {{{"a", 500, walk.now(), walk.now()}, {"b", 500, walk.now(), walk.now()}}}, walk.now())),
            "frozen until 1970-01-12T18:46:40+00:00");
  EXPECT_EQ(walk.Ask(CommandKind::kPromote),
            absl::FailedPreconditionError("its file freezes it until 1970-01-12T18:46:40+00:00; possible now: pause, "
                                          "abort, rollback, set-weight to less"));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "ann", .weight = Share(6)})));
  EXPECT_TRUE(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "ann", .weight = Share(1)}).ok());
  Walk shut = walk;
  EXPECT_TRUE(shut.Ask(CommandKind::kRollback).ok());
  walk.Pass(absl::Hours(3));
  EXPECT_NE(walk.step(), 0u);
}

TEST(RolloutTest, ADryRunGoesThroughItsStepsAndGivesNothing) {
  Plan plan = ACanary();
  plan.rollout->is_dry_run = true;
  Walk walk(plan);
  EXPECT_EQ(walk.share(), 0);
  walk.Pass(absl::Hours(1), 1);
  EXPECT_EQ(walk.step(), 1u);
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove, "ann").ok());
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove, "bob").ok());
  walk.Pass(absl::Hours(2), 1);
  walk.Pass(absl::Hours(3), 1);
  EXPECT_NE(walk.In<Completed>(), nullptr);
  EXPECT_EQ(walk.share(), 0);
  const auto paused =
      Advance(plan, Walk(plan).state(), Command{.kind = CommandKind::kPause, .actor = "ann"}, walk.now());
  ASSERT_TRUE(paused.ok() && *paused);
  EXPECT_EQ((*paused)->detail, "dry run; step 1");
}

TEST(RolloutTest, ItsEndIsWhenATestEndsAndWhenOthersAreTooLate) {
  Plan plan = ACanary();
  plan.rollout->end = absl::FromUnixSeconds(1'000'000) + absl::Hours(5);
  Walk late(plan);
  late.Pass(absl::Hours(5), 0);
  ASSERT_NE(late.In<Inconclusive>(), nullptr);
  EXPECT_EQ(late.In<Inconclusive>()->why, "it was not promoted before its end");

  plan.rollout->strategy = config::Strategy::kAbTest;
  plan.rollout->steps = {{.weight = std::nullopt}};
  Walk test(plan);
  test.Pass(absl::Hours(4));
  EXPECT_NE(test.In<Stepping>(), nullptr);
  test.Pass(absl::Hours(1));
  ASSERT_NE(test.In<Inconclusive>(), nullptr);
  EXPECT_EQ(test.In<Inconclusive>()->why, "its planned end is reached without a verdict");
}

// --- The file is edited meanwhile.

TEST(RolloutTest, AnEditedStepIsFollowedAndPassedOnesAreNotRunAgain) {
  Walk walk;
  walk.ToApproval();
  Plan edited = walk.plan();
  edited.rollout->steps[0].weight = Share(1);
  edited.rollout->steps[1] = {.weight = Share(10), .pause = {absl::Hours(2), 0}};
  walk.File(edited);
  EXPECT_EQ(walk.step(), 1u);
  EXPECT_DOUBLE_EQ(walk.share(), 0.10);
  walk.Pass(absl::Hours(2));
  EXPECT_EQ(walk.step(), 2u);
}

TEST(RolloutTest, AFileWithFewerStepsThanWereReachedIsInconclusive) {
  Walk walk;
  walk.ToApproval();
  const Plan whole = walk.plan();
  Plan shorter = whole;
  shorter.rollout->steps.resize(1);
  walk.File(shorter);
  ASSERT_NE(walk.In<Inconclusive>(), nullptr);
  EXPECT_EQ(walk.In<Inconclusive>()->why, "the file has 1 steps now, and step 2 was reached");
  EXPECT_DOUBLE_EQ(walk.share(), 0.25);
  EXPECT_TRUE(absl::IsFailedPrecondition(walk.Ask(CommandKind::kResume)));
  EXPECT_TRUE(absl::IsFailedPrecondition(walk.Ask(CommandKind::kRetry)));
  walk.File(whole);
  EXPECT_TRUE(walk.Ask(CommandKind::kResume).ok());
  EXPECT_EQ(walk.step(), 1u);
}

TEST(RolloutTest, ARolloutThatIsAddedBeginsAndOneThatIsRemovedLeavesTheWeights) {
  Plan plain = ACanary();
  plain.rollout.reset();
  Walk walk(plain);
  EXPECT_DOUBLE_EQ(walk.share(), 0.30);
  walk.File(ACanary());
  EXPECT_EQ(walk.last_gate(), Gate::kShuts);
  EXPECT_EQ(walk.state().run.ordinal, 1u);
  EXPECT_DOUBLE_EQ(walk.share(), 0.05);
  walk.File(plain);
  EXPECT_EQ(walk.last_gate(), Gate::kOpens);
  EXPECT_NE(walk.In<Running>(), nullptr);
  EXPECT_DOUBLE_EQ(walk.share(), 0.30);
}

// --- The other strategies.

TEST(RolloutTest, ATestRunsToItsEndAndThenSomebodyDecides) {
  Plan plan = ACanary();
  plan.rollout->strategy = config::Strategy::kAbTest;
  plan.rollout->steps = {{.weight = std::nullopt, .pause = {absl::Hours(24), 100}}};
  Walk walk(plan);
  EXPECT_DOUBLE_EQ(walk.share(), 0.30);
  walk.Pass(absl::Hours(24));
  ASSERT_NE(walk.In<Inconclusive>(), nullptr);
  EXPECT_TRUE(walk.Ask(CommandKind::kPromote).ok());
  EXPECT_NE(walk.In<Watching>(), nullptr);

  Walk failed(plan);
  failed.Tell(Analysed{Verdict::kFailed, "worse"});
  EXPECT_NE(failed.In<RolledBack>(), nullptr);
}

TEST(RolloutTest, AShadowNeverGetsAShare) {
  Plan plan = ACanary();
  plan.rollout = config::Rollout{.strategy = config::Strategy::kShadow,
                                 .steps = {{.weight = Share(0), .pause = {absl::Hours(24), 0}}}};
  Walk walk(plan);
  EXPECT_EQ(walk.share(), 0);
  EXPECT_TRUE(
      absl::IsFailedPrecondition(walk.Ask({.kind = CommandKind::kSetWeight, .actor = "ann", .weight = Share(1)})));
  walk.Pass(absl::Hours(24));
  ASSERT_NE(walk.In<Completed>(), nullptr);
  EXPECT_EQ(walk.share(), 0);
}

TEST(RolloutTest, ABlueGreenSwitchesAtOnceAndBackAtOnce) {
  Plan plan = ACanary();
  plan.rollout = config::Rollout{.strategy = config::Strategy::kBlueGreen,
                                 .steps = {{.weight = Share(0), .approval = config::Approval{}}},
                                 .watch = absl::Hours(1)};
  Walk walk(plan);
  walk.Pass(absl::Seconds(1));
  EXPECT_EQ(walk.share(), 0);
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove).ok());
  EXPECT_EQ(walk.share(), 1);
  EXPECT_NE(walk.In<Watching>(), nullptr);
  EXPECT_TRUE(walk.Ask(CommandKind::kRollback).ok());
  EXPECT_EQ(walk.share(), 0);
}

TEST(RolloutTest, ABlueGreenWaitsForTheCallsOfItsPreview) {
  Plan plan = ACanary();
  plan.rollout = config::Rollout{.strategy = config::Strategy::kBlueGreen,
                                 .steps = {{.weight = Share(0), .pause = {absl::ZeroDuration(), 20}}},
                                 .watch = absl::Hours(1),
                                 .preview = config::Preview{"x-preview", ""}};
  Walk walk(plan);
  const auto pass = [&](int64_t previewed) {
    walk.Tell(TimePassed{
        {{"a", 1000, walk.now(), walk.now()}, {.variant = "b", .samples = previewed, .previewed_at = walk.now()}}});
    return walk.In<Watching>() != nullptr;
  };
  EXPECT_FALSE(pass(0));
  EXPECT_FALSE(pass(19));
  const auto wait = [&](int64_t previewed, absl::Duration ago) {
    const StepSamples b{.variant = "b", .samples = previewed, .previewed_at = walk.now() - ago};
    return Describe(WaitOf(plan, walk.state(), {{{"a", 1000, walk.now(), walk.now()}, b}}, walk.now()));
  };
  EXPECT_EQ(wait(19, absl::ZeroDuration()), "b has 19 of 20 previewed calls");
  EXPECT_EQ(wait(20, absl::Hours(24)), "b has 0 of 20 previewed calls, since those before are too old");
  EXPECT_EQ(wait(20, absl::Hours(23)), "");
  EXPECT_TRUE(pass(20));
  EXPECT_EQ(walk.share(), 1);
}

TEST(RolloutTest, ABreachRollsBackInEveryOpenPhaseAlsoAfterTheEnd) {
  Walk walk;
  walk.ToApproval();
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove, "ann").ok());
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove, "bob").ok());
  walk.Pass(absl::Hours(2));
  walk.Pass(absl::Hours(3));
  ASSERT_NE(walk.In<Completed>(), nullptr);
  walk.Tell(Breached{Breach{.guardrail = "errors", .summary = "too many"}});
  EXPECT_EQ(walk.share(), 0);
}

}  // namespace
}  // namespace weir::experiment
