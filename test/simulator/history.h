// What an observer who misses nothing sees of a simulated proxy: values, so that a test can write a history by hand and
// show what a rule says to it.

#ifndef WEIR_TEST_SIMULATOR_HISTORY_H_
#define WEIR_TEST_SIMULATOR_HISTORY_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "proto/weir/v1/admin.pb.h"
#include "router/experiment/journal.h"
#include "router/routing/route_table.h"
#include "stats/ticket.h"
#include "stats/worker_report.h"

namespace weir::simulator {

// --- The life of processes.

// A process begins, from what `remembered` says is on the disk; null: it cannot be read.
struct ProcessStarted {
  const experiment::Remembered* remembered = nullptr;
};
// Killed. What was not on the disk is gone, workers and calls in flight too.
struct ProcessDied {
  std::string when;  // "before a write", ...
};
// Nothing has gone wrong for long enough, and nothing is on its way.
struct Settled {};

// --- Files and commands.

// The files were taken up. The sum of the alphas of each experiment's guardrails that roll back, by its name.
struct FilesTaken {
  std::map<std::string, double> alphas;
};
struct FilesRefused {
  std::string error;
};
struct CommandGiven {
  uint64_t token = 0;
  std::string experiment;
  experiment::Command command;  // Each has an actor of its own, so that its row is known.
};
struct CommandAnswered {
  uint64_t token = 0;
  absl::Status status;
};

// --- The journal.

// The controller asks for this row.
struct RowAsked {
  experiment::Change change;
};
// It is on the disk, whether the controller hears of it or not.
struct RowWritten {
  v1::AuditRecord record;
  std::string head;  // Hex of the chain's head, as the journal says.
};
// It was asked for again after a failure, and is the experiment's last row on the disk already.
struct RowRepeated {
  std::string experiment;
};
// The controller hears that the oldest row of the experiment that it has not heard of yet is on the disk.
struct RowHeard {
  std::string experiment;
};
// It hears of a failure.
struct WriteFailed {
  std::string experiment;   // Of a row; empty: of a checkpoint.
  bool is_on_disk = false;  // The oldest row of the experiment that it has not heard of yet, all the same.
};
struct CheckpointWritten {};
// Read again by a process that could not at its start.
struct JournalFound {
  const experiment::Remembered* remembered = nullptr;
};

// --- Traffic.

struct TablePublished {
  routing::RouteTablePtr table;
};
// A worker decided where a call goes. Of calls that an experiment takes.
struct CallPlaced {
  int worker = 0;
  const routing::RouteTable* table = nullptr;  // That the worker goes by.
  size_t experiment = 0;                       // Its place in the table.
  uint64_t user = 0;                           // 0: a call without a key, or of a preview.
  uint16_t assigned = 0;
  bool is_diverted = false;
  bool is_previewed = false;
};
struct ReportTaken {
  const stats::WorkerReport* report = nullptr;
};
// A client reported an outcome. `variant` and `experiment` are those that the call truly had; empty for a ticket that
// Weir never issued.
struct OutcomeAnswered {
  stats::Ticket ticket;
  std::string experiment;
  std::string variant;
  absl::Status status;
};

// --- What it shows.

struct Viewed {
  const v1::Status* status = nullptr;
};
// For the log.
struct Said {
  bool is_warning = false;
  std::string text;
};

// A row of which something follows. Others say that a version of a specification was taken up, or that nothing was
// opened, with the state as it was.
bool IsStep(const experiment::Change& change);
bool IsStep(const v1::AuditRecord& record);

using Event = std::variant<ProcessStarted, ProcessDied, Settled, FilesTaken, FilesRefused, CommandGiven,
                           CommandAnswered, RowAsked, RowWritten, RowRepeated, RowHeard, WriteFailed, CheckpointWritten,
                           JournalFound, TablePublished, CallPlaced, ReportTaken, OutcomeAnswered, Viewed, Said>;

// One line, for a person who replays a seed; empty for what happens too often to be told (calls, reports, views).
std::string Describe(const Event& event);

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_HISTORY_H_
