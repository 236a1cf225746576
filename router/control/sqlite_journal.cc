#include "router/control/sqlite_journal.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "router/runtime/crypto.h"

namespace weir::control {
namespace {

using experiment::CheckpointRow;
using experiment::Remembered;

constexpr int kApplicationId = 0x57656972;  // "Weir"
constexpr int kSchemaVersion = 1;
constexpr int64_t kPageBytes = 4096;

// `state` names, for each experiment, the audit row that led to where it stands.
constexpr char kSchema[] = R"sql(
  CREATE TABLE audit(sequence INTEGER PRIMARY KEY, record BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
  CREATE TABLE state(experiment TEXT PRIMARY KEY, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE checkpoint(key TEXT PRIMARY KEY, value BLOB NOT NULL, hash BLOB NOT NULL) STRICT;
)sql";

absl::StatusCode CodeOf(int result) {
  switch (result & 0xff) {
    case SQLITE_FULL:
      return absl::StatusCode::kResourceExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
      return absl::StatusCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR:  // A table of ours is not there, or is another.
      return absl::StatusCode::kDataLoss;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return absl::StatusCode::kFailedPrecondition;
    default:
      return absl::StatusCode::kInternal;
  }
}

const char* MeaningOf(int result) {
  switch (result & 0xff) {
    case SQLITE_FULL:
      return "the disk is full, or the journal at its bound";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return "another process has the journal open";
    case SQLITE_CORRUPT:
    case SQLITE_CONSTRAINT:
    case SQLITE_ERROR:
      return "the file is damaged";
    case SQLITE_NOTADB:
      return "the file is not a journal, or is damaged";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return "it cannot be written there";
    default:
      return "the store failed";
  }
}

absl::Status Failure(sqlite3* database, int result, const char* doing) {
  const int system = database == nullptr ? 0 : sqlite3_system_errno(database);
  return absl::Status(CodeOf(result),
                      absl::StrCat(doing, ": ", MeaningOf(result), " (", sqlite3_errstr(result),
                                   database == nullptr ? "" : absl::StrCat("; ", sqlite3_errmsg(database)),
                                   system == 0 ? "" : absl::StrCat("; ", std::strerror(system)), ")"));
}

absl::Status Damaged(const std::string& what) {
  return absl::DataLossError(absl::StrCat("the journal is damaged: ", what));
}

// One statement, prepared for one use. Errors are kept and told by `Finish`, so that callers need not check each step.
class Statement {
 public:
  Statement(sqlite3* database, const char* sql) : database_(database) {
    result_ = sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Parameters in their order. The bytes outlive the statement.
  Statement& Bind(int64_t value) {
    if (result_ == SQLITE_OK) result_ = sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }
  Statement& BindText(std::string_view text) {
    if (result_ == SQLITE_OK)
      result_ = sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
  }
  Statement& BindBlob(std::string_view bytes) {
    if (result_ == SQLITE_OK)
      result_ = sqlite3_bind_blob64(statement_, ++bound_, bytes.data(), bytes.size(), SQLITE_STATIC);
    return *this;
  }

  // Whether there is a (next) row.
  bool Step() {
    if (result_ == SQLITE_OK || result_ == SQLITE_ROW) result_ = sqlite3_step(statement_);
    return result_ == SQLITE_ROW;
  }
  int64_t Integer(int column) { return sqlite3_column_int64(statement_, column); }
  std::string Bytes(int column) {
    const void* data = sqlite3_column_blob(statement_, column);
    return data == nullptr ? std::string()
                           : std::string(static_cast<const char*>(data), sqlite3_column_bytes(statement_, column));
  }

  // OK when every step so far succeeded.
  absl::Status Finish(const char* doing) const {
    if (result_ == SQLITE_OK || result_ == SQLITE_ROW || result_ == SQLITE_DONE) return absl::OkStatus();
    return Failure(database_, result_, doing);
  }

 private:
  sqlite3* const database_;
  sqlite3_stmt* statement_ = nullptr;
  int result_ = SQLITE_OK;
  int bound_ = 0;
};

absl::Status Execute(sqlite3* database, const std::string& sql, const char* doing) {
  const int result = sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? absl::OkStatus() : Failure(database, result, doing);
}

absl::StatusOr<int64_t> QueryInteger(sqlite3* database, const char* sql, const char* doing) {
  Statement statement(database, sql);
  const int64_t value = statement.Step() ? statement.Integer(0) : 0;
  if (absl::Status status = statement.Finish(doing); !status.ok()) return status;
  return value;
}

absl::StatusOr<sqlite3*> Connect(const std::string& path, int flags) {
  sqlite3* database = nullptr;
  const int result =
      sqlite3_open_v2(path.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (result == SQLITE_OK) return database;
  absl::Status failure = Failure(database, result, "opening it");
  sqlite3_close(database);
  return failure;
}

absl::Status Configure(sqlite3* database, int64_t max_bytes) {
  return Execute(database,
                 absl::StrCat("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
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
  absl::StatusOr<sqlite3*> database = Connect(unfinished, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!database.ok()) return database.status();
  absl::Status status = Configure(*database, max_bytes);
  if (status.ok()) {
    status = Execute(*database,
                     absl::StrCat("PRAGMA application_id=", kApplicationId, "; PRAGMA user_version=", kSchemaVersion,
                                  "; BEGIN IMMEDIATE;", kSchema, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)"),
                     "making it");
  }
  sqlite3_close(*database);
  if (!status.ok()) return status;
  if (std::rename(unfinished.c_str(), path.c_str()) != 0)
    return absl::ErrnoToStatus(errno, "moving the new journal to its place");
  return SyncFolderOf(path);
}

// Whether the file is what we think, structure and all.
absl::Status Examine(sqlite3* database) {
  absl::StatusOr<int64_t> application = QueryInteger(database, "PRAGMA application_id", "reading what it is");
  if (!application.ok()) return application.status();
  if (*application != kApplicationId) return absl::DataLossError("the file is not a journal of weir, or is damaged");
  absl::StatusOr<int64_t> version = QueryInteger(database, "PRAGMA user_version", "reading its version");
  if (!version.ok()) return version.status();
  if (*version != kSchemaVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("its format is version ", *version, "; this weir reads and writes version ", kSchemaVersion));
  }
  Statement check(database, "PRAGMA integrity_check(1)");
  const std::string verdict = check.Step() ? check.Bytes(0) : "";
  if (absl::Status status = check.Finish("checking its structure"); !status.ok()) return status;
  return verdict == "ok" ? absl::OkStatus() : Damaged(verdict);
}

std::string NextHash(const std::string& previous, const std::string& record) {
  return runtime::Sha256(absl::StrCat(previous, record));
}

std::string CheckpointHash(const std::string& key, const std::string& value) {
  return runtime::Sha256(absl::StrCat(key, std::string(1, '\0'), value));
}

std::string ZeroHash() { return std::string(runtime::kSha256Size, '\0'); }

absl::Status Annotate(const absl::Status& status, const std::string& path) {
  return absl::Status(status.code(), absl::StrCat("journal ", path, ": ", status.message()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteJournal>> SqliteJournal::Open(SqliteJournalOptions options) {
  if (access(options.path.c_str(), F_OK) != 0 && errno == ENOENT) {
    if (absl::Status status = Make(options.path, options.max_bytes); !status.ok())
      return Annotate(status, options.path);
  }
  absl::StatusOr<sqlite3*> database = Connect(options.path, SQLITE_OPEN_READWRITE);
  if (!database.ok()) return Annotate(database.status(), options.path);
  auto journal = std::unique_ptr<SqliteJournal>(new SqliteJournal(options.path, *database));
  absl::Status status = Configure(*database, options.max_bytes);
  if (status.ok()) status = Examine(*database);
  if (!status.ok()) return Annotate(status, options.path);
  return journal;
}

SqliteJournal::SqliteJournal(std::string path, sqlite3* database) : path_(std::move(path)), database_(database) {}

SqliteJournal::~SqliteJournal() { sqlite3_close(database_); }

absl::StatusOr<Remembered> SqliteJournal::Load() {
  Remembered remembered;
  absl::Status status = LoadAudit(remembered);
  if (status.ok()) status = LoadCheckpoints(remembered);
  if (!status.ok()) return Annotate(status, path_);
  return remembered;
}

absl::Status SqliteJournal::LoadAudit(Remembered& remembered) {
  std::map<std::string, uint64_t> newest;  // Row of each experiment.
  std::string hash = ZeroHash();
  Statement rows(database_, "SELECT sequence, record, hash FROM audit ORDER BY sequence");
  while (rows.Step()) {
    const uint64_t sequence = static_cast<uint64_t>(rows.Integer(0));
    const std::string bytes = rows.Bytes(1);
    hash = NextHash(hash, bytes);
    v1::AuditRecord record;
    if (sequence != remembered.sequence + 1 || hash != rows.Bytes(2) || !record.ParseFromString(bytes) ||
        record.sequence() != sequence) {
      return Damaged(absl::StrCat("the audit chain breaks at row ", remembered.sequence + 1));
    }
    absl::StatusOr<experiment::State> state = experiment::StateOf(record.state());
    if (!state.ok()) return state.status();
    remembered.sequence = sequence;
    newest[record.state().experiment()] = sequence;
    remembered.states.insert_or_assign(record.state().experiment(), *std::move(state));
  }
  if (absl::Status status = rows.Finish("reading the audit rows"); !status.ok()) return status;
  remembered.head = absl::BytesToHexString(hash);

  std::map<std::string, uint64_t> stated;
  Statement states(database_, "SELECT experiment, sequence FROM state");
  while (states.Step()) stated[states.Bytes(0)] = static_cast<uint64_t>(states.Integer(1));
  if (absl::Status status = states.Finish("reading the states"); !status.ok()) return status;
  return stated == newest ? absl::OkStatus() : Damaged("states and audit rows disagree");
}

absl::Status SqliteJournal::LoadCheckpoints(Remembered& remembered) {
  Statement rows(database_, "SELECT key, value, hash FROM checkpoint");
  while (rows.Step()) {
    std::string key = rows.Bytes(0);
    std::string value = rows.Bytes(1);
    if (rows.Bytes(2) != CheckpointHash(key, value))
      return Damaged(absl::StrCat("checkpoint '", absl::CHexEscape(key), "'"));
    remembered.checkpoints.emplace(std::move(key), std::move(value));
  }
  return rows.Finish("reading the checkpoints");
}

absl::StatusOr<SqliteJournal::Head> SqliteJournal::ReadHead() {
  Statement last(database_, "SELECT sequence, hash, record FROM audit ORDER BY sequence DESC LIMIT 1");
  Head head{.sequence = 0, .hash = ZeroHash(), .record = ""};
  if (last.Step()) head = {static_cast<uint64_t>(last.Integer(0)), last.Bytes(1), last.Bytes(2)};
  if (absl::Status status = last.Finish("reading the chain's head"); !status.ok()) return status;
  return head;
}

absl::StatusOr<std::string> SqliteJournal::Append(const experiment::Change& change) {
  // The head is read each time: a commit that failed may be on disk all the same, and then it is not written twice.
  absl::StatusOr<Head> head = ReadHead();
  if (!head.ok()) return Annotate(head.status(), path_);
  if (head->record == experiment::RecordOf(change, head->sequence).SerializeAsString()) {
    return absl::BytesToHexString(head->hash);
  }
  Head row{.sequence = head->sequence + 1,
           .hash = "",
           .record = experiment::RecordOf(change, head->sequence + 1).SerializeAsString()};
  row.hash = NextHash(head->hash, row.record);
  absl::Status status = InTransaction([&] { return InsertRow(row, change.experiment); });
  if (!status.ok()) return Annotate(status, path_);
  // The row is durable in the log already; that the log is not folded in now is no failure.
  (void)Execute(database_, "PRAGMA wal_checkpoint(TRUNCATE)", "folding the log in");
  return absl::BytesToHexString(row.hash);
}

absl::Status SqliteJournal::InsertRow(const Head& row, const std::string& experiment) {
  Statement audit(database_, "INSERT INTO audit(sequence, record, hash) VALUES(?, ?, ?)");
  audit.Bind(static_cast<int64_t>(row.sequence)).BindBlob(row.record).BindBlob(row.hash).Step();
  if (absl::Status status = audit.Finish("writing an audit row"); !status.ok()) return status;
  Statement state(database_, "INSERT OR REPLACE INTO state(experiment, sequence) VALUES(?, ?)");
  state.BindText(experiment).Bind(static_cast<int64_t>(row.sequence)).Step();
  return state.Finish("writing a state");
}

absl::Status SqliteJournal::WriteCheckpoint(std::span<const CheckpointRow> rows) {
  absl::Status status = InTransaction([&] {
    for (const CheckpointRow& row : rows) {
      const std::string hash = row.value ? CheckpointHash(row.key, *row.value) : "";
      Statement write(database_, row.value
                                     ? "INSERT INTO checkpoint(key, value, hash) VALUES(?, ?, ?) ON CONFLICT(key) "
                                       "DO UPDATE SET value = excluded.value, hash = excluded.hash"
                                     : "DELETE FROM checkpoint WHERE key = ?");
      write.BindText(row.key);
      if (row.value) write.BindBlob(*row.value).BindBlob(hash);
      write.Step();
      if (absl::Status written = write.Finish("writing a checkpoint"); !written.ok()) return written;
    }
    return absl::OkStatus();
  });
  return status.ok() ? status : Annotate(status, path_);
}

absl::Status SqliteJournal::InTransaction(const std::function<absl::Status()>& body) {
  if (absl::Status status = Execute(database_, "BEGIN IMMEDIATE", "beginning a transaction"); !status.ok())
    return status;
  absl::Status status = body();
  if (status.ok()) status = Execute(database_, "COMMIT", "committing");
  // Some failures have rolled back by themselves.
  if (!status.ok() && sqlite3_get_autocommit(database_) == 0) (void)Execute(database_, "ROLLBACK", "rolling back");
  return status;
}

}  // namespace weir::control
