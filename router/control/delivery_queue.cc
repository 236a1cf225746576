#include "router/control/delivery_queue.h"

#include <algorithm>
#include <utility>

#include "absl/random/distributions.h"
#include "config/limits.h"

namespace weir::control {
namespace {

namespace limits = config::limits;

// About twice as long each time; less by chance, so that receivers that come back are not met by all at once.
absl::Duration BackoffAfter(int attempts, absl::BitGenRef rng) {
  absl::Duration longest = limits::kNotifyBackoffFirst;
  for (int i = 1; i < attempts && longest < limits::kNotifyBackoffMost; ++i) longest *= 2;
  return std::min(longest, limits::kNotifyBackoffMost) * absl::Uniform(rng, 0.5, 1.0);
}

}  // namespace

int ImportanceOf(const Announcement& announcement) {
  switch (announcement.event) {
    case config::NotifyEvent::kRolledBack:
    case config::NotifyEvent::kJournalFails:
      return 3;
    case config::NotifyEvent::kWarned:
    case config::NotifyEvent::kInconclusive:
    case config::NotifyEvent::kApprovalAsked:
      return 2;
    case config::NotifyEvent::kPromoted:
      return 1;
    case config::NotifyEvent::kStepEntered:
      return 0;
  }
  return 0;
}

void DeliveryQueue::Add(Message message, absl::Time now) {
  const auto movable = waiting_.begin() + (is_under_way_ ? 1 : 0);
  if (!message.replaces.empty()) {
    const auto same =
        std::find_if(movable, waiting_.end(), [&](const Waiting& w) { return w.message.replaces == message.replaces; });
    if (same != waiting_.end()) {
      *same = Waiting{std::move(message), now};
      return;
    }
  }
  if (waiting_.size() >= limits::kNotifyQueue) {
    ++counts_.dropped;
    const auto least = std::min_element(movable, waiting_.end(), [](const Waiting& a, const Waiting& b) {
      return ImportanceOf(a.message.announcement) < ImportanceOf(b.message.announcement);
    });
    if (ImportanceOf(message.announcement) < ImportanceOf(least->message.announcement)) return;
    waiting_.erase(least);
  }
  waiting_.push_back({std::move(message), now});
}

absl::Time DeliveryQueue::due() const {
  return waiting_.empty() || is_under_way_ ? absl::InfiniteFuture() : next_attempt_;
}

const Message& DeliveryQueue::Begin() {
  is_under_way_ = true;
  ++waiting_.front().attempts;
  return waiting_.front().message;
}

void DeliveryQueue::DropFirst() {
  is_under_way_ = false;
  next_attempt_ = absl::InfinitePast();
  waiting_.pop_front();
}

void DeliveryQueue::NoteError(std::string why, absl::Time now) {
  ++counts_.failed;
  counts_.last_error = std::move(why);
  counts_.last_error_at = now;
}

void DeliveryQueue::OnTaken(absl::Time now) {
  ++counts_.sent;
  counts_.last_error.clear();
  counts_.last_sent_at = now;
  DropFirst();
}

void DeliveryQueue::OnRefused(std::string why, absl::Time now) {
  NoteError(std::move(why), now);
  ++counts_.dropped;
  DropFirst();
}

void DeliveryQueue::OnFailed(std::string why, absl::Time now, absl::BitGenRef rng) {
  const Waiting& first = waiting_.front();
  if (first.attempts >= limits::kNotifyAttempts || now - first.since >= limits::kNotifyLongest) {
    return OnRefused(std::move(why), now);
  }
  NoteError(std::move(why), now);
  is_under_way_ = false;
  next_attempt_ = now + BackoffAfter(first.attempts, rng);
}

}  // namespace weir::control
