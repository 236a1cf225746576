// Which tickets were reported already: one bit for each (issuer, sequence), so that no outcome counts twice.
//
// Sequences have no gaps, so bits lie in pages of 4096. A page may go when its last report's ticket has expired:
// whatever was reported in it started before that report, so a repetition is refused by its age.

#ifndef WEIR_ROUTER_CONTROL_TICKET_LEDGER_H_
#define WEIR_ROUTER_CONTROL_TICKET_LEDGER_H_

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "config/limits.h"
#include "router/experiment/journal.h"
#include "stats/ticket.h"

namespace weir::control {

// The control thread's.
class TicketLedger {
 public:
  enum class Verdict {
    kFirst,     // Marked: count the report.
    kRepeated,  // Was marked before.
    kFull,      // No room to remember it, so it may not be counted.
  };
  static constexpr uint64_t kPageTickets = 4096;
  static constexpr char kKeyPrefix[] = "tickets/";

  explicit TicketLedger(size_t max_bytes = config::limits::kTicketBitmapBytes);

  // `expires`: from when on a report of this ticket, or of one issued before now, is refused by its age.
  Verdict Mark(const stats::Issuer& issuer, uint64_t sequence, absl::Time expires);
  void DropExpired(absl::Time now);

  // The rows that changed since the last call.
  std::vector<experiment::CheckpointRow> TakeChanges();
  // DATA_LOSS where the row is none of ours.
  absl::Status Restore(const std::string& key, const std::string& value);

  size_t pages() const { return pages_.size(); }

 private:
  struct PageKey {
    stats::Issuer issuer;
    uint64_t page = 0;
    bool operator==(const PageKey&) const = default;
    template <typename H>
    friend H AbslHashValue(H h, const PageKey& k) {
      return H::combine(std::move(h), k.issuer.replica, k.issuer.boot, k.issuer.worker, k.page);
    }
  };
  struct Page {
    std::bitset<kPageTickets> reported;
    absl::Time expires = absl::InfinitePast();
  };
  static std::string RowKey(const PageKey& key);

  const size_t max_pages_;
  absl::flat_hash_map<PageKey, std::unique_ptr<Page>> pages_;
  absl::flat_hash_set<PageKey> changed_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_TICKET_LEDGER_H_
