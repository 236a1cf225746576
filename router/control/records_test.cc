// What the journal keeps of each decision is enough to decide it again.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config/parse.h"
#include "router/control/controller.h"
#include "router/control/controller_rig.h"
#include "router/experiment/replay.h"

namespace weir::control {
namespace {

using experiment::CommandKind;
using experiment::Replayed;
using Outcome = experiment::Replayed::Outcome;

std::string Text(int candidate_weight, const std::string& comment = "", const std::string& more = "") {
  return absl::StrCat("# ", comment, R"(
apiVersion: weir/v1
kind: Experiment
metadata: {name: income}
spec:
  default: baseline
  candidates:
    - {name: baseline, weight: 70}
    - {name: candidate, weight: )",
                      candidate_weight, R"(}
  match: {service: income}
  assignment: {key: [{header: x-user-id}]}
  metrics: [{name: accuracy, source: feedback, field: correct, type: proportion, goal: increase}]
  guardrails:
    - {name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2, action: rollback}
    - {name: tail, metric: latency_p99, compareTo: default, maxRatio: 1.5, action: rollback}
    - {name: ceiling, metric: error_rate, max: 0.05, action: warn}
)",
                      more);
}

const char kRollout[] = R"(
  rollout:
    strategy: canary
    steps:
      - {setWeight: 10, pause: {duration: 1s}}
      - {setWeight: 30, pause: {duration: 1s, minSamples: 100}}
      - {setWeight: 100}
    watch: 2s
)";

const char kLongStep[] = R"(
  rollout:
    strategy: canary
    steps: [{setWeight: 30, pause: {duration: 1h}}]
)";

const char kAnalysed[] = R"(
  decision: {alpha: 0.05}
  rollout:
    strategy: canary
    steps:
      - setWeight: 50
        pause: {duration: 2s}
        analysis: {nonInferiority: false, successCondition: error_rate.candidate < 0.5, timeout: 1h}
      - {setWeight: 100}
    watch: 2s
)";

std::vector<config::Experiment> Parse(const std::string& text) {
  const auto parsed = config::ParseExperiments(text, "experiments/income.yaml");
  EXPECT_TRUE(parsed.value.has_value()) << config::ToString(parsed.errors);
  return parsed.value.value_or(std::vector<config::Experiment>());
}

std::vector<Replayed> ReplayAll(const std::vector<v1::AuditRecord>& records) {
  experiment::Replay replay;
  std::vector<Replayed> replayed;
  for (const v1::AuditRecord& record : records) replayed.push_back(replay.Next(record));
  return replayed;
}

void ExpectAllReproduced(ControllerRig& rig) {
  const std::vector<v1::AuditRecord>& records = rig.journal().records();
  const std::vector<Replayed> replayed = ReplayAll(records);
  for (size_t i = 0; i < records.size(); ++i) {
    EXPECT_TRUE(replayed[i].outcome == Outcome::kReproduced || replayed[i].outcome == Outcome::kTakenUp)
        << "row " << i + 1 << ", " << records[i].action() << ": " << replayed[i].difference;
  }
}

std::vector<std::string> ActionsOf(ControllerRig& rig) {
  std::vector<std::string> actions;
  for (const v1::AuditRecord& record : rig.journal().records()) actions.push_back(record.action());
  return actions;
}

// --- Versions of the specification.

TEST(RecordsTest, TheFirstRowHoldsTheSpecificationAsItWasRead) {
  ControllerRig rig;
  rig.File(Parse(Text(30, "why: a first try")));
  ASSERT_EQ(rig.journal().records().size(), 1u);
  const v1::AuditRecord& record = rig.journal().records()[0];
  EXPECT_EQ(record.specification().text(), Text(30, "why: a first try"));
  EXPECT_EQ(record.specification().ordinal(), 1u);
  EXPECT_EQ(record.specification().file(), "experiments/income.yaml");
  EXPECT_EQ(record.specification_version(), 1u);
  EXPECT_TRUE(record.event().has_filed());
  EXPECT_FALSE(record.has_before());
}

TEST(RecordsTest, AnEditFromWhichNothingFollowsIsAVersionToo) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  rig.Run(3);
  rig.File(Parse(Text(30, "a comment")));
  rig.Run(3);
  EXPECT_EQ(ActionsOf(rig), (std::vector<std::string>{"run-opened", "specification-taken-up"}));
  const v1::AuditRecord& taken_up = rig.journal().records()[1];
  EXPECT_EQ(taken_up.specification().text(), Text(30, "a comment"));
  EXPECT_EQ(taken_up.specification().ordinal(), 2u);
  EXPECT_EQ(taken_up.state().SerializeAsString(), rig.journal().records()[0].state().SerializeAsString());
  ExpectAllReproduced(rig);
}

