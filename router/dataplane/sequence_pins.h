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
//
// A sequence's name may be used again: from a call that says so on, or after one that ended it. Only the worker that
// had that last call knows of the end; what others have learnt is replaced when the name begins anew, or forgotten in
// time.

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
  absl::Time begun_anew{};  // By a call that said so; InfinitePast: by none that is known.
  absl::Time heard{};       // Of its last call.
};

// The runs that know sequences and whose weights differ between two tables.
std::vector<uint32_t> RunsThatMoved(const routing::RouteTable& before, const routing::RouteTable& after);

// One use of a sequence's name, for those who have calls of it under way. `number` is of one worker; 0: of no sequence.
struct SequenceUse {
  uint32_t run = 0;
  uint64_t sequence = 0;
  uint64_t number = 0;
};

// One worker's. Bounded by `most`: the sequence that was silent for longest is forgotten first, and each that was for
// config::limits::kSequenceIdle.
class SequencePins final : public routing::SequenceView {
 public:
  // `now` is borrowed.
  explicit SequencePins(const absl::Time* now, size_t most = config::limits::kPinnedSequences)
      : now_(now), most_(most) {}

  std::optional<uint16_t> Find(uint32_t run, uint64_t sequence) const override;

  struct Kept {
    SequenceUse use;
    bool is_first;
  };
  // A call of the sequence was given to `variant`. The first call's stays, until it is forgotten; one that
  // `begins_anew` is the first of another use.
  Kept Keep(uint32_t run, uint64_t sequence, uint16_t variant, bool begins_anew = false);
  // Its first call could not be given to its variant after all. Nothing once the name is in another use; so are both.
  void Move(const SequenceUse& use, uint16_t variant);
  // Its last call ended.
  void End(const SequenceUse& use);
  // The run's sequences that go on, of those that had a call here.
  std::vector<SharedPin> Share(uint32_t run) const;
  // Of two places of one sequence that of the later use holds, and of one use the earlier. What there is no room for is
  // not learnt.
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
    absl::Time begun_anew;
    absl::Time heard;  // Of its last call.
    uint64_t use;
    bool is_heard_here;  // Not only learnt.
  };

  bool IsStale(const Pin& pin) const { return *now_ - pin.heard > config::limits::kSequenceIdle; }
  void Add(const Pin& pin);
  Pin* FindUse(const SequenceUse& use);
  void Drop(std::list<Pin>::iterator pin);

  const absl::Time* const now_;
  const size_t most_;
  uint64_t last_use_ = 0;
  std::list<Pin> pins_;  // The one heard of last in front.
  absl::flat_hash_map<Key, std::list<Pin>::iterator> places_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_SEQUENCE_PINS_H_
