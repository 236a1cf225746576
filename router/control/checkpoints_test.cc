// What the controller goes on with after a restart, and what it keeps no longer.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "router/control/controller.h"
#include "router/control/controller_rig.h"

namespace weir::control {
namespace {

int64_t StartedOf(const ControllerRig& rig, const std::string& variant) {
  const v1::ExperimentStatus experiment = rig.Status();
  for (const v1::VariantStatus& status : experiment.variants()) {
    if (status.name() == variant) return status.started();
  }
  return -1;
}

double EvidenceOf(const ControllerRig& rig) { return rig.Status().guardrails(0).log10_evidence(); }

TEST(CheckpointsTest, ARestartGoesOnFromTheCheckpointAndNeverCountsTwice) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.Run(45);
  const int64_t before = StartedOf(rig, "candidate");
  const double evidence = EvidenceOf(rig);
  EXPECT_EQ(before, 45 * 6);
  rig.Restart();
  EXPECT_LE(StartedOf(rig, "candidate"), before);
  EXPECT_GE(StartedOf(rig, "candidate"), before - 10 * 6);  // At most the last second is lost.
  EXPECT_NEAR(EvidenceOf(rig), evidence, 0.5);
  rig.Run(10);
  const int64_t then = StartedOf(rig, "candidate");
  rig.Restart();
  rig.Restart();
  EXPECT_EQ(StartedOf(rig, "candidate"), then);  // Restarts alone add nothing.
}

TEST(CheckpointsTest, EvidenceOfMoreThanOneLifeAddsUpToABreach) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  int lives = 0;
  while (rig.Status().phase() == v1::RUNNING && ++lives < 50) {
    rig.Run(10, "candidate", 7);  // Two candidate calls a tick: too few for a breach in one life.
    if (rig.Status().phase() == v1::RUNNING) rig.Restart();
  }
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  EXPECT_GT(lives, 2);
}

TEST(CheckpointsTest, AfterARestartWithAnEarlierClockTheEvidenceIsKeptAndABreachIsStillFound) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.Run(51);
  const double before = EvidenceOf(rig);
  const int64_t started = StartedOf(rig, "candidate");
  rig.Advance(-absl::Hours(2));
  rig.Restart();
  EXPECT_NEAR(EvidenceOf(rig), before, 0.1);
  EXPECT_GE(StartedOf(rig, "candidate"), started - 60);
  EXPECT_TRUE(rig.Outcome(1, 1).ok());  // Its ticket is older than the run.
  rig.Run(100, "candidate");
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig.Status().breach().guardrail(), "errors");
}

TEST(CheckpointsTest, CallsInFlightAtACrashAreClosedNeutral) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  const routing::ExperimentRoute route = rig.controller().table()->experiments[0];
  stats::WorkerReport report;
  for (int i = 0; i < 40; ++i) {
    report.delta.inference[{route.run, route.epoch, 0}].CountStart(stats::TickOf(rig.now()), static_cast<uint8_t>(i));
  }
  rig.controller().TakeReport(report);
  rig.Run(11, "", 0);
  rig.Restart();
  const v1::VariantStatus baseline = rig.Status().variants(0);
  EXPECT_EQ(baseline.started(), 40);
  EXPECT_EQ(baseline.ended(), 40);
  EXPECT_EQ(baseline.run_errors(), 0);
}

TEST(CheckpointsTest, ACheckpointThatFailsIsWrittenWithTheNext) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.Run(11);
  rig.journal().FailWith(absl::ResourceExhaustedError("disk full"));
  rig.Run(20);
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
  rig.journal().FailWith(absl::OkStatus());
  rig.Run(11, "", 0);  // Nothing new: what failed is written.
  const int64_t before = StartedOf(rig, "candidate");
  rig.Restart();
  EXPECT_EQ(StartedOf(rig, "candidate"), before);
}

TEST(CheckpointsTest, NothingOfRunsThatAreKeptNoMoreStaysInTheJournal) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  for (const char* label : {"2", "3", "4", "5", "6"}) {
    rig.Run(12);
    rig.File({ControllerRig::OfRun(label)});
    if (label[0] % 2 == 0) rig.Restart();  // Before the removal was written.
  }
  rig.Run(12);
  for (const auto& [key, value] : rig.journal().checkpoints()) {
    for (const char* old : {"/1", "/2", "/3"}) {
      EXPECT_EQ(key.find(std::string("income") + old), std::string::npos) << key;
    }
  }
  EXPECT_TRUE(rig.journal().checkpoints().contains("run/income/6"));
  EXPECT_TRUE(rig.journal().checkpoints().contains("run/income/5"));
  EXPECT_TRUE(rig.journal().checkpoints().contains("tests/income/6"));
  EXPECT_FALSE(rig.journal().checkpoints().contains("tests/income/5"));
}

TEST(CheckpointsTest, AMinuteAfterACandidateWasRemovedOnlyThePresentEpochIsKeptApart) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.Run(20);
  config::Experiment without = ControllerRig::AnExperiment();
  without.variants.pop_back();
  rig.File({without});
  rig.Run(20);
  rig.File({ControllerRig::AnExperiment()});
  rig.File({without});
  rig.Run(700, "", 1);
  for (const char* folded : {"/1", "/2", "/3"}) {
    EXPECT_FALSE(rig.journal().checkpoints().contains(std::string("epoch/income/1") + folded)) << folded;
  }
  EXPECT_TRUE(rig.journal().checkpoints().contains("epoch/income/1/4"));
}

