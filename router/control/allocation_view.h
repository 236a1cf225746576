// How a rollout chooses its shares, as the admin interface and the metrics want it.

#ifndef WEIR_ROUTER_CONTROL_ALLOCATION_VIEW_H_
#define WEIR_ROUTER_CONTROL_ALLOCATION_VIEW_H_

#include <string>

#include "proto/weir/v1/admin.pb.h"
#include "router/control/governed_experiment.h"
#include "stats/metrics_snapshot.h"

namespace weir::control {

// As of its last look. Nothing where it does not choose its shares, or is in no step.
void ShowAllocation(const GovernedExperiment& experiment, v1::RolloutStatus& view);

// What of that is a metric.
void AddAllocation(const std::string& experiment, const v1::RolloutStatus& view, stats::MetricsSnapshot& metrics);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_ALLOCATION_VIEW_H_
