// What is written down of one call that the assignment rule placed, for analysis elsewhere.

#ifndef WEIR_STATS_ASSIGNMENT_RECORD_H_
#define WEIR_STATS_ASSIGNMENT_RECORD_H_

#include <cstdint>

#include "absl/time/time.h"
#include "stats/counts.h"
#include "stats/ticket.h"

namespace weir::stats {

// A small value: what the numbers stand for is known to whoever made the route table.
struct AssignmentRecord {
  absl::Time at{};               // Of arrival.
  absl::Duration latency{};      // As in CallEnd; negative: no model was asked.
  uint64_t user = 0;             // A hash of the user's key; drawn by chance without one.
  Issuer issuer{};               // Of the ticket.
  uint64_t ticket_sequence = 0;  // Of the ticket.
  uint32_t run = 0;              // As in CountsKey.
  uint32_t epoch = 0;
  uint16_t assigned = 0;
  uint16_t served = 0;
  Reason reason = Reason::kAssigned;
  uint8_t grpc_code = 0;
  bool has_ticket = false;
  bool is_keyless = false;
  bool enters_inference = false;
  bool is_ended_by_client = false;  // Its cancel, or its slow reading.
};

}  // namespace weir::stats

#endif  // WEIR_STATS_ASSIGNMENT_RECORD_H_
