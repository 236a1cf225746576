#include "router/experiment/memory_journal.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::experiment {

absl::StatusOr<Remembered> MemoryJournal::Load() {
  Remembered remembered;
  for (const v1::AuditRecord& record : records_) {
    absl::StatusOr<State> state = StateOf(record.state());
    if (!state.ok()) return state.status();
    remembered.states.insert_or_assign(record.state().experiment(), *std::move(state));
    if (record.has_specification()) {
      remembered.specifications.insert_or_assign(record.state().experiment(), VersionOf(record.specification()));
    }
  }
  remembered.checkpoints = checkpoints_;
  remembered.sequence = records_.size();
  remembered.head = absl::StrCat(records_.size());
  return remembered;
}

absl::StatusOr<std::string> MemoryJournal::Append(const Change& change) {
  if (!failure_.ok()) return failure_;
  v1::AuditRecord record = RecordOf(change, records_.size() + 1);
  if (absl::Status status = BytesOf(record).status(); !status.ok()) return status;
  const bool is_there =
      !records_.empty() && records_.back().SerializeAsString() == RecordOf(change, records_.size()).SerializeAsString();
  if (!is_there) records_.push_back(std::move(record));
  if (!late_failure_.ok()) return late_failure_;
  return absl::StrCat(records_.size());
}

absl::Status MemoryJournal::WriteCheckpoint(std::span<const CheckpointRow> rows) {
  if (!failure_.ok()) return failure_;
  for (const CheckpointRow& row : rows) {
    if (row.value) {
      checkpoints_.insert_or_assign(row.key, *row.value);
    } else {
      checkpoints_.erase(row.key);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::AuditRecord>> MemoryJournal::History(const std::string& experiment) {
  std::vector<v1::AuditRecord> history;
  for (const v1::AuditRecord& record : records_) {
    if (record.state().experiment() == experiment) history.push_back(record);
  }
  return history;
}

}  // namespace weir::experiment
