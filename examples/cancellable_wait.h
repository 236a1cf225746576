// A wait inside a call that ends early when the call is cancelled, without holding a thread.

#ifndef WEIR_EXAMPLES_CANCELLABLE_WAIT_H_
#define WEIR_EXAMPLES_CANCELLABLE_WAIT_H_

#include <functional>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"

namespace weir::examples {

// Belongs to one call's reactor. `Start` may be called again after the wait before it ended; `Cancel` from any thread,
// at any time, and stays in force. `AwaitCallers` must come before the destructor, when no further `Start` or `Cancel`
// begins.
class CancellableWait {
 public:
  // Runs `done(was_cancelled)` once, on another thread or, for a wait that is cancelled already, on this one.
  // An infinite `duration` ends only by Cancel.
  void Start(absl::Duration duration, std::function<void(bool was_cancelled)> done);
  void Cancel();
  // `done` may run, and lead to the end of the call, before the `Start` that set it has returned. Waits for that
  // return.
  void AwaitCallers() { absl::MutexLock lock(&mutex_); }

 private:
  absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void(bool)> endless_ ABSL_GUARDED_BY(mutex_);  // The `done` of an infinite wait.
  grpc::Alarm alarm_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::examples

#endif  // WEIR_EXAMPLES_CANCELLABLE_WAIT_H_
