#include "router/control/sqlite_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <functional>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "router/control/journal_tables.h"
#include "router/runtime/crypto.h"

namespace weir::control {
namespace {

using experiment::CheckpointRow;
using experiment::Remembered;

constexpr int64_t kPageBytes = 4096;

absl::Status Configure(SqliteFile& file, int64_t max_bytes) {
  return file.Execute(absl::StrCat("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                                   "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA journal_size_limit=0;"
                                   "PRAGMA max_page_count=",
                                   max_bytes / kPageBytes, "; BEGIN EXCLUSIVE; COMMIT"),
                      "taking it for this process");
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0 || fsync(fd) != 0) {
    absl::Status status = absl::ErrnoToStatus(errno, absl::StrCat("syncing ", folder));
    if (fd >= 0) close(fd);
    return status;
  }
  close(fd);
  return absl::OkStatus();
}

// Makes an empty journal at `path`, on disk before it has that name.
absl::Status Make(const std::string& path, int64_t max_bytes) {
  const std::string unfinished = path + ".new";
  for (const char* suffix : {"", "-wal", "-journal"}) std::remove((unfinished + suffix).c_str());
  absl::StatusOr<std::unique_ptr<SqliteFile>> file = SqliteFile::Open(unfinished, SqliteFile::Mode::kNew);
  if (!file.ok()) return file.status();
  absl::Status status = Configure(**file, max_bytes);
  if (status.ok()) {
    status = (*file)->Execute(
        absl::StrCat("PRAGMA application_id=", kJournalApplicationId, "; PRAGMA user_version=", kJournalVersion,
                     "; BEGIN IMMEDIATE;", kJournalSchema, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)"),
        "making it");
  }
  file->reset();
  if (!status.ok()) return status;
  if (std::rename(unfinished.c_str(), path.c_str()) != 0)
    return absl::ErrnoToStatus(errno, "moving the new journal to its place");
  return SyncFolderOf(path);
}

// The next reader sees what the disk holds. A page that is still to be written stays.
void DropPagesOf(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  close(fd);
}

absl::Status Annotate(const absl::Status& status, const std::string& path) {
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat("journal ", path, ": ", std::string(status.message())));
}

}  // namespace

// --- The file.

absl::StatusOr<std::unique_ptr<SqliteJournal>> SqliteJournal::Open(SqliteJournalOptions options) {
  if (access(options.path.c_str(), F_OK) != 0 && errno == ENOENT) {
    if (absl::Status status = Make(options.path, options.max_bytes); !status.ok())
      return Annotate(status, options.path);
  }
  auto journal = std::unique_ptr<SqliteJournal>(new SqliteJournal(std::move(options)));
  if (absl::Status status = journal->Connect(); !status.ok()) return Annotate(status, journal->options_.path);
  return journal;
}

absl::Status SqliteJournal::Connect() {
  absl::StatusOr<std::unique_ptr<SqliteFile>> file = SqliteFile::Open(options_.path, SqliteFile::Mode::kExisting);
  if (!file.ok()) return file.status();
  file_ = *std::move(file);
  is_folded_ = false;
  absl::Status status = Configure(*file_, options_.max_bytes);
  if (status.ok()) status = ExamineJournal(*file_);
  if (status.ok()) {
    status = Fold();
    // A full disk does not keep what is there from being read; nothing is written before the log was folded in.
    if (absl::IsResourceExhausted(status)) status = absl::OkStatus();
  }
  if (!status.ok()) file_.reset();
  return status;
}

absl::Status SqliteJournal::Fold() {
  absl::Status status = file_->Execute("PRAGMA wal_checkpoint(TRUNCATE)", "folding the log in");
  is_folded_ = status.ok();
  return status;
}

absl::Status SqliteJournal::EnsureTrusted() {
  if (file_ == nullptr) {
    for (const char* suffix : {"", "-wal"}) DropPagesOf(options_.path + suffix);
    if (absl::Status status = Connect(); !status.ok()) return status;
    if (absl::Status status = VerifyAcknowledged(); !status.ok()) {
      file_.reset();
      return status;
    }
  }
  return is_folded_ ? absl::OkStatus() : Fold();
}

absl::Status SqliteJournal::VerifyAcknowledged() {
  bool has_it = acknowledged_ == 0;
  absl::Status status = WalkAudit(*file_, [&](const v1::AuditRecord&, const AuditChain& chain) {
    has_it = has_it || (chain.sequence() == acknowledged_ && chain.hash() == acknowledged_hash_);
  });
  if (!status.ok() || has_it) return status;
  return absl::DataLossError(
      absl::StrCat("the journal is damaged: row ", acknowledged_, " was written, and the disk does not hold it"));
}

// What a failure of the disk means for what comes after.
absl::Status SqliteJournal::Note(absl::Status status) {
  if (absl::IsUnavailable(status)) file_.reset();
  return Annotate(status, options_.path);
}

// --- Reading.

