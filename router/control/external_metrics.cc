#include "router/control/external_metrics.h"

#include <utility>

#include "router/experiment/proto_time.h"

namespace weir::control {

void ExternalMetrics::Follow(const std::vector<config::QueryMetric>& queries) {
  std::map<std::string, Asked> before = std::exchange(asked_, {});
  for (const config::QueryMetric& query : queries) {
    Asked& asked = asked_[query.name];
    if (auto same = before.extract(query.name)) asked = std::move(same.mapped());
    asked.query = query;
  }
}

bool ExternalMetrics::Take(const std::string& metric, const absl::Status& result, absl::Time now) {
  const auto found = asked_.find(metric);
  if (found == asked_.end()) return false;
  Asked& asked = found->second;
  const bool was_answered = asked.error.empty();
  asked.error = std::string(result.message());
  if (result.ok()) {
    ++asked.answers;
  } else {
    ++asked.failures;
    asked.error_at = now;
  }
  return result.ok() != was_answered;
}

void ExternalMetrics::Show(const std::string& experiment, const experiment::ExternalValues& values, absl::Time now,
                           v1::ExperimentStatus& status, std::vector<stats::QueryMetrics>& metrics) const {
  for (const auto& [name, asked] : asked_) {
    v1::ExternalMetricStatus& shown = *status.add_external_metrics();
    stats::QueryMetrics exported{
        .experiment = experiment, .metric = name, .answers = asked.answers, .failures = asked.failures};
    shown.set_name(name);
    if (const auto known = values.find(name); known != values.end()) {
      const absl::Duration age = now - known->second.at;
      exported.value = known->second.value;
      exported.age_seconds = absl::ToDoubleSeconds(age);
      shown.set_value(known->second.value);
      *shown.mutable_age() = experiment::DurationOf(age);
      shown.set_believed(age <= asked.query.max_age);
    }
    shown.set_error(asked.error);
    if (!asked.error.empty()) *shown.mutable_error_age() = experiment::DurationOf(now - asked.error_at);
    shown.set_answers(asked.answers);
    shown.set_failures(asked.failures);
    metrics.push_back(std::move(exported));
  }
}

}  // namespace weir::control
