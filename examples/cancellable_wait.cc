#include "examples/cancellable_wait.h"

#include <utility>

namespace weir::examples {

void CancellableWait::Start(absl::Duration duration, std::function<void(bool)> done) {
  {
    absl::MutexLock lock(&mutex_);
    if (!cancelled_) {
      if (duration == absl::InfiniteDuration()) {
        endless_ = std::move(done);
      } else {
        alarm_.Set(absl::ToChronoTime(absl::Now() + duration),
                   [done = std::move(done)](bool expired) { done(!expired); });
      }
      return;
    }
  }
  done(true);
}

void CancellableWait::Cancel() {
  std::function<void(bool)> endless;
  {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    alarm_.Cancel();
    endless = std::exchange(endless_, nullptr);
  }
  if (endless) endless(true);
}

}  // namespace weir::examples