TEST(CheckpointsTest, StatisticsThatCouldNotBeReadOnceAreNotThrownAwayAtEveryStart) {
  for (const char* damaged_row : {"epoch/income/1/1", "epoch/income/1/2", "tests/income/1"}) {
    ControllerRig rig;
    rig.File({ControllerRig::AnExperiment()});
    rig.Run(11);
    rig.File({ControllerRig::Weighing(40, 60)});
    rig.Run(11);
    const std::vector<experiment::CheckpointRow> damaged = {{damaged_row, "damaged"}};
    ASSERT_TRUE(rig.journal().WriteCheckpoint(damaged).ok());
    rig.Restart();
    EXPECT_EQ(StartedOf(rig, "candidate"), 0) << damaged_row;
    rig.Run(21);
    rig.Restart();
    EXPECT_GT(StartedOf(rig, "candidate"), 0) << damaged_row;
  }
}

TEST(CheckpointsTest, OfAnExperimentThatIsInNoFileForLongOnlyTheLatchIsKept) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.Run(12);
  rig.File({ControllerRig::OfRun("second")});
  rig.Run(100, "candidate");
  rig.File({});
  rig.Run(11);
  EXPECT_TRUE(rig.journal().checkpoints().contains("run/income/1"));
  EXPECT_TRUE(rig.journal().checkpoints().contains("run/income/2"));
  rig.Advance(ControllerRig::AnExperiment().join_window + absl::Seconds(20));
  rig.Run(11);
  for (const auto& [key, value] : rig.journal().checkpoints()) {
    EXPECT_EQ(key.find("income"), std::string::npos) << key;
  }
  rig.File({ControllerRig::OfRun("second")});
  rig.Run(11);
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig.Share("baseline"), 1);
  EXPECT_TRUE(rig.Reset().ok());
  rig.Run(11);
  EXPECT_EQ(StartedOf(rig, "candidate"), 11 * 6);
}

TEST(CheckpointsTest, ACallUnderWayOutlivesItsExperimentsAbsence) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  const routing::ExperimentRoute route = rig.controller().table()->experiments[0];
  const stats::CountsKey key{route.run, route.epoch, 1};
  const stats::Tick began = stats::TickOf(rig.now());
  stats::WorkerReport start, end;
  start.delta.inference[key].CountStart(began, 7);
  end.delta.inference[key].CountEnd(
      {.started = began, .user_bucket = 7, .outcome = stats::CallOutcome::kSuccess, .latency = absl::Hours(30)});
  rig.controller().TakeReport(start);
  rig.File({});
  rig.Run(11);
  rig.Advance(ControllerRig::AnExperiment().join_window + absl::Seconds(20));
  rig.Run(11);
  EXPECT_TRUE(rig.journal().checkpoints().contains("run/income/1"));
  rig.File({ControllerRig::AnExperiment()});
  rig.controller().TakeReport(end);
  rig.Run(1);
  EXPECT_LE(rig.Status().variants(1).ended(), rig.Status().variants(1).started());
  rig.File({});
  rig.Run(11);
  rig.Advance(ControllerRig::AnExperiment().join_window + absl::Seconds(20));
  rig.Run(11);
  EXPECT_FALSE(rig.journal().checkpoints().contains("run/income/1"));
}

TEST(CheckpointsTest, AShutRunShowsWhatItsOtherGuardrailsHadAlsoAfterARestart) {
  ControllerRig rig;
  config::Experiment watched = ControllerRig::AnExperiment();
  watched.guardrails.push_back({.name = "ceiling", .rule = config::ErrorCeiling{0.1}});
  rig.File({watched});
  for (int tick = 0; tick < 200 && rig.Share("candidate") > 0; ++tick) rig.Run(1, "candidate", 200);
  ASSERT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  const v1::ExperimentStatus before = rig.Status();
  rig.Restart();
  const v1::ExperimentStatus after = rig.Status();
  ASSERT_EQ(after.guardrails_size(), 2);
  EXPECT_NE(before.guardrails(1).log10_evidence(), 0);
  for (int i = 0; i < 2; ++i) {
    // Of the youngest calls more is known by now.
    EXPECT_GE(after.guardrails(i).log10_evidence(), before.guardrails(i).log10_evidence() - 1e-9);
  }
}

TEST(CheckpointsTest, AnOrderlyEndLosesNothing) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.Run(17);
  const int64_t before = StartedOf(rig, "candidate");
  rig.controller().CheckpointNow(rig.now());
  for (Effect& effect : rig.controller().TakeEffects()) {
    if (const auto* ask = std::get_if<AskJournal>(&effect)) {
      EXPECT_TRUE(rig.journal().WriteCheckpoint(std::get<CheckpointRequest>(ask->request).rows).ok());
    }
  }
  rig.Restart();
  EXPECT_EQ(StartedOf(rig, "candidate"), before);
}

}  // namespace
}  // namespace weir::control
