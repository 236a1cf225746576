// What is asked of the journal, and what came of it: values between the control thread and the writer's.

#ifndef WEIR_ROUTER_CONTROL_JOURNAL_REQUEST_H_
#define WEIR_ROUTER_CONTROL_JOURNAL_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "router/experiment/journal.h"

namespace weir::control {

// The control thread numbers its requests, and keeps few of them outstanding: at most two changes an experiment, one
// checkpoint and one load.
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
using JournalRequest = std::variant<AppendRequest, CheckpointRequest, LoadRequest>;

struct JournalReply {
  uint64_t id = 0;
  absl::Status status;
  std::string head;                                  // After an append or a load: hex of the chain's head.
  std::optional<experiment::Remembered> remembered;  // After a load.
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_JOURNAL_REQUEST_H_
