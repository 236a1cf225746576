#include "router/experiment/journal.h"

#include <gtest/gtest.h>

#include "router/experiment/proto_time.h"

namespace weir::experiment {
namespace {

const absl::Time kNow = absl::FromUnixMicros(1'700'000'000'123'456);

Change AChange(Phase phase) {
  Split split{.variants = {{"a", config::Weight::FromHundredths(7000)}, {"b", config::Weight::FromHundredths(25)}},
              .default_variant = 1};
  return Change{.experiment = "income",
                .at = kNow,
                .actor = "ann",
                .action = "reset",
                .detail = "because",
                .state = State{.run = {7, "again", kNow - absl::Hours(1)},
                               .epoch = {4, kNow - absl::Minutes(1), split},
                               .phase = std::move(phase),
                               .phase_since = kNow}};
}

TEST(JournalTest, AStateComesBackAsItWasWritten) {
  const Breach breach{.guardrail = "errors",
                      .variant = "a",
                      .judged_at = kNow,
                      .published_at = kNow + absl::Microseconds(3),
                      .candidate_calls = 10,
                      .candidate_errors = 9,
                      .default_calls = 8,
                      .default_errors = 7,
                      .log10_evidence = 3.5,
                      .log10_threshold = 3,
                      .summary = "too many"};
  const Stepping stepping{.step = 2,
                          .first_epoch = 4,
                          .begun = kNow - absl::Hours(3),
                          .entered = kNow - absl::Hours(1),
                          .asked_at = kNow,
                          .approvals = {{"ann", kNow, "fine"}, {"bob", kNow, ""}},
                          .by_hand = *config::Percent::FromDouble(12.5)};
  const std::vector<config::Variant> chosen = {{"a", config::Weight::FromHundredths(1234)},
                                               {"b", config::Weight::FromHundredths(8766)}};
  const std::vector<Phase> phases = {Running{},
                                     RolledBack{.breach = breach},
                                     RolledBack{.by = "ann", .why = "enough"},
                                     Waiting{},
                                     Waiting{.held_by = "ann"},
                                     Stepping{.begun = kNow, .entered = kNow},
                                     Stepping{.begun = kNow, .entered = kNow, .chosen = chosen},
                                     Stepping{.begun = kNow, .entered = kNow, .by_risk = config::Percent()},
                                     Watching{.since = kNow, .chosen = chosen},
                                     Completed{.chosen = chosen},
                                     stepping,
                                     Paused{stepping, "ann", "lunch"},
                                     Inconclusive{stepping, "who knows"},
                                     Watching{.since = kNow},
                                     Watching{.since = kNow, .by_hand = config::Percent()},
                                     Completed{},
                                     Completed{.is_promoted = false}};
  for (const Phase& phase : phases) {
    const Change change = AChange(phase);
    const v1::AuditRecord record = RecordOf(change, 12);
    EXPECT_EQ(record.sequence(), 12u);
    EXPECT_EQ(record.actor(), "ann");
    const absl::StatusOr<State> state = StateOf(record.state());
    ASSERT_TRUE(state.ok()) << state.status();
    EXPECT_EQ(*state, change.state);
  }
}

TEST(JournalTest, ARowThatCouldNotBeReadBackHasNoBytes) {
  Change change = AChange(Running{});
  const v1::AuditRecord record = RecordOf(change, 1);
  ASSERT_TRUE(BytesOf(record).ok());
  EXPECT_EQ(*BytesOf(record), record.SerializeAsString());
  change.grounds.specification = {.ordinal = 1, .text = "", .file = "a\xff.yaml"};
  EXPECT_TRUE(absl::IsInvalidArgument(BytesOf(RecordOf(change, 1)).status()));
  change = AChange(Running{});
  change.state.run.ordinal = 0;
  EXPECT_TRUE(absl::IsInvalidArgument(BytesOf(RecordOf(change, 1)).status()));
}

TEST(JournalTest, APhaseThatIsNotKnownHereIsNotGuessedAt) {
  v1::AuditRecord record = RecordOf(AChange(Running{}), 1);
  record.mutable_state()->clear_running();
  EXPECT_TRUE(absl::IsDataLoss(StateOf(record.state()).status()));
}

TEST(JournalTest, AStateWithoutItsDefaultIsRefused) {
  v1::AuditRecord record = RecordOf(AChange(Running{}), 1);
  record.mutable_state()->set_default_variant("c");
  EXPECT_TRUE(absl::IsDataLoss(StateOf(record.state()).status()));
}

TEST(ProtoTimeTest, TimesBeforeTheEpochKeepTheirNanoseconds) {
  const absl::Time early = absl::UnixEpoch() - absl::Nanoseconds(1);
  EXPECT_EQ(TimestampOf(early).nanos(), 999'999'999);
  EXPECT_EQ(TimeOf(TimestampOf(early)), early);
}

}  // namespace
}  // namespace weir::experiment
