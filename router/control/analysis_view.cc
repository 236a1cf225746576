#include "router/control/analysis_view.h"

#include <cmath>
#include <string>

#include "router/experiment/decision_record.h"
#include "router/experiment/proto_time.h"

namespace weir::control {
namespace {

// Before the first call there is no evidence of a rise, which is log10 of 0.
double Finite(double log10_statistic) { return std::isfinite(log10_statistic) ? log10_statistic : 0; }

}  // namespace

const char* NameOf(config::GuardrailAction action) {
  constexpr const char* kNames[] = {"rollback", "pause", "warn"};
  return kNames[static_cast<size_t>(action)];
}

void ShowAnalysis(const experiment::Analyst& analyst, v1::ExperimentStatus& status) {
  if (const std::optional<experiment::Decision>& decision = analyst.decision()) {
    v1::AnalysisStatus& analysis = *status.mutable_analysis();
    analysis.set_verdict(experiment::NameOf(decision->verdict));
    analysis.set_label(decision->label);
    analysis.set_point_label(decision->point_label);
    analysis.set_why(decision->why);
    for (const experiment::Finding& finding : decision->findings) {
      *analysis.add_findings() = experiment::RecordOf(finding);
    }
    *analysis.mutable_at() = experiment::TimestampOf(decision->at);
    analysis.set_decides(analyst.decides());
  }
  for (const experiment::TrendReading& reading : analyst.trends()) {
    v1::TrendStatus& trend = *status.add_trends();
    trend.set_name(reading.name);
    trend.set_variant(reading.candidate);
    trend.set_metric(reading.metric);
    trend.set_method(experiment::NameOf(reading.method));
    trend.set_alarms(reading.alarms.count);
    if (reading.alarms.last) *trend.mutable_alarmed_at() = experiment::TimestampOf(*reading.alarms.last);
    trend.set_statistic(reading.statistic);
    trend.set_limit(reading.limit);
    trend.set_note(reading.note);
  }
  for (const experiment::Detection& detection : analyst.detections()) {
    for (v1::GuardrailStatus& guardrail : *status.mutable_guardrails()) {
      if (guardrail.name() != detection.guardrail || guardrail.variant() != detection.candidate) continue;
      guardrail.set_detector_log10_statistic(Finite(detection.log10_statistic));
      guardrail.set_detector_log10_threshold(detection.log10_threshold);
      guardrail.set_detector_alarms(detection.alarms.count);
      if (detection.alarms.last) {
        *guardrail.mutable_detector_alarmed_at() = experiment::TimestampOf(*detection.alarms.last);
      }
    }
  }
}

void MeasureAnalysis(const experiment::Analyst& analyst, stats::ExperimentMetrics& of,
                     stats::MetricsSnapshot& metrics) {
  if (analyst.decision()) of.verdict = experiment::NameOf(analyst.decision()->verdict);
  of.sample_ratio_log10_bayes_factor = analyst.sample_ratio_log10_bayes_factor();
  for (const experiment::TrendReading& reading : analyst.trends()) {
    metrics.trends.push_back({.experiment = of.experiment,
                              .trend = reading.name,
                              .variant = reading.candidate,
                              .statistic = reading.statistic,
                              .limit = reading.limit,
                              .alarms = reading.alarms.count});
  }
  for (const experiment::Detection& detection : analyst.detections()) {
    for (stats::GuardrailMetrics& guardrail : metrics.guardrails) {
      if (guardrail.experiment != of.experiment || guardrail.guardrail != detection.guardrail ||
          guardrail.variant != detection.candidate) {
        continue;
      }
      guardrail.detector_log10_statistic = Finite(detection.log10_statistic);
      guardrail.detector_alarms = detection.alarms.count;
    }
  }
}

}  // namespace weir::control
