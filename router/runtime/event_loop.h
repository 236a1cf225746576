// One thread's loop over descriptors and timers.
//
// A turn: wait; sample `now`; report what became ready; run the timers that are due; then the hook of the turn's end,
// which sees the whole batch at once (a worker writes its connections there, and adopts a new table).

#ifndef WEIR_ROUTER_RUNTIME_EVENT_LOOP_H_
#define WEIR_ROUTER_RUNTIME_EVENT_LOOP_H_

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "router/runtime/clock.h"
#include "router/runtime/file_descriptor.h"
#include "router/runtime/timer_queue.h"

namespace weir::runtime {

// Told that a descriptor became ready. May remove and destroy itself and any other.
class ReadyEvents {
 public:
  virtual ~ReadyEvents() = default;
  // `ready`: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP as epoll_wait(2) reports them, by level.
  virtual void OnReady(uint32_t ready) = 0;
};

class EventLoop {
 public:
  // Fails when the process is out of descriptors.
  static absl::StatusOr<std::unique_ptr<EventLoop>> Create(Clock clock);

  // The time when this turn began; within an action, "now".
  const absl::Time& now() const { return now_; }
  TimerQueue& timers() { return timers_; }

  // Watches `fd` by level. `events` is borrowed until Remove; `fd` stays open until then.
  absl::Status Add(int fd, uint32_t interest, ReadyEvents* events);
  void Change(int fd, uint32_t interest, ReadyEvents* events);
  // Nothing is reported to `events` any more, not even what this turn had still to report.
  void Remove(int fd, ReadyEvents* events);

  // Called at the end of every turn, and once before the first wait.
  void OnTurnEnd(std::function<void()> hook) { turn_end_ = std::move(hook); }

  // Turns until Stop.
  void Run();
  // One turn that waits at most `longest`. Run is this in a loop.
  void Turn(absl::Duration longest);

  // Any thread: the loop turns soon, so that a mailbox filled before this is seen at the turn's end.
  void Wake();
  // Any thread: Run returns at the end of a turn.
  void Stop();

 private:
  static constexpr int kBatch = 256;  // Events of one turn: enough to fill a core, few enough for `now` to stay fresh.

  EventLoop(Clock clock, FileDescriptor epoll, FileDescriptor wake_up);
  int TimeoutMilliseconds(absl::Duration longest) const;

  const Clock clock_;
  FileDescriptor epoll_;
  FileDescriptor wake_up_;
  absl::Time now_;
  TimerQueue timers_;
  std::function<void()> turn_end_;
  std::array<epoll_event, kBatch> batch_;
  std::span<epoll_event> unreported_;  // Of the batch.
  std::atomic<bool> is_stopping_ = false;
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_EVENT_LOOP_H_
