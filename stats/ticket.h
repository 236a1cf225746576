// The content of an `x-weir-ticket`: which call an outcome belongs to. A value; how it is sealed is dataplane/ticket.h.

#ifndef WEIR_STATS_TICKET_H_
#define WEIR_STATS_TICKET_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"

namespace weir::stats {

// Who issued a ticket. A restart is another issuer, so that a sequence never repeats.
struct Issuer {
  uint32_t replica = 0;  // Random, kept in the state directory.
  uint32_t boot = 0;     // Counts the starts of the replica.
  uint16_t worker = 0;
  friend auto operator<=>(const Issuer&, const Issuer&) = default;
};

struct Ticket {
  uint64_t experiment = 0;  // XXH3_64 of the experiment's name.
  uint32_t run = 0;         // The run's ordinal within its experiment, as the journal numbers it: survives restarts.
  uint32_t epoch = 0;
  uint16_t variant = 0;
  uint8_t user_bucket = 0;
  absl::Time start;  // To the millisecond.
  Issuer issuer;
  uint64_t sequence = 0;  // Per issuer, from 0 without gaps. At most 2^40.
  bool operator==(const Ticket&) const = default;
};

// An outcome whose ticket's MAC was found right, on its way from a worker to the control thread.
struct OutcomeReport {
  Ticket ticket;
  std::map<std::string, double> metrics;
};

}  // namespace weir::stats

#endif  // WEIR_STATS_TICKET_H_
