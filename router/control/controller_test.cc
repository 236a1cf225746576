// The rules of "Who owns the weights" (README), one test each.

#include "router/control/controller.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "config/limits.h"
#include "router/control/controller_rig.h"

namespace weir::control {
namespace {

using Order = std::vector<std::string>;

int64_t StartedOf(const ControllerRig& rig, const std::string& variant) {
  const v1::ExperimentStatus experiment = rig.Status();
  for (const v1::VariantStatus& status : experiment.variants()) {
    if (status.name() == variant) return status.started();
  }
  return -1;
}

double EvidenceOf(const ControllerRig& rig) { return rig.Status().guardrails(0).log10_evidence(); }

// --- A run begins when the experiment first appears, when `spec.run` changes, or by reset.

TEST(ControllerTest, ARunBeginsWhenTheExperimentFirstAppears) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
  EXPECT_EQ(rig.Status().run(), 1u);
  EXPECT_EQ(rig.Status().epoch(), 1u);
  EXPECT_NEAR(rig.Share("candidate"), 0.3, 1e-12);
  ASSERT_EQ(rig.journal().records().size(), 1u);
  EXPECT_EQ(rig.journal().records()[0].action(), "run-opened");
}

TEST(ControllerTest, ARunBeginsWhenSpecRunChangesAndWithoutEvidence) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.Run(20);
  rig.File({ControllerRig::OfRun("second")});
  EXPECT_EQ(rig.Status().run(), 2u);
  EXPECT_EQ(rig.Status().run_label(), "second");
  EXPECT_EQ(StartedOf(rig, "candidate"), 0);
  rig.Run(1);
  EXPECT_EQ(StartedOf(rig, "candidate"), 6);
}

TEST(ControllerTest, ARunBeginsByResetWithTheFileOfThatMomentAndNoEvidence) {
  ControllerRig rig;
  ASSERT_TRUE(rig.RollBack());
  rig.File({ControllerRig::Weighing(50, 50)});
  EXPECT_TRUE(rig.Reset().ok());
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
  EXPECT_EQ(rig.Status().run(), 2u);
  EXPECT_NEAR(rig.Share("candidate"), 0.5, 1e-12);
  EXPECT_EQ(StartedOf(rig, "candidate"), 0);
  EXPECT_EQ(rig.journal().records().back().actor(), "ann");
  rig.Run(5);
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
  EXPECT_LT(EvidenceOf(rig), 1);
}

TEST(ControllerTest, OnlyWhatIsShutIsReset) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  EXPECT_TRUE(absl::IsFailedPrecondition(rig.Reset()));
  EXPECT_TRUE(absl::IsNotFound(rig.Reset("nothing")));
  EXPECT_EQ(rig.Status().run(), 1u);
}

// --- Without a rollout the file's weights are in force, and editing them begins an epoch of the same run.

TEST(ControllerTest, EditedWeightsAreInForceAndBeginAnEpochOfTheSameRun) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.Run(10);
  rig.File({ControllerRig::Weighing(40, 60)});
  EXPECT_NEAR(rig.Share("candidate"), 0.6, 1e-12);
  EXPECT_EQ(rig.Status().run(), 1u);
  EXPECT_EQ(rig.Status().epoch(), 2u);
  EXPECT_EQ(StartedOf(rig, "candidate"), 60);  // Of the run: kept.
}

TEST(ControllerTest, AnEditOfAnythingElseBeginsNoEpoch) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  config::Experiment edited = ControllerRig::AnExperiment();
  edited.mirrors = {{.name = "other"}};
  edited.key_sources = {{"x-user"}};
  rig.File({edited});
  EXPECT_EQ(rig.Status().epoch(), 1u);
  EXPECT_EQ(rig.controller().table()->experiments[0].mirrors.size(), 1u);
  EXPECT_EQ(rig.controller().table()->experiments[0].key_sources.size(), 1u);
}

TEST(ControllerTest, TheSameFilesPublishNothing) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  (void)rig.TakeOrder();
  rig.File({ControllerRig::AnExperiment()});
  EXPECT_EQ(rig.TakeOrder(), Order{});
}

TEST(ControllerTest, CallsOfAPastEpochThatEndLateStillCount) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  const routing::ExperimentRoute before = rig.controller().table()->experiments[0];
  rig.Run(1);
  rig.File({ControllerRig::Weighing(40, 60)});
  stats::WorkerReport late;
  late.delta.inference[{before.run, before.epoch, 1}].CountStart(stats::TickOf(rig.now()), 1);
  rig.controller().TakeReport(late);
  EXPECT_EQ(StartedOf(rig, "candidate"), 7);
}

