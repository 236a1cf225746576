#include "benchmark/benchmark.h"
#include "router/dataplane/ticket.h"

namespace weir::dataplane {
namespace {

stats::Ticket SomeTicket() {
  stats::Ticket ticket;
  ticket.experiment = 0x0123456789abcdef;
  ticket.start = absl::FromUnixMillis(1'800'000'000'000);
  return ticket;
}

void BM_Seal(benchmark::State& state) {
  const TicketSealer sealer({.secrets = {std::string(32, 'k')}, .is_readable_by_others = false});
  const stats::Ticket ticket = SomeTicket();
  for (auto _ : state) benchmark::DoNotOptimize(sealer.Seal(ticket));
}
BENCHMARK(BM_Seal);

void BM_Open(benchmark::State& state) {
  const TicketSealer sealer({.secrets = {std::string(32, 'k'), std::string(32, 'l')}, .is_readable_by_others = false});
  const std::string sealed = sealer.Seal(SomeTicket());
  for (auto _ : state) benchmark::DoNotOptimize(sealer.Open(sealed));
}
BENCHMARK(BM_Open);

}  // namespace
}  // namespace weir::dataplane
