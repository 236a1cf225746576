#include "test/simulator/disk.h"

#include <filesystem>
#include <span>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "router/control/sqlite_journal.h"
#include "router/runtime/crypto.h"

namespace weir::simulator {
namespace {

using experiment::Remembered;

class MemoryDiskJournal : public experiment::Journal {
 public:
  explicit MemoryDiskJournal(std::shared_ptr<MemoryDisk::Content> content) : content_(std::move(content)) {}

  absl::StatusOr<Remembered> Load() override {
    Remembered remembered;
    std::string hash(runtime::kSha256Size, '\0');
    for (const auto& [bytes, written_hash] : content_->rows) {
      hash = runtime::Sha256(absl::StrCat(hash, bytes));
      v1::AuditRecord record;
      const bool is_read = record.ParseFromString(bytes);
      if (!is_read || hash != written_hash || record.sequence() != ++remembered.sequence) {
        return absl::DataLossError(absl::StrCat("the chain breaks at row ", remembered.sequence));
      }
      absl::StatusOr<experiment::State> state = experiment::StateOf(record.state());
      if (!state.ok()) return state.status();
      remembered.states.insert_or_assign(record.state().experiment(), *std::move(state));
      if (!record.has_specification()) continue;
      remembered.specifications.insert_or_assign(record.state().experiment(),
                                                 experiment::VersionOf(record.specification()));
    }
    remembered.head = absl::BytesToHexString(hash);
    remembered.checkpoints = content_->checkpoints;
    return remembered;
  }

  absl::StatusOr<std::string> Append(const experiment::Change& change) override {
    std::vector<std::pair<std::string, std::string>>& rows = content_->rows;
    const absl::StatusOr<std::string> same = experiment::BytesOf(experiment::RecordOf(change, rows.size()));
    if (!same.ok()) return same.status();
    if (!rows.empty() && rows.back().first == *same) return absl::BytesToHexString(rows.back().second);
    const std::string before = rows.empty() ? std::string(runtime::kSha256Size, '\0') : rows.back().second;
    absl::StatusOr<std::string> bytes = experiment::BytesOf(experiment::RecordOf(change, rows.size() + 1));
    if (!bytes.ok()) return bytes.status();
    std::string hash = runtime::Sha256(absl::StrCat(before, *bytes));
    rows.emplace_back(*std::move(bytes), std::move(hash));
    return absl::BytesToHexString(rows.back().second);
  }

  absl::Status WriteCheckpoint(std::span<const experiment::CheckpointRow> rows) override {
    for (const experiment::CheckpointRow& row : rows) {
      if (row.value) {
        content_->checkpoints.insert_or_assign(row.key, *row.value);
      } else {
        content_->checkpoints.erase(row.key);
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<v1::AuditRecord>> History(const std::string& experiment) override {
    std::vector<v1::AuditRecord> history;
    for (const auto& [bytes, hash] : content_->rows) {
      v1::AuditRecord record;
      if (!record.ParseFromString(bytes)) return absl::DataLossError("a row is no record");
      if (record.state().experiment() == experiment) history.push_back(std::move(record));
    }
    return history;
  }

 private:
  const std::shared_ptr<MemoryDisk::Content> content_;
};

constexpr const char* kFiles[] = {"", "-wal"};

}  // namespace

absl::StatusOr<std::unique_ptr<experiment::Journal>> MemoryDisk::Open() {
  return std::make_unique<MemoryDiskJournal>(content_);
}

SqliteDisk::SqliteDisk(std::string folder) : folder_(std::move(folder)) { Remove(life_); }

SqliteDisk::~SqliteDisk() { Remove(life_); }

std::string SqliteDisk::PathOf(int life) const { return absl::StrCat(folder_, "/journal-", life, ".db"); }

void SqliteDisk::Remove(int life) const {
  std::error_code ignored;  // Not there.
  for (const char* file : kFiles) std::filesystem::remove(PathOf(life) + file, ignored);
}

absl::StatusOr<std::unique_ptr<experiment::Journal>> SqliteDisk::Open() {
  absl::StatusOr<std::unique_ptr<control::SqliteJournal>> journal =
      control::SqliteJournal::Open({.path = PathOf(life_)});
  if (!journal.ok()) return journal.status();
  return *std::move(journal);
}

void SqliteDisk::Kill() {
  std::error_code ignored;  // No such file: nothing was ever written.
  for (const char* file : kFiles) {
    std::filesystem::copy_file(PathOf(life_) + file, PathOf(life_ + 1) + file,
                               std::filesystem::copy_options::overwrite_existing, ignored);
  }
  Remove(life_);
  ++life_;
}

}  // namespace weir::simulator
