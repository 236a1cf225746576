// How notification goes, as the admin interface and the metrics want it.

#ifndef WEIR_ROUTER_CONTROL_TARGET_VIEW_H_
#define WEIR_ROUTER_CONTROL_TARGET_VIEW_H_

#include <vector>

#include "router/control/control_interface.h"
#include "router/control/notifier.h"

namespace weir::control {

void ShowTargets(const std::vector<TargetReport>& targets, Snapshot& view);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_TARGET_VIEW_H_
