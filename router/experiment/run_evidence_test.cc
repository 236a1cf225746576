#include "router/experiment/run_evidence.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_cat.h"

namespace weir::experiment {
namespace {

constexpr stats::Tick kTick = 17'000'000'000;

Split TwoVariants(const std::string& candidate = "b") {
  return {.variants = {{"a", config::Weight::FromHundredths(1)}, {candidate, config::Weight::FromHundredths(1)}},
          .default_variant = 0};
}

// `ended` of `started` calls, one after the other over ticks, `errors` of them failed.
stats::VariantCounts Calls(int started, int ended, int errors) {
  stats::VariantCounts counts;
  for (int i = 0; i < started; ++i) counts.CountStart(kTick + i % 7, static_cast<uint8_t>(i));
  for (int i = 0; i < ended; ++i) {
    counts.CountEnd({.started = kTick + i % 7,
                     .user_bucket = static_cast<uint8_t>(i),
                     .outcome = i < errors ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                     .latency = absl::Milliseconds(i + 1)});
  }
  return counts;
}

stats::VariantCounts Uncompared(int calls) {
  stats::VariantCounts counts;
  for (int i = 0; i < calls; ++i) counts.CountUncompared(static_cast<uint8_t>(i));
  return counts;
}

using Store = std::map<std::string, std::string>;

void Apply(const std::vector<CheckpointRow>& rows, Store& store) {
  for (const CheckpointRow& row : rows) {
    if (row.value) {
      store[row.key] = *row.value;
    } else {
      store.erase(row.key);
    }
  }
}

stats::Ticket ATicket(uint32_t epoch, uint16_t variant) {
  stats::Ticket ticket;
  ticket.epoch = epoch;
  ticket.variant = variant;
  return ticket;
}

RunEvidence Restored(const Store& store) {
  RunEvidence evidence;
  EXPECT_TRUE(evidence.RestoreRun(store.at("run/x/1")).ok());
  for (uint32_t epoch = 1; epoch < 9; ++epoch) {
    const auto row = store.find(absl::StrCat("epoch/x/1/", epoch));
    if (row != store.end()) {
      EXPECT_TRUE(evidence.RestoreEpoch(epoch, row->second).ok());
    }
  }
  return evidence;
}

TEST(RunEvidenceTest, EpochsAreKeptApartAndTheTotalIsOfAll) {
  RunEvidence evidence;
  evidence.BeginEpoch(1, TwoVariants());
  evidence.Merge(1, "b", Calls(10, 8, 2));
  evidence.BeginEpoch(2, TwoVariants());
  evidence.Merge(2, "b", Calls(5, 5, 1));
  evidence.Merge(1, "b", Calls(0, 0, 0));
  EXPECT_EQ(evidence.Find(1, "b")->counts.started(), 10);
  EXPECT_EQ(evidence.Find(2, "b")->counts.started(), 5);
  EXPECT_EQ(evidence.Total("b").errors(), 3);
  EXPECT_EQ(evidence.Total("a").started(), 0);
}

TEST(RunEvidenceTest, WhatEndsAfterItsEpochWasFoldedStillCountsInTheTotal) {
  RunEvidence evidence;
  evidence.BeginEpoch(1, TwoVariants());
  evidence.Merge(1, "a", Calls(10, 0, 0));
  evidence.BeginEpoch(2, TwoVariants("c"));
  evidence.Fold(1);
  EXPECT_EQ(evidence.Find(1, "a"), nullptr);
  stats::VariantCounts ends;
  ends.CountEnd(
      {.started = kTick, .user_bucket = 0, .outcome = stats::CallOutcome::kError, .latency = absl::Seconds(1)});
  evidence.Merge(1, "a", ends);
  EXPECT_EQ(evidence.Total("a").ended(), 1);
  EXPECT_EQ(evidence.Total("a").errors(), 1);
}

TEST(RunEvidenceTest, APlaceInATicketIsReadByTheNamesOfItsEpoch) {
  RunEvidence evidence;
  evidence.BeginEpoch(1, TwoVariants("b"));
  evidence.BeginEpoch(2, TwoVariants("c"));
  EXPECT_EQ(*evidence.VariantOf(ATicket(1, 1)), "b");
  EXPECT_EQ(*evidence.VariantOf(ATicket(2, 1)), "c");
  EXPECT_TRUE(absl::IsNotFound(evidence.VariantOf(ATicket(2, 2)).status()));
  EXPECT_TRUE(absl::IsNotFound(evidence.VariantOf(ATicket(3, 0)).status()));
}

TEST(RunEvidenceTest, AnOutcomeCountsForItsEpochAndForTheRun) {
  RunEvidence evidence;
  evidence.BeginEpoch(1, TwoVariants());
  evidence.AddOutcome(1, "b", "accuracy", 3, 1);
  evidence.BeginEpoch(2, TwoVariants());
  evidence.AddOutcome(2, "b", "accuracy", 4, 0);
  evidence.Fold(1);
  evidence.AddOutcome(1, "b", "accuracy", 5, 0);
  EXPECT_EQ(evidence.Find(2, "b")->outcomes.at("accuracy").n, 1);
  EXPECT_EQ(evidence.OutcomesOf("b", "accuracy")->n, 3);
  EXPECT_EQ(evidence.OutcomesOf("a", "accuracy"), nullptr);

  stats::OutcomeCounts many;
  for (uint8_t i = 0; i < 10; ++i) many.Add(i, 1);
  evidence.MergeOutcomes(2, "b", "accuracy", many);
  evidence.MergeOutcomes(1, "b", "accuracy", many);
  EXPECT_EQ(evidence.Find(2, "b")->outcomes.at("accuracy").n, 11);
  EXPECT_EQ(evidence.OutcomesOf("b", "accuracy")->n, 23);
}

TEST(RunEvidenceTest, ARestoredRunIsTheSame) {
  Store store;
  RunEvidence evidence;
  evidence.BeginEpoch(1, TwoVariants());
  evidence.Merge(1, "a", Calls(300, 290, 7));
  evidence.Merge(1, "b", Uncompared(40));
  evidence.AddOutcome(1, "a", "accuracy", 3, 1);
  Apply(evidence.TakeChanges("x/1"), store);
  evidence.BeginEpoch(2, TwoVariants("c"));
  evidence.Fold(1);
  evidence.Merge(2, "c", Calls(30, 29, 3));
  evidence.Merge(2, "c", Uncompared(500));
  evidence.AddOutcome(2, "c", "revenue", 200, 3.25);
  Apply(evidence.TakeChanges("x/1"), store);
  EXPECT_EQ(store.count("epoch/x/1/1"), 0u);

  RunEvidence restored = Restored(store);
  for (const char* name : {"a", "b", "c"}) EXPECT_EQ(restored.Total(name), evidence.Total(name)) << name;
  EXPECT_EQ(restored.Find(2, "c")->counts, evidence.Find(2, "c")->counts);
  EXPECT_EQ(restored.Find(2, "c")->outcomes, evidence.Find(2, "c")->outcomes);
  EXPECT_EQ(*restored.OutcomesOf("a", "accuracy"), *evidence.OutcomesOf("a", "accuracy"));
  EXPECT_EQ(*restored.VariantOf(ATicket(1, 1)), "b");
  EXPECT_TRUE(restored.TakeChanges("x/1").empty());
}

// --- Which tickets are of an epoch, and which of another that had its number.

const absl::Time kBegan = absl::FromUnixMillis(1'700'000'000'000);

// As a restart finds it.
RunEvidence AnEpochThatBegan(const EpochOrigin& origin) {
  Store store;
  RunEvidence evidence;
  evidence.BeginEpoch(1, TwoVariants(), origin);
  Apply(evidence.TakeChanges("x/1"), store);
  return Restored(store);
}

bool IsOfIt(const RunEvidence& evidence, const stats::Issuer& issuer, absl::Time start) {
  stats::Ticket ticket = ATicket(1, 1);
  ticket.start = start;
  ticket.issuer = issuer;
  return evidence.VariantOf(ticket).ok();
}

TEST(EpochOriginTest, TicketsOfTheReplicaThatBeganItAreToldByItsBootsWhateverTheTime) {
  const RunEvidence evidence =
      AnEpochThatBegan({.started = kBegan, .begun_by = stats::Issuer{.replica = 4'000'000'000, .boot = 7}});
  for (const absl::Duration late : {-absl::Hours(1), absl::ZeroDuration(), absl::Hours(1)}) {
    EXPECT_FALSE(IsOfIt(evidence, {.replica = 4'000'000'000, .boot = 6, .worker = 3}, kBegan + late));
    EXPECT_TRUE(IsOfIt(evidence, {.replica = 4'000'000'000, .boot = 7, .worker = 3}, kBegan + late));
    EXPECT_TRUE(IsOfIt(evidence, {.replica = 4'000'000'000, .boot = 8, .worker = 3}, kBegan + late));
  }
}

TEST(EpochOriginTest, TicketsOfAnotherReplicaAreToldByTimeToTheMillisecond) {
  const RunEvidence evidence = AnEpochThatBegan(
      {.started = kBegan + absl::Microseconds(900), .begun_by = stats::Issuer{.replica = 4'000'000'000, .boot = 7}});
  for (const uint32_t boot : {6u, 8u}) {
    EXPECT_FALSE(IsOfIt(evidence, {.replica = 5, .boot = boot}, kBegan - absl::Milliseconds(1)));
    EXPECT_TRUE(IsOfIt(evidence, {.replica = 5, .boot = boot}, kBegan));
  }
}

TEST(EpochOriginTest, WhereItIsNotRecordedWhoBeganItTicketsAreToldByTimeAndElseAllAreOfIt) {
  const RunEvidence timed = AnEpochThatBegan({.started = kBegan});
  EXPECT_FALSE(IsOfIt(timed, {.replica = 0, .boot = 8}, kBegan - absl::Seconds(1)));
  EXPECT_TRUE(IsOfIt(timed, {.replica = 0, .boot = 8}, kBegan + absl::Seconds(1)));
  EXPECT_TRUE(IsOfIt(AnEpochThatBegan({}), {.replica = 0, .boot = 8}, absl::UnixEpoch()));
}

TEST(EpochOriginTest, AnEpochHasPassedWhereALaterOneOrAnotherOfItsNumberBegan) {
  const RunEvidence evidence = AnEpochThatBegan({.started = kBegan});
  EXPECT_FALSE(evidence.HasPassed(1, TwoVariants(), kBegan));
  EXPECT_FALSE(evidence.HasPassed(2, TwoVariants(), kBegan));
  EXPECT_TRUE(evidence.HasPassed(1, TwoVariants(), kBegan + absl::Milliseconds(1)));
  EXPECT_TRUE(evidence.HasPassed(1, TwoVariants("c"), kBegan));
  EXPECT_TRUE(evidence.HasPassed(0, TwoVariants(), kBegan));
  EXPECT_FALSE(AnEpochThatBegan({}).HasPassed(1, TwoVariants(), kBegan)) << "it is not recorded when it began";
  EXPECT_FALSE(RunEvidence().HasPassed(1, TwoVariants(), kBegan));
}

TEST(RunEvidenceTest, CallsInFlightWhenTheProcessDiedAreClosedNeutral) {
  Store store;
  RunEvidence evidence;
  evidence.BeginEpoch(1, TwoVariants());
  evidence.Merge(1, "b", Calls(10, 6, 2));
  Apply(evidence.TakeChanges("x/1"), store);
  RunEvidence restored = Restored(store);
  restored.CloseInFlight();
  const stats::VariantCounts& counts = restored.Find(1, "b")->counts;
  EXPECT_EQ(counts.ended(), 10);
  EXPECT_EQ(counts.neutral(), 4);
  EXPECT_EQ(counts.errors(), 2);
}

TEST(RunEvidenceTest, LostCallsAreStillLostAfterTheNextRestart) {
  Store store;
  RunEvidence evidence;
  evidence.BeginEpoch(1, TwoVariants());
  evidence.Merge(1, "a", Calls(10, 6, 2));
  evidence.CloseInFlight();
  Apply(evidence.TakeChanges("x/1"), store);
  const stats::VariantCounts counts = Restored(store).Find(1, "a")->counts;
  EXPECT_EQ(counts, evidence.Find(1, "a")->counts);
  int64_t lost = 0;
  for (const auto& [tick, cohort] : counts.cohorts()) lost += cohort.lost;
  EXPECT_EQ(lost, 4);
}

TEST(RunEvidenceTest, OnlyWhatChangedIsWrittenAndRemovalLeavesNothing) {
  Store store;
  RunEvidence evidence;
  evidence.BeginEpoch(1, TwoVariants());
  evidence.BeginEpoch(2, TwoVariants());
  Apply(evidence.TakeChanges("x/1"), store);
  EXPECT_TRUE(evidence.TakeChanges("x/1").empty());
  evidence.Merge(1, "a", Calls(1, 1, 0));
  const std::vector<CheckpointRow> rows = evidence.TakeChanges("x/1");
  ASSERT_EQ(rows.size(), 1u);
  EXPECT_EQ(rows[0].key, "epoch/x/1/1");
  evidence.Fold(1);
  Apply(evidence.Removal("x/1"), store);
  EXPECT_TRUE(store.empty());
}

TEST(RunEvidenceTest, AnOpenEpochKeepsItsNamesHoweverManyFollow) {
  Store store;
  RunEvidence evidence;
  for (uint32_t epoch = 1; epoch <= RunEvidence::kNamedEpochs + 10; ++epoch) evidence.BeginEpoch(epoch, TwoVariants());
  evidence.Merge(1, "a", Calls(3, 3, 0));
  Apply(evidence.TakeChanges("x/1"), store);
  EXPECT_EQ(Restored(store).Find(1, "a")->counts.started(), 3);
}

TEST(RunEvidenceTest, ACheckpointFromBeforeUncomparedCallsWereCountedHasNone) {
  stats::VariantCounts counts = Calls(10, 8, 1);
  v1::VariantCheckpoint before, after;
  Encode(counts, before);
  EXPECT_EQ(before.user_uncompared_size(), 0) << "and so is one without any";
  EXPECT_EQ(*Decode(before), counts);
  counts.Merge(Uncompared(3));
  Encode(counts, after);
  EXPECT_EQ(*Decode(after), counts);
  after.mutable_user_uncompared()->Truncate(255);
  EXPECT_TRUE(absl::IsDataLoss(Decode(after).status()));
  after.add_user_uncompared(-1);
  EXPECT_TRUE(absl::IsDataLoss(Decode(after).status()));
}

TEST(RunEvidenceTest, ACheckpointKeepsPreviewedCalls) {
  stats::VariantCounts counts;
  for (int call = 0; call < 3; ++call) counts.CountPreviewStart(7);
  counts.CountPreviewEnd(stats::CallOutcome::kError);
  counts.CountPreviewEnd(stats::CallOutcome::kCancelled);
  v1::VariantCheckpoint record;
  Encode(counts, record);
  EXPECT_EQ(*Decode(record), counts);
  record.mutable_previews()->set_errors(2);
  EXPECT_TRUE(absl::IsDataLoss(Decode(record).status()));
}

TEST(RunEvidenceTest, OneThatHasNoPreviewedCallsSaysNothingOfThem) {
  v1::VariantCheckpoint record;
  Encode(Calls(10, 8, 1), record);
  EXPECT_FALSE(record.has_previews());
}

TEST(RunEvidenceTest, ADamagedRecordIsRefused) {
  RunEvidence evidence;
  EXPECT_TRUE(absl::IsDataLoss(evidence.RestoreRun("\xff\xff")));
  EXPECT_TRUE(absl::IsDataLoss(evidence.RestoreEpoch(1, "")));
  v1::VariantCheckpoint record;
  Encode(Calls(10, 8, 1), record);
  record.set_ended(11);
  EXPECT_TRUE(absl::IsDataLoss(Decode(record).status()));
  record.set_ended(8);
  EXPECT_TRUE(Decode(record).ok());
  record.mutable_cohorts()->add_lost(1);
  EXPECT_TRUE(absl::IsDataLoss(Decode(record).status()));
  record.mutable_cohorts()->clear_lost();
  EXPECT_TRUE(Decode(record).ok());
  record.mutable_cohorts()->add_tick(1);
  EXPECT_TRUE(absl::IsDataLoss(Decode(record).status()));
}

}  // namespace
}  // namespace weir::experiment