// --- A rollback.

TEST(ControllerTest, AProvenBreachGivesTheDefaultAllInTheSameTickAndThenJournals) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  Order last;
  for (int tick = 0; tick < 300 && rig.Share("candidate") > 0; ++tick) {
    (void)rig.TakeOrder();
    rig.Run(1, "candidate");
    last = rig.TakeOrder();
  }
  EXPECT_EQ(rig.Share("baseline"), 1);
  ASSERT_GE(last.size(), 2u);
  EXPECT_EQ(last[0], "table");
  EXPECT_EQ(last[1], "append");
  const v1::ExperimentStatus status = rig.Status();
  EXPECT_EQ(status.phase(), v1::ROLLED_BACK);
  EXPECT_EQ(status.breach().guardrail(), "errors");
  EXPECT_EQ(status.breach().variant(), "candidate");
  EXPECT_EQ(status.breach().candidate_calls(), StartedOf(rig, "candidate"));
  EXPECT_GE(status.breach().log10_evidence(), status.breach().log10_threshold());
  EXPECT_GT(status.breach().candidate_errors(), 0);
  EXPECT_NE(status.phase_reason().find("errors: candidate"), std::string::npos) << status.phase_reason();
  EXPECT_EQ(rig.journal().records().back().action(), "rolled-back");
}

TEST(ControllerTest, AHealthyCandidateKeepsItsShare) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.Run(600);
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
}

TEST(ControllerTest, AGuardrailThatWarnsShutsNothing) {
  ControllerRig rig;
  config::Experiment warned = ControllerRig::AnExperiment();
  warned.guardrails[0].action = config::GuardrailAction::kWarn;
  rig.File({warned});
  rig.Run(200, "candidate");
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
  EXPECT_TRUE(rig.Status().guardrails(0).breached());
  EXPECT_EQ(rig.Status().guardrails(0).action(), "warn");
}

TEST(ControllerTest, AGuardrailThatTurnsFromWarningToRollbackShutsAtOnceWhatItHadProven) {
  ControllerRig rig;
  config::Experiment warned = ControllerRig::AnExperiment();
  warned.guardrails[0].action = config::GuardrailAction::kWarn;
  rig.File({warned});
  rig.Run(200, "candidate");
  rig.File({ControllerRig::AnExperiment()});
  EXPECT_EQ(rig.Share("baseline"), 1);
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
}

TEST(ControllerTest, AfterARollbackTheRunStaysShutWhateverTheFileSays) {
  ControllerRig rig;
  ASSERT_TRUE(rig.RollBack());
  config::Experiment swapped = ControllerRig::Weighing(10, 90);
  swapped.default_variant = 1;
  config::Experiment without = ControllerRig::AnExperiment();
  without.guardrails.clear();
  for (const config::Experiment& edited :
       {ControllerRig::AnExperiment(), ControllerRig::Weighing(50, 50), swapped, without}) {
    rig.File({edited});
    rig.Run(20);
    EXPECT_EQ(rig.Share("baseline"), 1);
    EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
    EXPECT_TRUE(rig.controller().View(rig.now()).status.configuration_errors().empty());
    EXPECT_NE(rig.Status().notice().find("weirctl reset income"), std::string::npos) << rig.Status().notice();
  }
  rig.File({ControllerRig::Weighing(50, 50)});
  EXPECT_NE(rig.Status().notice().find("edited"), std::string::npos) << rig.Status().notice();
  EXPECT_EQ(rig.journal().records().size(), 2u);
}

TEST(ControllerTest, AfterARollbackANewSpecRunOpensANewRun) {
  ControllerRig rig;
  ASSERT_TRUE(rig.RollBack());
  rig.File({ControllerRig::OfRun("fixed")});
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
  EXPECT_EQ(rig.Status().run(), 2u);
  EXPECT_NEAR(rig.Share("candidate"), 0.3, 1e-12);
}

TEST(ControllerTest, RemovingAndAddingTheExperimentAgainKeepsTheLatch) {
  ControllerRig rig;
  ASSERT_TRUE(rig.RollBack());
  rig.File({});
  EXPECT_TRUE(rig.controller().table()->experiments.empty());
  rig.Run(10);
  rig.File({ControllerRig::AnExperiment()});
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig.Share("baseline"), 1);
}

