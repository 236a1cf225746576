// A held mutex, as ThreadSanitizer can see it.

#ifndef WEIR_ROUTER_RUNTIME_LOCK_H_
#define WEIR_ROUTER_RUNTIME_LOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace weir::runtime {

// absl::MutexLock, and what it means said to ThreadSanitizer too: the system's Abseil is compiled without it, so that
// it would take every exchange under a mutex for a race.
class ABSL_SCOPED_LOCKABLE Lock {
 public:
  explicit Lock(absl::Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_->Lock();
    SayAcquired();
  }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() ABSL_UNLOCK_FUNCTION() {
    SayReleased();
    mutex_->Unlock();
  }

  // Lets go of the mutex until `condition` is signalled, and perhaps sooner.
  void Wait(absl::CondVar& condition) {
    SayReleased();
    condition.Wait(mutex_);
    SayAcquired();
  }

 private:
#if defined(__SANITIZE_THREAD__)
  void SayAcquired() { __tsan_acquire(mutex_); }
  void SayReleased() { __tsan_release(mutex_); }
#else
  void SayAcquired() {}
  void SayReleased() {}
#endif

  absl::Mutex* const mutex_;
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_LOCK_H_
