// What every call of a worker borrows from it.

#ifndef WEIR_ROUTER_DATAPLANE_CALL_SERVICES_H_
#define WEIR_ROUTER_DATAPLANE_CALL_SERVICES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/node_hash_set.h"
#include "absl/random/random.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "router/dataplane/assignment_notes.h"
#include "router/dataplane/failed_calls.h"
#include "router/dataplane/sequence_pins.h"
#include "router/dataplane/stream_source.h"
#include "router/dataplane/ticket.h"
#include "router/http2/headers.h"
#include "router/routing/route_table.h"
#include "router/runtime/timer_queue.h"
#include "stats/counts.h"
#include "stats/ticket.h"

namespace weir::dataplane {

class Mirrors;

// Names that calls carry longer than the table they come from lives. Only ever grows, by the names of configurations.
class NameStore {
 public:
  const std::string* Keep(std::string_view name) {
    const auto kept = names_.find(absl::string_view(name.data(), name.size()));
    return kept != names_.end() ? &*kept : &*names_.emplace(name).first;
  }

 private:
  absl::node_hash_set<std::string> names_;
};

// One worker's; everything borrowed outlives the calls. The table is replaced between two turns.
struct CallServices {
  const absl::Time* now;  // Of the turn.
  runtime::TimerQueue* timers;
  StreamSource* models;
  Mirrors* mirrors;             // Null: copies are not made.
  const TicketSealer* tickets;  // Null: none are issued.
  const routing::RouteTable* table;
  stats::CountsDelta counts;
  stats::Issuer issuer;
  uint64_t next_ticket = 0;
  absl::BitGen rng;
  NameStore names;
  http2::HeaderList scratch;  // For a list that is sent at once.
  SequencePins sequences;
  FailedCalls failed_calls;
  AssignmentNotes assignments;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_CALL_SERVICES_H_
