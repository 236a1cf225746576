#include "router/control/journal_reader.h"

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>

#include "router/control/journal_copy.h"
#include "router/control/journal_tables.h"
#include "router/control/sqlite_file.h"

namespace weir::control {
namespace {

absl::Status ReadAll(const std::string& path, JournalContents& contents) {
  absl::StatusOr<std::unique_ptr<SqliteFile>> file = SqliteFile::Open(path, SqliteFile::Mode::kExisting);
  if (!file.ok()) return file.status();
  absl::Status status = (*file)->Execute("PRAGMA locking_mode=EXCLUSIVE; PRAGMA trusted_schema=OFF", "reading it");
  // Rows are read even where a page elsewhere is damaged: how far the chain holds is worth knowing.
  const absl::Status structure = status.ok() ? ExamineJournal(**file) : status;
  if (absl::IsFailedPrecondition(structure)) return structure;
  status = WalkAudit(**file, [&](v1::AuditRecord record, const AuditChain& chain) {
    contents.rows.push_back(std::move(record));
    contents.hashes.push_back(chain.head());
  });
  if (status.ok()) status = ReadCheckpoints(**file, contents.checkpoints);
  return status.ok() ? structure : status;
}

}  // namespace

absl::StatusOr<JournalContents> ReadJournal(const std::string& path) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  const absl::StatusOr<JournalCopy> copy = JournalCopy::Make(is_folder ? path + "/journal.db" : path);
  if (!copy.ok()) return copy.status();
  JournalContents contents;
  contents.verdict = ReadAll(copy->path(), contents);
  if (!contents.verdict.ok() && !absl::IsDataLoss(contents.verdict)) return contents.verdict;
  return contents;
}

}  // namespace weir::control
