// The newest value of something, handed from any thread to one reader. A newer value replaces one not yet seen.

#ifndef WEIR_ROUTER_RUNTIME_LATEST_H_
#define WEIR_ROUTER_RUNTIME_LATEST_H_

#include <atomic>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "router/runtime/lock.h"

namespace weir::runtime {

// State for one reader: `Put` by any thread, `Take` by the one that owns the reader. `Take` costs one relaxed load
// when nothing is new, so that it may stand in a loop that turns for every batch of events.
template <typename T>
class Latest {
 public:
  // Any thread.
  void Put(T value) {
    Lock lock(&mutex_);
    value_ = std::move(value);
    is_new_.store(true, std::memory_order_release);
  }

  // The newest value not yet taken, if any.
  std::optional<T> Take() {
    if (!is_new_.load(std::memory_order_acquire)) return std::nullopt;
    Lock lock(&mutex_);
    is_new_.store(false, std::memory_order_relaxed);
    return std::exchange(value_, std::nullopt);
  }

 private:
  std::atomic<bool> is_new_ = false;
  absl::Mutex mutex_;
  std::optional<T> value_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_LATEST_H_
