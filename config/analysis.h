// How an experiment is judged as a whole: `spec.decision`, `spec.trends`, and the `analysis` of a rollout's steps. What
// follows from them is router/experiment/decision.h's.

#ifndef WEIR_CONFIG_ANALYSIS_H_
#define WEIR_CONFIG_ANALYSIS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/condition.h"
#include "config/url.h"

namespace weir::config {

// A part of the overall evaluation criterion: the relative change of an outcome metric, times its weight.
struct CriterionPart {
  std::string metric;
  double weight = 0;
  bool operator==(const CriterionPart&) const = default;
};

// `spec.decision`, beside the weights of the net business value.
struct DecisionRules {
  double alpha = 0.05;                     // Over all primaries and candidates together (Holm).
  double planned_users = 5000;             // N* of the confidence sequences.
  std::vector<CriterionPart> criterion{};  // Empty: none.
  double sample_ratio_alpha = 0.001;       // Below it the split is not the one asked for: nothing is concluded.
  double max_data_loss = 0.05;             // Of a variant's calls that never ended, or were lost with a crash.
  double negligible_error_rate = 0.001;    // A candidate's error rate below it is not worse, whatever the default's.
  absl::Duration min_duration{};           // Of the rollout, before anything but a failure is concluded.
  bool needs_whole_weeks = false;          // Success only after a full week of the step's own data.
  bool operator==(const DecisionRules&) const = default;
};

// What must be shown before a step is left, beside its pause. Looked at from the step's beginning; a failure acts at
// once, success only when the pause is over.
struct Analysis {
  bool needs_non_inferiority =
      true;                      // Of every guardrail that compares with the default, each at DecisionRules::alpha.
  bool needs_primaries = false;  // Every primary metric is better than the default's.
  bool needs_value = false;      // The net business value, or the criterion, is at least RECOMMEND.
  std::optional<Condition> success{};
  std::optional<Condition> failure{};
  absl::Duration timeout = absl::InfiniteDuration();  // Since the step was entered; no verdict by then: inconclusive.
  bool operator==(const Analysis&) const = default;
};

// A number that the proxy cannot see, asked of a Prometheus server: a metric with `source: prometheus`.
struct QueryMetric {
  std::string name;                             // As conditions call it.
  HttpUrl server{};                             // Its path is a prefix of the API's, without a "/" at its end.
  std::string ca_file{};                        // Of an https server: the certificates to trust; empty: the system's.
  std::string query{};                          // PromQL that gives one number.
  absl::Duration interval = absl::Seconds(15);  // Between two questions.
  absl::Duration timeout = absl::Seconds(5);    // Of a question.
  absl::Duration max_age = absl::Minutes(2);    // An older answer is not believed.
  bool operator==(const QueryMetric&) const = default;
};

// A limit on how a metric of a candidate moves, by windows of ten seconds: `spec.trends`. It warns, and promises no
// bound on its false alarms.
enum class TrendMethod { kEwma, kCusum, kThreeSigma, kPageHinkley };
struct TrendLimit {
  std::string name;
  std::string metric;  // "error_rate", "latency_p95", "latency_p99", or an outcome's name.
  TrendMethod method = TrendMethod::kEwma;
  bool operator==(const TrendLimit&) const = default;
};

// When a guardrail is judged at all: `when: {minRate: 1000/s, for: 5m}`.
struct RateGate {
  double min_rate_per_second = 0;  // Of all the experiment's calls.
  absl::Duration held_for{};       // That the rate must have held.
  bool operator==(const RateGate&) const = default;
};

}  // namespace weir::config

#endif  // WEIR_CONFIG_ANALYSIS_H_
