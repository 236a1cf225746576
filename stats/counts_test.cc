#include "stats/counts.h"

#include <algorithm>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

constexpr Tick kNow = 17'000'000'000;

CallEnd Ended(Tick started, CallOutcome outcome, absl::Duration latency = absl::Milliseconds(5)) {
  return CallEnd{.started = started, .user_bucket = 7, .outcome = outcome, .latency = latency};
}

VariantCounts OneCall(Tick started, CallOutcome outcome, absl::Duration latency = absl::Milliseconds(5)) {
  VariantCounts counts;
  counts.CountStart(started, 7);
  counts.CountEnd(Ended(started, outcome, latency));
  return counts;
}

VariantCounts::Parts PartsOf(const VariantCounts& counts) {
  return {.cohorts = counts.cohorts(),
          .latencies = counts.latencies(),
          .cancelled = counts.cancelled(),
          .users = counts.users(),
          .user_latencies = counts.user_latencies(),
          .uncompared = counts.uncompared(),
          .previews = counts.previews(),
          .started = counts.started(),
          .ended = counts.ended(),
          .errors = counts.errors(),
          .neutral = counts.neutral(),
          .lost = counts.lost()};
}

TEST(TickTest, IsAHundredMillisecondsAndRoundsDown) {
  EXPECT_EQ(TickOf(absl::FromUnixMillis(0)), 0);
  EXPECT_EQ(TickOf(absl::FromUnixMillis(199)), 1);
  EXPECT_EQ(TickOf(absl::FromUnixMillis(-1)), -1);
  EXPECT_EQ(TickOf(absl::FromUnixMillis(-100)), -1);
  EXPECT_EQ(TickOf(StartOf(kNow)), kNow);
  EXPECT_EQ(TickOf(StartOf(kNow) - absl::Nanoseconds(1)), kNow - 1);
}

TEST(VariantCountsTest, ACancelledCallIsNeitherSuccessNorErrorAndItsLatencyIsKeptApart) {
  const VariantCounts counts = OneCall(kNow, CallOutcome::kCancelled);
  EXPECT_EQ(counts.cohorts().back().second, (CohortCounts{.started = 1, .ended = 1, .errors = 0, .neutral = 1}));
  EXPECT_EQ(counts.latencies().count(), 0);
  EXPECT_EQ(counts.cancelled().count(), 1);
}

TEST(VariantCountsTest, ACallersFaultIsNeutralAndHasALatency) {
  const VariantCounts counts = OneCall(kNow, CallOutcome::kCallerFault);
  EXPECT_EQ(counts.neutral(), 1);
  EXPECT_EQ(counts.errors(), 0);
  EXPECT_EQ(counts.latencies().count(), 1);
}

TEST(VariantCountsTest, AnErrorIsCountedForItsCohortItsUserAndTheTotal) {
  const VariantCounts counts = OneCall(kNow, CallOutcome::kError);
  EXPECT_EQ(counts.cohorts().back().second.errors, 1);
  EXPECT_EQ(counts.users()[7], (UserBucketCounts{.calls = 1, .errors = 1}));
  EXPECT_EQ(counts.errors(), 1);
}

TEST(VariantCountsTest, ACallWithoutAnUpstreamAttemptHasNoLatency) {
  const VariantCounts counts = OneCall(kNow, CallOutcome::kError, -absl::Nanoseconds(1));
  EXPECT_EQ(counts.ended(), 1);
  EXPECT_EQ(counts.latencies().count(), 0);
}

TEST(VariantCountsTest, ACohortIsDroppedSixtySecondsAfterAndItsTotalsStay) {
  VariantCounts counts = OneCall(kNow, CallOutcome::kError);
  counts.CountStart(kNow + 599, 1);
  EXPECT_EQ(counts.cohorts().front().first, kNow);
  counts.CountStart(kNow + 600, 1);
  EXPECT_EQ(counts.cohorts().front().first, kNow + 599);
  EXPECT_EQ(counts.errors(), 1);
  EXPECT_EQ(counts.started(), 3);
}

TEST(VariantCountsTest, AnEndOfAClosedCohortStillCountsInTotalsAndHistogram) {
  VariantCounts counts;
  counts.CountStart(kNow, 7);
  counts.CountStart(kNow + 1000, 7);
  EXPECT_EQ(counts.InFlightOfClosedCohorts(), 1);
  counts.CountEnd(Ended(kNow, CallOutcome::kError, absl::Seconds(100)));
  ASSERT_EQ(counts.cohorts().size(), 1u);
  EXPECT_EQ(counts.cohorts().front().second.ended, 0);
  EXPECT_EQ(counts.errors(), 1);
  EXPECT_EQ(counts.latencies().count(), 1);
  EXPECT_EQ(counts.InFlightOfClosedCohorts(), 0);
}