TEST(ControllerTest, RemovingAndAddingARunningExperimentGoesOnWithItsRun) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.Run(10);
  rig.File({});
  rig.File({ControllerRig::AnExperiment()});
  EXPECT_EQ(rig.Status().run(), 1u);
  EXPECT_EQ(StartedOf(rig, "candidate"), 60);
}

TEST(ControllerTest, TheLatchSurvivesARestart) {
  ControllerRig rig;
  ASSERT_TRUE(rig.RollBack());
  const v1::ExperimentStatus before = rig.Status();
  rig.Restart();
  EXPECT_EQ(rig.Share("baseline"), 1);
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig.Status().breach().SerializeAsString(), before.breach().SerializeAsString());
  EXPECT_TRUE(rig.Reset().ok());
  EXPECT_EQ(rig.Status().run(), 2u);
}

TEST(ControllerTest, ADefaultEditedWhileTheGateIsShutIsNotTheDefaultAfterARestart) {
  ControllerRig rig;
  ASSERT_TRUE(rig.RollBack());
  config::Experiment swapped = ControllerRig::AnExperiment();
  swapped.default_variant = 1;
  rig.File({swapped});
  rig.Restart();
  EXPECT_EQ(rig.Share("baseline"), 1);
}

TEST(ControllerTest, ExperimentsAreJudgedApart) {
  ControllerRig rig;
  config::Experiment unwatched = ControllerRig::AnExperiment("other");
  unwatched.guardrails.clear();
  rig.File({ControllerRig::AnExperiment(), unwatched});
  rig.Run(100, "candidate");
  EXPECT_EQ(rig.Status("income").phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig.Status("other").phase(), v1::RUNNING);
  EXPECT_NEAR(rig.Share("candidate", "other"), 0.3, 1e-12);
}

// --- Shutting is never refused and never waits; opening is journalled first, and refused when that fails.

TEST(ControllerTest, ShuttingIsNeverRefusedAndItsRowIsKeptUntilItIsWritten) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.journal().FailWith(absl::ResourceExhaustedError("disk full"));
  rig.Run(100, "candidate");
  EXPECT_EQ(rig.Share("baseline"), 1);
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  Snapshot view = rig.controller().View(rig.now());
  EXPECT_EQ(view.metrics.control.unjournalled, 1);
  EXPECT_FALSE(view.status.journal().healthy());
  EXPECT_NE(view.status.journal().error().find("disk full"), std::string::npos);
  EXPECT_NE(rig.Status().notice().find("disk full"), std::string::npos) << rig.Status().notice();
  EXPECT_EQ(rig.journal().records().size(), 1u);

  rig.journal().FailWith(absl::OkStatus());
  rig.Run(15);
  view = rig.controller().View(rig.now());
  EXPECT_EQ(view.metrics.control.unjournalled, 0);
  EXPECT_TRUE(view.status.journal().healthy());
  ASSERT_EQ(rig.journal().records().size(), 2u);
  EXPECT_EQ(rig.journal().records()[1].action(), "rolled-back");
}

TEST(ControllerTest, LessForACandidateIsInForceWithoutTheJournal) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.journal().FailWith(absl::ResourceExhaustedError("disk full"));
  rig.File({ControllerRig::Weighing(90, 10)});
  EXPECT_NEAR(rig.Share("candidate"), 0.1, 1e-12);
  rig.File({ControllerRig::Weighing(100, 0)});
  EXPECT_EQ(rig.Share("candidate"), 0);
  EXPECT_EQ(rig.controller().View(rig.now()).metrics.control.unjournalled, 1);
  rig.journal().FailWith(absl::OkStatus());
  rig.Run(15);
  EXPECT_EQ(rig.journal().records().back().state().epoch(), 3u);  // Where it stands; what was between is not needed.
  EXPECT_EQ(rig.controller().View(rig.now()).metrics.control.unjournalled, 0);
}

