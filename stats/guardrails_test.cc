#include "stats/guardrails.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "gtest/gtest.h"
#include "stats/traffic_simulation.h"

namespace weir::stats {
namespace {

constexpr Tick kNow = 17'000'000'000;
const ErrorRatioRule kErrors{.max_ratio = 1};
const TailRatioRule kTail{.quantile = 0.99, .max_ratio = 1.5};

std::vector<GuardrailSpec> AllFive() {
  return {{kErrors, 0.001},
          {ErrorCeilingRule{.max = 0.05}, 0.001},
          {kTail, 0.001},
          {TailCeilingRule{.quantile = 0.95, .max = absl::Milliseconds(200)}, 0.001},
          {OutcomeBoundRule{.metric = "accuracy", .is_proportion = true, .min = 0.75, .max = std::nullopt}, 0.001}};
}

Evidence EvidenceOf(const TrafficSimulation& simulation) {
  Evidence evidence;
  uint32_t number = 0;
  for (const TrafficSimulation::Epoch& epoch : simulation.epochs()) {
    evidence.epochs.push_back({number++, &epoch.baseline, &epoch.candidate});
  }
  return evidence;
}

Evidence OneEpoch(const VariantCounts& baseline, const VariantCounts& candidate) {
  return {.epochs = {{0, &baseline, &candidate}}, .outcomes = {}};
}

// `ticks` of traffic, judged at each; the verdicts of the last.
std::vector<Verdict> Judged(TrafficSimulation& simulation, GuardrailLedger& ledger, int ticks) {
  std::vector<Verdict> verdicts;
  for (int i = 0; i < ticks; ++i) {
    simulation.Step();
    verdicts = ledger.Judge(EvidenceOf(simulation), simulation.now());
  }
  return verdicts;
}

void Calls(VariantCounts& counts, Tick tick, int started, int errors) {
  for (int i = 0; i < started; ++i) {
    counts.CountStart(tick, static_cast<uint8_t>(i));
    counts.CountEnd({.started = tick,
                     .user_bucket = static_cast<uint8_t>(i),
                     .outcome = i < errors ? CallOutcome::kError : CallOutcome::kSuccess,
                     .latency = absl::Milliseconds(5)});
  }
}

bool IsSame(const Verdict& a, const Verdict& b) {
  return a.log_e == b.log_e && a.log_threshold == b.log_threshold && a.breached == b.breached;
}

TEST(GuardrailLedgerTest, ACandidateThatFailsOneCallInFiveBreachesTheErrorGuardrails) {
  TrafficSimulation simulation(Traffic{.share = 0.3, .candidate_error = 0.2}, 1);
  GuardrailLedger ledger(AllFive());
  const std::vector<Verdict> verdicts = Judged(simulation, ledger, 100);
  EXPECT_TRUE(verdicts[0].breached);
  EXPECT_TRUE(verdicts[1].breached);
  EXPECT_FALSE(verdicts[2].breached);
  EXPECT_FALSE(verdicts[3].breached);
}

TEST(GuardrailLedgerTest, ASlowCandidateBreachesTheTailGuardrails) {
  TrafficSimulation simulation(Traffic{.share = 0.3, .candidate_slowdown = 20}, 1);
  GuardrailLedger ledger(AllFive());
  const std::vector<Verdict> verdicts = Judged(simulation, ledger, 100);
  EXPECT_FALSE(verdicts[0].breached);
  EXPECT_TRUE(verdicts[2].breached);
  EXPECT_TRUE(verdicts[3].breached);
}

TEST(GuardrailLedgerTest, ACandidateThatHangsBreachesTheTailBeforeAnyCallEnds) {
  TrafficSimulation simulation(Traffic{.share = 0.3, .candidate_slowdown = 1e5}, 1);
  GuardrailLedger ledger(AllFive());
  const std::vector<Verdict> verdicts = Judged(simulation, ledger, 100);
  EXPECT_EQ(simulation.candidate().ended(), 0);
  EXPECT_TRUE(verdicts[2].breached);
}

TEST(GuardrailLedgerTest, ABaselineThatHangsAccusesNobody) {
  VariantCounts baseline, candidate;
  GuardrailLedger ledger(AllFive());
  for (Tick t = 0; t < 100; ++t) {
    for (int i = 0; i < 30; ++i) baseline.CountStart(kNow + t, static_cast<uint8_t>(i));
    Calls(candidate, kNow + t, 30, 1);
    for (const Verdict& verdict : ledger.Judge(OneEpoch(baseline, candidate), StartOf(kNow + t + 1))) {
      ASSERT_FALSE(verdict.breached);
    }
  }
}

TEST(GuardrailLedgerTest, ErrorsInACommonOutageAccuseNobody) {
  TrafficSimulation simulation(Traffic{.share = 0.3, .baseline_error = 0.9, .candidate_error = 0.9}, 2);
  GuardrailLedger ledger({{kErrors, 0.001}});
  EXPECT_FALSE(Judged(simulation, ledger, 200)[0].breached);
}

TEST(GuardrailLedgerTest, OneUserWhoAlwaysFailsAccusesNobody) {
  VariantCounts baseline, candidate;
  GuardrailLedger ledger({{kErrors, 0.001}});
  std::mt19937_64 rng(5);
  for (Tick t = 0; t < 300; ++t) {
    for (int i = 0; i < 40; ++i) Calls(i % 2 == 0 ? baseline : candidate, kNow + t, 1, 0);
    candidate.CountStart(kNow + t, 77);
    candidate.CountEnd(
        {.started = kNow + t, .user_bucket = 77, .outcome = CallOutcome::kError, .latency = absl::Milliseconds(1)});
    ASSERT_FALSE(ledger.Judge(OneEpoch(baseline, candidate), StartOf(kNow + t + 2))[0].breached) << t;
  }
}

TEST(GuardrailLedgerTest, ABreachIsForEver) {
  TrafficSimulation simulation(Traffic{.candidate_error = 0.5}, 1);
  GuardrailLedger ledger({{kErrors, 0.001}});
  const Verdict breach = Judged(simulation, ledger, 50)[0];
  ASSERT_TRUE(breach.breached);
  simulation.Change(Traffic{.candidate_error = 0});
  const Verdict later = Judged(simulation, ledger, 500)[0];
  EXPECT_TRUE(later.breached);
  EXPECT_EQ(later.log_e, Judged(simulation, ledger, 1)[0].log_e);
}

TEST(GuardrailLedgerTest, WhatDoesNotLatchGoesByTheEvidenceOfNow) {
  GuardrailLedger ledger({{ErrorRatioRule{.max_ratio = 1}, 0.01, 0, /*latches=*/false}});
  VariantCounts baseline, candidate;
  Calls(baseline, kNow, 1000, 10);
  Calls(candidate, kNow, 1000, 100);
  EXPECT_TRUE(ledger.Judge(OneEpoch(baseline, candidate), StartOf(kNow + 20))[0].breached);
  Calls(baseline, kNow + 20, 2000, 400);
  Calls(candidate, kNow + 20, 2000, 10);
  EXPECT_FALSE(ledger.Judge(OneEpoch(baseline, candidate), StartOf(kNow + 40))[0].breached);
}

TEST(GuardrailLedgerTest, ARatioBelowOneIsTheClaimThatATailIsNotLonger) {
  // With the roles exchanged: the default's p95 is above 1/1.5 of the candidate's.
  GuardrailLedger ledger({{TailRatioRule{.quantile = 0.95, .max_ratio = 1 / 1.5}, 0.05, 0, /*latches=*/false}});
  const auto calls = [](absl::Duration latency) {
    VariantCounts counts;
    for (int i = 0; i < 2000; ++i) {
      counts.CountStart(kNow, static_cast<uint8_t>(i));
      counts.CountEnd({.started = kNow,
                       .user_bucket = static_cast<uint8_t>(i),
                       .outcome = CallOutcome::kSuccess,
                       .latency = latency + absl::Microseconds(i)});
    }
    return counts;
  };
  const VariantCounts standard = calls(absl::Milliseconds(10)), same = calls(absl::Milliseconds(10)),
                      slow = calls(absl::Milliseconds(17));
  EXPECT_TRUE(ledger.Judge(OneEpoch(same, standard), StartOf(kNow + 20))[0].breached);
  GuardrailLedger other({{TailRatioRule{.quantile = 0.95, .max_ratio = 1 / 1.5}, 0.05, 0, /*latches=*/false}});
  EXPECT_FALSE(other.Judge(OneEpoch(slow, standard), StartOf(kNow + 20))[0].breached);
}

TEST(GuardrailLedgerTest, HalfOfAlphaIsTheRunsAndTheRestIsSplitOverRestarts) {
  TrafficSimulation simulation(Traffic{.candidate_error = 0.02}, 1);
  constexpr double kAlpha = 1e-9;
  GuardrailLedger ledger({{kErrors, kAlpha}});
  EXPECT_NEAR(Judged(simulation, ledger, 3)[0].log_threshold, std::log(2 / kAlpha), 1e-12);
  // A long healthy past, and then an epoch that is bad: the restarted test is the nearer one.
  simulation.Change(Traffic{.calls_per_tick = 500, .baseline_error = 0.02, .candidate_error = 0.002});
  Judged(simulation, ledger, 200);
  simulation.BeginEpoch();
  simulation.Change(Traffic{.candidate_error = 0.1});
  const Verdict second = Judged(simulation, ledger, 20)[0];
  EXPECT_NEAR(second.log_threshold, std::log(2 / kAlpha * M_PI * M_PI / 6), 1e-12);
  EXPECT_EQ(second.note.substr(0, 17), "this epoch's test");
  // The splits of all restarts sum to the other half.
  double spent = 0;
  for (double k = 1; k < 100'000; ++k) spent += kAlpha / 2 * 6 / (M_PI * M_PI * k * k);
  EXPECT_LT(spent, kAlpha / 2);
}

TEST(GuardrailLedgerTest, PlannedRestartsShareEvenlyAndHoweverManyComeBesideThemTheSumStaysWithinHalfOfAlpha) {
  for (uint32_t planned = 0; planned <= 70; ++planned) {
    double spent = 0;
    for (uint32_t restart = 1; restart <= 100'000; ++restart) spent += RestartShare(planned, restart);
    EXPECT_LE(spent, 0.5);
    EXPECT_GT(spent, 0.499);
    for (uint32_t restart = 1; restart <= planned; ++restart) {
      EXPECT_DOUBLE_EQ(RestartShare(planned, restart), 0.4 / planned);
    }
  }
}

TEST(GuardrailLedgerTest, AStagesTestHasItsEvenShareOfTheHalf) {
  TrafficSimulation simulation(Traffic{.candidate_error = 0.02}, 1);
  constexpr double kAlpha = 1e-9;
  GuardrailLedger ledger({{kErrors, kAlpha, /*planned_restarts=*/4}});
  EXPECT_NEAR(Judged(simulation, ledger, 3)[0].log_threshold, std::log(2 / kAlpha), 1e-12);
  simulation.Change(Traffic{.calls_per_tick = 500, .baseline_error = 0.02, .candidate_error = 0.002});
  Judged(simulation, ledger, 200);
  simulation.BeginEpoch();
  simulation.Change(Traffic{.candidate_error = 0.1});
  EXPECT_NEAR(Judged(simulation, ledger, 20)[0].log_threshold, std::log(4 / 0.4 / kAlpha), 1e-12);
}

TEST(GuardrailLedgerTest, CallsOfAPastEpochThatEndLateStillCount) {
  VariantCounts baseline, candidate, baseline_2, candidate_2;
  GuardrailLedger ledger({{kErrors, 0.001}});
  Calls(baseline, kNow, 200, 2);
  for (int i = 0; i < 200; ++i) candidate.CountStart(kNow, static_cast<uint8_t>(i));
  Calls(baseline_2, kNow + 5, 1, 0);
  Calls(candidate_2, kNow + 5, 1, 0);
  const Evidence evidence{.epochs = {{0, &baseline, &candidate}, {1, &baseline_2, &candidate_2}}, .outcomes = {}};
  const double before = ledger.Judge(evidence, StartOf(kNow + 10))[0].log_e;
  for (int i = 0; i < 20; ++i) {
    candidate.CountEnd({.started = kNow,
                        .user_bucket = static_cast<uint8_t>(i),
                        .outcome = CallOutcome::kError,
                        .latency = absl::Seconds(2)});
  }
  EXPECT_GT(ledger.Judge(evidence, StartOf(kNow + 30))[0].log_e, before + 3);
}

TEST(GuardrailLedgerTest, AnEpochIsFoldedOnceItsRingHasPassedAndItsEvidenceStays) {
  TrafficSimulation simulation(Traffic{.candidate_error = 0.03}, 4);
  GuardrailLedger ledger({{ErrorRatioRule{.max_ratio = 1}, 1e-9}, {kTail, 1e-9}});
  Judged(simulation, ledger, 30);
  simulation.BeginEpoch();
  simulation.Change(Traffic{.calls_per_tick = 0});
  const std::vector<Verdict> open = Judged(simulation, ledger, 599);
  EXPECT_FALSE(ledger.IsFolded(0));
  const std::vector<Verdict> folded = Judged(simulation, ledger, 2);
  EXPECT_TRUE(ledger.IsFolded(0));
  EXPECT_FALSE(ledger.IsFolded(1));
  for (size_t g = 0; g < 2; ++g) EXPECT_EQ(folded[g].log_e, open[g].log_e);
}

TEST(GuardrailLedgerTest, ManyEpochsAtOnceStayBounded) {
  TrafficSimulation simulation(Traffic{}, 4);
  GuardrailLedger ledger(AllFive());
  for (int epoch = 0; epoch < 50; ++epoch) {
    Judged(simulation, ledger, 2);
    simulation.BeginEpoch();
  }
  EXPECT_LE(ledger.state().open.size(), 17u);
  EXPECT_TRUE(ledger.IsFolded(30));
}

// The counts of 1 to 64 workers, merged in any order, are one stream's; so then is the evidence.
TEST(GuardrailLedgerTest, AnyPartitionGivesTheSameEvidence) {
  const unsigned seed = 31;
  SCOPED_TRACE(seed);
  std::mt19937_64 rng(seed);
  VariantCounts whole[2];
  std::vector<std::array<VariantCounts, 2>> shards(64);
  for (int i = 0; i < 60'000; ++i) {
    const Tick tick = kNow + static_cast<Tick>(rng() % 900);
    const size_t variant = rng() % 4 == 0, shard = rng() % shards.size();
    const CallEnd end{.started = tick,
                      .user_bucket = static_cast<uint8_t>(rng()),
                      .outcome = rng() % (variant ? 30 : 60) == 0 ? CallOutcome::kError : CallOutcome::kSuccess,
                      .latency = absl::Microseconds(static_cast<int64_t>(2000 + rng() % (variant ? 90'000 : 40'000)))};
    for (VariantCounts* counts : {&whole[variant], &shards[shard][variant]}) {
      counts->CountStart(tick, end.user_bucket);
      counts->CountEnd(end);
    }
  }
  const absl::Time now = StartOf(kNow + 905);
  GuardrailLedger one(AllFive());
  const std::vector<Verdict> expected = one.Judge(OneEpoch(whole[0], whole[1]), now);
  for (const size_t n : {2, 7, 64}) {
    std::shuffle(shards.begin(), shards.end(), rng);
    std::vector<std::array<VariantCounts, 2>> replicas(n);
    for (size_t s = 0; s < shards.size(); ++s) {
      for (size_t v = 0; v < 2; ++v) replicas[s % n][v].Merge(shards[s][v]);
    }
    VariantCounts merged[2];
    for (const auto& replica : replicas) merged[0].Merge(replica[0]), merged[1].Merge(replica[1]);
    GuardrailLedger ledger(AllFive());
    const std::vector<Verdict> verdicts = ledger.Judge(OneEpoch(merged[0], merged[1]), now);
    for (size_t g = 0; g < verdicts.size(); ++g)
      EXPECT_NEAR(verdicts[g].log_e, expected[g].log_e, 1e-9) << n << " " << g;
  }
}

TEST(GuardrailLedgerTest, TheSameInputsGiveBitIdenticalVerdicts) {
  TrafficSimulation a(Traffic{.candidate_error = 0.012, .cancel_rate = 1}, 8),
      b(Traffic{.candidate_error = 0.012, .cancel_rate = 1}, 8);
  GuardrailLedger first(AllFive()), second(AllFive());
  for (int tick = 0; tick < 800; ++tick) {
    const std::vector<Verdict> one = Judged(a, first, 1), other = Judged(b, second, 1);
    ASSERT_TRUE(std::equal(one.begin(), one.end(), other.begin(), IsSame)) << tick;
  }
  EXPECT_EQ(first.state(), second.state());
}

// What was judged tick by tick over more than the ring's length, with calls that end late, against one look at the end:
// the cohorts in the ring count the same, and the closed ones are those that the first saw.
TEST(GuardrailLedgerTest, AFreshLookAtAnOpenRingIsBitIdenticalToALongRun) {
  TrafficSimulation simulation(Traffic{.candidate_error = 0.012, .latency_ms = 60}, 8);
  GuardrailLedger ledger(AllFive());
  const std::vector<Verdict> incremental = Judged(simulation, ledger, 500);
  GuardrailLedger fresh(AllFive());
  const std::vector<Verdict> at_once = fresh.Judge(EvidenceOf(simulation), simulation.now());
  EXPECT_TRUE(std::equal(at_once.begin(), at_once.end(), incremental.begin(), IsSame));
}

TEST(GuardrailLedgerTest, ARestoredLedgerGoesOnBitIdentically) {
  TrafficSimulation simulation(Traffic{.candidate_error = 0.012}, 8);
  GuardrailLedger ledger(AllFive());
  Judged(simulation, ledger, 700);
  simulation.BeginEpoch();
  Judged(simulation, ledger, 50);
  GuardrailLedger restored = *GuardrailLedger::Restore(AllFive(), ledger.state());
  restored.Judge(EvidenceOf(simulation), simulation.now());
  EXPECT_EQ(restored.state(), ledger.state());
  for (int tick = 0; tick < 700; ++tick) {
    simulation.Step();
    const std::vector<Verdict> one = ledger.Judge(EvidenceOf(simulation), simulation.now());
    const std::vector<Verdict> other = restored.Judge(EvidenceOf(simulation), simulation.now());
    ASSERT_TRUE(std::equal(one.begin(), one.end(), other.begin(), IsSame)) << tick;
  }
  EXPECT_EQ(restored.state(), ledger.state());
}

TEST(GuardrailLedgerTest, AStateOfOtherGuardrailsIsRefused) {
  EXPECT_FALSE(GuardrailLedger::Restore({{kErrors, 0.1}}, GuardrailLedger(AllFive()).state()).ok());
  TrafficSimulation simulation(Traffic{}, 1);
  GuardrailLedger ledger({{kTail, 0.1}});
  Judged(simulation, ledger, 3);
  EXPECT_FALSE(GuardrailLedger::Restore({{kErrors, 0.1}}, ledger.state()).ok());
}

TEST(GuardrailLedgerTest, AnOutcomeBelowItsFloorBreachesAndOneWithoutOutcomesIsNoEvidence) {
  VariantCounts baseline, candidate;
  OutcomeCounts outcomes;
  GuardrailLedger ledger({AllFive()[4]});
  EXPECT_EQ(ledger.Judge(OneEpoch(baseline, candidate), StartOf(kNow))[0].log_e, 0);
  for (int i = 0; i < 600; ++i) outcomes.Add(static_cast<uint8_t>(i), i % 2);
  Evidence evidence = OneEpoch(baseline, candidate);
  evidence.outcomes["accuracy"] = {.run = &outcomes, .epoch = &outcomes};
  EXPECT_TRUE(ledger.Judge(evidence, StartOf(kNow + 1))[0].breached);
}

TEST(GuardrailLedgerTest, AMeanBeyondItsCeilingBreachesAndOneWithinItsBoundsDoesNot) {
  const std::vector<GuardrailSpec> specs = {
      {OutcomeBoundRule{.metric = "revenue", .is_proportion = false, .min = std::nullopt, .max = 3.0}, 0.01},
      {OutcomeBoundRule{.metric = "revenue", .is_proportion = false, .min = 1.0, .max = 9.0}, 0.01}};
  VariantCounts baseline, candidate;
  OutcomeCounts outcomes;
  std::mt19937_64 rng(6);
  std::normal_distribution<double> revenue(4, 2);
  for (int i = 0; i < 3000; ++i) outcomes.Add(static_cast<uint8_t>(rng()), revenue(rng));
  Evidence evidence = OneEpoch(baseline, candidate);
  evidence.outcomes["revenue"] = {.run = &outcomes, .epoch = nullptr};
  const std::vector<Verdict> verdicts = GuardrailLedger(specs).Judge(evidence, StartOf(kNow));
  EXPECT_TRUE(verdicts[0].breached);
  EXPECT_FALSE(verdicts[1].breached);
}

TEST(GuardrailLedgerTest, TheNoteSaysWhichRatioIsReallyTested) {
  EXPECT_EQ(DescribeRounding(TailRatioRule{.quantile = 0.99, .max_ratio = 1.5}), "");
  EXPECT_EQ(DescribeRounding(TailRatioRule{.quantile = 0.99, .max_ratio = 1.2}),
            "x1.2 is tested as x1.2002 (18 buckets)");
  EXPECT_EQ(DescribeRounding(TailCeilingRule{.quantile = 0.99, .max = absl::Milliseconds(200)}),
            "200ms is tested as 201.576 ms");
  EXPECT_EQ(DescribeRounding(kErrors), "");
}

}  // namespace
}  // namespace weir::stats
