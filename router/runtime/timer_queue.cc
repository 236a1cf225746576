#include "router/runtime/timer_queue.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace weir::runtime {

void TimerLink::Unlink() {
  previous->next = next;
  next->previous = previous;
  next = previous = nullptr;
}

void Timer::Cancel() {
  if (!is_set()) return;
  Unlink();
  --queue_->size_;
}

TimerQueue::TimerQueue(absl::Time now) : origin_(now) {
  for (auto& wheel : slots_) {
    for (TimerLink& ring : wheel) ring.next = ring.previous = &ring;
  }
}

TimerQueue::~TimerQueue() {
  for (auto& wheel : slots_) {
    for (TimerLink& ring : wheel) {
      while (ring.next != &ring) static_cast<Timer*>(ring.next)->Cancel();
    }
  }
}

TimerQueue::Place TimerQueue::PlaceOf(uint64_t due) const {
  const uint64_t differing = (due ^ now_) | 1;
  const int wheel = std::min((63 - std::countl_zero(differing)) / kDigitBits, kDigits - 1);
  return {wheel, static_cast<int>((due >> (wheel * kDigitBits)) & (kSlots - 1)), 0};
}

void TimerQueue::Link(Timer& timer) {
  const Place place = PlaceOf(timer.due_);
  TimerLink& ring = slots_[place.wheel][place.slot];
  timer.next = &ring;
  timer.previous = ring.previous;
  ring.previous->next = &timer;
  ring.previous = &timer;
  occupied_[place.wheel] |= uint64_t{1} << place.slot;
}

void TimerQueue::Set(Timer& timer, absl::Time due) {
  timer.Cancel();
  const int64_t ticks = absl::ToInt64Milliseconds(absl::Ceil(due - origin_, absl::Milliseconds(1)));
  // The present tick's slot has had its turn; and the farthest slot stands for all that is farther.
  constexpr uint64_t kFarthest = (uint64_t{1} << (kDigits * kDigitBits)) - 1;
  const uint64_t earliest = now_ + 1;
  timer.due_ = std::clamp(ticks < 0 ? uint64_t{0} : static_cast<uint64_t>(ticks), earliest, now_ + kFarthest / 2);
  timer.queue_ = this;
  Link(timer);
  ++size_;
}

std::optional<TimerQueue::Place> TimerQueue::NextPlace() const {
  for (int wheel = 0; wheel < kDigits; ++wheel) {
    if (occupied_[wheel] == 0) continue;
    const int shift = wheel * kDigitBits;
    const int present = static_cast<int>((now_ >> shift) & (kSlots - 1));
    // Slots up to the present one belong to the next round of the last wheel; finer wheels have none there.
    const int ahead = std::countr_zero(std::rotr(occupied_[wheel], (present + 1) & (kSlots - 1))) + 1;
    const uint64_t tick = ((now_ >> shift) + ahead) << shift;
    return Place{wheel, (present + ahead) & (kSlots - 1), tick};
  }
  return std::nullopt;
}

void TimerQueue::RunOrRefine(Place place) {
  TimerLink& ring = slots_[place.wheel][place.slot];
  occupied_[place.wheel] &= ~(uint64_t{1} << place.slot);
  if (ring.next == &ring) return;
  // The slot's timers move to a ring of their own, so that actions may fill the slot anew and cancel any of them.
  TimerLink taken;
  taken.next = std::exchange(ring.next, &ring);
  taken.previous = std::exchange(ring.previous, &ring);
  taken.next->previous = taken.previous->next = &taken;
  while (taken.next != &taken) {
    Timer& timer = *static_cast<Timer*>(taken.next);
    timer.Unlink();
    if (timer.due_ > now_) {
      Link(timer);
      continue;
    }
    --size_;
    timer.on_due_();  // May destroy the timer.
  }
}

void TimerQueue::AdvanceTo(absl::Time now) {
  const int64_t ticks = absl::ToInt64Milliseconds(now - origin_);
  const uint64_t target = std::max(now_, ticks < 0 ? uint64_t{0} : static_cast<uint64_t>(ticks));
  while (now_ < target) {
    const std::optional<Place> next = NextPlace();
    if (!next.has_value() || next->tick > target) break;
    now_ = next->tick;
    RunOrRefine(*next);
  }
  now_ = target;
}

std::optional<absl::Time> TimerQueue::NextDue() const {
  if (size_ == 0) return std::nullopt;
  const std::optional<Place> next = NextPlace();
  if (!next.has_value()) return std::nullopt;
  return origin_ + absl::Milliseconds(static_cast<int64_t>(next->tick));
}

}  // namespace weir::runtime
