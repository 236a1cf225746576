#include "router/cli/planning/stages.h"

#include <cmath>

#include "gtest/gtest.h"
#include "router/cli/planning/spec_under_test.h"
#include "router/experiment/guardrails.h"
#include "router/experiment/machine.h"

namespace weir::cli {
namespace {

std::vector<Stage> Stages(const std::string& rest, PlanCommand command = {}) {
  const config::Experiment experiment = ExperimentWith(rest);
  return StagesOf(experiment, Assume(experiment, std::move(command)));
}

TEST(StagesTest, AreTheStepsThenTheWatchWithTheirSharesAfterTheHoldback) {
  const std::vector<Stage> stages = Stages(kRollout);
  ASSERT_EQ(stages.size(), 4u);
  const double candidate[] = {0.01, 0.25, 0.99, 0.99};
  const absl::Duration length[] = {absl::Hours(24), absl::Hours(6), absl::ZeroDuration(), absl::Hours(12)};
  absl::Duration starts;
  for (size_t s = 0; s < stages.size(); ++s) {
    EXPECT_NEAR(stages[s].shares[1], candidate[s], 1e-12);
    EXPECT_NEAR(stages[s].shares[0], 1 - candidate[s], 1e-12);
    EXPECT_EQ(stages[s].length, length[s]);
    EXPECT_EQ(stages[s].starts, starts);
    starts += length[s];
  }
  EXPECT_EQ(stages[1].approvals, 2);
  EXPECT_TRUE(stages[3].is_watch);
  EXPECT_EQ(LengthOf(stages), absl::Hours(30));
}

TEST(StagesTest, SamplesTakeAsLongAsTheSharesTrafficDoes) {
  // 1,000 samples of 1 % of a call a second.
  const std::vector<Stage> stages = Stages(kRollout, {.traffic = "1/s"});
  EXPECT_EQ(stages[0].length, absl::Seconds(100'000));
  EXPECT_EQ(stages[0].because, "1,000 samples of candidate");
  EXPECT_TRUE(stages[0].waits_for_samples);
  EXPECT_FALSE(Stages(kRollout)[0].waits_for_samples);
}

TEST(StagesTest, ADryRunGivesNothingAndWaitsForNoSamples) {
  const std::vector<Stage> stages = Stages(std::string(kRollout) + "    dryRun: true\n", {.traffic = "1/h"});
  EXPECT_EQ(stages[0].shares[1], 0);
  EXPECT_EQ(stages[0].length, absl::Hours(24));
}

TEST(StagesTest, MinDurationLengthensTheLastStep) {
  const std::vector<Stage> stages = Stages(std::string(kRollout) + "    minDuration: 48h\n");
  EXPECT_EQ(stages[2].length, absl::Hours(18));
  EXPECT_EQ(stages[2].because, "minDuration");
  EXPECT_EQ(LengthOf(stages), absl::Hours(48));
}

TEST(StagesTest, WithoutARolloutThereIsOneByTheWeights) {
  const std::vector<Stage> stages = Stages("", {.days = 3});
  ASSERT_EQ(stages.size(), 1u);
  EXPECT_EQ(stages[0].length, absl::Hours(72));
  EXPECT_EQ(stages[0].shares, (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(stages[0].restart, 0u);
}

TEST(StagesTest, MoreTrafficNeverTakesLonger) {
  absl::Duration before = absl::InfiniteDuration();
  for (const char* traffic : {"1/h", "1/m", "1/s", "5/s", "100/s", "10000/s"}) {
    const absl::Duration length = LengthOf(Stages(kRollout, {.traffic = traffic}));
    EXPECT_LE(length, before) << traffic;
    before = length;
  }
}

TEST(StagesTest, TheAlphaOfAStageIsThatOfTheRunsOwnGuardrails) {
  const config::Experiment experiment = ExperimentWith(std::string(kGuardrails) + kRollout);
  const config::Guardrail& errors = experiment.guardrails[0];
  const std::vector<Stage> stages = StagesOf(experiment, Assume(experiment));
  const experiment::Split split = experiment::SplitOfStep(experiment::PlanOf(experiment), 0);
  experiment::Guardrails guardrails;
  experiment::RunEvidence evidence;
  guardrails.Follow(experiment, split);
  evidence.BeginEpoch(1, split);
  const auto judgements = guardrails.Judge(evidence, absl::FromUnixSeconds(1'700'000'000));
  ASSERT_FALSE(judgements.empty());
  EXPECT_NEAR(std::pow(10, -judgements[0].log10_threshold), AlphaOfTest(experiment, errors, stages[0].restart), 1e-12);
  EXPECT_NEAR(AlphaOfTest(experiment, errors, 0), 0.001 * 0.8 / 2, 1e-15);
  // Two more steps, the watch and the end share four fifths of the other half.
  EXPECT_NEAR(AlphaOfTest(experiment, errors, stages[1].restart), 0.001 * 0.8 * 0.5 * 0.8 / 4, 1e-15);
}

TEST(StagesTest, TheAlphasOfAllTestsAndCandidatesStayWithinTheGuardrails) {
  const config::Experiment experiment = ExperimentWith(std::string(kGuardrails) + kRollout);
  double sum = 0;
  for (const Stage& stage : StagesOf(experiment, Assume(experiment))) {
    sum += AlphaOfTest(experiment, experiment.guardrails[0], stage.restart);
  }
  EXPECT_LE(sum, experiment.guardrails[0].alpha);
}

TEST(StagesTest, ARunThatWaitsForItsStartHasSpentItsOwnTestOnThat) {
  EXPECT_EQ(Stages(std::string(kRollout) + "    start: manual\n")[0].restart, 1u);
  EXPECT_EQ(Stages(kRollout)[0].restart, 0u);
}

TEST(StagesTest, AShadowHasNoWatchAndASwitchNoShareBeforeIt) {
  const std::vector<Stage> shadow =
      Stages("  mirror: {name: m}\n  rollout: {strategy: shadow, pause: {duration: 2h}}\n");
  ASSERT_EQ(shadow.size(), 1u);
  EXPECT_EQ(shadow[0].shares[1], 0);
  const std::vector<Stage> previewed = Stages(
      "  rollout: {strategy: blueGreen, pause: {duration: 2h, minSamples: 200}, preview: {header: x-preview}}\n");
  EXPECT_EQ(previewed[0].length, absl::Hours(2));
  EXPECT_EQ(previewed[0].because, "pause, and 200 previewed calls of candidate");
  const std::vector<Stage> green = Stages("  rollout: {strategy: blueGreen, pause: {duration: 2h}, watch: 1h}\n");
  ASSERT_EQ(green.size(), 2u);
  EXPECT_EQ(green[0].shares[1], 0);
  EXPECT_EQ(green[1].shares[1], 1);
}

}  // namespace
}  // namespace weir::cli
