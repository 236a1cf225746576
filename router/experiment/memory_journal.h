// A journal in memory: for tests and the simulator. It keeps every promise but durability, and can be told to fail.

#ifndef WEIR_ROUTER_EXPERIMENT_MEMORY_JOURNAL_H_
#define WEIR_ROUTER_EXPERIMENT_MEMORY_JOURNAL_H_

#include <map>
#include <span>
#include <string>
#include <vector>

#include "router/experiment/journal.h"

namespace weir::experiment {

class MemoryJournal : public Journal {
 public:
  // From now on every write answers `status`, and changes nothing; OK ends that.
  void FailWith(absl::Status status) { failure_ = std::move(status); }

  // From now on every row is written, and answered `status` all the same, as by a disk that fails to sync; OK ends
  // that.
  void FailAfterWriting(absl::Status status) { late_failure_ = std::move(status); }

  absl::StatusOr<Remembered> Load() override;
  absl::StatusOr<std::string> Append(const Change& change) override;
  absl::Status WriteCheckpoint(std::span<const CheckpointRow> rows) override;
  absl::StatusOr<std::vector<v1::AuditRecord>> History(const std::string& experiment) override;

  // What was appended, oldest first.
  const std::vector<v1::AuditRecord>& records() const { return records_; }
  const std::map<std::string, std::string>& checkpoints() const { return checkpoints_; }

 private:
  absl::Status failure_;
  absl::Status late_failure_;
  std::vector<v1::AuditRecord> records_;
  std::map<std::string, std::string> checkpoints_;
};

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_MEMORY_JOURNAL_H_