TEST(ControllerTest, OnASlowDiskSomeDecisionsAreKeptApartAndFromThenOnTheNewestWaits) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.HoldReplies();
  for (uint32_t candidate = 29; candidate > 9; --candidate) {
    rig.File({ControllerRig::Weighing(100 - candidate, candidate)});
    EXPECT_NEAR(rig.Share("candidate"), candidate / 100.0, 1e-12);
  }
  constexpr size_t kOfFiles = config::limits::kShutRows - config::limits::kShutRowsOfPeople;
  EXPECT_EQ(rig.journal().records().size(), 1 + kOfFiles);
  EXPECT_EQ(rig.controller().View(rig.now()).metrics.control.unjournalled, 1);
  rig.GiveReplies();
  ASSERT_EQ(rig.journal().records().size(), 2 + kOfFiles);
  EXPECT_EQ(rig.journal().records().back().state().epoch(), 21u);
  EXPECT_EQ(rig.controller().View(rig.now()).metrics.control.unjournalled, 0);
}

TEST(ControllerTest, AnOrderlyEndWritesWhatWaitsForASlowDisk) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.HoldReplies();
  for (uint32_t candidate = 29; candidate > 9; --candidate)
    rig.File({ControllerRig::Weighing(100 - candidate, candidate)});
  rig.controller().CheckpointNow(rig.now());
  rig.Tick();  // Carries out.
  EXPECT_EQ(rig.journal().records().back().state().epoch(), 21u);
}

TEST(ControllerTest, MoreForACandidateWaitsForTheJournal) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.journal().FailWith(absl::ResourceExhaustedError("disk full"));
  rig.File({ControllerRig::Weighing(40, 60)});
  rig.Run(30);
  EXPECT_NEAR(rig.Share("candidate"), 0.3, 1e-12);
  EXPECT_NE(rig.Status().notice().find("disk full"), std::string::npos) << rig.Status().notice();
  rig.journal().FailWith(absl::OkStatus());
  rig.Run(15);
  EXPECT_NEAR(rig.Share("candidate"), 0.6, 1e-12);
}

TEST(ControllerTest, ARowThatCanNeverBeWrittenIsTriedOnceASecondAndIsNoFaultOfTheDisk) {
  ControllerRig rig;
  config::Experiment unreadable = ControllerRig::AnExperiment();
  unreadable.source = "weights";
  unreadable.file = "income\xff.yaml";
  rig.File({unreadable});
  EXPECT_TRUE(rig.controller().View(rig.now()).status.journal().healthy());
  rig.File({unreadable, ControllerRig::AnExperiment("other")});
  EXPECT_EQ(rig.Status("other").phase(), v1::RUNNING);
  rig.TakeOrder();
  rig.Run(50);
  const std::vector<std::string> asked = rig.TakeOrder();
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "append"), 5);
  EXPECT_EQ(rig.Share("baseline"), 1);
  EXPECT_NE(rig.Status().phase_reason().find("not UTF-8"), std::string::npos) << rig.Status().phase_reason();
  unreadable.source = "the same weights";
  unreadable.file = "income.yaml";
  rig.File({unreadable, ControllerRig::AnExperiment("other")});
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
  rig.Restart();
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
}

TEST(ControllerTest, AResetIsRefusedWhenItCannotBeJournalled) {
  ControllerRig rig;
  ASSERT_TRUE(rig.RollBack());
  rig.journal().FailWith(absl::ResourceExhaustedError("disk full"));
  EXPECT_TRUE(absl::IsUnavailable(rig.Reset()));
  rig.Run(30);
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig.Status().run(), 1u);
  rig.journal().FailWith(absl::OkStatus());
  rig.Run(30);
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);  // Refused is refused: nobody asks again.
  EXPECT_TRUE(rig.Reset().ok());
}

TEST(ControllerTest, AResetWaitsForTheRollbacksOwnRow) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.HoldReplies();
  rig.Run(100, "candidate");
  EXPECT_TRUE(absl::IsUnavailable(rig.Reset()));
  rig.GiveReplies();
  EXPECT_TRUE(rig.Reset().ok());
}

TEST(ControllerTest, ANewExperimentWaitsAtItsDefaultForTheJournal) {
  ControllerRig rig;
  rig.File({});
  rig.journal().FailWith(absl::ResourceExhaustedError("disk full"));
  rig.File({ControllerRig::AnExperiment()});
  rig.Run(30);
  EXPECT_EQ(rig.Share("baseline"), 1);
  EXPECT_NE(rig.Status().phase_reason().find("disk full"), std::string::npos) << rig.Status().phase_reason();
  rig.journal().FailWith(absl::OkStatus());
  rig.Run(15);
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
  EXPECT_NEAR(rig.Share("candidate"), 0.3, 1e-12);
}

