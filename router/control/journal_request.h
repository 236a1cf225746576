// What is asked of the journal, and what came of it: values between the control thread and the writer's.

#ifndef WEIR_ROUTER_CONTROL_JOURNAL_REQUEST_H_
#define WEIR_ROUTER_CONTROL_JOURNAL_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "proto/weir/v1/report.pb.h"
#include "router/experiment/journal.h"

namespace weir::control {

// The control thread numbers its requests, and keeps few of them outstanding: for each experiment limits::kShutRows
// rows of shutting steps, one of an opening one, and reports of rollbacks that were journalled; one checkpoint and one
// load.
struct AppendRequest {
  uint64_t id = 0;
  experiment::Change change;
};
struct CheckpointRequest {
  uint64_t id = 0;
  std::vector<experiment::CheckpointRow> rows;
};
// Opens the journal if it is not, verifies it, and reads everything.
struct LoadRequest {
  uint64_t id = 0;
};
// Writes the report of a rollback that the journal holds, unless it is there already.
struct ReportRequest {
  uint64_t id = 0;
  std::string experiment;
  uint32_t run = 0;  // Its ordinal.
  absl::Time at;     // Of the rollback.
  std::string head;  // Hex of the chain's head.
  std::vector<v1::FailedCallRecord> failed_calls;
};
using JournalRequest = std::variant<AppendRequest, CheckpointRequest, LoadRequest, ReportRequest>;

struct WrittenReport {
  std::string experiment;
  std::string path;  // Empty: nothing was written.
};
struct JournalReply {
  uint64_t id = 0;
  absl::Status status;
  std::string head;                                  // After an append or a load: hex of the chain's head.
  std::optional<experiment::Remembered> remembered;  // After a load.
  std::optional<WrittenReport> report;               // After a report: of which the status is.
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_JOURNAL_REQUEST_H_