TEST(RecordsTest, AnUnchangedTextIsNoVersionThroughRestarts) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  rig.Restart();
  rig.File(Parse(Text(30)));
  rig.Run(3);
  EXPECT_EQ(rig.journal().records().size(), 1u);
  rig.File(Parse(Text(40)));
  ASSERT_EQ(rig.journal().records().size(), 2u);
  EXPECT_EQ(rig.journal().records()[1].specification().ordinal(), 2u);
}

TEST(RecordsTest, AVersionWaitsForAJournalThatFails) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  rig.journal().FailWith(absl::UnavailableError("no disk"));
  rig.File(Parse(Text(30, "while the disk fails")));
  rig.Run(15);
  EXPECT_EQ(rig.journal().records().size(), 1u);
  rig.journal().FailWith(absl::OkStatus());
  rig.Run(15);
  ASSERT_EQ(rig.journal().records().size(), 2u);
  EXPECT_EQ(rig.journal().records()[1].specification().ordinal(), 2u);
}

TEST(RecordsTest, WhoOpensDoesNotWaitForAVersionsRow) {
  ControllerRig rig;
  rig.File(Parse(Text(30, "", kRollout)));
  rig.HoldReplies();
  rig.File(Parse(Text(30, "a comment", kRollout)));
  const absl::Status asked =
      rig.Obey({.kind = CommandKind::kSetWeight, .weight = *config::Percent::FromBasisPoints(2000)});
  EXPECT_TRUE(absl::IsDeadlineExceeded(asked)) << asked;  // Not answered yet, and not refused.
  rig.GiveReplies();
  EXPECT_TRUE(rig.AnswerOf(1)->ok()) << *rig.AnswerOf(1);
  EXPECT_NEAR(rig.Share("candidate"), 0.2, 1e-9);
  rig.Restart();
  EXPECT_NEAR(rig.Share("candidate"), 0.2, 1e-9);
  ExpectAllReproduced(rig);
}

TEST(RecordsTest, AnOpeningThatWasRefusedAndIsFoundIsReplayedAsOneThatNeverWas) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  rig.journal().FailAfterWriting(absl::UnavailableError("the sync failed"));
  rig.File(Parse(Text(60)));
  rig.journal().FailAfterWriting(absl::OkStatus());
  rig.Run(30);
  EXPECT_EQ(ActionsOf(rig), (std::vector<std::string>{"run-opened", "epoch-opened", "not-opened", "epoch-opened"}));
  const std::vector<Replayed> replayed = ReplayAll(rig.journal().records());
  EXPECT_EQ(replayed[1].outcome, Outcome::kReproduced);
  EXPECT_EQ(replayed[2].outcome, Outcome::kNotOpened);
  EXPECT_NE(replayed[2].note.find("never in force"), std::string::npos) << replayed[2].note;
  EXPECT_EQ(replayed[3].outcome, Outcome::kReproduced);
  EXPECT_EQ(replayed[3].note, "");
  v1::AuditRecord moved = rig.journal().records()[2];
  moved.mutable_state()->set_epoch(9);
  EXPECT_EQ(ReplayAll({moved})[0].outcome, Outcome::kDiffers);
}

// --- Decisions.

TEST(RecordsTest, ABreachIsJudgedAgainToTheLastBitFromWhatItsRowHolds) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  rig.Run(60);
  rig.File(Parse(Text(40)));
  rig.Run(200, "candidate");
  const std::vector<v1::AuditRecord>& records = rig.journal().records();
  ASSERT_EQ(records.back().action(), "rolled-back");
  EXPECT_EQ(records.back().event().breached().breach().guardrail(), "errors");
  EXPECT_GE(records.back().evidence().judgements_size(), 3);
  EXPECT_TRUE(ReplayAll(records).back().is_judged_again);
  ExpectAllReproduced(rig);
}

// A rise so late that the test, which remembers the good time, is not the one that finds it.
std::vector<v1::AuditRecord> RowsToAnAlarm(ControllerRig& rig, const std::string& action) {
  rig.File(Parse(absl::StrReplaceAll(
      Text(30, "", kLongStep), {{"maxRatio: 1.2, action: rollback",
                                 absl::StrCat("maxRatio: 10, action: ", action, ", detector: act, arl: 10000")}})));
  rig.Run(600);
  rig.Run(100, "candidate");
  return rig.journal().records();
}

