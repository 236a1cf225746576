#include "benchmark/benchmark.h"
#include "router/runtime/crypto.h"

namespace weir::runtime {
namespace {

void BM_HmacOfATicket(benchmark::State& state) {
  const HmacKey key(std::string(32, 'k'));
  const std::string message(state.range(0), 'm');
  for (auto _ : state) benchmark::DoNotOptimize(key.Sign(message));
}
BENCHMARK(BM_HmacOfATicket)->Arg(48)->Arg(64);

void BM_Sha256(benchmark::State& state) {
  const std::string message(state.range(0), 'm');
  for (auto _ : state) benchmark::DoNotOptimize(Sha256(message));
}
BENCHMARK(BM_Sha256)->Arg(64)->Arg(4096);

}  // namespace
}  // namespace weir::runtime