TEST(VariantCountsTest, ACallInFlightIsSlowerThanXOnceItsWholeCohortIs) {
  VariantCounts counts;
  counts.CountStart(kNow, 7);
  const absl::Time youngest = StartOf(kNow + 1);
  const absl::Duration x = absl::Milliseconds(300);
  EXPECT_EQ(counts.InFlightSlowerThan(x, youngest + x - absl::Nanoseconds(1)), 0);
  EXPECT_EQ(counts.UnresolvedAt(x, youngest + x - absl::Nanoseconds(1)), 1);
  EXPECT_EQ(counts.InFlightSlowerThan(x, youngest + x), 1);
  EXPECT_EQ(counts.UnresolvedAt(x, youngest + x), 0);
}

TEST(VariantCountsTest, ACallCancelledBelowXIsUnresolvedAtXAndResolvedBelow) {
  const VariantCounts counts = OneCall(kNow, CallOutcome::kCancelled, absl::Milliseconds(100));
  EXPECT_EQ(counts.UnresolvedAt(absl::Milliseconds(200), StartOf(kNow + 2)), 1);
  EXPECT_EQ(counts.UnresolvedAt(absl::Milliseconds(50), StartOf(kNow + 2)), 0);
}

TEST(VariantCountsTest, CallsInFlightOfClosedCohortsAreSlowerThanTheRingIsLong) {
  VariantCounts counts;
  counts.CountStart(kNow, 7);
  counts.CountStart(kNow + 700, 7);
  EXPECT_EQ(counts.InFlightSlowerThan(absl::Seconds(59), StartOf(kNow + 701)), 1);
}

TEST(VariantCountsTest, ClosingWhatIsInFlightMakesItNeutralAndUnresolvedForEver) {
  VariantCounts counts = OneCall(kNow, CallOutcome::kSuccess);
  counts.CountStart(kNow - 500, 1);
  counts.CountStart(kNow + 300, 1);  // Drops the cohort of kNow - 500, whose call is in flight.
  counts.CloseInFlight();
  EXPECT_EQ(counts.ended(), 3);
  EXPECT_EQ(counts.neutral(), 2);
  EXPECT_EQ(counts.InFlightOfClosedCohorts(), 0);
  EXPECT_EQ(counts.UnresolvedAt(absl::Milliseconds(1), StartOf(kNow + 9000)), 2);
  EXPECT_EQ(counts.cohorts().back().second,
            (CohortCounts{.started = 1, .ended = 1, .errors = 0, .neutral = 1, .lost = 1}));
}

TEST(VariantCountsTest, ItsPartsRebuildIt) {
  VariantCounts counts = OneCall(kNow, CallOutcome::kError);
  counts.Merge(OneCall(kNow + 5, CallOutcome::kCancelled));
  counts.CountStart(kNow + 9, 200);
  counts.CountUncompared(201);
  counts.CountPreviewStart(kNow);
  const absl::StatusOr<VariantCounts> rebuilt = VariantCounts::FromParts(PartsOf(counts));
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.status();
  EXPECT_EQ(*rebuilt, counts);
}

TEST(VariantCountsTest, AnUncomparedCallIsOneOfItsUsersAssignedAndNothingElse) {
  VariantCounts counts = OneCall(kNow, CallOutcome::kError), other;
  VariantCounts::Parts expected = PartsOf(counts);
  expected.uncompared[7] = 3;
  counts.CountUncompared(7);
  other.CountUncompared(7);
  other.CountUncompared(7);
  EXPECT_TRUE(VariantCounts().empty());
  EXPECT_FALSE(other.empty());
  EXPECT_TRUE(other.cohorts().empty()) << "it is no sign that calls of the variant keep coming";
  counts.Merge(other);
  EXPECT_EQ(counts, *VariantCounts::FromParts(expected));
}

