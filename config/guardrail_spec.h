// `spec.metrics` and `spec.guardrails` of an experiment.

#ifndef WEIR_CONFIG_GUARDRAIL_SPEC_H_
#define WEIR_CONFIG_GUARDRAIL_SPEC_H_

#include <vector>

#include "config/config.h"
#include "config/field.h"

namespace weir::config {

// The outcomes; what a Prometheus server answers goes to `queries`.
std::vector<OutcomeMetric> ReadMetrics(const Field& field, std::vector<QueryMetric>& queries);

// `metrics`: what the experiment's guardrails may name beside error_rate, latency_p95 and latency_p99.
std::vector<Guardrail> ReadGuardrails(const Field& field, const std::vector<OutcomeMetric>& metrics);

// Whether the rule needs a candidate beside the default.
bool ComparesWithDefault(const GuardrailRule& rule);

// Why a rise to twice the default's would never be detected by the rule, whatever the traffic; empty when it would be.
//
// An error rule "> r x" weighs r against alternatives from 1.15 r up (the grid of stats' error guardrail). At a true
// ratio of 2 the evidence for the nearest, and so for any, grows only if 2 ln(1.15) > 0.15 r, which ends at r = 1.86: a
// rare error is a Poisson count. A latency rule rounds r up to a bucket of 1.0188 % and needs one more to tell.
std::string WhyDoublingIsInvisible(const GuardrailRule& rule);

}  // namespace weir::config

#endif  // WEIR_CONFIG_GUARDRAIL_SPEC_H_
