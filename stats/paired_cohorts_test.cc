#include "stats/paired_cohorts.h"

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

constexpr Tick kNow = 17'000'000'000;  // The first tick of a second.
constexpr Tick kAll = kNow + 1'000'000;

void Calls(VariantCounts& counts, Tick tick, int started, int errors = 0, int in_flight = 0) {
  for (int i = 0; i < started; ++i) counts.CountStart(tick, 0);
  for (int i = 0; i < started - in_flight; ++i) {
    counts.CountEnd({.started = tick,
                     .user_bucket = 0,
                     .outcome = i < errors ? CallOutcome::kError : CallOutcome::kSuccess,
                     .latency = absl::Milliseconds(1)});
  }
}

TEST(PairedCohortsTest, TheBaselinesUnresolvedCallsAreErrorsUntilTheyResolveAndTheCandidatesAreNot) {
  VariantCounts baseline, candidate;
  Calls(baseline, kNow, 200, 3, 2);
  Calls(candidate, kNow, 200, 4, 5);
  PairedCohorts cohorts(0);
  cohorts.Update(baseline, candidate, kAll);
  ASSERT_EQ(cohorts.open().size(), 1u);
  EXPECT_EQ(cohorts.open()[0].counts, (ErrorRatioGrid::Cohort{200, 200, 4, 3 + 2 + 4}));
  for (int i = 0; i < 2; ++i) {
    baseline.CountEnd(
        {.started = kNow, .user_bucket = 0, .outcome = CallOutcome::kSuccess, .latency = absl::Seconds(1)});
  }
  const PairedCohorts::Change change = cohorts.Update(baseline, candidate, kAll);
  EXPECT_EQ(change.first_changed, 0u);
  EXPECT_EQ(cohorts.open()[0].counts.errors, 3 + 4);
}

TEST(PairedCohortsTest, ACrashSaysNothingNewOfTheCallsThatWereInFlight) {
  VariantCounts baseline, candidate;
  Calls(baseline, kNow, 200, 3, 20);
  Calls(candidate, kNow, 200, 4, 5);
  PairedCohorts before(0), after(0);
  before.Update(baseline, candidate, kAll);
  baseline.CloseInFlight();
  candidate.CloseInFlight();
  after.Update(baseline, candidate, kAll);
  EXPECT_EQ(after.open(), before.open());
  EXPECT_EQ(after.open()[0].counts.errors, 3 + 20 + 4);
}

TEST(PairedCohortsTest, TicksStandAloneWhereBothVariantsHaveCallsEnoughAndAreJoinedWhereTheyHaveNot) {
  VariantCounts baseline, candidate;
  for (Tick t = 0; t < 20; ++t) {
    Calls(baseline, kNow + t, 50);
    Calls(candidate, kNow + t, t < 10 ? 10 : 9);
  }
  PairedCohorts cohorts(0);
  cohorts.Update(baseline, candidate, kAll);
  ASSERT_EQ(cohorts.open().size(), 11u);
  EXPECT_EQ(cohorts.open()[9].counts, (ErrorRatioGrid::Cohort{50, 10, 0, 0}));
  EXPECT_EQ(cohorts.open()[10].tick, kNow + 10);
  EXPECT_EQ(cohorts.open()[10].counts, (ErrorRatioGrid::Cohort{500, 90, 0, 0}));
}

TEST(PairedCohortsTest, AtTenCallsASecondTheVariantsStillMeet) {
  VariantCounts baseline, candidate;
  for (Tick t = 0; t < 10; ++t) Calls(t % 2 == 0 ? baseline : candidate, kNow + t, 1, t == 1);
  PairedCohorts cohorts(0);
  cohorts.Update(baseline, candidate, kAll);
  ASSERT_EQ(cohorts.open().size(), 1u);
  EXPECT_EQ(cohorts.open()[0].counts, (ErrorRatioGrid::Cohort{5, 5, 1, 1}));
}

TEST(PairedCohortsTest, WhatIsTooYoungIsNotLookedAt) {
  VariantCounts baseline, candidate;
  Calls(baseline, kNow, 200);
  Calls(candidate, kNow, 200, 7);
  PairedCohorts cohorts(0);
  cohorts.Update(baseline, candidate, kNow);
  EXPECT_TRUE(cohorts.open().empty());
  cohorts.Update(baseline, candidate, kNow + 1);
  EXPECT_EQ(cohorts.open().size(), 1u);
}

TEST(PairedCohortsTest, ASecondClosesAsAWholeAsItLastStood) {
  VariantCounts baseline, candidate;
  for (Tick t = 0; t < 10; ++t) Calls(baseline, kNow + t, 200), Calls(candidate, kNow + t, 200);
  PairedCohorts cohorts(0);
  cohorts.Update(baseline, candidate, kAll);
  EXPECT_EQ(cohorts.open().size(), 10u);
  Calls(baseline, kNow + 599, 1);
  EXPECT_EQ(cohorts.Update(baseline, candidate, kAll).closed, 0u);
  Calls(baseline, kNow + 600, 1);  // Drops the first tick from the baseline's ring alone.
  const PairedCohorts::Change change = cohorts.Update(baseline, candidate, kAll);
  EXPECT_EQ(change.closed, 10u);
  EXPECT_EQ(cohorts.closed_before(), kNow + 10);
}

TEST(PairedCohortsTest, OnlyWhatFollowsAChangeIsNew) {
  VariantCounts baseline, candidate;
  for (Tick t = 0; t < 30; t += 10) Calls(baseline, kNow + t, 20), Calls(candidate, kNow + t, 20, 0, 1);
  PairedCohorts cohorts(0);
  cohorts.Update(baseline, candidate, kAll);
  EXPECT_EQ(cohorts.Update(baseline, candidate, kAll).first_changed, 3u);
  candidate.CountEnd(
      {.started = kNow + 10, .user_bucket = 0, .outcome = CallOutcome::kError, .latency = absl::Seconds(2)});
  EXPECT_EQ(cohorts.Update(baseline, candidate, kAll).first_changed, 1u);
}

TEST(PairedCohortsTest, WhatACheckpointSaysIsClosedIsNotCountedAgain) {
  VariantCounts baseline, candidate;
  for (Tick t = 0; t < 30; t += 10) Calls(baseline, kNow + t, 20), Calls(candidate, kNow + t, 20);
  PairedCohorts cohorts(kNow + 20);
  cohorts.Update(baseline, candidate, kAll);
  ASSERT_EQ(cohorts.open().size(), 1u);
  EXPECT_EQ(cohorts.open()[0].tick, kNow + 20);
}

TEST(PairedCohortsTest, ASecondOfWhichAPartIsClosedIsCountedOnceHoweverOftenItIsLookedAt) {
  VariantCounts baseline, candidate;
  for (Tick t = 0; t < 10; ++t) Calls(baseline, kNow + t, 5), Calls(candidate, kNow + t, 5);
  PairedCohorts cohorts(kNow + 4);  // A clock that was set back to the middle of a second.
  for (int look = 0; look < 3; ++look) {
    const PairedCohorts::Change change = cohorts.Update(baseline, candidate, kAll);
    EXPECT_EQ(change.closed, 0u);
    ASSERT_EQ(cohorts.open().size(), 1u);
    EXPECT_EQ(cohorts.open()[0].counts, (ErrorRatioGrid::Cohort{30, 30, 0, 0}));
  }
}

}  // namespace
}  // namespace weir::stats
