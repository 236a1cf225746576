#include "router/runtime/event_loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <utility>

#include "router/runtime/check.h"

namespace weir::runtime {

absl::StatusOr<std::unique_ptr<EventLoop>> EventLoop::Create(Clock clock) {
  FileDescriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) return absl::ErrnoToStatus(errno, "epoll_create1");
  FileDescriptor wake_up(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_up.is_open()) return absl::ErrnoToStatus(errno, "eventfd");
  epoll_event event{.events = EPOLLIN, .data = {.ptr = nullptr}};
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake_up.get(), &event) != 0) {
    return absl::ErrnoToStatus(errno, "epoll_ctl");
  }
  return std::unique_ptr<EventLoop>(new EventLoop(clock, std::move(epoll), std::move(wake_up)));
}

EventLoop::EventLoop(Clock clock, FileDescriptor epoll, FileDescriptor wake_up)
    : clock_(clock), epoll_(std::move(epoll)), wake_up_(std::move(wake_up)), now_(clock.Now()), timers_(now_) {}

absl::Status EventLoop::Add(int fd, uint32_t interest, ReadyEvents* events) {
  epoll_event event{.events = interest, .data = {.ptr = events}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return absl::ErrnoToStatus(errno, "epoll_ctl");
  return absl::OkStatus();
}

void EventLoop::Change(int fd, uint32_t interest, ReadyEvents* events) {
  epoll_event event{.events = interest, .data = {.ptr = events}};
  WEIR_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void EventLoop::Remove(int fd, ReadyEvents* events) {
  WEIR_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr) == 0);
  for (epoll_event& event : unreported_) {
    if (event.data.ptr == events) event.events = 0;
  }
}

int EventLoop::TimeoutMilliseconds(absl::Duration longest) const {
  if (const auto due = timers_.NextDue()) longest = std::min(longest, *due - clock_.Now());
  if (longest <= absl::ZeroDuration()) return 0;
  const int64_t ms = absl::ToInt64Milliseconds(absl::Ceil(longest, absl::Milliseconds(1)));
  return static_cast<int>(std::min<int64_t>(ms, std::numeric_limits<int>::max()));
}

void EventLoop::Turn(absl::Duration longest) {
  const int count = epoll_wait(epoll_.get(), batch_.data(), kBatch, TimeoutMilliseconds(longest));
  WEIR_CHECK(count >= 0 || errno == EINTR);
  now_ = std::max(now_, clock_.Now());
  unreported_ = std::span(batch_).first(std::max(count, 0));
  while (!unreported_.empty()) {
    const epoll_event event = unreported_.front();
    unreported_ = unreported_.subspan(1);
    if (event.events == 0) continue;  // Removed by an event before it.
    if (event.data.ptr == nullptr) {
      uint64_t wakes;
      [[maybe_unused]] const ssize_t read_bytes = read(wake_up_.get(), &wakes, sizeof wakes);
      continue;
    }
    static_cast<ReadyEvents*>(event.data.ptr)->OnReady(event.events);
  }
  timers_.AdvanceTo(now_);
  if (turn_end_) turn_end_();
}

void EventLoop::Run() {
  if (turn_end_) turn_end_();
  while (!is_stopping_.load(std::memory_order_acquire)) Turn(absl::InfiniteDuration());
}

void EventLoop::Wake() {
  const uint64_t one = 1;
  // It can only fail when the counter is full, and then the loop is awake anyway.
  [[maybe_unused]] const ssize_t written = write(wake_up_.get(), &one, sizeof one);
}

void EventLoop::Stop() {
  is_stopping_.store(true, std::memory_order_release);
  Wake();
}

}  // namespace weir::runtime