absl::StatusOr<Remembered> SqliteJournal::Load() {
  if (absl::Status status = EnsureTrusted(); !status.ok() && !absl::IsResourceExhausted(status)) return Note(status);
  Remembered remembered;
  remembered.head = AuditChain().head();
  absl::Status status = WalkAudit(*file_, [&](v1::AuditRecord record, const AuditChain& chain) {
    const std::string& experiment = record.state().experiment();
    remembered.states.insert_or_assign(experiment, *experiment::StateOf(record.state()));  // The chain has read it.
    if (record.has_specification()) {
      remembered.specifications.insert_or_assign(experiment, experiment::VersionOf(record.specification()));
    }
    remembered.sequence = acknowledged_ = chain.sequence();
    acknowledged_hash_ = chain.hash();
    remembered.head = chain.head();
  });
  if (status.ok()) status = ReadCheckpoints(*file_, remembered.checkpoints);
  if (!status.ok()) return Note(status);
  return remembered;
}

absl::StatusOr<std::vector<v1::AuditRecord>> SqliteJournal::History(const std::string& experiment) {
  if (absl::Status status = EnsureTrusted(); !status.ok()) return Note(status);
  std::vector<v1::AuditRecord> history;
  const absl::Status status = WalkAudit(*file_, [&](v1::AuditRecord record, const AuditChain&) {
    if (record.state().experiment() == experiment) history.push_back(std::move(record));
  });
  if (!status.ok()) return Note(status);
  return history;
}

absl::StatusOr<SqliteJournal::Head> SqliteJournal::ReadHead() {
  SqliteStatement last = file_->Prepare("SELECT sequence, hash, record FROM audit ORDER BY sequence DESC LIMIT 1");
  Head head{.sequence = 0, .hash = AuditChain().hash(), .record = ""};
  if (last.Step()) head = {static_cast<uint64_t>(last.Integer(0)), last.Bytes(1), last.Bytes(2)};
  if (absl::Status status = last.Finish("reading the chain's head"); !status.ok()) return status;
  return head;
}

// --- Writing.

absl::StatusOr<std::string> SqliteJournal::Append(const experiment::Change& change) {
  if (absl::Status status = EnsureTrusted(); !status.ok()) return Note(status);
  absl::StatusOr<Head> head = AppendRow(change);
  if (!head.ok()) return Note(head.status());
  acknowledged_ = head->sequence;
  acknowledged_hash_ = head->hash;
  // The row is durable in the log already; that the log is not folded in now is no failure of it.
  (void)Note(Fold());
  return absl::BytesToHexString(acknowledged_hash_);
}

absl::StatusOr<SqliteJournal::Head> SqliteJournal::AppendRow(const experiment::Change& change) {
  // The head is read each time: a commit that failed may be on disk all the same, and then it is not written twice.
  absl::StatusOr<Head> head = ReadHead();
  if (!head.ok()) return head;
  const absl::StatusOr<std::string> same = experiment::BytesOf(experiment::RecordOf(change, head->sequence));
  if (!same.ok()) return same.status();
  if (head->record == *same) return head;
  absl::StatusOr<std::string> record = experiment::BytesOf(experiment::RecordOf(change, head->sequence + 1));
  if (!record.ok()) return record.status();
  Head row{.sequence = head->sequence + 1, .hash = "", .record = *std::move(record)};
  row.hash = ChainHash(head->hash, row.record);
  if (absl::Status status = InTransaction([&] { return InsertRow(row, change.experiment); }); !status.ok()) {
    return status;
  }
  return row;
}

absl::Status SqliteJournal::InsertRow(const Head& row, const std::string& experiment) {
  SqliteStatement audit = file_->Prepare("INSERT INTO audit(sequence, record, hash) VALUES(?, ?, ?)");
  audit.Bind(static_cast<int64_t>(row.sequence)).BindBlob(row.record).BindBlob(row.hash).Step();
  if (absl::Status status = audit.Finish("writing an audit row"); !status.ok()) return status;
  SqliteStatement state = file_->Prepare("INSERT OR REPLACE INTO state(experiment, sequence) VALUES(?, ?)");
  state.BindText(experiment).Bind(static_cast<int64_t>(row.sequence)).Step();
  return state.Finish("writing a state");
}

absl::Status SqliteJournal::WriteCheckpoint(std::span<const CheckpointRow> rows) {
  if (absl::Status status = EnsureTrusted(); !status.ok()) return Note(status);
  return Note(InTransaction([&] {
    for (const CheckpointRow& row : rows) {
      if (absl::Status written = WriteRow(row); !written.ok()) return written;
    }
    return absl::OkStatus();
  }));
}

absl::Status SqliteJournal::WriteRow(const CheckpointRow& row) {
  const std::string hash = row.value ? CheckpointHash(row.key, *row.value) : "";
  SqliteStatement write =
      file_->Prepare(row.value ? "INSERT INTO checkpoint(key, value, hash) VALUES(?, ?, ?) ON CONFLICT(key) "
                                 "DO UPDATE SET value = excluded.value, hash = excluded.hash"
                               : "DELETE FROM checkpoint WHERE key = ?");
  write.BindText(row.key);
  if (row.value) write.BindBlob(*row.value).BindBlob(hash);
  write.Step();
  return write.Finish("writing a checkpoint");
}

absl::Status SqliteJournal::InTransaction(const std::function<absl::Status()>& body) {
  if (absl::Status status = file_->Execute("BEGIN IMMEDIATE", "beginning a transaction"); !status.ok()) return status;
  absl::Status status = body();
  if (status.ok()) status = file_->Execute("COMMIT", "committing");
  // Some failures have rolled back by themselves.
  if (!status.ok() && file_->is_in_transaction()) (void)file_->Execute("ROLLBACK", "rolling back");
  return status;
}

}  // namespace weir::control