TEST(RecordsTest, ABreachThatWasSeenBeforeMoreCallsOfThatMomentCameIsReproduced) {
  const auto text = [](const std::string& comment) {
    return absl::StrReplaceAll(Text(30, comment), {{"maxRatio: 1.2", "maxRatio: 5"}});
  };
  ControllerRig rig;
  rig.File(Parse(text("")));
  rig.Run(50);
  rig.TakeCalls("candidate", 45, 45);
  rig.File(Parse(text("taken up, whereupon the tests look")));
  ASSERT_TRUE(rig.Status().guardrails(2).breached()) << "one that warns";
  ASSERT_EQ(rig.Status().phase(), v1::RUNNING);
  rig.TakeCalls("baseline", 400, 0);
  rig.TakeCalls("candidate", 400, 400);
  rig.Advance(-stats::kTick);
  rig.Tick();  // At that very moment.
  ASSERT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  ExpectAllReproduced(rig);
}

TEST(RecordsTest, AnAlarmOfADetectorIsMadeAgainToTheLastBit) {
  for (const char* action : {"rollback", "pause"}) {
    ControllerRig rig;
    const std::vector<v1::AuditRecord> records = RowsToAnAlarm(rig, action);
    const auto alarm = std::find_if(records.begin(), records.end(),
                                    [](const v1::AuditRecord& record) { return record.event().has_breached(); });
    ASSERT_NE(alarm, records.end());
    EXPECT_NE(alarm->event().breached().breach().summary().find("its detector's statistic"), std::string::npos)
        << alarm->detail();
    EXPECT_EQ(alarm->event().breached().pauses(), std::string(action) == "pause");
    const Replayed replayed = ReplayAll(records)[static_cast<size_t>(alarm - records.begin())];
    EXPECT_EQ(replayed.outcome, Outcome::kReproduced) << replayed.difference;
    EXPECT_TRUE(replayed.is_judged_again);
    EXPECT_EQ(replayed.note, "");
  }
}

TEST(RecordsTest, AnAlarmThatItsDetectorDoesNotMakeIsFoundOut) {
  ControllerRig rig;
  std::vector<v1::AuditRecord> records = RowsToAnAlarm(rig, "rollback");
  ASSERT_EQ(records.back().action(), "rolled-back");
  std::vector<v1::AuditRecord> calm = records, old = records;
  for (v1::DetectorCheckpoint& detector : *calm.back().mutable_evidence()->mutable_detectors()) {
    for (double& log_r : *detector.mutable_log_r()) log_r -= 20;
  }
  EXPECT_EQ(ReplayAll(calm).back().difference, "its detector does not alarm now");
  for (v1::DetectorCheckpoint& detector : *records.back().mutable_evidence()->mutable_detectors()) {
    detector.set_log_r(0, detector.log_r(0) + 1e-9);
  }
  EXPECT_EQ(ReplayAll(records).back().outcome, Outcome::kDiffers);
  old.back().mutable_evidence()->clear_detectors();
  EXPECT_EQ(ReplayAll(old).back().outcome, Outcome::kReproduced);
  EXPECT_NE(ReplayAll(old).back().note.find("as it was told"), std::string::npos);
}

TEST(RecordsTest, ARowWhoseEvidenceIsOffByOneCallIsNotReproduced) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  rig.Run(200, "candidate");
  std::vector<v1::AuditRecord> records = rig.journal().records();
  ASSERT_EQ(records.back().action(), "rolled-back");
  // A call whose end is moved to the cohort before.
  v1::CohortsCheckpoint& cohorts =
      *records.back().mutable_evidence()->mutable_epochs(0)->mutable_counts()->mutable_variants(1)->mutable_cohorts();
  for (int i = 0; i < cohorts.errors_size(); ++i) {
    if (cohorts.errors(i) == 0) continue;
    cohorts.set_errors(i, cohorts.errors(i) - 1);
    break;
  }
  const Replayed replayed = ReplayAll(records).back();
  EXPECT_EQ(replayed.outcome, Outcome::kDiffers);
  EXPECT_NE(replayed.difference.find("evidence"), std::string::npos) << replayed.difference;
}

TEST(RecordsTest, ARowWithoutItsGroundsIsSaidToBeSo) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  std::vector<v1::AuditRecord> records = rig.journal().records();
  records[0].clear_event();
  records[0].clear_specification();
  EXPECT_EQ(ReplayAll(records)[0].outcome, Outcome::kNotRecorded);
}

