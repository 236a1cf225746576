// One SQLite file, one connection. The only door to SQLite.

#ifndef WEIR_ROUTER_CONTROL_SQLITE_FILE_H_
#define WEIR_ROUTER_CONTROL_SQLITE_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace weir::control {

// One statement, prepared for one use. Errors are kept and told by `Finish`, so that callers need not check each step.
class SqliteStatement {
 public:
  SqliteStatement(sqlite3* database, const char* sql);
  ~SqliteStatement();
  SqliteStatement(const SqliteStatement&) = delete;
  SqliteStatement& operator=(const SqliteStatement&) = delete;

  // Parameters in their order. The bytes outlive the statement.
  SqliteStatement& Bind(int64_t value);
  SqliteStatement& BindText(std::string_view text);
  SqliteStatement& BindBlob(std::string_view bytes);

  // Whether there is a (next) row.
  bool Step();
  int64_t Integer(int column);
  std::string Bytes(int column);

  // OK when every step so far succeeded.
  absl::Status Finish(const char* doing) const;

 private:
  sqlite3* const database_;
  sqlite3_stmt* statement_ = nullptr;
  int result_;
  int bound_ = 0;
};

// Errors are, of every method:
//   DATA_LOSS            the file is damaged, or is no SQLite file.
//   UNAVAILABLE          another process has it, or the disk fails.
//   FAILED_PRECONDITION  it cannot be written there.
//   RESOURCE_EXHAUSTED   the disk is full, or the file at its bound.
// One thread at a time.
class SqliteFile {
 public:
  enum class Mode { kExisting, kNew };
  static absl::StatusOr<std::unique_ptr<SqliteFile>> Open(const std::string& path, Mode mode);
  ~SqliteFile();
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  // `doing` is for the error's text: "reading its version".
  absl::Status Execute(const std::string& sql, const char* doing);
  absl::StatusOr<int64_t> QueryInteger(const char* sql, const char* doing);
  SqliteStatement Prepare(const char* sql) { return SqliteStatement(database_, sql); }
  bool is_in_transaction() const;

 private:
  explicit SqliteFile(sqlite3* database) : database_(database) {}

  sqlite3* const database_;  // Owned.
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_SQLITE_FILE_H_
