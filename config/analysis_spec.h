// `spec.decision`, `spec.trends`, and `analysis` of a rollout's steps.

#ifndef WEIR_CONFIG_ANALYSIS_SPEC_H_
#define WEIR_CONFIG_ANALYSIS_SPEC_H_

#include <optional>
#include <vector>

#include "config/condition_names.h"
#include "config/config.h"
#include "config/field.h"

namespace weir::config {

// Fills `decision`, where a weight is named, and `decision_rules`. The experiment's metrics are read.
void ReadDecision(const Field& field, Experiment& experiment);

std::vector<TrendLimit> ReadTrends(const Field& field, const std::vector<OutcomeMetric>& metrics);

// `gives_share`: the step gives candidates some, so that something can be compared.
Analysis ReadAnalysis(const Field& field, bool gives_share);

// What only the whole experiment tells of the analyses of its rollout, and of guardrails that pause it. `spec` is the
// experiment's.
void CheckAnalyses(const Field& spec, const Experiment& experiment);

Nameable NameableOf(const Experiment& experiment);

}  // namespace weir::config

#endif  // WEIR_CONFIG_ANALYSIS_SPEC_H_
