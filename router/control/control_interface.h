// What the control side shows and lets itself be told: the contract between it and whoever asks on an operator's
// behalf.

#ifndef WEIR_ROUTER_CONTROL_CONTROL_INTERFACE_H_
#define WEIR_ROUTER_CONTROL_CONTROL_INTERFACE_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "proto/weir/v1/admin.pb.h"
#include "router/routing/route_table.h"
#include "stats/metrics_snapshot.h"

namespace weir::control {

// The state as of one tick. Immutable once published.
struct Snapshot {
  weir::v1::Status status;
  stats::MetricsSnapshot metrics;
  routing::RouteTablePtr table;
};

// Any thread may call; nothing here waits for the control thread.
class ControlInterface {
 public:
  virtual ~ControlInterface() = default;
  // The newest snapshot; nullptr before the first tick.
  virtual std::shared_ptr<const Snapshot> Current() = 0;
  // What a person asks of an experiment; an actor is named. `done` is called once: with an error by the codes of
  // admin.proto, at once where nothing is asked of the control thread; else on the control thread, after a snapshot
  // that shows what was done was published. What opens the gate is journalled before.
  virtual void Obey(weir::v1::CommandRequest request, std::function<void(absl::Status)> done) = 0;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_CONTROL_INTERFACE_H_
