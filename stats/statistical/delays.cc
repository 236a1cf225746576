// Targets 3 and 4: candidate requests until a breach is proven, against the least that any method needs.

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "stats/detection_bound.h"
#include "stats/statistical/judged_traffic.h"
#include "stats/statistical/measurement.h"

namespace weir::stats {
namespace {

constexpr double kAlpha = 0.001;

struct Delay {
  std::string name;
  GuardrailTest test;
  Traffic traffic;
  double bound;  // Candidate requests.
  double most;   // Times the bound.
};

// Candidate requests that had started when the breach was proven; latencies of about 1 ms leave hardly any in flight.
double DelayOf(const Delay& delay, uint64_t seed) {
  constexpr int kAtMostTicks = 20'000;
  TrafficSimulation simulation(delay.traffic, seed);
  GuardrailLedger ledger(OneGuardrail(delay.test, kAlpha));
  for (int tick = 0; tick < kAtMostTicks; ++tick) {
    simulation.Step();
    // A tick later, when the newest cohort is old enough to be looked at: requests are measured here, not time.
    if (ledger.Judge(EvidenceOf(simulation), simulation.now() + kTick)[0].breached) break;
  }
  return static_cast<double>(simulation.candidate().started());
}

Measurement Measure(const Delay& delay, const Settings& settings) {
  const int streams = std::clamp(settings.streams / 4, 20, 2000);
  const MeanOfStreams mean =
      MeanOf(OverStreams(settings, streams, [&](uint64_t seed) { return DelayOf(delay, seed); }));
  const double value = mean.mean / delay.bound, half = 1.96 * mean.standard_error / delay.bound;
  return {.value = value,
          .low = value - half,
          .high = value + half,
          .judged = value,
          .least = 0,
          .most = delay.most,
          .note = absl::StrFormat("%.1f candidate requests, bound %.1f, %d runs", mean.mean, delay.bound, streams)};
}

void AddCell(Target& target, const Delay& delay) {
  target.cells.push_back({delay.name, [delay](const Settings& settings) { return Measure(delay, settings); }});
}

}  // namespace

Target ErrorDelays() {
  Target target{.number = 3,
                .title = "How soon a rise of errors is proven",
                .axis = "mean delay / Wald's bound",
                .text =
                    "Candidate requests until the breach, at alpha 0.001 and a baseline of 1 % errors, against "
                    "log(1/alpha) / KL, which no method can beat.",
                .is_logarithmic = false,
                .cells = {}};
  for (const double ratio : {1.0, 2.0}) {
    for (const double error : {0.05, 0.2}) {
      for (const double share : {0.5, 0.1, 0.01}) {
        const LeastDelay least = LeastDelayOfErrorRatio(
            {.baseline_error = 0.01, .candidate_error = error, .share = share, .max_ratio = ratio, .alpha = kAlpha});
        AddCell(target, {.name = absl::StrFormat("errors r=%g, 1 %% to %g %%, share %g", ratio, 100 * error, share),
                         .test = ErrorRatioRule{ratio},
                         .traffic = {.share = share,
                                     .calls_per_tick = std::max(10.0, 0.5 / share),
                                     .candidate_error = error,
                                     .latency_ms = 1},
                         .bound = least.candidate_requests,
                         .most = 1.5});
      }
    }
  }
  return target;
}

Target TailDelays() {
  Target target{.number = 4,
                .title = "How soon a slow tail is proven",
                .axis = "mean delay / Wald's bound at the best edge",
                .text =
                    "Candidate requests until \"p99 above 1.5 x the default's\" is proven at alpha 0.001, from a "
                    "cold start, with no assumption on how latencies are distributed.",
                .is_logarithmic = false,
                .cells = {}};
  const TailRatioRule tail{.quantile = 0.99, .max_ratio = 1.5};
  const auto add = [&](const char* name, double share, double slowdown, double slow_calls, double bound) {
    AddCell(target, {.name = name,
                     .test = tail,
                     .traffic = {.share = share,
                                 .calls_per_tick = 20,
                                 .latency_ms = 1,
                                 .candidate_slowdown = slowdown,
                                 .candidate_slow_calls = slow_calls},
                     .bound = bound,
                     .most = 2.5});
  };
  // The bounds of the design's table: Wald's, at the best edge.
  add("tail p99 x2, share 0.5", 0.5, 2, 0, 1570);
  add("tail p99 x3, share 0.5", 0.5, 3, 0, 731);
  add("tail 5 % of calls x10, share 0.5", 0.5, 1, 0.05, 688);
  add("tail p99 x2, share 0.1", 0.1, 2, 0, 394);
  add("tail p99 x3, share 0.1", 0.1, 3, 0, 84);
  add("tail 5 % of calls x10, share 0.1", 0.1, 1, 0.05, 188);
  // As in production: 1,000 calls a second of 50 ms, so that some fifteen candidate calls are in flight at any time.
  AddCell(target, {.name = "tail p99 x3, share 0.3, 50 ms in flight",
                   .test = tail,
                   .traffic = {.share = 0.3, .calls_per_tick = 100, .latency_ms = 50, .candidate_slowdown = 3},
                   .bound = 314,
                   .most = 2.5});
  return target;
}

}  // namespace weir::stats
