// Which variant a user's sequence of calls went to, so that all of it goes there: through changes of the weights, and
// after a rollback until the drain is over.
//
// One table a worker, without a lock. That is enough, since a remembered place is needed only where the weights have
// moved since the sequence began: the assignment is a hash of the user, or of the sequence where there is no user, so
// that another worker, replica or a later life of the process gives the same answer from the same weights. What can
// move is a sequence that goes on over another connection, on another worker or replica, after its user's share moved.
// gRPC clients keep to one connection, which keeps to one worker; and when the weights of a run change, each worker of
// a process tells the others which of its sequences go on (`Share`, `Learn`): once for a change, never for a call.
// Between replicas nothing is said.

#ifndef WEIR_ROUTER_DATAPLANE_SEQUENCE_PINS_H_
#define WEIR_ROUTER_DATAPLANE_SEQUENCE_PINS_H_

#include <cstdint>
#include <list>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "config/limits.h"
#include "router/routing/decide.h"

namespace weir::dataplane {

// What one worker tells another of a sequence.
struct SharedPin {
  uint32_t run = 0;
  uint64_t sequence = 0;
  uint16_t variant = 0;
  absl::Time began{};
  absl::Time heard{};  // Of its last call.
};

// The runs that know sequences and whose weights differ between two tables.
std::vector<uint32_t> RunsThatMoved(const routing::RouteTable& before, const routing::RouteTable& after);

// One worker's. Bounded by `most`: the sequence that was silent for longest is forgotten first, and each that was for
// config::limits::kSequenceIdle.
class SequencePins final : public routing::SequenceView {
 public:
  // `now` is borrowed.
  explicit SequencePins(const absl::Time* now, size_t most = config::limits::kPinnedSequences)
      : now_(now), most_(most) {}

  std::optional<uint16_t> Find(uint32_t run, uint64_t sequence) const override;

  // A call of the sequence was given to `variant`. The first call's stays, until it is forgotten. Whether this is it.
  bool Keep(uint32_t run, uint64_t sequence, uint16_t variant);
  // Its first call could not be given to its variant after all.
  void Move(uint32_t run, uint64_t sequence, uint16_t variant);
  // The run's sequences that go on.
  std::vector<SharedPin> Share(uint32_t run) const;
  // Of two places of one sequence the earlier holds. What there is no room for is not learnt.
  void Learn(const std::vector<SharedPin>& pins);
  // All sequences of a run: its gate is shut, and the drain over.
  void Forget(uint32_t run);

  size_t size() const { return places_.size(); }

 private:
  using Key = std::pair<uint32_t, uint64_t>;  // Run and sequence.
  struct Pin {
    Key key;
    uint16_t variant;
    absl::Time began;
    absl::Time heard;  // Of its last call.
  };

  bool IsStale(const Pin& pin) const { return *now_ - pin.heard > config::limits::kSequenceIdle; }
  void Add(const Pin& pin);
  void ForgetLast();

  const absl::Time* const now_;
  const size_t most_;
  std::list<Pin> pins_;  // The one heard of last in front.
  absl::flat_hash_map<Key, std::list<Pin>::iterator> places_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_SEQUENCE_PINS_H_
