// The assignment log's writer: a thread that waits for the disk, so that nobody else does.

#ifndef WEIR_ROUTER_CONTROL_ASSIGNMENT_LOG_H_
#define WEIR_ROUTER_CONTROL_ASSIGNMENT_LOG_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "config/limits.h"
#include "config/notify.h"
#include "router/control/assignment_line.h"
#include "router/control/rotating_file.h"
#include "router/routing/route_table.h"
#include "router/runtime/clock.h"
#include "router/runtime/event_loop.h"
#include "router/runtime/log.h"
#include "router/runtime/mailbox.h"
#include "stats/assignment_record.h"
#include "stats/ticket.h"

namespace weir::control {

// assignment_log.md describes the file. What the queue or the disk does not take is dropped and counted, and a line
// says how much once it can. Its methods may be called by any thread, and wait for nothing.
class AssignmentLog {
 public:
  // `options.file` is resolved already. `log` is borrowed. Fails when the process is out of descriptors; a file that
  // cannot be opened is no failure, and is tried again.
  static absl::StatusOr<std::unique_ptr<AssignmentLog>> Start(config::AssignmentLog options, runtime::Clock clock,
                                                              const runtime::Log* log);
  // Writes what was posted.
  ~AssignmentLog();
  AssignmentLog(const AssignmentLog&) = delete;
  AssignmentLog& operator=(const AssignmentLog&) = delete;

  // A table that workers are about to go by. Before they are told of it.
  void Learn(routing::RouteTablePtr table);
  void Post(std::vector<stats::AssignmentRecord> records);
  // An outcome that was counted now.
  void Post(stats::OutcomeReport report);

  int64_t lines_written() const { return written_.load(std::memory_order_relaxed); }
  int64_t lines_dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  // Tables between two turns of the writer: changes made by people and guardrails.
  static constexpr size_t kTables = 1024;
  // Handed to the file at once: far below a file's least bound.
  static constexpr size_t kChunkBytes = 16 * 1024;
  // Between two words on a disk that takes nothing.
  static constexpr absl::Duration kComplainEvery = absl::Minutes(1);

  struct PostedOutcome {
    stats::OutcomeReport report;
    absl::Time at;
  };

  AssignmentLog(config::AssignmentLog options, runtime::Clock clock, const runtime::Log* log,
                std::unique_ptr<runtime::EventLoop> loop);
  void TakeAll();
  void Write(bool is_last);
  void Drop(int64_t lines) { dropped_.fetch_add(lines, std::memory_order_relaxed); }

  const config::AssignmentLog options_;
  const runtime::Clock clock_;
  const runtime::Log* const log_;
  const std::unique_ptr<runtime::EventLoop> loop_;
  runtime::Mailbox<routing::RouteTablePtr> tables_;
  runtime::Mailbox<std::vector<stats::AssignmentRecord>> records_;
  runtime::Mailbox<PostedOutcome> outcomes_;
  std::atomic<int64_t> written_ = 0;
  std::atomic<int64_t> dropped_ = 0;

  // --- The writer's thread's.
  RotatingFile file_;
  RunNames names_;
  config::Percent sample_ = config::Percent::All();  // As the newest table says.
  std::string chunk_;
  int64_t lines_in_chunk_ = 0;
  int64_t dropped_told_ = 0;
  absl::Time complained_ = absl::InfinitePast();
  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_ASSIGNMENT_LOG_H_
