// The thread that waits for the disk, so that no other does.

#ifndef WEIR_ROUTER_CONTROL_JOURNAL_WRITER_H_
#define WEIR_ROUTER_CONTROL_JOURNAL_WRITER_H_

#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "router/control/journal_request.h"
#include "router/experiment/journal.h"

namespace weir::control {

// Owns the journal. Made and destroyed by one thread; any thread may ask. It has a lock of its own (house style 7 has
// two that cross threads) because its thread has nothing to turn a loop for: it sleeps until it is asked, or ends.
class JournalWriter {
 public:
  using Open = std::function<absl::StatusOr<std::unique_ptr<experiment::Journal>>()>;
  // Writes a report of what the journal holds; its path, empty if there was none to write.
  using Report = std::function<absl::StatusOr<std::string>(experiment::Journal&, const ReportRequest&)>;

  // `open` is called on the writer's thread, until it succeeds: once for each request made meanwhile. `reply` is called
  // on the writer's thread, once for each request, in their order. So is `report`, which may be absent.
  JournalWriter(Open open, std::function<void(JournalReply)> reply, Report report = nullptr);
  // Carries out what was asked, then ends its thread and closes the journal.
  ~JournalWriter();
  JournalWriter(const JournalWriter&) = delete;
  JournalWriter& operator=(const JournalWriter&) = delete;

  // Any thread; never waits for the disk.
  void Ask(JournalRequest request);

 private:
  void Run();
  JournalReply CarryOut(const JournalRequest& request);
  absl::Status EnsureOpen();

  const Open open_;
  const std::function<void(JournalReply)> reply_;
  const Report report_;
  std::unique_ptr<experiment::Journal> journal_;  // The writer's thread's; null until opened.

  absl::Mutex mutex_;
  std::deque<JournalRequest> requests_ ABSL_GUARDED_BY(mutex_);
  bool is_ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // Last: it uses all of the above.
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_JOURNAL_WRITER_H_
