// Which tickets were reported already, over restarts: stats::OnceOnly and its rows in the checkpoint.

#ifndef WEIR_ROUTER_CONTROL_TICKET_LEDGER_H_
#define WEIR_ROUTER_CONTROL_TICKET_LEDGER_H_

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "router/experiment/journal.h"
#include "stats/once_only.h"
#include "stats/ticket.h"

namespace weir::control {

// The control thread's.
class TicketLedger {
 public:
  explicit TicketLedger(size_t max_blocks = stats::OnceOnly::kMaxBlocks) : once_only_(max_blocks) {}
  // From all of a checkpoint's rows, of which it takes its own. DATA_LOSS where one of those is not as it was written.
  static absl::StatusOr<TicketLedger> FromRows(const std::map<std::string, std::string>& rows,
                                               size_t max_blocks = stats::OnceOnly::kMaxBlocks);

  // In place of rows that are damaged: refuses all that started up to `now`, and removes them.
  static TicketLedger Forgetful(const std::map<std::string, std::string>& rows, absl::Time now);

  stats::OnceOnly::Admission Admit(const stats::Ticket& ticket, absl::Time now, absl::Duration join_window) {
    return once_only_.Admit(ticket, now, join_window);
  }
  void Forget(absl::Time now, absl::Duration longest_join_window) { once_only_.Forget(now, longest_join_window); }

  // The rows that changed since the last call.
  std::vector<experiment::CheckpointRow> TakeChanges();

  size_t blocks() const { return once_only_.blocks(); }

 private:
  stats::OnceOnly once_only_;
  absl::Time written_remembers_after_ = absl::InfinitePast();
  std::vector<experiment::CheckpointRow> removals_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_TICKET_LEDGER_H_
