// Phases and rollouts as the admin interface and the metrics want them.

#ifndef WEIR_ROUTER_CONTROL_ROLLOUT_VIEW_H_
#define WEIR_ROUTER_CONTROL_ROLLOUT_VIEW_H_

#include <string>

#include "absl/time/time.h"
#include "proto/weir/v1/admin.pb.h"
#include "router/experiment/machine.h"

namespace weir::control {

// Sets the phase, why it is so, and the breach, if any.
void ShowPhase(const experiment::Phase& phase, v1::ExperimentStatus& status);

// "rolled_back": the value of a label.
std::string LabelOf(v1::Phase phase);

// `plan` has a rollout.
v1::RolloutStatus ViewOfRollout(const experiment::Plan& plan, const experiment::State& state,
                                const experiment::TimePassed& known, absl::Time now);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_ROLLOUT_VIEW_H_
