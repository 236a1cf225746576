// Target 2: false alarms at the exact null, with a look after every tick.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "stats/statistical/judged_traffic.h"
#include "stats/statistical/measurement.h"

namespace weir::stats {
namespace {

constexpr double kIndependent = 1.5, kSticky = 3;  // Times alpha, at most.

struct Null {
  std::string name;
  GuardrailTest test;
  Traffic traffic;
  double most_alphas;
  int ticks = 200;
  int new_epoch_every = 0;
};

std::vector<Null> ErrorNulls() {
  const ErrorRatioRule errors{.max_ratio = 1};
  std::vector<Null> nulls;
  for (const double share : {0.5, 0.1, 0.01}) {
    Traffic independent{.share = share};
    nulls.push_back({absl::StrCat("errors, independent, share ", share), errors, independent, kIndependent});
    for (const double zipf : {1.0, 1.1}) {
      Traffic sticky{.share = share, .users = 2000, .zipf = zipf};
      nulls.push_back({absl::StrCat("errors, sticky Zipf ", zipf, ", share ", share), errors, sticky, kSticky});
      sticky.users_fail_unequally = true;
      nulls.push_back({absl::StrCat("errors, sticky unequal Zipf ", zipf, ", share ", share), errors, sticky, kSticky});
    }
  }
  nulls.push_back({"errors, ceiling at the rate", ErrorCeilingRule{.max = 0.01}, Traffic{}, kIndependent});
  return nulls;
}

std::vector<Null> TailNulls() {
  std::vector<Null> nulls;
  for (const auto& [shape, name] :
       {std::pair(LatencyShape::kLognormal, "lognormal"), std::pair(LatencyShape::kPareto, "Pareto"),
        std::pair(LatencyShape::kBimodal, "bimodal")}) {
    for (const double share : {0.5, 0.1}) {
      nulls.push_back({absl::StrCat("tail, ", name, ", share ", share),
                       TailRatioRule{.quantile = 0.99, .max_ratio = 1.5},
                       Traffic{.share = share, .shape = shape, .candidate_slowdown = 1.5}, kIndependent});
    }
  }
  return nulls;
}

std::vector<Null> DisturbedNulls() {
  const ErrorRatioRule errors{.max_ratio = 1};
  const TailRatioRule tail{.quantile = 0.99, .max_ratio = 1.5};
  const Traffic disturbed{.share = 0.3,
                          .users = 2000,
                          .users_fail_unequally = true,
                          .latency_ms = 60,
                          .cancel_rate = 1,
                          .slower_from_tick = 100};
  Traffic slower = disturbed;
  slower.candidate_slowdown = 1.5;
  Traffic patient = disturbed;
  patient.cancel_rate = 0;
  return {{"errors, in flight, cancels, both slow down", errors, disturbed, kSticky},
          {"errors, an epoch every 40 ticks, both slow down", errors, disturbed, kSticky, 200, 40},
          {"tail, in flight, cancels, both slow down", tail, slower, kSticky},
          {"tail, the same, an epoch every 40 ticks", tail, slower, kSticky, 200, 40},
          {"tail c=1, in flight, both slow down", TailRatioRule{.quantile = 0.99, .max_ratio = 1}, patient, kSticky}};
}

bool RaisesFalseAlarm(const Null& null, double alpha, uint64_t seed) {
  TrafficSimulation simulation(null.traffic, seed);
  GuardrailLedger ledger(OneGuardrail(null.test, alpha));
  for (int tick = 0; tick < null.ticks; ++tick) {
    if (null.new_epoch_every > 0 && tick > 0 && tick % null.new_epoch_every == 0) simulation.BeginEpoch();
    simulation.Step();
    if (ledger.Judge(EvidenceOf(simulation), simulation.now())[0].breached) return true;
  }
  return false;
}

Measurement Measure(const Null& null, const Settings& settings) {
  const std::vector<double> alarms = OverStreams(settings, settings.streams, [&](uint64_t seed) {
    return RaisesFalseAlarm(null, settings.alpha, seed) ? 1.0 : 0;
  });
  double hits = 0;
  for (const double alarm : alarms) hits += alarm;
  // With several epochs the restarted tests have their own alpha beside the run's.
  const double alpha = settings.alpha * (null.new_epoch_every > 0 ? 2 : 1), n = settings.streams;
  Measurement result{.value = hits / n / alpha,
                     .low = LowerLimit(hits, n) / alpha,
                     .high = UpperLimit(hits, n) / alpha,
                     .most = null.most_alphas};
  result.judged = result.high;
  result.note = absl::StrFormat("%g of %g runs, alpha %g", hits, n, alpha);
  return result;
}

}  // namespace

Target FalseAlarms() {
  Target target{.number = 2,
                .title = "False alarms at the exact null",
                .axis = "false alarms / alpha, with 95 % limits",
                .text =
                    "Two models that differ by exactly as much as the guardrail allows, looked at after every tick "
                    "of 100 ms. The upper limit may be 1.5 alpha for independent calls, and 3 alpha for sticky "
                    "users whose error rates and traffic are unequal.",
                .is_logarithmic = false,
                .cells = {}};
  for (const auto& nulls : {ErrorNulls(), TailNulls(), DisturbedNulls()}) {
    for (const Null& null : nulls) {
      target.cells.push_back({null.name, [null](const Settings& settings) { return Measure(null, settings); }});
    }
  }
  return target;
}

}  // namespace weir::stats
