// What a scrape of /metrics shows, as one value that the control thread publishes every tick. Totals since the process
// began: Prometheus wants counters that only grow.

#ifndef WEIR_STATS_METRICS_SNAPSHOT_H_
#define WEIR_STATS_METRICS_SNAPSHOT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "stats/counts.h"

namespace weir::stats {

struct ModelMetrics {
  std::string experiment;  // "none" outside one.
  std::string model;
  ServedCounts served;
  std::optional<double> traffic_fraction;  // The share in force, 0 to 1; absent outside of experiments.
  std::optional<double> accuracy;          // Fraction; absent below 30 outcomes of the present run.
  std::optional<double> business_impact;   // Net value over the default; absent without decision weights or data.
  int64_t outcomes_counted = 0;
  int64_t healthy_endpoints = 0;  // Summed over workers and divided by them, rounded down.
  int64_t configured_endpoints = 0;
};

struct MirrorMetrics {
  std::string experiment;
  std::string model;
  ServedCounts served;
};

struct GuardrailMetrics {
  std::string experiment;
  std::string guardrail;
  std::string variant;
  double log10_evidence = 0;
  double log10_threshold = 0;
  bool breached = false;
  std::optional<double> detector_log10_statistic{};  // Of error rates.
  int64_t detector_alarms = 0;                       // In this run.
};

struct TrendMetrics {
  std::string experiment;
  std::string trend;
  std::string variant;
  double statistic = 0;
  double limit = 0;
  int64_t alarms = 0;  // In this run.
};

// Of a variant in a rollout that chooses its shares itself.
struct AllocationMetrics {
  std::string experiment;
  std::string variant;
  std::optional<double> probability_best;  // Of a bandit, once it has enough outcomes.
  std::optional<double> harm_bound;        // Of a risk schedule's candidate, 0 to 1.
};

struct ExperimentMetrics {
  std::string experiment;
  std::string phase;  // weir.v1.Phase in lower case: "running", "rolled_back", ...
  uint32_t run = 0;
  uint32_t epoch = 0;
  std::map<std::string, int64_t> outcomes_refused;  // By cause: "repeated", "expired", "unknown_run", "unknown_metric".
  std::string verdict{};                            // "success", "failed", "inconclusive", "undecided"; empty: none.
  std::optional<double> sample_ratio_log10_bayes_factor{};
};

// A metric that another system answers.
struct QueryMetrics {
  std::string experiment;
  std::string metric;
  std::optional<double> value{};  // The last; absent before the first.
  double age_seconds = 0;         // Of the value.
  int64_t answers = 0;
  int64_t failures = 0;
};

// Who hears of what happens.
struct NotifyMetrics {
  std::string target;  // Its kind and origin; each once.
  int64_t queued = 0;  // Now.
  int64_t sent = 0;
  int64_t failed = 0;  // Attempts.
  int64_t dropped = 0;
};

struct ControlCounts {
  int64_t reloads_accepted = 0;
  int64_t reloads_refused = 0;
  bool configuration_valid = true;  // The files as they are now were taken up.
  bool restart_needed = false;      // Of what was taken up, something is in force only after a restart.
  int64_t rollbacks = 0;
  int64_t assignments_logged = 0;  // Lines of the assignment log: written, and dropped under pressure or by the disk.
  int64_t assignments_dropped = 0;
  int64_t unjournalled = 0;  // Rows that the store has not taken yet (a gauge).
  int64_t journal_failures = 0;
  std::string journal_head;  // The hash chain's head, hex: exported as a label of weir_journal_head_info.
};

struct MetricsSnapshot {
  std::vector<ModelMetrics> models;
  std::vector<MirrorMetrics> mirrors;
  std::vector<GuardrailMetrics> guardrails;
  std::vector<TrendMetrics> trends;
  std::vector<ExperimentMetrics> experiments;
  std::vector<AllocationMetrics> allocations;
  std::vector<QueryMetrics> queries;
  std::vector<NotifyMetrics> notify;
  ProxyCounts proxy;
  ControlCounts control;
  int64_t connections = 0;
  int64_t calls_in_flight = 0;
  bool ready = false;
};

}  // namespace weir::stats

#endif  // WEIR_STATS_METRICS_SNAPSHOT_H_
