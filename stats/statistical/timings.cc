// Target 8: what a request and a tick cost.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#include "absl/strings/str_format.h"
#include "stats/error_evidence.h"
#include "stats/statistical/judged_traffic.h"
#include "stats/statistical/measurement.h"
#include "stats/tail_evidence.h"

namespace weir::stats {
namespace {

constexpr int kRounds = 21;

// Nanoseconds of one of the `times` that `work` does at a call: the median over rounds, which others on the machine
// disturb least. `prepare` is not timed.
template <typename Prepare, typename Work>
double MedianNanoseconds(int times, Prepare prepare, Work work) {
  std::vector<double> rounds;
  for (int i = 0; i < kRounds; ++i) {
    prepare();
    const auto begin = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - begin;
    rounds.push_back(took.count() / times);
  }
  std::nth_element(rounds.begin(), rounds.begin() + kRounds / 2, rounds.end());
  return rounds[kRounds / 2];
}

volatile double kept = 0;  // So that nothing measured is left out by the compiler.

Measurement Timing(double value, double most, const char* unit) {
  return {.value = value / most,
          .low = value / most,
          .high = value / most,
          .judged = value / most,
          .least = 0,
          .most = 1,
          .note = absl::StrFormat("%.3g %s of %g", value, unit, most)};
}

TrafficSimulation FullRing() {
  TrafficSimulation simulation({.share = 0.3, .calls_per_tick = 500, .users = 5000, .latency_ms = 30}, 1);
  for (int i = 0; i < 600; ++i) simulation.Step();
  return simulation;
}

Measurement Update(const Settings&) {
  constexpr int kCalls = 200'000;
  VariantCounts counts;
  const auto count = [&] {
    for (int i = 0; i < kCalls; ++i) {
      const Tick tick = 17'000'000'000 + i / 1000;
      const auto bucket = static_cast<uint8_t>(i * 37);
      counts.CountStart(tick, bucket);
      counts.CountEnd({.started = tick,
                       .user_bucket = bucket,
                       .outcome = CallOutcome::kSuccess,
                       .latency = absl::Nanoseconds(5'000'000 + 7919 * (i % 4096))});
    }
  };
  const double ns = MedianNanoseconds(
      kCalls, [&] { counts = VariantCounts(); }, count);
  kept = static_cast<double>(counts.ended());
  return Timing(ns, 100, "ns");
}

Measurement ErrorBatch(const Settings&) {
  constexpr int kBatches = 20'000;
  const ErrorRatioGrid grid(1.2);
  GridLog sum{};
  const double ns = MedianNanoseconds(
      kBatches, [&] { sum = {}; },
      [&] {
        for (int i = 0; i < kBatches; ++i) {
          AddTo(sum,
                grid.Term({.baseline_calls = 350, .candidate_calls = 150, .candidate_errors = i % 7, .errors = 7}));
          kept = LogMixture(sum, 1.3);
        }
      });
  return Timing(ns / 1e3, 1, "us");
}

Measurement FullTail(const Settings&) {
  const TrafficSimulation simulation = FullRing();
  TailCounts baseline = PossiblySlow(simulation.baseline(), TickOf(simulation.now()) - 1);
  TailCounts candidate = CertainlySlow(simulation.candidate(), simulation.now());
  for (TailCounts* tail : {&baseline, &candidate}) {  // As of an epoch a hundred times as long.
    tail->calls *= 100;
    for (int64_t& n : tail->from) n *= 100;
  }
  const TailMixture mixture(0.99);
  const double ns = MedianNanoseconds(
      1, [] {}, [&] { kept = LogTailRatio(mixture, 40, baseline, candidate, 1); });
  return Timing(ns / 1e6, 5, "ms");
}

// Everything for one candidate at a tick with new calls.
double TickMilliseconds(std::vector<GuardrailSpec> specs) {
  TrafficSimulation simulation = FullRing();
  GuardrailLedger ledger(std::move(specs));
  ledger.Judge(EvidenceOf(simulation), simulation.now());
  const double ns = MedianNanoseconds(
      1, [&] { simulation.Step(); }, [&] { kept = ledger.Judge(EvidenceOf(simulation), simulation.now())[0].log_e; });
  return ns / 1e6;
}

Measurement IncrementalTail(const Settings&) {
  return Timing(TickMilliseconds({{TailRatioRule{.quantile = 0.99, .max_ratio = 1.5}, 1e-12}}), 0.5, "ms");
}

Measurement ControlThread(const Settings&) {
  constexpr double kExperiments = 20;
  const double tick_ms = TickMilliseconds({{ErrorRatioRule{1.2}, 1e-12},
                                           {ErrorCeilingRule{0.05}, 1e-12},
                                           {TailRatioRule{.quantile = 0.99, .max_ratio = 1.5}, 1e-12},
                                           {TailCeilingRule{.quantile = 0.99, .max = absl::Seconds(1)}, 1e-12}});
  return Timing(100 * kExperiments * tick_ms / absl::ToDoubleMilliseconds(kTick), 10, "% of a core");
}

}  // namespace

Target Timings() {
  return {.number = 8,
          .title = "What it costs",
          .axis = "time / what it may be",
          .text = "Medians of 21 rounds on this machine, with whatever else ran on it.",
          .is_logarithmic = true,
          .cells = {{"time, counting a request's start and end", Update},
                    {"time, error evidence of a cohort", ErrorBatch},
                    {"time, full tail evaluation", FullTail},
                    {"time, a tick of the tail ratio", IncrementalTail},
                    {"time, control thread, 20 experiments of 4 guardrails", ControlThread}}};
}

}  // namespace weir::stats
