// Each rule is shown a history that it allows, and one that it must not.

#include "test/simulator/journal_rules.h"

#include <gtest/gtest.h>

#include "test/simulator/written_history.h"

namespace weir::simulator {
namespace {

using experiment::RolledBack;
using experiment::Running;

TEST(OpenedAfterItIsJournalledTest, SeesAShareThatGrowsWithoutARow) {
  WrittenHistory<OpenedAfterItIsJournalled> history;
  history.Hear(ProcessStarted{});
  history.Publish(0, 0, 100, 0);
  history.Write(history.ChangeTo(1, 1, 30, Running{}));
  history.Publish(1, 1, 70, 30);
  history.Publish(1, 2, 80, 20);  // Takes.
  history.Publish(1, 3, 70, 30);  // No more than the row says.
  EXPECT_EQ(history.broken(), 0u);
  history.Publish(1, 4, 60, 40);
  EXPECT_EQ(history.broken(), 1u);
}

TEST(OpenedAfterItIsJournalledTest, SeesANewProcessThatOpensWhatNoRowSays) {
  WrittenHistory<OpenedAfterItIsJournalled> history;
  history.Hear(ProcessStarted{});
  history.Write(history.ChangeTo(1, 1, 30, Running{}));
  history.Write(history.ChangeTo(1, 2, 30, RolledBack{}));
  history.Restart();
  history.Publish(1, 2, 100, 0);
  EXPECT_EQ(history.broken(), 0u);
  history.Publish(1, 3, 70, 30);
  EXPECT_EQ(history.broken(), 1u);
}

TEST(OpenedAfterItIsJournalledTest, ANewProcessMayKeepWhatTheJournalGaveAlsoWhereAnotherRunIsOnItsWay) {
  WrittenHistory<OpenedAfterItIsJournalled> history;
  history.Hear(ProcessStarted{});
  history.Write(history.ChangeTo(1, 2, 30, Running{}));
  history.Restart();
  history.Write(history.ChangeTo(2, 1, 1, Running{}));  // Overtaken by what shuts.
  history.Publish(1, 3, 70, 30);
  EXPECT_EQ(history.broken(), 0u);
  history.Restart();
  history.Publish(1, 3, 70, 30);
  EXPECT_EQ(history.broken(), 1u) << "the last row that it found gives less";
}

TEST(TheChainVerifiesTest, SeesARowWhoseHeadIsOfOtherBytes) {
  WrittenHistory<TheChainVerifies> history;
  history.Write(history.ChangeTo(1, 1, 30, Running{}));
  EXPECT_EQ(history.broken(), 0u);
  RowWritten altered{.record = experiment::RecordOf(history.ChangeTo(1, 2, 30, Running{}), 2), .head = history.head()};
  history.Hear(altered);
  EXPECT_EQ(history.broken(), 1u);
}

TEST(TheChainVerifiesTest, SeesThatAWrittenRowIsLostInACrash) {
  WrittenHistory<TheChainVerifies> history;
  const experiment::Change change = history.ChangeTo(1, 1, 30, Running{});
  history.Write(change);
  experiment::Remembered found{.states = {{"exp", change.state}},
                               .specifications = {},
                               .checkpoints = {},
                               .head = history.head(),
                               .sequence = 1};
  history.Hear(ProcessStarted{&found});
  EXPECT_EQ(history.broken(), 0u);
  history.Write(history.ChangeTo(1, 2, 30, RolledBack{}));
  history.Hear(ProcessStarted{&found});
  EXPECT_EQ(history.broken(), 2u) << "the row, and where it put the experiment";
}

TEST(OrdinalsNeverGoBackTest, SeesTablesThatGoBack) {
  WrittenHistory<OrdinalsNeverGoBack> history;
  history.Hear(ProcessStarted{});
  history.Publish(1, 2, 70, 30);
  history.Publish(2, 1, 70, 30);
  EXPECT_EQ(history.broken(), 0u);
  history.Publish(1, 3, 70, 30);
  EXPECT_EQ(history.broken(), 1u) << "a run";
  history.version = 0;
  history.Publish(2, 2, 70, 30);
  EXPECT_EQ(history.broken(), 2u) << "a version";
}

TEST(OrdinalsNeverGoBackTest, SeesARowThatWasAskedForAfterALaterOneWasHeardOf) {
  WrittenHistory<OrdinalsNeverGoBack> history;
  history.Hear(ProcessStarted{});
  history.Write(history.ChangeTo(1, 3, 30, Running{}));
  history.Hear(RowHeard{"exp"});
  history.Ask(history.ChangeTo(1, 2, 30, Running{}));
  history.Write(history.ChangeTo(1, 2, 30, Running{}));
  EXPECT_EQ(history.broken(), 1u);
}

TEST(OrdinalsNeverGoBackTest, SeesARowThatANewProcessHadReadOf) {
  WrittenHistory<OrdinalsNeverGoBack> history;
  history.Hear(ProcessStarted{});
  history.Ask(history.ChangeTo(1, 3, 30, Running{}));
  history.Ask(history.ChangeTo(1, 2, 30, RolledBack{}));  // Would have overtaken it.
  history.Write(history.ChangeTo(1, 3, 30, Running{}));
  history.Restart();
  history.Ask(history.ChangeTo(1, 2, 30, Running{}));
  history.Write(history.ChangeTo(1, 2, 30, Running{}));
  EXPECT_EQ(history.broken(), 1u);
}

TEST(OrdinalsNeverGoBackTest, LetsARowOvertakeOneThatWasNeverInForce) {
  WrittenHistory<OrdinalsNeverGoBack> history;
  history.Hear(ProcessStarted{});
  history.Write(history.ChangeTo(1, 1, 30, Running{}));
  history.Hear(RowHeard{"exp"});
  history.Ask(history.ChangeTo(2, 1, 30, Running{}));
  history.Ask(history.ChangeTo(1, 2, 30, RolledBack{}));
  history.Write(history.ChangeTo(2, 1, 30, Running{}));
  history.Hear(RowHeard{"exp"});
  history.Write(history.ChangeTo(1, 2, 30, RolledBack{}));
  EXPECT_EQ(history.broken(), 0u);
}

TEST(OrdinalsNeverGoBackTest, LetsARowFollowOneThatWasRefusedAndIsOnTheDisk) {
  WrittenHistory<OrdinalsNeverGoBack> history;
  history.Hear(ProcessStarted{});
  history.Ask(history.ChangeTo(1, 2, 30, Running{}));
  history.Write(history.ChangeTo(1, 2, 30, Running{}));
  history.Hear(WriteFailed{"exp", true});
  const experiment::Change back = history.ChangeTo(1, 1, 30, Running{}, "weir");
  history.Ask(back);
  history.Write(back);
  history.Hear(WriteFailed{"exp", true});
  history.Hear(RowRepeated{"exp"});
  history.Hear(RowHeard{"exp"});
  EXPECT_EQ(history.broken(), 0u);
  history.Ask(history.ChangeTo(1, 0, 30, Running{}));
  history.Write(history.ChangeTo(1, 0, 30, Running{}));
  EXPECT_EQ(history.broken(), 1u) << "the controller has heard of the last";
}

TEST(WhatWasRefusedIsNotFoundTest, SeesARowOfWhoWasToldThatNothingWasOpened) {
  WrittenHistory<WhatWasRefusedIsNotFound> history;
  history.Write(history.ChangeTo(1, 2, 30, Running{}, "person-7"));
  history.Hear(CommandAnswered{7, absl::UnavailableError("nothing was opened: EIO; a restart may find it opened")});
  EXPECT_EQ(history.broken(), 0u) << "so they were told";
  history.Hear(CommandAnswered{7, absl::UnavailableError("nothing was opened: EIO")});
  EXPECT_EQ(history.broken(), 1u);
  history.Restart();
  EXPECT_EQ(history.broken(), 2u);
  history.Write(history.ChangeTo(1, 1, 30, Running{}, "weir"));
  history.Restart();
  EXPECT_EQ(history.broken(), 2u);
}

TEST(OrdinalsNeverGoBackTest, SeesAGapInTheSequenceAndOneInTheRuns) {
  WrittenHistory<OrdinalsNeverGoBack> history;
  history.Write(history.ChangeTo(1, 1, 30, Running{}));
  history.sequence = 2;
  history.Write(history.ChangeTo(1, 2, 30, Running{}));
  EXPECT_EQ(history.broken(), 1u);
  history.Write(history.ChangeTo(3, 1, 30, Running{}));
  EXPECT_EQ(history.broken(), 2u);
}

TEST(TheJournalIsFollowedInTheEndTest, SeesAViewAndATableThatNoRowSays) {
  WrittenHistory<TheJournalIsFollowedInTheEnd> history;
  history.Write(history.ChangeTo(1, 1, 30, Running{}));
  history.Publish(1, 1, 70, 30);
  v1::Status status = Showing(v1::RUNNING, 1, 1);
  history.Hear(Viewed{&status});
  history.Hear(Settled{});
  EXPECT_EQ(history.broken(), 0u);
  history.Publish(1, 1, 80, 20);
  history.Hear(Settled{});
  EXPECT_EQ(history.broken(), 2u) << "both variants' shares";
  status.mutable_experiments(0)->set_epoch(2);
  status.mutable_journal()->set_unjournalled(1);
  history.Hear(Viewed{&status});
  history.Publish(1, 1, 70, 30);
  history.Hear(Settled{});
  EXPECT_EQ(history.broken(), 4u) << "the epoch, and the row that waits";
}

}  // namespace
}  // namespace weir::simulator
