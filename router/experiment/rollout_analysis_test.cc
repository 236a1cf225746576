// What the verdict on the whole does to a rollout, told with virtual time.

#include <gtest/gtest.h>

#include "router/experiment/machine.h"
#include "router/experiment/rollout_walk.h"

namespace weir::experiment {
namespace {

Plan WithAnalysis(config::Strategy strategy = config::Strategy::kCanary) {
  Plan plan = ACanary();
  plan.rollout->strategy = strategy;
  plan.rollout->steps[0].analysis = config::Analysis{.timeout = absl::Hours(6)};
  if (strategy == config::Strategy::kAbTest) plan.rollout->steps.resize(1);
  plan.rollout->steps[0].pause.duration = absl::Hours(4);
  return plan;
}

TEST(RolloutAnalysisTest, AStepWithAnAnalysisIsLeftOnlyAfterItsSuccess) {
  Walk walk(WithAnalysis());
  walk.Pass(absl::Hours(4));
  EXPECT_EQ(walk.step(), 0u) << "nothing was analysed";
  walk.PassAnalysed(absl::Minutes(1), Verdict::kUndecided);
  EXPECT_EQ(walk.step(), 0u);
  walk.PassAnalysed(absl::Minutes(1), Verdict::kSuccess);
  EXPECT_EQ(walk.step(), 1u);
}

TEST(RolloutAnalysisTest, ASuccessDoesNotCutAPauseShort) {
  Walk walk(WithAnalysis());
  walk.PassAnalysed(absl::Hours(3), Verdict::kSuccess);
  EXPECT_EQ(walk.step(), 0u);
  walk.PassAnalysed(absl::Hours(1), Verdict::kUndecided);
  EXPECT_EQ(walk.step(), 0u) << "the newest analysis counts, not the best";
}

TEST(RolloutAnalysisTest, AFailureRollsBackAtOnce) {
  Walk walk(WithAnalysis());
  walk.Tell(Analysed{Verdict::kFailed, "worse"});
  ASSERT_NE(walk.In<RolledBack>(), nullptr);
  EXPECT_EQ(walk.In<RolledBack>()->why, "worse");
  EXPECT_EQ(walk.share(), 0);
}

TEST(RolloutAnalysisTest, AnAnalysisWithoutAVerdictAtItsTimeoutIsInconclusive) {
  Walk walk(WithAnalysis());
  walk.PassAnalysed(absl::Hours(6) - absl::Seconds(1), Verdict::kUndecided);
  EXPECT_NE(walk.In<Stepping>(), nullptr);
  walk.PassAnalysed(absl::Seconds(1), Verdict::kUndecided);
  ASSERT_NE(walk.In<Inconclusive>(), nullptr);
  EXPECT_DOUBLE_EQ(walk.share(), 0.05);
  EXPECT_TRUE(walk.Ask(CommandKind::kResume).ok());
  walk.PassAnalysed(absl::Hours(5), Verdict::kUndecided);
  EXPECT_NE(walk.In<Stepping>(), nullptr) << "going on grants it its time again";
}

TEST(RolloutAnalysisTest, ATestEndsByItsVerdictAndNotBeforeItsLeastDuration) {
  Plan plan = WithAnalysis(config::Strategy::kAbTest);
  plan.rollout->min_duration = absl::Hours(2);
  Walk early(plan);
  early.PassAnalysed(absl::Hours(1), Verdict::kSuccess);
  EXPECT_NE(early.In<Stepping>(), nullptr);
  early.PassAnalysed(absl::Hours(1), Verdict::kSuccess);
  EXPECT_NE(early.In<Watching>(), nullptr) << "before its planned end";
  Walk undecided(plan);
  undecided.PassAnalysed(absl::Hours(4), Verdict::kUndecided);
  EXPECT_NE(undecided.In<Inconclusive>(), nullptr);
}

TEST(RolloutAnalysisTest, ApprovalIsAskedForAfterASuccessWhichMustHoldStill) {
  Plan plan = WithAnalysis();
  plan.rollout->steps[0].approval = config::Approval{};
  Walk walk(plan);
  walk.PassAnalysed(absl::Hours(4), Verdict::kUndecided);
  EXPECT_TRUE(absl::IsFailedPrecondition(walk.Ask(CommandKind::kApprove)));
  walk.PassAnalysed(absl::Minutes(1), Verdict::kSuccess);
  EXPECT_TRUE(walk.Ask(CommandKind::kApprove).ok());
  walk.PassAnalysed(absl::Minutes(1), Verdict::kUndecided);
  EXPECT_EQ(walk.step(), 0u);
  walk.PassAnalysed(absl::Minutes(1), Verdict::kSuccess);
  EXPECT_EQ(walk.step(), 1u);
}

TEST(RolloutAnalysisTest, ADryRunHasNothingToAnalyse) {
  Plan plan = WithAnalysis();
  plan.rollout->is_dry_run = true;
  Walk walk(plan);
  walk.Pass(absl::Hours(4));
  EXPECT_EQ(walk.step(), 1u);
}

TEST(RolloutAnalysisTest, ABreachThatPausesKeepsTheShareWhateverIsInconclusive) {
  Plan plan = ACanary();
  plan.rollout->on_inconclusive = config::OnInconclusive::kRollback;
  Walk walk(plan);
  walk.Tell(Breached{.breach = {.summary = "slow"}, .pauses = true});
  ASSERT_NE(walk.In<Inconclusive>(), nullptr);
  EXPECT_EQ(walk.In<Inconclusive>()->why, "slow");
  EXPECT_DOUBLE_EQ(walk.share(), 0.05);
}

}  // namespace
}  // namespace weir::experiment