TEST(RecordsTest, ASpecificationThatIsRefusedNowIsSaidToBeSo) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  std::vector<v1::AuditRecord> records = rig.journal().records();
  records[0].mutable_specification()->set_text(Text(30, "", "  unheardOf: 1\n"));
  const Replayed replayed = ReplayAll(records)[0];
  EXPECT_EQ(replayed.outcome, Outcome::kNotReadable);
  EXPECT_NE(replayed.difference.find("spec.unheardOf: is not a known key"), std::string::npos) << replayed.difference;
}

TEST(RecordsTest, AnotherVerdictIsFoundOut) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  std::vector<v1::AuditRecord> records = rig.journal().records();
  records[0].mutable_state()->mutable_variants(1)->set_hundredths(9900);
  EXPECT_EQ(ReplayAll(records)[0].outcome, Outcome::kDiffers);
  records[0].clear_rules();
  EXPECT_EQ(ReplayAll(records)[0].outcome, Outcome::kOtherRules) << "as one from before they were numbered";
}

// Of a step that was left by its analysis: the rows up to there.
std::vector<v1::AuditRecord> RowsToASuccess() {
  ControllerRig rig;
  rig.File(Parse(Text(30, "", kAnalysed)));
  rig.Run(60);
  ExpectAllReproduced(rig);
  std::vector<v1::AuditRecord> records = rig.journal().records();
  while (!records.empty() && !records.back().has_decision()) records.pop_back();
  return records;
}

TEST(RecordsTest, AStepThatWasLeftByItsAnalysisIsDecidedAgain) {
  const std::vector<v1::AuditRecord> records = RowsToASuccess();
  ASSERT_FALSE(records.empty());
  EXPECT_EQ(records.back().action(), "step-entered");
  EXPECT_TRUE(ReplayAll(records).back().is_judged_again);
}

TEST(RecordsTest, AVerdictWithoutItsDecisionIsNotReproduced) {
  std::vector<v1::AuditRecord> records = RowsToASuccess();
  ASSERT_FALSE(records.empty());
  records.back().clear_decision();
  EXPECT_EQ(ReplayAll(records).back().difference, "it went by a verdict that no decision is kept of");
}

TEST(RecordsTest, ADecisionByAnotherSpecificationIsNotReproduced) {
  std::vector<v1::AuditRecord> records = RowsToASuccess();
  ASSERT_FALSE(records.empty());
  // Conditions do not go by it, and so it is concluded by it alike.
  records.back().mutable_decision()->mutable_inputs()->mutable_criteria()->set_alpha(0.2);
  EXPECT_EQ(ReplayAll(records).back().difference, "its decision is by other criteria than its specification's");
}

TEST(RecordsTest, ADecisionOfAnotherRunOrStepIsNotReproduced) {
  const std::vector<v1::AuditRecord> records = RowsToASuccess();
  ASSERT_FALSE(records.empty());
  std::vector<v1::AuditRecord> of_run = records, of_step = records;
  of_run.back().mutable_decision()->mutable_inputs()->set_run(2);
  EXPECT_EQ(ReplayAll(of_run).back().outcome, Outcome::kDiffers);
  of_step.back().mutable_decision()->mutable_inputs()->set_first_epoch(7);
  EXPECT_EQ(ReplayAll(of_step).back().outcome, Outcome::kDiffers);
}

TEST(RecordsTest, ADecisionThatCountsFromAnotherTimeIsNotReproduced) {
  std::vector<v1::AuditRecord> records = RowsToASuccess();
  ASSERT_FALSE(records.empty());
  v1::DecisionInputs& inputs = *records.back().mutable_decision()->mutable_inputs();
  ASSERT_TRUE(inputs.has_since());
  inputs.mutable_since()->set_seconds(inputs.since().seconds() - 1);
  EXPECT_EQ(ReplayAll(records).back().outcome, Outcome::kDiffers);
  inputs.clear_since();
  EXPECT_EQ(ReplayAll(records).back().outcome, Outcome::kReproduced) << "from before it was kept";
}

