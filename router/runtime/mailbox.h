// Events from any thread to one reader: bounded, in order, never waiting.

#ifndef WEIR_ROUTER_RUNTIME_MAILBOX_H_
#define WEIR_ROUTER_RUNTIME_MAILBOX_H_

#include <atomic>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "router/runtime/lock.h"

namespace weir::runtime {

// A bounded queue with one reader. The first message into an empty box calls `wake`, so that the reader's event loop
// turns; what follows before the reader looks costs no further wake-up.
template <typename T>
class Mailbox {
 public:
  // `wake` is called without the lock, by the posting thread.
  explicit Mailbox(size_t capacity, std::function<void()> wake = {}) : capacity_(capacity), wake_(std::move(wake)) {}

  // Any thread. False, and `message` untouched, when the box is full: the caller sheds, or keeps and posts later.
  [[nodiscard]] bool Post(T& message) {
    bool was_empty;
    {
      Lock lock(&mutex_);
      if (messages_.size() >= capacity_) return false;
      was_empty = messages_.empty();
      messages_.push_back(std::move(message));
      has_mail_.store(true, std::memory_order_release);
    }
    if (was_empty && wake_) wake_();
    return true;
  }
  [[nodiscard]] bool Post(T&& message) { return Post(message); }

  // The reader's thread: everything posted since the last call, oldest first.
  std::vector<T> TakeAll() {
    if (!has_mail_.load(std::memory_order_acquire)) return {};
    Lock lock(&mutex_);
    has_mail_.store(false, std::memory_order_relaxed);
    return std::exchange(messages_, {});
  }

 private:
  const size_t capacity_;
  const std::function<void()> wake_;
  std::atomic<bool> has_mail_ = false;
  absl::Mutex mutex_;
  std::vector<T> messages_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_MAILBOX_H_
