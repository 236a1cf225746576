// Timers that cost almost nothing to set and to cancel, since every call with a deadline sets one and cancels it.
//
// A hierarchical wheel after Varghese and Lauck, "Hashed and hierarchical timing wheels" (SOSP 1987): six wheels of 64
// slots, each slot of a wheel as wide as the whole wheel below it. A timer hangs in the slot of the highest digit (base
// 64, in milliseconds) in which its time differs from now; when time reaches that slot its timers move to finer wheels.
// One word of bits a wheel says which slots are occupied, so that idle time is skipped in one step.

#ifndef WEIR_ROUTER_RUNTIME_TIMER_QUEUE_H_
#define WEIR_ROUTER_RUNTIME_TIMER_QUEUE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>

#include "absl/time/time.h"

namespace weir::runtime {

class TimerQueue;

// A place in a ring of timers; alone, the ring's head.
struct TimerLink {
  void Unlink();
  TimerLink* next = nullptr;
  TimerLink* previous = nullptr;
};

// Something to do at a time. Belongs to whoever declares it as a member; destroyed, it is cancelled. One thread: its
// queue's. Neither copied nor moved.
class Timer : private TimerLink {
 public:
  explicit Timer(std::function<void()> on_due) : on_due_(std::move(on_due)) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { Cancel(); }

  bool is_set() const { return next != nullptr; }
  void Cancel();

 private:
  friend class TimerQueue;
  std::function<void()> on_due_;
  TimerQueue* queue_ = nullptr;
  uint64_t due_ = 0;  // In ticks of the queue.
};

// Timers never read clocks: the event loop calls `AdvanceTo` in production, and the test in tests.
class TimerQueue {
 public:
  // `now` is the queue's first moment. It outlives its timers, or they are cancelled by then.
  explicit TimerQueue(absl::Time now);
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue();

  // Sets `timer` to `due`, whether it was set before or not. It never runs early, and at most 1 ms plus the time
  // between two calls of AdvanceTo late; a time in the past is due at the next AdvanceTo.
  void Set(Timer& timer, absl::Time due);

  // Runs what is due by `now`, in the order of milliseconds. An action may set and cancel any timer; one that it sets
  // to `now` or earlier runs at the next call.
  void AdvanceTo(absl::Time now);

  // No timer is due before this; nullopt without timers.
  std::optional<absl::Time> NextDue() const;

  size_t size() const { return size_; }

 private:
  friend class Timer;
  static constexpr int kDigits = 6;  // 64^6 ms: two years; later times wait in the last wheel.
  static constexpr int kDigitBits = 6;
  static constexpr int kSlots = 1 << kDigitBits;

  struct Place {
    int wheel;
    int slot;
    uint64_t tick;  // When its turn comes.
  };
  std::optional<Place> NextPlace() const;
  Place PlaceOf(uint64_t due) const;
  void Link(Timer& timer);
  void RunOrRefine(Place place);

  absl::Time origin_;
  uint64_t now_ = 0;  // Ticks of 1 ms since `origin_`.
  size_t size_ = 0;
  std::array<uint64_t, kDigits> occupied_{};  // May say so of an emptied slot; found out when its turn comes.
  std::array<std::array<TimerLink, kSlots>, kDigits> slots_;
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_TIMER_QUEUE_H_