TEST(RecordsTest, AFailureInTheWatchRollsBackAndIsDecidedAgain) {
  ControllerRig rig;
  rig.File(Parse(Text(30, "", R"(
  rollout:
    strategy: canary
    steps:
      - setWeight: 50
        pause: {duration: 1s}
        analysis: {nonInferiority: false, failureCondition: accuracy.candidate < 0.5}
    watch: 1h
)")));
  uint64_t sequence = 0;
  for (int i = 0; i < 40; ++i) EXPECT_TRUE(rig.Outcome(++sequence, 1).ok());
  rig.Run(30);
  ASSERT_EQ(rig.Status().phase(), v1::WATCHING);
  for (int i = 0; i < 35; ++i) EXPECT_TRUE(rig.Outcome(++sequence, 0).ok());
  rig.Run(15);
  EXPECT_EQ(rig.Status().phase(), v1::ROLLED_BACK);
  EXPECT_NE(rig.Status().phase_reason().find("failure-condition: accuracy.candidate < 0.5"), std::string::npos)
      << rig.Status().phase_reason();
  ASSERT_TRUE(rig.journal().records().back().has_decision());
  EXPECT_TRUE(ReplayAll(rig.journal().records()).back().is_judged_again);
  ExpectAllReproduced(rig);
}

TEST(RecordsTest, AManualRollbackKeepsTheEvidenceOfItsMoment) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  rig.Run(20);
  ASSERT_TRUE(rig.Obey(CommandKind::kRollback).ok());
  const v1::AuditRecord& record = rig.journal().records().back();
  ASSERT_TRUE(record.has_evidence());
  EXPECT_EQ(record.event().command().verb(), "rollback");
  EXPECT_EQ(record.event().command().actor(), "ann");
  ExpectAllReproduced(rig);
}

TEST(RecordsTest, AResetFromAFrozenStateIsReproduced) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  rig.RestartUnreadable(absl::DataLossError("damaged"));
  rig.Run(3);
  rig.RepairJournal();
  rig.Run(30);
  ASSERT_TRUE(rig.Reset().ok());
  ASSERT_TRUE(rig.journal().records().back().before().has_frozen());
  EXPECT_FALSE(ReplayAll(rig.journal().records()).back().note.empty());
  ExpectAllReproduced(rig);
}

// Whatever people, files, time, faults and crashes do, every row is decided again.
TEST(RecordsTest, EveryDecisionOfAnyHistoryIsReproduced) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    std::mt19937_64 random(seed);
    ControllerRig rig;
    rig.File(Parse(Text(30, "", random() % 2 == 0 ? kRollout : "")));
    for (int act = 0; act < 40; ++act) {
      switch (random() % 8) {
        case 0:
          rig.File(
              Parse(Text(10 + static_cast<int>(random() % 40), absl::StrCat(act), random() % 2 == 0 ? kRollout : "")));
          break;
        case 1:
          (void)rig.Obey(static_cast<CommandKind>(random() % 11));
          break;
        case 2:
          (void)rig.Obey({.kind = CommandKind::kSetWeight,
                          .comment = "by hand",
                          .weight = *config::Percent::FromBasisPoints(static_cast<int64_t>(random() % 10001))});
          break;
        case 3:
          rig.Run(20, "candidate");
          break;
        case 4:
          (void)rig.Outcome(random() % 100000, static_cast<double>(random() % 2));
          break;
        case 5:
          if (random() % 4 == 0) rig.Restart();
          break;
        default:
          rig.Run(static_cast<int>(random() % 30));
      }
    }
    ExpectAllReproduced(rig);
    if (HasFailure()) return;
  }
}

// --- Reports.

TEST(RecordsTest, ARollbackAsksForItsReportOnceItIsJournalled) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  rig.Run(5);
  stats::FailedCall call;
  call.started = rig.now();
  call.path = "/income/Infer";
  rig.Fail("candidate", {call});
  rig.journal().FailWith(absl::UnavailableError("no disk"));
  ASSERT_TRUE(absl::IsUnavailable(rig.Obey(CommandKind::kRollback)));
  EXPECT_TRUE(rig.reports().empty());
  rig.journal().FailWith(absl::OkStatus());
  rig.Run(15);
  ASSERT_EQ(rig.reports().size(), 1u);
  EXPECT_EQ(rig.reports()[0].experiment, "income");
  ASSERT_EQ(rig.reports()[0].failed_calls.size(), 1u);
  EXPECT_EQ(rig.reports()[0].failed_calls[0].variant(), "candidate");
}

TEST(RecordsTest, AStartAsksForTheReportsThatACrashMayHaveKept) {
  ControllerRig rig;
  rig.File(Parse(Text(30)));
  rig.Run(5);
  ASSERT_TRUE(rig.Obey(CommandKind::kRollback).ok());
  ASSERT_EQ(rig.reports().size(), 1u);
  rig.Restart();
  EXPECT_EQ(rig.reports().size(), 2u);
}

}  // namespace
}  // namespace weir::control
