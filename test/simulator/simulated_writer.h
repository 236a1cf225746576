// The journal's writer on virtual time: control::JournalWriter without its thread, before a disk that fails when it is
// told to.

#ifndef WEIR_TEST_SIMULATOR_SIMULATED_WRITER_H_
#define WEIR_TEST_SIMULATOR_SIMULATED_WRITER_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "router/control/journal_request.h"
#include "test/simulator/disk.h"
#include "test/simulator/history.h"

namespace weir::simulator {

// How the disk is now.
struct DiskFaults {
  absl::Status refusal;        // Not OK: what every write and every reading is answered, and nothing is written.
  absl::Status unsynced;       // Not OK: what every row is answered, though it is on the disk.
  absl::Status unreadable;     // Not OK: the same, of readings alone.
  absl::Duration until_write;  // From a request, or from the one before, until it is on the disk.
  absl::Duration until_reply;  // From there until the controller hears of it.
};

// One process's. Requests are carried out in their order, each whole or not at all.
class SimulatedWriter {
 public:
  SimulatedWriter(Disk& disk, const DiskFaults& faults) : disk_(disk), faults_(faults) {}

  // Before any request: what a process that starts knows.
  absl::StatusOr<experiment::Remembered> Load();
  void Ask(control::JournalRequest request, absl::Time now);

  // Whether a request is to be carried out by `now`.
  bool HasWork(absl::Time now) const { return !requests_.empty() && requests_.front().at <= now; }
  // Carries out the next one; what is on the disk since, if anything, as an observer sees it.
  std::optional<Event> Work(absl::Time now);

  bool HasReply(absl::Time now) const { return !replies_.empty() && replies_.front().at <= now; }
  struct Reply {
    control::JournalReply reply;
    std::string experiment{};  // Of a row; empty: of a checkpoint, or a reading.
    absl::Time at;
    bool is_on_disk = false;  // The row, whatever is answered.
  };
  Reply TakeReply();
  bool is_idle() const { return requests_.empty() && replies_.empty(); }

 private:
  struct Request {
    control::JournalRequest request;
    absl::Time at;
  };
  absl::StatusOr<experiment::Journal*> EnsureOpen();
  std::optional<Event> Append(experiment::Journal& journal, const experiment::Change& change, Reply& reply);
  void Read(experiment::Journal& journal, control::JournalReply& reply);

  Disk& disk_;
  const DiskFaults& faults_;
  std::unique_ptr<experiment::Journal> journal_;
  std::deque<Request> requests_;
  std::deque<Reply> replies_;
  uint64_t sequence_ = 0;  // Of the last row.
  std::string head_;       // Hex of the chain's.
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_SIMULATED_WRITER_H_