TEST(VariantCountsTest, APreviewedCallIsInNothingElse) {
  VariantCounts begun = OneCall(kNow, CallOutcome::kSuccess), ended;
  VariantCounts::Parts expected = PartsOf(begun);
  for (int call = 0; call < 5; ++call) begun.CountPreviewStart(kNow + call);
  const auto outcomes = {CallOutcome::kSuccess, CallOutcome::kError, CallOutcome::kCallerFault,
                         CallOutcome::kCancelled};
  for (const CallOutcome outcome : outcomes) ended.CountPreviewEnd(outcome);
  EXPECT_FALSE(ended.empty());
  EXPECT_TRUE(begun.HasCallsInFlight());
  begun.Merge(ended);
  expected.previews = {.started = 5, .ended = 4, .errors = 1, .neutral = 2, .newest = kNow + 4};
  EXPECT_EQ(begun, *VariantCounts::FromParts(expected));
  EXPECT_EQ(begun.previews().judged(), 2);
  EXPECT_TRUE(begun.HasCallsInFlight());
  begun.CloseInFlight();  // Its process died.
  EXPECT_EQ(begun.previews().judged(), 2);
  EXPECT_FALSE(begun.HasCallsInFlight());
}

TEST(VariantCountsTest, LatenciesAddUpByUserWithoutThoseOfCancelledCalls) {
  VariantCounts counts, other;
  const auto count = [](VariantCounts& to, uint8_t user, CallOutcome outcome, absl::Duration latency) {
    to.CountStart(kNow, user);
    to.CountEnd({.started = kNow, .user_bucket = user, .outcome = outcome, .latency = latency});
  };
  count(counts, 3, CallOutcome::kSuccess, absl::Milliseconds(2));
  count(other, 3, CallOutcome::kError, absl::Microseconds(1500));
  count(other, 3, CallOutcome::kCancelled, absl::Seconds(9));
  count(other, 4, CallOutcome::kSuccess, absl::Seconds(-1));
  counts.Merge(other);
  EXPECT_EQ(counts.user_latencies()[3], (UserLatencies{.calls = 2, .microseconds = 3500}));
  EXPECT_EQ(counts.user_latencies()[4], UserLatencies());
}

TEST(VariantCountsTest, CallsInFlightWhenAProcessDiedAreLost) {
  VariantCounts counts;
  counts.CountStart(kNow, 1);
  counts.CloseInFlight();
  EXPECT_EQ(counts.lost(), 1);
  EXPECT_EQ(counts.neutral(), 1);
}

TEST(VariantCountsTest, PartsThatNoCallsCouldGiveAreRefused) {
  const VariantCounts::Parts good = PartsOf(OneCall(kNow, CallOutcome::kError));
  const auto refuses = [&](auto change) {
    VariantCounts::Parts bad = good;
    change(bad);
    return !VariantCounts::FromParts(bad).ok();
  };
  EXPECT_TRUE(refuses([](auto& p) { p.ended = 2; }));
  EXPECT_TRUE(refuses([](auto& p) { p.errors = -1; }));
  EXPECT_TRUE(refuses([](auto& p) { p.lost = 1; }));
  EXPECT_TRUE(refuses([](auto& p) { p.user_latencies[9].calls = 2; }));
  EXPECT_TRUE(refuses([](auto& p) { p.user_latencies[9].microseconds = -1; }));
  EXPECT_TRUE(refuses([](auto& p) { p.uncompared[9] = -1; }));
  EXPECT_TRUE(refuses([](auto& p) { p.previews.ended = 1; }));
  EXPECT_TRUE(refuses([](auto& p) { p.previews.started = 1; }));
  EXPECT_TRUE(refuses([](auto& p) { p.started = p.ended = 0, p.errors = 0; }));
  EXPECT_TRUE(refuses([](auto& p) { p.latencies.Add(3, 5); }));
  EXPECT_TRUE(refuses([](auto& p) { p.cohorts[0].second.errors = 2; }));
  EXPECT_TRUE(refuses([](auto& p) { p.cohorts.insert(p.cohorts.begin(), {kNow + 1, {}}); }));
  EXPECT_TRUE(refuses([](auto& p) { p.cohorts.insert(p.cohorts.begin(), {kNow - 600, {}}); }));
  EXPECT_TRUE(refuses([](auto& p) { p.users[0].errors = 1; }));
}

// Calls of many workers over more than the ring's length, of which some outlive it.
std::vector<std::pair<Tick, CallEnd>> ManyCalls(std::mt19937_64& rng) {
  std::vector<std::pair<Tick, CallEnd>> calls;
  for (int i = 0; i < 20'000; ++i) {
    const Tick started = kNow + static_cast<Tick>(rng() % 1500);
    const absl::Duration latency = absl::Microseconds(static_cast<int64_t>(std::exp((rng() % 1900) / 100.0)));
    calls.push_back({started,
                     {.started = started,
                      .user_bucket = static_cast<uint8_t>(rng()),
                      .outcome = static_cast<CallOutcome>(rng() % 4),
                      .latency = latency}});
  }
  return calls;
}

