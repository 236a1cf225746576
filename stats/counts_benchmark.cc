// What a request costs in counting: targets are < 100 ns for all three together, and no lock.

#include <cstdint>

#include "benchmark/benchmark.h"
#include "stats/counts.h"

namespace weir::stats {
namespace {

uint64_t Next(uint64_t& state) {  // A linear congruential generator: cheap beside what is measured.
  state = state * 6364136223846793005u + 1442695040888963407u;
  return state >> 33;
}

void CountOneRequest(benchmark::State& state) {
  CountsDelta delta;
  VariantCounts& counts = delta.inference[{1, 0, 0}];
  ServedCounts& served = delta.served[{1, 0, 0}];
  uint64_t random = 1;
  Tick tick = 17'000'000'000;
  int64_t calls = 0;
  for (auto _ : state) {
    const uint64_t r = Next(random);
    if (++calls % 2000 == 0) ++tick;  // 20,000 calls a second.
    counts.CountStart(tick, static_cast<uint8_t>(r));
    const absl::Duration latency = absl::Microseconds(100 + (r >> 8) % 20'000);
    const CallOutcome outcome = (r & 127) == 0 ? CallOutcome::kError : CallOutcome::kSuccess;
    counts.CountEnd({.started = tick - static_cast<Tick>(r & 1),
                     .user_bucket = static_cast<uint8_t>(r),
                     .outcome = outcome,
                     .latency = latency});
    served.Count(0, Reason::kAssigned, latency, false);
  }
  benchmark::DoNotOptimize(delta);
}
BENCHMARK(CountOneRequest);

void FindBucket(benchmark::State& state) {
  uint64_t random = 1;
  for (auto _ : state) {
    benchmark::DoNotOptimize(LatencyHistogram::BucketOf(absl::Nanoseconds(Next(random) * 16)));
  }
}
BENCHMARK(FindBucket);

// A worker's delta of one tick: made, filled with 2,000 calls, merged into the totals.
void MakeAndMergeDelta(benchmark::State& state) {
  VariantCounts total;
  uint64_t random = 1;
  Tick tick = 17'000'000'000;
  for (auto _ : state) {
    VariantCounts delta;
    ++tick;
    for (int i = 0; i < 2000; ++i) {
      const uint64_t r = Next(random);
      delta.CountStart(tick, static_cast<uint8_t>(r));
      delta.CountEnd({.started = tick,
                      .user_bucket = static_cast<uint8_t>(r),
                      .outcome = CallOutcome::kSuccess,
                      .latency = absl::Microseconds(100 + (r >> 8) % 20'000)});
    }
    total.Merge(delta);
  }
}
BENCHMARK(MakeAndMergeDelta)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace weir::stats
