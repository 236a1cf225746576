// A whole journal, read beside whoever writes it, with a verdict on it: for people who ask what happened.

#ifndef WEIR_ROUTER_CONTROL_JOURNAL_READER_H_
#define WEIR_ROUTER_CONTROL_JOURNAL_READER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "proto/weir/v1/journal.pb.h"

namespace weir::control {

struct JournalContents {
  std::vector<v1::AuditRecord> rows;  // From the first on, as far as the chain holds.
  std::vector<std::string> hashes;    // Of each, in hex: heads that the chain once had.
  std::map<std::string, std::string> checkpoints;
  absl::Status verdict;  // DATA_LOSS: what is damaged first, and where.
};

// `path` is a journal's file, or the state directory that holds one. An error: there is nothing to read, it cannot be
// read, or a later version of Weir wrote it.
absl::StatusOr<JournalContents> ReadJournal(const std::string& path);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_JOURNAL_READER_H_
