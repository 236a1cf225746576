// The metrics of `spec.metrics` that a Prometheus server answers: those with `source: prometheus`.

#ifndef WEIR_CONFIG_QUERY_SPEC_H_
#define WEIR_CONFIG_QUERY_SPEC_H_

#include "config/analysis.h"
#include "config/field.h"

namespace weir::config {

bool IsQueryMetric(const Field& metric);

QueryMetric ReadQueryMetric(const Field& field);

}  // namespace weir::config

#endif  // WEIR_CONFIG_QUERY_SPEC_H_
