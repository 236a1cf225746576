// The journal on disk: one SQLite file, one connection. The only door to SQLite.
//
// How it keeps its promises:
//   - synchronous=FULL with a write-ahead log: a commit is one appended write and one fsync, and a torn tail of the log
//   is no
//     commit. The rollback journal of SQLite's other modes costs two or three fsyncs for each of the checkpoints that
//     are written every second. The log's one weakness is that a damaged frame in its middle silently takes all later
//     commits with it; so the log is folded into the file after each change of state, where damage is found.
//   - locking_mode=EXCLUSIVE: no second process reads or writes the file while this one has it, and no shared memory is
//   needed,
//     so that network volumes work.
//   - A new journal is made beside its final name and moved there when its schema is on disk: an empty or cut file
//   under the
//     final name is therefore always damage, never a fresh start that would forget a latch.
//   - Load walks the whole chain of audit rows, and each checkpoint carries its hash: no flipped bit goes unseen.

#ifndef WEIR_ROUTER_CONTROL_SQLITE_JOURNAL_H_
#define WEIR_ROUTER_CONTROL_SQLITE_JOURNAL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "router/experiment/journal.h"

struct sqlite3;

namespace weir::control {

struct SqliteJournalOptions {
  std::string path;
  // The file may not grow beyond this: statistics of a full configuration take some tens of MiB, tickets 64 MiB more.
  int64_t max_bytes = int64_t{1} << 30;
};

// One thread at a time.
class SqliteJournal : public experiment::Journal {
 public:
  // Opens, or makes, the journal and checks the file's structure.
  //   DATA_LOSS            the file is damaged, or is not a journal.
  //   UNAVAILABLE          another process has it, or the disk fails.
  //   FAILED_PRECONDITION  it cannot be written there, or a later version of Weir wrote it.
  //   RESOURCE_EXHAUSTED   the disk is full.
  static absl::StatusOr<std::unique_ptr<SqliteJournal>> Open(SqliteJournalOptions options);
  ~SqliteJournal() override;

  absl::StatusOr<experiment::Remembered> Load() override;
  absl::StatusOr<std::string> Append(const experiment::Change& change) override;
  absl::Status WriteCheckpoint(std::span<const experiment::CheckpointRow> rows) override;

 private:
  // The last row of the chain.
  struct Head {
    uint64_t sequence = 0;
    std::string hash;    // 32 bytes.
    std::string record;  // As stored; empty before the first.
  };

  SqliteJournal(std::string path, sqlite3* database);

  absl::StatusOr<Head> ReadHead();
  absl::Status LoadAudit(experiment::Remembered& remembered);
  absl::Status LoadCheckpoints(experiment::Remembered& remembered);
  absl::Status InsertRow(const Head& row, const std::string& experiment);
  absl::Status InTransaction(const std::function<absl::Status()>& body);

  const std::string path_;
  sqlite3* const database_;  // Owned.
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_SQLITE_JOURNAL_H_
