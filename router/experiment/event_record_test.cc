#include "router/experiment/event_record.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace weir::experiment {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000) + absl::Nanoseconds(123'456'789);

// Through bytes and back, as a record again.
std::string Again(const Event& event) {
  v1::EventRecord read;
  EXPECT_TRUE(read.ParseFromString(RecordOf(event).SerializeAsString()));
  const absl::StatusOr<Event> again = EventOf(read);
  EXPECT_TRUE(again.ok()) << again.status();
  return again.ok() ? RecordOf(*again).SerializeAsString() : "";
}

void ExpectKept(const Event& event) { EXPECT_EQ(Again(event), RecordOf(event).SerializeAsString()); }

TEST(EventRecordTest, EveryEventIsKeptWithAllThatTheMachineWasTold) {
  ExpectKept(Filed{});
  ExpectKept(Breached{{.guardrail = "errors",
                       .variant = "b",
                       .judged_at = kNow,
                       .published_at = kNow,
                       .candidate_calls = 7,
                       .log10_evidence = 0.1 + 0.2,
                       .summary = "why"}});
  ExpectKept(Analysed{Verdict::kFailed, "worse"});
  ExpectKept(Analysed{Verdict::kSuccess, ""});
  ExpectKept(Analysed{Verdict::kInconclusive, "nobody knows"});
}

TEST(EventRecordTest, SamplesAreKeptToTheNanosecondAndNoneStaysNone) {
  const TimePassed passed{
      .samples = {{"a", 7, kNow, kNow, kNow}, {"b", 0, absl::InfinitePast()}, {"c", 0, kNow, absl::InfiniteFuture()}}};
  const absl::StatusOr<Event> again = EventOf(RecordOf(Event(passed)));
  ASSERT_TRUE(again.ok());
  const auto& samples = std::get<TimePassed>(*again).samples;
  ASSERT_EQ(samples.size(), 3u);
  EXPECT_EQ(samples[0].newest, kNow);
  EXPECT_EQ(samples[0].samples, 7);
  EXPECT_EQ(samples[1].newest, absl::InfinitePast());
  EXPECT_EQ(samples[0].last_call, kNow);
  EXPECT_EQ(samples[1].last_call, absl::InfinitePast());
  EXPECT_EQ(samples[0].previewed_at, kNow);
  EXPECT_EQ(samples[1].previewed_at, absl::InfinitePast());
  EXPECT_EQ(samples[2].last_call, absl::InfiniteFuture()) << "as where it was not kept";
}

TEST(EventRecordTest, EveryCommandIsKnownAgain) {
  for (int kind = 0; kind <= static_cast<int>(CommandKind::kReject); ++kind) {
    const Command command{.kind = static_cast<CommandKind>(kind),
                          .actor = "ann",
                          .roles = {"operator", "x"},
                          .comment = absl::StrCat("comment ", kind),
                          .weight = *config::Percent::FromBasisPoints(1234),
                          .is_full = kind % 2 == 0};
    const absl::StatusOr<Event> again = EventOf(RecordOf(Event(command)));
    ASSERT_TRUE(again.ok()) << again.status();
    const Command& read = std::get<Command>(*again);
    EXPECT_EQ(read.kind, command.kind);
    EXPECT_EQ(read.actor, command.actor);
    EXPECT_EQ(read.roles, command.roles);
    EXPECT_EQ(read.comment, command.comment);
    EXPECT_EQ(read.weight, command.weight);
    EXPECT_EQ(read.is_full, command.is_full);
  }
}

TEST(EventRecordTest, WhatIsNoEventIsDataLoss) {
  EXPECT_TRUE(absl::IsDataLoss(EventOf({}).status()));
  v1::EventRecord record;
  record.mutable_command()->set_verb("dance");
  EXPECT_TRUE(absl::IsDataLoss(EventOf(record).status()));
  record.mutable_analysed();
  EXPECT_TRUE(absl::IsDataLoss(EventOf(record).status()));
}

}  // namespace
}  // namespace weir::experiment
