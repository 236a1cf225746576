// The guardrails' promises on simulated traffic, small enough for every test run: false alarms under the null, and
// delay against the least that any method needs. `stats:statistical` measures the same at length.

#include <cmath>

#include "gtest/gtest.h"
#include "stats/detection_bound.h"
#include "stats/guardrails.h"
#include "stats/traffic_simulation.h"

namespace weir::stats {
namespace {

constexpr uint64_t kSeed = 20261122;
constexpr double kAlpha = 0.02;  // Of a run; half of it is the run's test, half the restarts'.

Evidence EvidenceOf(const TrafficSimulation& simulation) {
  Evidence evidence;
  uint32_t number = 0;
  for (const TrafficSimulation::Epoch& epoch : simulation.epochs()) {
    evidence.epochs.push_back({number++, &epoch.baseline, &epoch.candidate});
  }
  return evidence;
}

// Two models that are equal to the guardrail's limit exactly: sticky Zipf users with unequal error rates, calls in
// flight for longer than a tick, clients that give up, both models slowing down threefold half-way, and a change of
// epoch.
Traffic NullTraffic(double share) {
  return Traffic{.share = share,
                 .calls_per_tick = 50,
                 .users = 2000,
                 .zipf = 1.05,
                 .users_fail_unequally = true,
                 .latency_ms = 60,
                 .cancel_rate = 0.5,
                 .slower_from_tick = 60};
}

bool RaisesFalseAlarm(const GuardrailTest& test, const Traffic& traffic, uint64_t seed) {
  TrafficSimulation simulation(traffic, seed);
  GuardrailLedger ledger({{test, kAlpha}});
  for (int tick = 0; tick < 150; ++tick) {
    if (tick == 100) simulation.BeginEpoch();
    simulation.Step();
    if (ledger.Judge(EvidenceOf(simulation), simulation.now())[0].breached) return true;
  }
  return false;
}

int FalseAlarms(const GuardrailTest& test, const Traffic& traffic, int streams) {
  int alarms = 0;
  for (int stream = 0; stream < streams; ++stream)
    alarms += RaisesFalseAlarm(test, traffic, kSeed + static_cast<uint64_t>(stream));
  return alarms;
}

// More alarms than this have a probability below 1 in 1,000, were each stream's that of alpha.
int AtMostAlarms(int streams) {
  double tail = 1, probability = std::pow(1 - kAlpha, streams);
  int alarms = 0;
  for (; tail - probability >= 0.001; ++alarms) {
    tail -= probability;
    probability *= (streams - alarms) / (alarms + 1.0) * kAlpha / (1 - kAlpha);
  }
  return alarms;
}

class UnderTheNull : public testing::TestWithParam<double> {};

TEST_P(UnderTheNull, TheErrorRatioRaisesNoMoreFalseAlarmsThanAlpha) {
  RecordProperty("seed", std::to_string(kSeed));
  constexpr int kStreams = 150;
  EXPECT_LE(FalseAlarms(ErrorRatioRule{.max_ratio = 1}, NullTraffic(GetParam()), kStreams), AtMostAlarms(kStreams))
      << kSeed;
}

TEST_P(UnderTheNull, TheTailRatioRaisesNoMoreFalseAlarmsThanAlpha) {
  constexpr int kStreams = 150;
  Traffic traffic = NullTraffic(GetParam());
  traffic.candidate_slowdown = 1.5;
  EXPECT_LE(FalseAlarms(TailRatioRule{.quantile = 0.99, .max_ratio = 1.5}, traffic, kStreams), AtMostAlarms(kStreams))
      << kSeed;
}

INSTANTIATE_TEST_SUITE_P(Shares, UnderTheNull, testing::Values(0.5, 0.1));

TEST(UnderTheNullTest, TheCeilingsRaiseNoMoreFalseAlarmsThanAlpha) {
  constexpr int kStreams = 150;
  Traffic traffic = NullTraffic(0.3);
  traffic.users_fail_unequally = false;
  EXPECT_LE(FalseAlarms(ErrorCeilingRule{.max = 0.01}, traffic, kStreams), AtMostAlarms(kStreams)) << kSeed;
  // The p95 of the slower half is 3 x 60 ms x exp(0.5 x 1.645).
  const TailCeilingRule tail{.quantile = 0.95, .max = absl::Milliseconds(410)};
  EXPECT_LE(FalseAlarms(tail, traffic, kStreams), AtMostAlarms(kStreams)) << kSeed;
}

// Candidate requests until the breach, on average, with the threshold 1 / 0.001.
double MeanDelay(const GuardrailTest& test, const Traffic& traffic, int streams) {
  double sum = 0;
  for (int stream = 0; stream < streams; ++stream) {
    TrafficSimulation simulation(traffic, kSeed + static_cast<uint64_t>(stream));
    GuardrailLedger ledger({{test, 0.002}});
    for (int tick = 0; tick < 5000; ++tick) {
      simulation.Step();
      // A tick later, when the newest cohort is old enough to be looked at: this measures requests, not time.
      if (ledger.Judge(EvidenceOf(simulation), simulation.now() + kTick)[0].breached) break;
    }
    sum += static_cast<double>(simulation.candidate().started());
  }
  return sum / streams;
}

TEST(DelayTest, AnErrorRiseIsFoundWithinOneAndAHalfTimesTheLeastThatAnyMethodNeeds) {
  const double bound =
      LeastDelayOfErrorRatio(
          {.baseline_error = 0.01, .candidate_error = 0.2, .share = 0.5, .max_ratio = 2, .alpha = 0.001})
          .candidate_requests;
  const Traffic traffic{.share = 0.5, .calls_per_tick = 10, .candidate_error = 0.2, .latency_ms = 1};
  EXPECT_LE(MeanDelay(ErrorRatioRule{.max_ratio = 2}, traffic, 60), 1.5 * bound) << kSeed;
}

TEST(DelayTest, ASlowTailIsFoundWithinTwoAndAHalfTimesTheLeastThatAnyMethodNeeds) {
  // Wald's bound for these latencies (lognormal, sigma 0.5) at the edge where it is largest.
  constexpr double kBound = 731;
  const Traffic traffic{.share = 0.5, .calls_per_tick = 20, .latency_ms = 1, .candidate_slowdown = 3};
  EXPECT_LE(MeanDelay(TailRatioRule{.quantile = 0.99, .max_ratio = 1.5}, traffic, 30), 2.5 * kBound) << kSeed;
}

}  // namespace
}  // namespace weir::stats