TEST(ControllerTest, TheFirstTableWaitsForTheJournalButNotForEver) {
  ControllerRig rig;
  rig.HoldReplies();
  rig.File({ControllerRig::AnExperiment()});
  EXPECT_EQ(rig.controller().table(), nullptr);
  EXPECT_FALSE(rig.controller().View(rig.now()).status.ready());
  rig.Run(9);
  EXPECT_EQ(rig.controller().table(), nullptr);
  rig.Run(1);
  EXPECT_EQ(rig.Share("baseline"), 1);
  rig.GiveReplies();
  EXPECT_NEAR(rig.Share("candidate"), 0.3, 1e-12);
}

TEST(ControllerTest, ABreachWhileAnOpeningIsJournalledWins) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.HoldReplies();
  rig.File({ControllerRig::Weighing(40, 60)});
  rig.Run(100, "candidate");
  EXPECT_EQ(rig.Share("baseline"), 1);
  rig.GiveReplies();
  rig.Run(20);
  EXPECT_EQ(rig.Share("baseline"), 1);
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig.journal().records().back().action(), "rolled-back");
  rig.Restart();
  EXPECT_EQ(rig.Share("baseline"), 1);
}

TEST(ControllerTest, AnEditTakenBackWhileItIsJournalledEndsAsTheFileSays) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.HoldReplies();
  rig.File({ControllerRig::Weighing(40, 60)});
  rig.File({ControllerRig::AnExperiment()});
  rig.GiveReplies();
  rig.Run(20);
  EXPECT_NEAR(rig.Share("candidate"), 0.3, 1e-12);
  rig.Restart();
  EXPECT_NEAR(rig.Share("candidate"), 0.3, 1e-12);
}

// --- If the latch cannot be read at start, every experiment is at its default, and says so.

TEST(ControllerTest, WithoutAReadableJournalEveryExperimentIsAtItsDefaultAndSaysSo) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment(), ControllerRig::AnExperiment("other")});
  rig.RestartUnreadable(absl::DataLossError("the audit chain breaks at row 1"));
  rig.Run(30);
  for (const char* name : {"income", "other"}) {
    EXPECT_EQ(rig.Share("baseline", name), 1);
    EXPECT_EQ(rig.Status(name).phase(), v1::FROZEN);
    EXPECT_NE(rig.Status(name).phase_reason().find("chain breaks"), std::string::npos);
  }
  EXPECT_FALSE(rig.controller().View(rig.now()).status.journal().healthy());
  EXPECT_TRUE(absl::IsUnavailable(rig.Reset()));
}

TEST(ControllerTest, WhileFrozenAnEditedDefaultMovesNobody) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.RestartUnreadable(absl::UnavailableError("locked"));
  rig.Run(20);
  config::Experiment edited = ControllerRig::AnExperiment();
  edited.default_variant = 1;
  rig.File({edited});
  EXPECT_EQ(rig.Status().phase(), v1::FROZEN);
  EXPECT_EQ(rig.Share("baseline"), 1);
  rig.RepairJournal();
  rig.Run(20);
  EXPECT_EQ(rig.Share("baseline"), 1);
  EXPECT_TRUE(rig.Reset().ok());  // A person, by the journal.
  EXPECT_EQ(rig.Status().variants(1).name(), "candidate");
  EXPECT_TRUE(rig.Status().variants(1).is_default());
}

TEST(ControllerTest, AFrozenExperimentIsResetOnceTheJournalWorksAndNotBefore) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.RestartUnreadable(absl::UnavailableError("locked"));
  rig.Run(20);
  rig.RepairJournal();
  rig.Run(20);
  EXPECT_EQ(rig.Status().phase(), v1::FROZEN);  // By itself nothing opens.
  EXPECT_EQ(rig.Share("baseline"), 1);
  EXPECT_TRUE(rig.Reset().ok());
  EXPECT_EQ(rig.Status().phase(), v1::RUNNING);
  EXPECT_EQ(rig.Status().run(), 2u);  // A run is not numbered twice.
}

TEST(ControllerTest, ALatchThatIsFoundLaterHolds) {
  ControllerRig rig;
  ASSERT_TRUE(rig.RollBack());
  rig.RestartUnreadable(absl::UnavailableError("locked"));
  rig.Run(20);
  EXPECT_EQ(rig.Status().phase(), v1::FROZEN);
  rig.RepairJournal();
  rig.Run(20);
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig.Share("baseline"), 1);
}

}  // namespace
}  // namespace weir::control
