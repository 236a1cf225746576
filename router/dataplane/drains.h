// What a rollback means for calls that are under way: those on a candidate go on until the drain is over, and end
// UNAVAILABLE then; those that still wait for a candidate go to the default at once.
//
// A call does not know of it: the worker looks through its calls once when the gate is shut, and once when the drain is
// over. Calls hold their run, so that a run which is reset meanwhile is drained all the same, and the new one is not.

#ifndef WEIR_ROUTER_DATAPLANE_DRAINS_H_
#define WEIR_ROUTER_DATAPLANE_DRAINS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/time/time.h"
#include "router/routing/route_table.h"
#include "router/runtime/timer_queue.h"

namespace weir::dataplane {

// A run that was rolled back.
struct ShutRun {
  std::string experiment;
  uint32_t run = 0;
  uint16_t default_variant = 0;
  absl::Time shut_at;  // When this worker heard of it: whatever is older may not have known.
};

// One worker's.
class Drains {
 public:
  // Borrowed; `on_shut` and `on_over` are called once a run, in this order.
  Drains(const absl::Time* now, runtime::TimerQueue* timers, std::function<void(const ShutRun&)> on_shut,
         std::function<void(const ShutRun&)> on_over);

  // The worker goes by this table from now on.
  void Adopt(const routing::RouteTable& table);

 private:
  struct Drain {
    ShutRun run;
    absl::Time over_at;
    bool is_over = false;
  };

  void EndThoseOver();

  const absl::Time* const now_;
  runtime::TimerQueue* const timers_;
  const std::function<void(const ShutRun&)> on_shut_;
  const std::function<void(const ShutRun&)> on_over_;
  std::map<uint32_t, Drain> drains_;  // By run. Those over stay as long as the table names them.
  runtime::Timer timer_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_DRAINS_H_
