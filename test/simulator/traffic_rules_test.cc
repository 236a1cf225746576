// Each rule is shown a history that it allows, and one that it must not.

#include "test/simulator/traffic_rules.h"

#include <gtest/gtest.h>

#include "test/simulator/written_history.h"

namespace weir::simulator {
namespace {

using experiment::RolledBack;
using experiment::Running;

constexpr uint16_t kBaseline = 0, kCandidate = 1;

TEST(SharesSumToTheWholeTest, SeesATableThatGivesNobodyAnything) {
  WrittenHistory<SharesSumToTheWhole> history;
  history.Publish(1, 1, 70, 30);
  EXPECT_EQ(history.broken(), 0u);
  history.Publish(1, 2, 0, 0);
  EXPECT_EQ(history.broken(), 1u);
}

TEST(SharesSumToTheWholeTest, SeesAViewThatShowsMoreThanTheWhole) {
  WrittenHistory<SharesSumToTheWhole> history;
  v1::Status status = Showing(v1::RUNNING, 1, 1);
  ShowVariant(status, "baseline", 0.7, 0, 0);
  ShowVariant(status, "candidate", 0.3, 0, 0);
  history.Hear(Viewed{&status});
  EXPECT_EQ(history.broken(), 0u);
  status.mutable_experiments(0)->mutable_variants(1)->set_share(0.301);
  history.Hear(Viewed{&status});
  EXPECT_EQ(history.broken(), 1u);
}

TEST(UsersStayTest, SeesAUserWhoLeavesTheCandidateWhileItsShareGrows) {
  WrittenHistory<UsersStayWhileTheirShareGrows> history;
  history.Hear(ProcessStarted{});
  history.Publish(1, 1, 70, 30);
  history.Call(5, kCandidate);
  history.Publish(1, 2, 40, 60);
  history.Call(5, kCandidate);
  EXPECT_EQ(history.broken(), 0u);
  history.Call(5, kBaseline);
  EXPECT_EQ(history.broken(), 1u);
}

TEST(UsersStayTest, LetsAUserGoWhereTheShareGrew) {
  WrittenHistory<UsersStayWhileTheirShareGrows> history;
  history.Hear(ProcessStarted{});
  const routing::RouteTablePtr before = history.Publish(1, 1, 70, 30);
  history.Call(5, kBaseline);
  history.Publish(1, 2, 40, 60);
  history.Call(5, kCandidate);
  history.CallBy(before, 5, kBaseline);  // A worker that is late.
  EXPECT_EQ(history.broken(), 0u);
}

TEST(UsersStayTest, RemembersUsersOverARestart) {
  WrittenHistory<UsersStayWhileTheirShareGrows> history;
  history.Hear(ProcessStarted{});
  history.Publish(1, 1, 70, 30);
  history.Call(5, kCandidate);
  history.Restart();
  history.Publish(1, 1, 70, 30);
  history.Call(5, kBaseline);
  EXPECT_EQ(history.broken(), 1u);
}

TEST(ALatchHoldsTest, SeesATableThatOpensWhatWasRolledBack) {
  WrittenHistory<ALatchHolds> history;
  history.Hear(ProcessStarted{});
  history.Publish(1, 2, 100, 0);
  history.Ask(history.ChangeTo(1, 2, 30, RolledBack{}));
  history.Publish(1, 3, 100, 0);
  EXPECT_EQ(history.broken(), 0u);
  history.Publish(1, 4, 70, 30);
  EXPECT_EQ(history.broken(), 1u);
}

TEST(ALatchHoldsTest, SeesACandidatesCallByATableThatShutTheGate) {
  WrittenHistory<ALatchHolds> history;
  history.Hear(ProcessStarted{});
  const routing::RouteTablePtr open = history.Publish(1, 1, 70, 30);
  history.Publish(1, 2, 100, 0);
  history.Ask(history.ChangeTo(1, 2, 30, RolledBack{}));
  history.CallBy(open, 5, kCandidate);  // A worker that has not adopted the table yet.
  history.Call(6, kBaseline);
  EXPECT_EQ(history.broken(), 0u);
  history.Call(5, kCandidate);
  EXPECT_EQ(history.broken(), 1u);
}

TEST(ALatchHoldsTest, SeesThatALatchOnTheDiskIsForgottenByTheNextProcess) {
  WrittenHistory<ALatchHolds> history;
  history.Hear(ProcessStarted{});
  history.Write(history.ChangeTo(1, 2, 30, RolledBack{}));
  history.Restart();
  history.Publish(1, 1, 70, 30);
  EXPECT_EQ(history.broken(), 1u);
}

TEST(ALatchHoldsTest, EndsWithALaterRunThatWasAskedForSince) {
  WrittenHistory<ALatchHolds> history;
  history.Hear(ProcessStarted{});
  history.Publish(1, 2, 100, 0);
  history.Ask(history.ChangeTo(1, 2, 30, RolledBack{}));
  history.Write(history.ChangeTo(2, 1, 30, Running{}));  // Asked for before, and overtaken.
  history.Publish(2, 1, 70, 30);
  EXPECT_EQ(history.broken(), 1u);
  history.Ask(history.ChangeTo(2, 1, 30, Running{}));
  history.Write(history.ChangeTo(2, 1, 30, Running{}));
  history.Publish(2, 1, 70, 30);
  EXPECT_EQ(history.broken(), 1u);
}

TEST(ShutBeforeItIsJournalledTest, SeesARowOfAShutGateBeforeItsTable) {
  WrittenHistory<ShutBeforeItIsJournalled> history;
  history.Hear(ProcessStarted{});
  history.Publish(1, 1, 70, 30);
  history.Ask(history.ChangeTo(1, 2, 60, Running{}));  // Opens.
  EXPECT_EQ(history.broken(), 0u);
  history.Ask(history.ChangeTo(1, 2, 30, RolledBack{}));
  EXPECT_EQ(history.broken(), 1u);
  history.Publish(1, 2, 100, 0);
  history.Ask(history.ChangeTo(1, 2, 30, RolledBack{}));
  EXPECT_EQ(history.broken(), 1u);
}

TEST(AProofShutsInItsTickTest, SeesABreachThatWasProvenEarlier) {
  WrittenHistory<AProofShutsInItsTick> history;
  history.Hear(ProcessStarted{});
  history.Ask(history.ChangeTo(1, 2, 30, RolledBack{.breach = experiment::Breach{.judged_at = history.now}}));
  EXPECT_EQ(history.broken(), 0u);
  const absl::Time proven = history.now;
  history.now += absl::Milliseconds(100);
  history.Ask(
      history.ChangeTo(1, 2, 30, RolledBack{.breach = experiment::Breach{.judged_at = proven}}));  // Tried again.
  EXPECT_EQ(history.broken(), 0u);
  history.Ask(history.ChangeTo(2, 2, 30, RolledBack{.breach = experiment::Breach{.judged_at = proven}}));
  EXPECT_EQ(history.broken(), 1u);
}

TEST(AProofShutsInItsTickTest, AllowsARowThatWaitsWhileTheTableIsShut) {
  WrittenHistory<AProofShutsInItsTick> history;
  history.Hear(ProcessStarted{});
  history.Publish(1, 1, 70, 30);
  history.now += absl::Milliseconds(100);
  const absl::Time proven = history.now;
  const experiment::Phase breached = RolledBack{.breach = experiment::Breach{.judged_at = proven}};
  history.Publish(1, 2, 100, 0);
  history.now += absl::Milliseconds(900);
  history.Ask(history.ChangeTo(1, 2, 0, breached));
  EXPECT_EQ(history.broken(), 0u);
  history.Publish(2, 1, 70, 30);
  history.now += absl::Milliseconds(100);
  history.Publish(2, 2, 100, 0);
  history.Ask(history.ChangeTo(2, 2, 0, breached));
  EXPECT_EQ(history.broken(), 1u) << "shut later than it was proven";
}

TEST(AProofShutsInItsTickTest, SeesAProvenBreachBesideAnOpenGate) {
  WrittenHistory<AProofShutsInItsTick> history;
  v1::Status status = Showing(v1::STEPPING, 1, 1);
  v1::GuardrailStatus* guardrail = status.mutable_experiments(0)->add_guardrails();
  guardrail->set_breached(true);
  guardrail->set_action("warn");
  history.Hear(Viewed{&status});
  EXPECT_EQ(history.broken(), 0u);
  guardrail->set_action("rollback");
  history.Hear(Viewed{&status});
  EXPECT_EQ(history.broken(), 1u);
}

}  // namespace
}  // namespace weir::simulator
