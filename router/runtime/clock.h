// The only place that reads time.

#ifndef WEIR_ROUTER_RUNTIME_CLOCK_H_
#define WEIR_ROUTER_RUNTIME_CLOCK_H_

#include "absl/time/time.h"

namespace weir::runtime {

// A clock that never goes back: the time of day at its making, carried on by the monotonic clock. The kernel slews both
// alike, so that only a step of the time of day (by hand, or at a bad start) is not followed. Copies tell the same
// time: a process makes one and passes it down, so that the ticks of all its threads agree. Any thread.
class Clock {
 public:
  Clock();
  absl::Time Now() const;

 private:
  absl::Time start_;  // Time of day when the monotonic clock showed `monotonic_start_`.
  absl::Duration monotonic_start_;
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_CLOCK_H_
