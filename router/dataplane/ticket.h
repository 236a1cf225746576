// The seal of an `x-weir-ticket`: what lets a client bring back an outcome days later, and nobody make one up.
//
// A ticket is 84 characters of base64url without padding (RFC 4648, section 5), the text of 63 bytes, big-endian:
//
//   offset  size
//        0     1   version, 1
//        1     4   key id: the first 4 bytes of SHA-256("weir ticket key id" + secret)
//        5     8   experiment: XXH3_64 of its name
//       13     4   run
//       17     4   epoch
//       21     2   variant
//       23     1   user bucket
//       24     6   start, milliseconds since the Unix epoch
//       30     4   issuer: replica
//       34     4           boot
//       38     2           worker
//       40     7   sequence
//       47    16   the first 16 bytes of HMAC-SHA256(secret, the 47 bytes above)
//
// A ticket says nothing about the user but one of 256 buckets, and is no secret; its seal only proves where it came
// from.

#ifndef WEIR_ROUTER_DATAPLANE_TICKET_H_
#define WEIR_ROUTER_DATAPLANE_TICKET_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "router/runtime/crypto.h"
#include "stats/ticket.h"

namespace weir::dataplane {

inline constexpr size_t kTicketChars = 84;

// The secrets, as their file has them: one or two. The first seals; all of them open, so that they rotate: put a new
// one above the old, restart every replica, and drop the old one after the join window.
struct TicketKeys {
  std::vector<std::string> secrets;    // 32 bytes each.
  bool is_readable_by_others = false;  // The file's mode: worth a warning.
};

// Parses the text of a key file: a secret a line as 64 hexadecimal digits; empty lines and lines that begin with # are
// skipped. InvalidArgument names `path`, the line and what is wrong, and never quotes a secret.
absl::StatusOr<TicketKeys> ParseTicketKeys(std::string_view text, const std::string& path);

// The keys in the file at `path`, which may be a mounted secret or a link to one; a file that does not exist is made
// with one new secret, readable by its owner alone, whole or not at all. InvalidArgument as above, or when others may
// write the file; else the error of the system call, with the path.
absl::StatusOr<TicketKeys> LoadOrCreateTicketKeys(const std::string& path);

// Immutable: any thread.
class TicketSealer {
 public:
  // `keys` is as ParseTicketKeys gave it.
  explicit TicketSealer(const TicketKeys& keys);

  // `ticket.start` is cut to the millisecond.
  std::string Seal(const stats::Ticket& ticket) const;

  // InvalidArgument: not a ticket, or one of another version. PermissionDenied: altered or forged, or sealed with a key
  // that is not known here.
  absl::StatusOr<stats::Ticket> Open(std::string_view sealed) const;

 private:
  struct Key {
    uint32_t id;
    runtime::HmacKey hmac;
  };
  std::vector<Key> keys_;  // The first one seals.
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_TICKET_H_
