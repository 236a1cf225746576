// Each rule is shown a history that it allows, and one that it must not.

#include "test/simulator/evidence_rules.h"

#include <gtest/gtest.h>

#include <cmath>

#include "test/simulator/written_history.h"

namespace weir::simulator {
namespace {

using experiment::RolledBack;
using experiment::Running;

// What a worker posts of a run's epoch: calls of the default and of the candidate, all ended.
stats::WorkerReport Calls(uint32_t run, uint32_t epoch, int baseline, int candidate) {
  stats::WorkerReport report;
  for (const auto& [variant, calls] : {std::pair<uint16_t, int>{0, baseline}, {1, candidate}}) {
    stats::VariantCounts& counts = report.delta.inference[{run, epoch, variant}];
    for (int i = 0; i < calls; ++i) {
      counts.CountStart(1, 0);
      counts.CountEnd(
          {.started = 1, .user_bucket = 0, .outcome = stats::CallOutcome::kSuccess, .latency = absl::Milliseconds(10)});
    }
  }
  return report;
}

template <typename History>
void Show(History& history, v1::Phase phase, uint32_t run, int64_t candidate, int64_t outcomes = 0) {
  v1::Status status = Showing(phase, run, 1);
  ShowVariant(status, "candidate", 0.3, candidate, outcomes);
  status.mutable_experiments(0)->mutable_variants(0)->set_ended(candidate);
  history.Hear(Viewed{&status});
}

class CallsTest : public testing::Test {
 protected:
  void SetUp() override {
    history.Restart();
    history.Write(history.ChangeTo(1, 1, 30, Running{}));
    history.Publish(1, 1, 70, 30);
    Deliver(3);
  }
  void Deliver(int candidate) {
    const stats::WorkerReport report = Calls(1, 1, 0, candidate);
    history.Hear(ReportTaken{&report});
  }
  WrittenHistory<NoCallIsCountedTwice> history;
};

TEST_F(CallsTest, WhatWasDeliveredIsShown) {
  Show(history, v1::RUNNING, 1, 3);
  EXPECT_EQ(history.broken(), 0u);
}

TEST_F(CallsTest, SeesACallThatNobodyMade) {
  Show(history, v1::RUNNING, 1, 4);
  EXPECT_EQ(history.broken(), 1u);
}

TEST_F(CallsTest, SeesACallThatIsLostWithinAProcess) {
  Show(history, v1::RUNNING, 1, 2);
  EXPECT_EQ(history.broken(), 1u);
}

TEST_F(CallsTest, SeesAPreviewedCallThatIsLostOrThatNobodyMade) {
  stats::WorkerReport report = Calls(1, 1, 0, 0);
  stats::VariantCounts& counts = report.delta.inference[{1, 1, 1}];
  for (int call = 0; call < 2; ++call) counts.CountPreviewStart(1);
  counts.CountPreviewEnd(stats::CallOutcome::kError);
  counts.CountPreviewEnd(stats::CallOutcome::kCancelled);  // Neither well nor badly.
  history.Hear(ReportTaken{&report});
  const auto show = [&](int64_t previewed) {
    v1::Status status = Showing(v1::RUNNING, 1, 1);
    ShowVariant(status, "candidate", 0.3, 3, 0);
    status.mutable_experiments(0)->mutable_variants(0)->set_previewed(previewed);
    history.Hear(Viewed{&status});
    return history.broken();
  };
  EXPECT_EQ(show(1), 0u);
  EXPECT_EQ(show(0), 1u);
  EXPECT_EQ(show(2), 2u);
}

TEST_F(CallsTest, SeesThatACheckpointIsAddedToTheSameCallsAgain) {
  Show(history, v1::RUNNING, 1, 3);
  history.Restart();
  history.Publish(1, 1, 70, 30);
  Show(history, v1::RUNNING, 1, 2);  // One was not on the disk yet.
  Deliver(4);
  Show(history, v1::RUNNING, 1, 6);
  EXPECT_EQ(history.broken(), 0u);
  Show(history, v1::RUNNING, 1, 7);
  EXPECT_EQ(history.broken(), 1u);
}

TEST_F(CallsTest, ARestartMayShowNoMoreThanAllThatWasEverDelivered) {
  history.Restart();
  history.Publish(1, 1, 70, 30);
  Show(history, v1::RUNNING, 1, 6);
  EXPECT_EQ(history.broken(), 1u);
}

TEST_F(CallsTest, StatisticsOfWhatWasInNoFileMayBeDropped) {
  Show(history, v1::RUNNING, 1, 3);
  history.Hear(FilesTaken{});
  history.Hear(FilesTaken{{{"exp", 0.01}}});
  Show(history, v1::RUNNING, 1, 0);
  EXPECT_EQ(history.broken(), 0u);
}

class OutcomesTest : public testing::Test {
 protected:
  void SetUp() override {
    history.Restart();
    history.Write(history.ChangeTo(1, 1, 30, Running{}));
  }
  void Answer(uint64_t sequence, absl::Status status, const std::string& variant = "candidate") {
    OutcomeAnswered answered{.ticket = {}, .experiment = "exp", .variant = variant, .status = std::move(status)};
    answered.ticket.run = 1;
    answered.ticket.sequence = sequence;
    history.Hear(answered);
  }
  WrittenHistory<NoOutcomeIsCountedTwice> history;
};

TEST_F(OutcomesTest, WhatWasAcknowledgedIsShown) {
  Answer(1, absl::OkStatus());
  Answer(2, absl::OkStatus());
  Answer(2, absl::AlreadyExistsError("again"));
  Show(history, v1::RUNNING, 1, 0, 2);
  EXPECT_EQ(history.broken(), 0u);
  Show(history, v1::RUNNING, 1, 0, 3);
  EXPECT_EQ(history.broken(), 1u);
}

TEST_F(OutcomesTest, SeesATicketThatIsAcknowledgedTwice) {
  Answer(1, absl::OkStatus());
  Answer(1, absl::OkStatus());
  EXPECT_EQ(history.broken(), 1u);
}

TEST_F(OutcomesTest, ATicketThatACrashForgotMayBeReportedAgain) {
  Answer(1, absl::OkStatus());
  history.Restart();
  Show(history, v1::RUNNING, 1, 0, 0);
  Answer(1, absl::OkStatus());
  Show(history, v1::RUNNING, 1, 0, 1);
  EXPECT_EQ(history.broken(), 0u);
}

TEST_F(OutcomesTest, SeesThatAForgedTicketIsAcknowledged) {
  Answer(1, absl::InvalidArgumentError("forged"), "");
  EXPECT_EQ(history.broken(), 0u);
  Answer(1, absl::OkStatus(), "");
  EXPECT_EQ(history.broken(), 1u);
}

class BadCandidateTest : public testing::Test {
 protected:
  static constexpr int kEnough = ABadCandidateIsRolledBack::kEnoughCalls;
  void Deliver(int baseline, int candidate) {
    history.Restart();
    history.Publish(1, 1, 70, 30);
    const stats::WorkerReport report = Calls(1, 1, baseline, candidate);
    history.Hear(ReportTaken{&report});
    history.now += ABadCandidateIsRolledBack::kLag;
  }
  WrittenHistory<ABadCandidateIsRolledBack> history{"candidate"};
};

TEST_F(BadCandidateTest, SeesAnOpenGateAfterEnoughCalls) {
  Deliver(kEnough, kEnough);
  Show(history, v1::ROLLED_BACK, 1, 0);
  EXPECT_EQ(history.broken(), 0u);
  Show(history, v1::STEPPING, 1, 0);
  EXPECT_EQ(history.broken(), 1u);
}

TEST_F(BadCandidateTest, SaysNothingWhereOneIsDownWhileTheOtherAnswers) {
  Deliver(kEnough, 0);
  stats::WorkerReport later;
  stats::VariantCounts& counts = later.delta.inference[{1, 1, 1}];
  for (int call = 0; call < kEnough; ++call) {
    counts.CountStart(11, 0);
    counts.CountEnd({.started = 11, .user_bucket = 0, .outcome = stats::CallOutcome::kError, .latency = {}});
  }
  history.Hear(ReportTaken{&later});
  history.now += ABadCandidateIsRolledBack::kLag;
  Show(history, v1::STEPPING, 1, 0);
  EXPECT_EQ(history.broken(), 0u);
}

TEST_F(BadCandidateTest, SaysNothingBeforeThereIsEnoughOfBoth) {
  Deliver(kEnough, kEnough - 1);
  Show(history, v1::STEPPING, 1, 0);
  Deliver(kEnough - 1, kEnough);
  Show(history, v1::STEPPING, 1, 0);
  EXPECT_EQ(history.broken(), 0u);
}

RowWritten Row(uint32_t run, experiment::Phase phase) {
  WrittenHistory<NoCallIsCountedTwice> history;
  return {.record = experiment::RecordOf(history.ChangeTo(run, 1, 30, std::move(phase)), 1), .head = {}};
}

TEST(AlphaAccountTest, CountsEachRunAndEachBreachOnce) {
  AlphaAccount account;
  account.Hear(FilesTaken{{{"exp", 0.02}}});
  account.Hear(Row(1, Running{}));
  account.Hear(Row(1, RolledBack{.breach = experiment::Breach{}}));
  account.Hear(Row(1, RolledBack{.breach = experiment::Breach{}}));
  account.Hear(Row(2, RolledBack{}));  // A person's.
  EXPECT_EQ(account.runs(), 2);
  EXPECT_EQ(account.breaches(), 1);
  EXPECT_DOUBLE_EQ(account.alpha(), 0.04);
}

TEST(AlphaAccountTest, BoundsTheBinomialTail) {
  AlphaAccount account;
  account.Hear(FilesTaken{{{"exp", 0.1}}});
  for (uint32_t run = 1; run <= 20; ++run) {
    account.Hear(run <= 5 ? Row(run, RolledBack{.breach = experiment::Breach{}}) : Row(run, Running{}));
  }
  // P(X >= 5) for X binomial with n = 20 and p = 0.1 is 0.0432 (R: 1 - pbinom(4, 20, 0.1)).
  EXPECT_GE(account.ProbabilityAtMost(), 0.0432);
  EXPECT_NEAR(account.ProbabilityAtMost(), std::exp(-(5 * std::log(2.5) - 3)), 1e-12);
}

TEST(AlphaAccountTest, TooManyFalseAlarmsAreImprobable) {
  AlphaAccount account;
  account.Hear(FilesTaken{{{"exp", 0.01}}});
  for (uint32_t run = 1; run <= 100; ++run) account.Hear(Row(run, RolledBack{.breach = experiment::Breach{}}));
  EXPECT_LT(account.ProbabilityAtMost(), 1e-6);
}

TEST(ASwitchGoesByAllPreviewedCallsTest, SeesOneByWhatWasSoBeforeTheLastOfThem) {
  WrittenHistory<ASwitchGoesByAllPreviewedCalls> history;
  const auto deliver = [&](int good, int bad) {
    stats::WorkerReport report;
    stats::VariantCounts& counts = report.delta.inference[{1, 2, 1}];
    for (int call = 0; call < good + bad; ++call) {
      counts.CountPreviewStart(1);
      counts.CountPreviewEnd(call < good ? stats::CallOutcome::kSuccess : stats::CallOutcome::kError);
    }
    history.Hear(ReportTaken{&report});
  };
  const experiment::Change step = history.ChangeTo(1, 2, 0, experiment::Stepping{.first_epoch = 2});
  const auto switch_by = [&](int ended, int errors) {
    experiment::Change change = history.ChangeTo(1, 3, 100, experiment::Watching{});
    change.grounds.before = step.state;
    change.grounds.event = experiment::TimePassed{};
    v1::DecisionVariant& variant = *change.grounds.decision.emplace().mutable_inputs()->add_variants();
    variant.set_name("candidate");
    variant.mutable_counts()->mutable_previews()->set_ended(ended);
    variant.mutable_counts()->mutable_previews()->set_errors(errors);
    history.Ask(change);
    return history.broken();
  };
  history.Restart();
  history.Publish(1, 2, 100, 0);
  deliver(30, 0);
  EXPECT_EQ(switch_by(7, 0), 0u) << "the epoch may be another process's";
  history.Ask(step);
  EXPECT_EQ(switch_by(30, 0), 0u);
  deliver(0, 5);
  EXPECT_EQ(switch_by(30, 0), 1u);
  EXPECT_EQ(switch_by(35, 5), 1u);
  history.Hear(FilesTaken{});
  EXPECT_EQ(switch_by(30, 0), 1u) << "it was in no file for a while";
}

TEST(NothingIsPromotedWithoutCallsTest, SeesAStepThatIsLeftBeforeEachVariantHadACall) {
  WrittenHistory<NothingIsPromotedWithoutCalls> history;
  const auto leave = [&](uint32_t first_epoch) {
    experiment::Change change = history.ChangeTo(1, first_epoch + 1, 60, experiment::Stepping{.step = 1});
    change.actor = "weir";
    change.action = "step-entered";
    change.grounds.before =
        history.ChangeTo(1, first_epoch, 30, experiment::Stepping{.first_epoch = first_epoch}).state;
    change.grounds.event = experiment::TimePassed{};
    history.Ask(change);
  };
  history.Restart();
  history.Publish(1, 2, 70, 30);
  leave(2);
  EXPECT_EQ(history.broken(), 2u) << "of neither";
  const stats::WorkerReport of_default = Calls(1, 2, 5, 0), of_both = Calls(1, 2, 5, 5);
  history.Hear(ReportTaken{&of_default});
  leave(2);
  EXPECT_EQ(history.broken(), 3u) << "of the candidate";
  history.Hear(ReportTaken{&of_both});
  leave(2);
  EXPECT_EQ(history.broken(), 3u);
  leave(3);
  EXPECT_EQ(history.broken(), 5u) << "they are of the step before";
}

}  // namespace
}  // namespace weir::simulator
