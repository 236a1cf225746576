// Two variants under simulated traffic, as their counts show it tick by tick: sticky users of unequal weight and
// unequal error rates, calls in flight, cancels, and slow-downs of both. For the statistical tests; time and chance are
// arguments.

#ifndef WEIR_STATS_TRAFFIC_SIMULATION_H_
#define WEIR_STATS_TRAFFIC_SIMULATION_H_

#include <cstdint>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "stats/counts.h"

namespace weir::stats {

enum class LatencyShape { kLognormal, kPareto, kBimodal };

struct Traffic {
  double share = 0.5;          // The candidate's.
  double calls_per_tick = 50;  // Mean; Poisson.
  int users = 0;               // Sticky, with Zipf weights; 0: each call has its own.
  double zipf = 1.05;
  bool users_fail_unequally = false;  // Their error rates differ by a lognormal factor of sigma 1.
  double baseline_error = 0.01, candidate_error = 0.01;
  LatencyShape shape = LatencyShape::kLognormal;
  double latency_ms = 20;           // The median, about.
  double candidate_slowdown = 1;    // Times the baseline's latency.
  double candidate_slow_calls = 0;  // The fraction of the candidate's calls that take ten times as long.
  double cancel_rate = 0;           // Per second of waiting: clients that give up.
  int slower_from_tick = -1;        // Both variants from here on, by `slower`.
  double slower = 3;
};

class TrafficSimulation {
 public:
  TrafficSimulation(const Traffic& traffic, uint64_t seed);

  // The calls of one tick start; what ends within it is counted. The counts are those at the end of the tick.
  void Step();
  // Changes the traffic from the next tick on; users and their variants stay unless the share changes.
  void Change(const Traffic& traffic);
  // Counts that follow go to a new epoch's counts; calls in flight stay with theirs.
  void BeginEpoch();

  struct Epoch {
    VariantCounts baseline, candidate;
  };
  const std::vector<Epoch>& epochs() const { return epochs_; }
  const VariantCounts& baseline() const { return epochs_.back().baseline; }
  const VariantCounts& candidate() const { return epochs_.back().candidate; }
  absl::Time now() const { return StartOf(tick_); }

 private:
  struct User {
    bool is_candidate = false;
    uint8_t bucket = 0;
    double error_factor = 1;
  };
  struct Ending {
    size_t epoch = 0;
    bool is_candidate = false;
    CallEnd end;
  };

  double Uniform() { return uniform_(rng_); }
  void AssignUsers();
  User NextUser();
  double LatencyMs(bool is_candidate);
  void StartCall();

  Traffic traffic_;
  std::mt19937_64 rng_;
  std::uniform_real_distribution<double> uniform_;
  std::normal_distribution<double> normal_;
  std::vector<User> users_;
  std::vector<double> user_draws_;  // Each user's variant is the candidate where her draw is below the share.
  std::vector<double> cumulative_;
  std::vector<Epoch> epochs_{1};
  std::map<Tick, std::vector<Ending>> endings_;
  Tick tick_ = 17'000'000'000;
  Tick first_tick_ = tick_;
};

}  // namespace weir::stats

#endif  // WEIR_STATS_TRAFFIC_SIMULATION_H_
