// Messages to one receiver, and when each is tried. Pure: `now` and chance are arguments.
//
// Bounded: where it is full the oldest of the least important goes, so that a rollback is never lost for a step's
// notice. One message is under way at a time, in their order; one that fails is tried again, each time after about
// twice the time, until it was taken, was refused for good, or is too old or too often tried to be news.

#ifndef WEIR_ROUTER_CONTROL_DELIVERY_QUEUE_H_
#define WEIR_ROUTER_CONTROL_DELIVERY_QUEUE_H_

#include <cstdint>
#include <deque>
#include <string>

#include "absl/random/bit_gen_ref.h"
#include "absl/time/time.h"
#include "router/control/announcement.h"

namespace weir::control {

struct Message {
  std::string id{};
  Announcement announcement{};
  std::string replaces{};  // Not empty: it takes the place of a waiting one of the same.
};

// How much it matters, beside others.
int ImportanceOf(const Announcement& announcement);

class DeliveryQueue {
 public:
  struct Counts {
    int64_t sent = 0;
    int64_t failed = 0;   // Attempts.
    int64_t dropped = 0;  // Messages.
    std::string last_error{};
    absl::Time last_error_at = absl::InfinitePast();
    absl::Time last_sent_at = absl::InfinitePast();
    bool operator==(const Counts&) const = default;
  };

  void Add(Message message, absl::Time now);

  // When the next attempt is due; InfiniteFuture while there is nothing to send, or an attempt is under way.
  absl::Time due() const;
  // The message to be tried now; until its end no other is. Something is due.
  const Message& Begin();

  // --- The end of the attempt.
  void OnTaken(absl::Time now);
  // Trying again might help.
  void OnFailed(std::string why, absl::Time now, absl::BitGenRef rng);
  // It would not.
  void OnRefused(std::string why, absl::Time now);

  size_t size() const { return waiting_.size(); }  // With the one under way.
  const Counts& counts() const { return counts_; }

 private:
  struct Waiting {
    Message message;
    absl::Time since;
    int attempts = 0;
  };
  void NoteError(std::string why, absl::Time now);
  void DropFirst();

  std::deque<Waiting> waiting_;  // The first is the one under way, or the next.
  bool is_under_way_ = false;
  absl::Time next_attempt_ = absl::InfinitePast();
  Counts counts_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_DELIVERY_QUEUE_H_
