#include "router/control/sqlite_file.h"

#include <sqlite3.h>

#include <cstring>

#include "absl/strings/str_cat.h"

namespace weir::control {
namespace {

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

}  // namespace

SqliteStatement::SqliteStatement(sqlite3* database, const char* sql) : database_(database) {
  result_ = sqlite3_prepare_v2(database, sql, -1, &statement_, nullptr);
}

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

SqliteStatement& SqliteStatement::Bind(int64_t value) {
  if (result_ == SQLITE_OK) result_ = sqlite3_bind_int64(statement_, ++bound_, value);
  return *this;
}

SqliteStatement& SqliteStatement::BindText(std::string_view text) {
  if (result_ == SQLITE_OK) {
    result_ = sqlite3_bind_text64(statement_, ++bound_, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  }
  return *this;
}

SqliteStatement& SqliteStatement::BindBlob(std::string_view bytes) {
  if (result_ == SQLITE_OK) {
    result_ = sqlite3_bind_blob64(statement_, ++bound_, bytes.data(), bytes.size(), SQLITE_STATIC);
  }
  return *this;
}

bool SqliteStatement::Step() {
  if (result_ == SQLITE_OK || result_ == SQLITE_ROW) result_ = sqlite3_step(statement_);
  return result_ == SQLITE_ROW;
}

int64_t SqliteStatement::Integer(int column) { return sqlite3_column_int64(statement_, column); }

std::string SqliteStatement::Bytes(int column) {
  const void* data = sqlite3_column_blob(statement_, column);
  if (data == nullptr) return "";
  return std::string(static_cast<const char*>(data), sqlite3_column_bytes(statement_, column));
}

absl::Status SqliteStatement::Finish(const char* doing) const {
  if (result_ == SQLITE_OK || result_ == SQLITE_ROW || result_ == SQLITE_DONE) return absl::OkStatus();
  return Failure(database_, result_, doing);
}

absl::StatusOr<std::unique_ptr<SqliteFile>> SqliteFile::Open(const std::string& path, Mode mode) {
  const int flags = SQLITE_OPEN_READWRITE | (mode == Mode::kNew ? SQLITE_OPEN_CREATE : 0);
  sqlite3* database = nullptr;
  const int result =
      sqlite3_open_v2(path.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (result == SQLITE_OK) return std::unique_ptr<SqliteFile>(new SqliteFile(database));
  absl::Status failure = Failure(database, result, "opening it");
  sqlite3_close(database);
  return failure;
}

SqliteFile::~SqliteFile() { sqlite3_close(database_); }

absl::Status SqliteFile::Execute(const std::string& sql, const char* doing) {
  const int result = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  return result == SQLITE_OK ? absl::OkStatus() : Failure(database_, result, doing);
}

absl::StatusOr<int64_t> SqliteFile::QueryInteger(const char* sql, const char* doing) {
  SqliteStatement statement(database_, sql);
  const int64_t value = statement.Step() ? statement.Integer(0) : 0;
  if (absl::Status status = statement.Finish(doing); !status.ok()) return status;
  return value;
}

bool SqliteFile::is_in_transaction() const { return sqlite3_get_autocommit(database_) == 0; }

}  // namespace weir::control
