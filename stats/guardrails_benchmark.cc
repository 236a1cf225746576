// What a tick costs the control thread. Targets: error evidence <= 1 us a batch (cohort), a full tail evaluation <= 5
// ms, an incremental one <= 0.5 ms, so that twenty experiments stay below a tenth of a core.

#include "benchmark/benchmark.h"
#include "stats/guardrails.h"
#include "stats/traffic_simulation.h"

namespace weir::stats {
namespace {

const Traffic kBusy{.share = 0.3, .calls_per_tick = 500, .users = 5000, .latency_ms = 30};

// A minute of traffic, so that the ring is full.
TrafficSimulation FullRing() {
  TrafficSimulation simulation(kBusy, 1);
  for (int i = 0; i < 600; ++i) simulation.Step();
  return simulation;
}

Evidence EvidenceOf(const TrafficSimulation& simulation) {
  return {.epochs = {{0, &simulation.baseline(), &simulation.candidate()}}, .outcomes = {}};
}

void ErrorRatioBatch(benchmark::State& state) {
  const ErrorRatioGrid grid(1.2);
  GridLog sum{};
  int64_t errors = 0;
  for (auto _ : state) {
    errors = (errors + 1) % 7;
    AddTo(sum, grid.Term({.baseline_calls = 350, .candidate_calls = 150, .candidate_errors = errors, .errors = 7}));
    benchmark::DoNotOptimize(LogMixture(sum, 1.3));
  }
}
BENCHMARK(ErrorRatioBatch);

void TailRatioOfALongEpoch(benchmark::State& state) {
  const TrafficSimulation simulation = FullRing();
  TailCounts baseline = PossiblySlow(simulation.baseline(), TickOf(simulation.now()) - 1);
  TailCounts candidate = CertainlySlow(simulation.candidate(), simulation.now());
  const int64_t times = state.range(0);  // As if the epoch had lasted so much longer.
  for (TailCounts* tail : {&baseline, &candidate}) {
    tail->calls *= times;
    for (int64_t& n : tail->from) n *= times;
  }
  const TailMixture mixture(0.99);
  for (auto _ : state) benchmark::DoNotOptimize(LogTailRatio(mixture, 40, baseline, candidate, 1));
  state.counters["calls"] = static_cast<double>(baseline.calls + candidate.calls);
}
BENCHMARK(TailRatioOfALongEpoch)->Arg(1)->Arg(100)->Arg(10'000)->Unit(benchmark::kMicrosecond);

// Everything for one candidate at one tick: new calls in the ring, then Judge.
void Tick(benchmark::State& state, const GuardrailTest& test) {
  TrafficSimulation simulation = FullRing();
  GuardrailLedger ledger({{test, 1e-12}});
  ledger.Judge(EvidenceOf(simulation), simulation.now());
  for (auto _ : state) {
    state.PauseTiming();
    simulation.Step();
    state.ResumeTiming();
    benchmark::DoNotOptimize(ledger.Judge(EvidenceOf(simulation), simulation.now()));
  }
}
BENCHMARK_CAPTURE(Tick, error_ratio, ErrorRatioRule{.max_ratio = 1.2})->Unit(benchmark::kMicrosecond)->Iterations(500);
BENCHMARK_CAPTURE(Tick, error_ceiling, ErrorCeilingRule{.max = 0.05})->Unit(benchmark::kMicrosecond)->Iterations(500);
BENCHMARK_CAPTURE(Tick, tail_ratio, TailRatioRule{.quantile = 0.99, .max_ratio = 1.5})
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(500);
BENCHMARK_CAPTURE(Tick, tail_ceiling, TailCeilingRule{.quantile = 0.99, .max = absl::Milliseconds(200)})
    ->Unit(benchmark::kMicrosecond)
    ->Iterations(500);

}  // namespace
}  // namespace weir::stats
