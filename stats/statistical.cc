// Measures what the guardrails promise: false alarms at the exact null, and delay against the least that any method
// needs.
//   bazel run -c opt //stats:statistical -- --streams=2000 --seed=1 --alpha=0.01
// Prints a table while it runs, then the same as one JSON document on the last line.

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "stats/detection_bound.h"
#include "stats/guardrails.h"
#include "stats/traffic_simulation.h"

namespace weir::stats {
namespace {

struct Arguments {
  int streams = 2000;
  uint64_t seed = 1;
  double alpha = 0.01;
  std::string only;  // A part of a cell's name.
};

// A ledger gives the run's test half of its alpha: with twice the alpha that test has the threshold 1/alpha.
std::vector<GuardrailSpec> OneGuardrail(const GuardrailTest& test, double alpha) { return {{test, 2 * alpha}}; }

Evidence EvidenceOf(const TrafficSimulation& simulation) {
  Evidence evidence;
  uint32_t number = 0;
  for (const TrafficSimulation::Epoch& epoch : simulation.epochs()) {
    evidence.epochs.push_back({number++, &epoch.baseline, &epoch.candidate});
  }
  return evidence;
}

// The upper 95 % limit of a proportion (Wilson's score with continuity left out).
double UpperLimit(int hits, int n) {
  const double z = 1.645, p = static_cast<double>(hits) / n;
  return (p + z * z / (2 * n) + z * std::sqrt(p * (1 - p) / n + z * z / (4.0 * n * n))) / (1 + z * z / n);
}

struct NullCell {
  std::string name;
  GuardrailTest test;
  Traffic traffic;
  int ticks = 200;
  int new_epoch_every = 0;
};

std::vector<NullCell> NullCells() {
  const ErrorRatioRule errors{.max_ratio = 1};
  const TailRatioRule tail{.quantile = 0.99, .max_ratio = 1.5};
  std::vector<NullCell> cells;
  for (const double share : {0.5, 0.1, 0.01}) {
    Traffic independent{.share = share};
    cells.push_back({absl::StrCat("errors, independent, share ", share), errors, independent});
    for (const double zipf : {1.0, 1.1}) {
      Traffic sticky{.share = share, .users = 2000, .zipf = zipf};
      cells.push_back({absl::StrCat("errors, sticky Zipf ", zipf, ", share ", share), errors, sticky});
      sticky.users_fail_unequally = true;
      cells.push_back({absl::StrCat("errors, sticky unequal Zipf ", zipf, ", share ", share), errors, sticky});
    }
  }
  const Traffic disturbed{.share = 0.3,
                          .users = 2000,
                          .users_fail_unequally = true,
                          .latency_ms = 60,
                          .cancel_rate = 1,
                          .slower_from_tick = 100};
  cells.push_back({"errors, in flight, cancels, both slow down", errors, disturbed});
  cells.push_back({"errors, an epoch every 40 ticks, both slow down", errors, disturbed, 200, 40});
  cells.push_back({"error ceiling at the rate", ErrorCeilingRule{.max = 0.01}, Traffic{}});
  for (const auto& [shape, name] :
       {std::pair(LatencyShape::kLognormal, "lognormal"), std::pair(LatencyShape::kPareto, "Pareto"),
        std::pair(LatencyShape::kBimodal, "bimodal")}) {
    for (const double share : {0.5, 0.1}) {
      cells.push_back({absl::StrCat("tail, ", name, ", share ", share), tail,
                       Traffic{.share = share, .shape = shape, .candidate_slowdown = 1.5}});
    }
  }
  Traffic slower = disturbed;
  slower.candidate_slowdown = 1.5;
  cells.push_back({"tail, in flight, cancels, both slow down", tail, slower});
  cells.push_back({"tail, the same, an epoch every 40 ticks", tail, slower, 200, 40});
  slower.candidate_slowdown = 1;
  slower.cancel_rate = 0;
  cells.push_back({"tail c=1, in flight, both slow down", TailRatioRule{.quantile = 0.99, .max_ratio = 1}, slower});
  return cells;
}

bool RaisesFalseAlarm(const NullCell& cell, double alpha, uint64_t seed) {
  TrafficSimulation simulation(cell.traffic, seed);
  GuardrailLedger ledger(OneGuardrail(cell.test, alpha));
  for (int tick = 0; tick < cell.ticks; ++tick) {
    if (cell.new_epoch_every > 0 && tick > 0 && tick % cell.new_epoch_every == 0) simulation.BeginEpoch();
    simulation.Step();
    if (ledger.Judge(EvidenceOf(simulation), simulation.now())[0].breached) return true;
  }
  return false;
}

std::string MeasureNull(const NullCell& cell, const Arguments& arguments) {
  int alarms = 0;
  for (int stream = 0; stream < arguments.streams; ++stream) {
    alarms += RaisesFalseAlarm(cell, arguments.alpha, arguments.seed + static_cast<uint64_t>(stream));
  }
  const double upper = UpperLimit(alarms, arguments.streams);
  // With several epochs the restarted tests have their own alpha beside the run's.
  const double alpha = arguments.alpha * (cell.new_epoch_every > 0 ? 2 : 1);
  absl::PrintF("%-48s %5d of %d = %.4f, 95 %% limit %.4f = %.2f alpha\n", cell.name, alarms, arguments.streams,
               static_cast<double>(alarms) / arguments.streams, upper, upper / alpha);
  std::fflush(stdout);
  return absl::StrFormat(R"({"cell":"%s","streams":%d,"alarms":%d,"upper":%.5f,"alpha":%g})", cell.name,
                         arguments.streams, alarms, upper, alpha);
}

struct DelayCell {
  std::string name;
  GuardrailTest test;
  Traffic traffic;
  double bound;   // Candidate requests.
  double target;  // Times the bound.
};

std::vector<DelayCell> DelayCells() {
  std::vector<DelayCell> cells;
  for (const double ratio : {1.0, 2.0}) {
    for (const double error : {0.05, 0.2}) {
      for (const double share : {0.5, 0.1, 0.01}) {
        const double bound =
            LeastDelayOfErrorRatio(
                {.baseline_error = 0.01, .candidate_error = error, .share = share, .max_ratio = ratio, .alpha = 0.001})
                .candidate_requests;
        cells.push_back({absl::StrFormat("errors r=%g, 1 %% to %g %%, share %g", ratio, 100 * error, share),
                         ErrorRatioRule{ratio},
                         Traffic{.share = share,
                                 .calls_per_tick = std::max(10.0, 0.5 / share),
                                 .candidate_error = error,
                                 .latency_ms = 1},
                         bound, 1.5});
      }
    }
  }
  // The bounds of the design's table: Wald's, at the best edge.
  const TailRatioRule tail{.quantile = 0.99, .max_ratio = 1.5};
  const auto slow = [&](double share, double slowdown, double slow_calls) {
    return Traffic{.share = share,
                   .calls_per_tick = 20,
                   .latency_ms = 1,
                   .candidate_slowdown = slowdown,
                   .candidate_slow_calls = slow_calls};
  };
  cells.push_back({"tail p99 x2, share 0.5", tail, slow(0.5, 2, 0), 1570, 2.5});
  cells.push_back({"tail p99 x3, share 0.5", tail, slow(0.5, 3, 0), 731, 2.5});
  cells.push_back({"tail 5 % of calls x10, share 0.5", tail, slow(0.5, 1, 0.05), 688, 2.5});
  cells.push_back({"tail p99 x2, share 0.1", tail, slow(0.1, 2, 0), 394, 2.5});
  cells.push_back({"tail p99 x3, share 0.1", tail, slow(0.1, 3, 0), 84, 2.5});
  cells.push_back({"tail 5 % of calls x10, share 0.1", tail, slow(0.1, 1, 0.05), 188, 2.5});
  // As in production: 1,000 calls a second of 50 ms, so that some fifteen candidate calls are in flight at any time.
  cells.push_back({"tail p99 x3, share 0.3, 50 ms in flight", tail,
                   Traffic{.share = 0.3, .calls_per_tick = 100, .latency_ms = 50, .candidate_slowdown = 3}, 314, 2.5});
  return cells;
}

// Candidate requests that had started when the breach was proven; latencies of about 1 ms leave hardly any in flight.
double DelayOf(const DelayCell& cell, uint64_t seed) {
  constexpr int kAtMostTicks = 20'000;
  TrafficSimulation simulation(cell.traffic, seed);
  GuardrailLedger ledger(OneGuardrail(cell.test, 0.001));
  for (int tick = 0; tick < kAtMostTicks; ++tick) {
    simulation.Step();
    // A tick later, when the newest cohort is old enough to be looked at: requests are measured here, not time.
    if (ledger.Judge(EvidenceOf(simulation), simulation.now() + kTick)[0].breached) break;
  }
  return static_cast<double>(simulation.candidate().started());
}

std::string MeasureDelay(const DelayCell& cell, const Arguments& arguments) {
  const int streams = std::min(arguments.streams, 400);
  double sum = 0;
  for (int stream = 0; stream < streams; ++stream) sum += DelayOf(cell, arguments.seed + static_cast<uint64_t>(stream));
  const double mean = sum / streams;
  absl::PrintF("%-48s mean %7.1f candidate requests, bound %7.1f: x%.2f (target %.1f)\n", cell.name, mean, cell.bound,
               mean / cell.bound, cell.target);
  std::fflush(stdout);
  return absl::StrFormat(R"({"cell":"%s","streams":%d,"mean":%.1f,"bound":%.1f,"target":%.1f})", cell.name, streams,
                         mean, cell.bound, cell.target);
}

Arguments ParseArguments(int argc, char** argv) {
  Arguments arguments;
  const auto value_of = [](const char* argument, const char* name) {
    const size_t length = std::strlen(name);
    return std::strncmp(argument, name, length) == 0 ? argument + length : nullptr;
  };
  for (int i = 1; i < argc; ++i) {
    if (const char* streams = value_of(argv[i], "--streams=")) {
      arguments.streams = std::max(1, std::atoi(streams));
    } else if (const char* seed = value_of(argv[i], "--seed=")) {
      arguments.seed = std::strtoull(seed, nullptr, 10);
    } else if (const char* alpha = value_of(argv[i], "--alpha=")) {
      arguments.alpha = std::atof(alpha);
    } else if (const char* only = value_of(argv[i], "--only=")) {
      arguments.only = only;
    } else {
      absl::FPrintF(stderr, "unknown argument %s; known: --streams= --seed= --alpha= --only=\n", argv[i]);
      std::exit(2);
    }
  }
  return arguments;
}

void Run(const Arguments& arguments) {
  std::vector<std::string> nulls, delays;
  absl::PrintF("False alarms at the exact null, alpha %g, seed %d:\n", arguments.alpha, arguments.seed);
  for (const NullCell& cell : NullCells()) {
    if (cell.name.find(arguments.only) != std::string::npos) nulls.push_back(MeasureNull(cell, arguments));
  }
  absl::PrintF("Delay at alpha 0.001:\n");
  for (const DelayCell& cell : DelayCells()) {
    if (cell.name.find(arguments.only) != std::string::npos) delays.push_back(MeasureDelay(cell, arguments));
  }
  absl::PrintF(R"({"seed":%d,"alpha":%g,"null":[%s],"delay":[%s]})", arguments.seed, arguments.alpha,
               absl::StrJoin(nulls, ","), absl::StrJoin(delays, ","));
  absl::PrintF("\n");
}

}  // namespace
}  // namespace weir::stats

int main(int argc, char** argv) {
  weir::stats::Run(weir::stats::ParseArguments(argc, argv));
  return 0;
}
