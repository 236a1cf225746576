// The journal on disk: one SQLite file, one connection.
//
// How it keeps its promises:
//   - synchronous=FULL with a write-ahead log: a commit is one appended write and one fsync, and a torn tail of the log
//     is no commit. The rollback journal of SQLite's other modes costs two or three fsyncs for each of the checkpoints
//     that are written every second. The log's one weakness is that a damaged frame in its middle silently takes all
//     later commits with it; so the log is folded into the file after each change of state, where damage is found.
//   - locking_mode=EXCLUSIVE: no second process reads or writes the file while this one has it, and no shared memory is
//     needed, so that network volumes work.
//   - A new journal is made beside its final name and moved there when its schema is on disk: an empty or cut file
//     under the final name is therefore always damage, never a fresh start that would forget a latch.
//   - Load walks the whole chain of audit rows, and each checkpoint carries its hash: no flipped bit goes unseen.
//
// When the disk fails (EIO of a write or an fsync), Linux marks the pages that it could not write as clean: a later
// fsync succeeds without them, and a read still shows what is not on the disk. So after such a failure
//   - nothing that was tried is taken for written: the transaction is answered as failed. SQLite writes it anew, over
//     the same place of the log, when it is tried again; nor does it take the log for folded in before an fsync of the
//     file has succeeded, and copies every page again at the next try.
//   - the connection is closed, the kernel is told to drop its pages of the file and of the log, and both are read
//     again: the chain has to be whole and to hold what was acknowledged last. Else the journal is damaged, says so,
//     and takes nothing more.
//   - what is then found in the log, though nobody was told that it was written, becomes true by being folded into the
//     file and synced there before anything is read from it. An opening does the same after a crash. Whoever was told
//     that it was refused appends what is so instead (experiment::kNotOpened).

#ifndef WEIR_ROUTER_CONTROL_SQLITE_JOURNAL_H_
#define WEIR_ROUTER_CONTROL_SQLITE_JOURNAL_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "config/limits.h"
#include "router/control/sqlite_file.h"
#include "router/experiment/journal.h"

namespace weir::control {

struct SqliteJournalOptions {
  std::string path;
  int64_t max_bytes = config::limits::kJournalBytes;  // Beyond, the file takes nothing: RESOURCE_EXHAUSTED.
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

  absl::StatusOr<experiment::Remembered> Load() override;
  absl::StatusOr<std::string> Append(const experiment::Change& change) override;
  absl::Status WriteCheckpoint(std::span<const experiment::CheckpointRow> rows) override;
  absl::StatusOr<std::vector<v1::AuditRecord>> History(const std::string& experiment) override;

 private:
  // The last row of the chain.
  struct Head {
    uint64_t sequence = 0;
    std::string hash;    // 32 bytes.
    std::string record;  // As stored; empty before the first.
  };

  explicit SqliteJournal(SqliteJournalOptions options) : options_(std::move(options)) {}

  absl::Status Connect();
  absl::Status EnsureTrusted();
  absl::Status Fold();
  absl::Status VerifyAcknowledged();
  absl::Status Note(absl::Status status);
  absl::StatusOr<Head> ReadHead();
  absl::StatusOr<Head> AppendRow(const experiment::Change& change);
  absl::Status InsertRow(const Head& row, const std::string& experiment);
  absl::Status WriteRow(const experiment::CheckpointRow& row);
  absl::Status InTransaction(const std::function<absl::Status()>& body);

  const SqliteJournalOptions options_;
  std::unique_ptr<SqliteFile> file_;  // Null: the disk failed, and the file is not read again yet.
  bool is_folded_ = false;            // What was found in the log is in the file, synced.
  uint64_t acknowledged_ = 0;         // The newest row that somebody was told of; 0: none.
  std::string acknowledged_hash_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_SQLITE_JOURNAL_H_