TEST(VariantCountsTest, AnyPartitionMergedInAnyOrderIsEqualToOneStream) {
  const unsigned seed = 4711;
  SCOPED_TRACE(seed);
  std::mt19937_64 rng(seed);
  const auto calls = ManyCalls(rng);
  VariantCounts whole;
  for (const auto& [tick, end] : calls) {
    whole.CountStart(tick, end.user_bucket);
    if (end.latency < absl::Seconds(90)) whole.CountEnd(end);  // The others are in flight still.
    if (end.user_bucket < 100) whole.CountUncompared(end.user_bucket);
  }
  for (const size_t n : {1, 2, 3, 8, 17, 64}) {
    std::vector<VariantCounts> shards(n);
    for (const auto& [tick, end] : calls) {
      // A call may start in one delta of its worker and end in a later one.
      shards[rng() % n].CountStart(tick, end.user_bucket);
      if (end.latency < absl::Seconds(90)) shards[rng() % n].CountEnd(end);
      if (end.user_bucket < 100) shards[rng() % n].CountUncompared(end.user_bucket);
    }
    std::shuffle(shards.begin(), shards.end(), rng);
    VariantCounts merged;
    for (const VariantCounts& shard : shards) merged.Merge(shard);
    EXPECT_EQ(merged, whole) << n;
  }
}

TEST(ServedCountsTest, AResponseTimeOnAnEdgeCountsBelowIt) {
  ServedCounts served;
  served.Count(0, Reason::kAssigned, absl::Milliseconds(200), false);
  served.Count(14, Reason::kFailedOver, absl::Milliseconds(200) + absl::Nanoseconds(1), true);
  served.Count(0, Reason::kAssigned, absl::Seconds(31), false);
  EXPECT_EQ(served.by_response_time[9], 1);
  EXPECT_EQ(served.by_response_time[10], 1);
  EXPECT_EQ(served.by_response_time[18], 1);
  EXPECT_EQ(served.requests(), 3);
  EXPECT_EQ(served.errors, 1);
  EXPECT_NEAR(served.response_seconds, 31.4, 1e-6);
}

TEST(ServedCountsTest, ACallThatNoModelWasAskedHasNoResponseTime) {
  ServedCounts served;
  served.Count(4, Reason::kAssigned, absl::Seconds(-1), true);
  EXPECT_EQ(served.requests(), 1);
  EXPECT_EQ(served.errors, 1);
  EXPECT_EQ(served.response_seconds, 0);
  EXPECT_EQ(served.by_response_time, ServedCounts().by_response_time);
}

TEST(ServedCountsTest, ACodeThatGrpcDoesNotKnowCountsAsUnknown) {
  ServedCounts served;
  served.Count(99, Reason::kAssigned, absl::Milliseconds(1), true);
  served.Count(-1, Reason::kAssigned, absl::Milliseconds(1), true);
  EXPECT_EQ(served.by_code[2], 2);
}

TEST(ReasonTest, NamesAreThoseOfTheHeader) {
  EXPECT_EQ(ReasonName(Reason::kFailedOver), "failed-over");
  EXPECT_EQ(ReasonName(Reason::kNoExperiment), "no-experiment");
}

TEST(CountsDeltaTest, MergesByKey) {
  CountsDelta a, b;
  a.inference[{1, 0, 0}] = OneCall(kNow, CallOutcome::kSuccess);
  b.inference[{1, 0, 0}] = OneCall(kNow, CallOutcome::kError);
  b.inference[{1, 1, 0}] = OneCall(kNow, CallOutcome::kError);
  b.inference[{1, 1, 1}].CountUncompared(9);
  b.proxy.calls = 3;
  b.mirrors[{1, 0}].dropped = 2;
  EXPECT_TRUE(CountsDelta().empty());
  a.Merge(b);
  EXPECT_FALSE(a.empty());
  EXPECT_EQ((a.inference[{1, 0, 0}].started()), 2);
  EXPECT_EQ((a.inference[{1, 1, 0}].errors()), 1);
  EXPECT_EQ((a.inference[{1, 1, 1}].uncompared()[9]), 1);
  EXPECT_EQ(a.proxy.calls, 3);
  EXPECT_EQ((a.mirrors[{1, 0}].dropped), 2);
}

}  // namespace
}  // namespace weir::stats
