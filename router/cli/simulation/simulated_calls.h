// Seeded users, and what their calls come to: the traffic of a simulated run, drawn a batch at a time.

#ifndef WEIR_ROUTER_CLI_SIMULATION_SIMULATED_CALLS_H_
#define WEIR_ROUTER_CLI_SIMULATION_SIMULATED_CALLS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "router/cli/metric_baseline.h"
#include "router/cli/simulation/fault.h"
#include "router/experiment/split.h"
#include "router/routing/assignment.h"
#include "stats/counts.h"
#include "stats/outcomes.h"

namespace weir::cli {

struct SimulatedTraffic {
  double calls_per_second = 50;
  int users = 2000;
  double zipf = 1.05;
  double error_rate = 0.01;                       // Of every variant, without a fault.
  double latency_ms = 20;                         // The median; lognormal.
  double latency_deviation = 0.5;                 // Of its logarithm.
  MetricBaselines outcomes{};                     // Of every variant, without a fault; one that is missing has none.
  double reported = 1;                            // The part of calls whose outcome is reported.
  absl::Duration longest_pause = absl::Hours(1);  // Pauses of the specification are cut to this.
  absl::Duration duration = absl::Hours(1);       // Of an experiment without a rollout.
};

// One variant's calls of a batch.
struct CallBatch {
  stats::VariantCounts counts;
  std::vector<stats::OutcomeCounts> outcomes;  // In the order of SimulatedCalls::metrics.
};

// The same seed gives the same calls.
class SimulatedCalls {
 public:
  // Only those outcomes are drawn that something in the specification reads.
  SimulatedCalls(const config::Experiment& experiment, const SimulatedTraffic& traffic, uint64_t seed);

  // Users go where the proxy's own rule sends them.
  void Assign(const experiment::Split& split);
  // To the candidates, from now on.
  void Apply(const Fault& fault);
  // What came in `length` from the start of `tick` on, by the variants of the split: all of it began in that tick, and
  // has ended. Valid until the next call.
  const std::vector<CallBatch>& Draw(stats::Tick tick, absl::Duration length);
  // What came of a preview in that time.
  stats::VariantCounts DrawPreviews(stats::Tick tick, absl::Duration length);

  const std::vector<std::string>& metrics() const { return metrics_; }

 private:
  static constexpr int kUserBits = 14, kLatencyBits = 12, kErrorBits = 64 - kUserBits - kLatencyBits;

  struct User {
    routing::UserHash hash;
    uint16_t variant = 0;
    uint8_t bucket = 0;
  };
  struct Outcome {
    MetricBaseline baseline;
    double shift = 0;  // Of the candidates.
  };
  // How calls go, of the default or of the candidates.
  struct Quality {
    uint64_t errors = 0;  // Of 2^kErrorBits.
    std::array<absl::Duration, size_t{1} << kLatencyBits> latencies;
  };

  void DrawUsers(const std::string& salt);
  void SetErrors(Quality& quality, double rate);
  void SetLatencies(Quality& quality, double slowdown);
  double DrawOutcome(const Outcome& outcome, bool is_candidate);

  const SimulatedTraffic traffic_;
  std::mt19937_64 rng_;
  std::normal_distribution<double> normal_;
  std::vector<User> users_;
  std::array<uint32_t, size_t{1} << kUserBits> draws_;  // Users, each as often as she calls.
  Quality default_, candidates_;
  std::vector<std::string> metrics_;
  std::vector<Outcome> outcomes_;  // Of metrics_.
  size_t default_variant_ = 0;
  std::vector<CallBatch> batch_;
};

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_SIMULATION_SIMULATED_CALLS_H_
