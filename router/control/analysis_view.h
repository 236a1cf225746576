// The analysis of the whole as the admin interface and the metrics want it.

#ifndef WEIR_ROUTER_CONTROL_ANALYSIS_VIEW_H_
#define WEIR_ROUTER_CONTROL_ANALYSIS_VIEW_H_

#include "proto/weir/v1/admin.pb.h"
#include "router/experiment/analyst.h"
#include "stats/metrics_snapshot.h"

namespace weir::control {

// The decision, the trends, and what detectors say beside the guardrails that `status` shows already.
void ShowAnalysis(const experiment::Analyst& analyst, v1::ExperimentStatus& status);
// The same, beside the guardrails and into the metrics of the experiment of `of`, which are there already.
void MeasureAnalysis(const experiment::Analyst& analyst, stats::ExperimentMetrics& of, stats::MetricsSnapshot& metrics);

// "rollback", "pause", "warn"
const char* NameOf(config::GuardrailAction action);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_ANALYSIS_VIEW_H_
