// Each rule is shown a history that it allows, and one that it must not.

#include "test/simulator/command_rules.h"

#include <gtest/gtest.h>

#include "test/simulator/written_history.h"

namespace weir::simulator {
namespace {

using experiment::CommandKind;
using experiment::RolledBack;
using experiment::Running;

CommandGiven Given(uint64_t token, CommandKind kind) {
  return {.token = token, .experiment = "exp", .command = {.kind = kind, .actor = absl::StrCat("person-", token)}};
}
CommandAnswered Done(uint64_t token) { return {.token = token, .status = absl::OkStatus()}; }

class AcknowledgedTest : public testing::Test {
 protected:
  void Ask(CommandKind kind) {
    history.Hear(Given(1, kind));
    change = history.ChangeTo(1, 2, 30, Running{}, "person-1");
    history.Ask(change);
  }
  WrittenHistory<WhatIsAcknowledgedIsJournalled> history;
  experiment::Change change;
};

TEST_F(AcknowledgedTest, ARowOnTheDiskIsEnough) {
  Ask(CommandKind::kStart);
  history.Write(change);
  history.Hear(Done(1));
  EXPECT_EQ(history.broken(), 0u);
}

TEST_F(AcknowledgedTest, SeesAnAnswerBeforeTheRow) {
  Ask(CommandKind::kStart);
  history.Hear(Done(1));
  EXPECT_EQ(history.broken(), 1u);
}

TEST_F(AcknowledgedTest, SeesWhatShutAndIsOnNoDisk) {
  Ask(CommandKind::kRollback);
  history.Hear(WriteFailed{"exp"});
  history.now += absl::Seconds(5);
  history.Hear(CommandAnswered{.token = 1, .status = absl::UnavailableError("in force, but not in the journal yet")});
  EXPECT_EQ(history.broken(), 0u);
  Ask(CommandKind::kRollback);
  history.Hear(Done(1));
  EXPECT_EQ(history.broken(), 1u);
}

TEST_F(AcknowledgedTest, WhatOpensMayNot) {
  Ask(CommandKind::kReset);
  history.Hear(WriteFailed{"exp"});
  history.now += absl::Seconds(5);
  history.Hear(Done(1));
  EXPECT_EQ(history.broken(), 1u);
}

TEST_F(AcknowledgedTest, WhatIsSoAlreadyIsInTheJournalToo) {
  history.Hear(Given(1, CommandKind::kAbort));
  history.Hear(Done(1));
  EXPECT_EQ(history.broken(), 0u);
  const experiment::Change shut = history.ChangeTo(1, 2, 30, RolledBack{}, "person-7");
  history.Ask(shut);
  history.Hear(Given(2, CommandKind::kAbort));
  history.Hear(Done(2));
  EXPECT_EQ(history.broken(), 1u) << "the row of the one before is not on the disk";
  history.Write(shut);
  history.Hear(Given(3, CommandKind::kAbort));
  history.Hear(Done(3));
  EXPECT_EQ(history.broken(), 1u);
  history.Hear(Given(4, CommandKind::kPromote));
  history.Hear(Done(4));
  EXPECT_EQ(history.broken(), 2u) << "a promotion is never so already";
}

TEST(EveryCommandIsAnsweredOnceTest, SeesASecondAnswerAndNone) {
  WrittenHistory<EveryCommandIsAnsweredOnce> history;
  history.Hear(Given(1, CommandKind::kStart));
  history.Hear(Done(1));
  history.Hear(Settled{});
  EXPECT_EQ(history.broken(), 0u);
  history.Hear(Done(1));
  EXPECT_EQ(history.broken(), 1u);
  history.Hear(Given(2, CommandKind::kStart));
  history.Hear(Settled{});
  EXPECT_EQ(history.broken(), 2u);
}

TEST(EveryCommandIsAnsweredOnceTest, ACrashAnswersNobody) {
  WrittenHistory<EveryCommandIsAnsweredOnce> history;
  history.Hear(Given(1, CommandKind::kStart));
  history.Hear(ProcessDied{"here"});
  history.Hear(Settled{});
  EXPECT_EQ(history.broken(), 0u);
}

}  // namespace
}  // namespace weir::simulator
