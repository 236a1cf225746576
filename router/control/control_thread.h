// The thread that is in charge: gives the controller its inputs and carries its effects out.
//
// One event loop: a tick, and five mailboxes (workers' reports, outcomes, commands, the journal's replies, other
// systems' answers). It never waits for the journal, the data plane, the operator's files, other systems or whoever
// asks.

#ifndef WEIR_ROUTER_CONTROL_CONTROL_THREAD_H_
#define WEIR_ROUTER_CONTROL_CONTROL_THREAD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "router/control/config_source.h"
#include "router/control/config_watch.h"
#include "router/control/control_interface.h"
#include "router/control/controller.h"
#include "router/control/journal_writer.h"
#include "router/control/notifier.h"
#include "router/control/query_thread.h"
#include "router/routing/route_table.h"
#include "router/runtime/clock.h"
#include "router/runtime/event_loop.h"
#include "router/runtime/latest.h"
#include "router/runtime/log.h"
#include "router/runtime/mailbox.h"
#include "stats/ticket.h"
#include "stats/worker_report.h"

namespace weir::control {

struct ControlThreadOptions {
  std::string proxy_file;  // Watched, with the experiments that it names.
  std::string version;     // For the status.
  stats::Issuer issuer;    // Who issues this process's tickets.
  runtime::Clock clock;
  const runtime::Log* log = nullptr;  // Borrowed.
  // Opens the journal, on a thread of the control side's own; tried again while it fails. An error is why there is
  // none.
  JournalWriter::Open open_journal;
  // Where reports of rollbacks go; none where empty.
  std::string report_folder;
  // Reads the operator's files, on a thread of its own; config::Load of `proxy_file` where absent.
  ConfigWatch::Read read_files;
  ConfigSourceOptions watch;
};

class ControlThread : public ControlInterface {
 public:
  // Hands a table to every worker; called on the control thread.
  using Publish = std::function<void(routing::RouteTablePtr)>;

  // Takes up `config`, as main read it from `options.proxy_file`, and returns when the first table was published, a
  // second after the journal answered at the latest. A journal that cannot be read is no error: every experiment is
  // then at its default, and the status says so.
  static absl::StatusOr<std::unique_ptr<ControlThread>> Start(ControlThreadOptions options, config::Config config,
                                                              Publish publish);
  ~ControlThread() override;
  ControlThread(const ControlThread&) = delete;
  ControlThread& operator=(const ControlThread&) = delete;

  // --- Any thread, until Stop.

  // False, and the report untouched, when the mailbox is full: keep adding and post again later.
  bool PostReport(stats::WorkerReport& report) { return reports_.Post(report); }
  // The same; else `reply` is called once, on the control thread, when the report was counted or refused.
  bool PostOutcome(stats::OutcomeReport& report, std::function<void(absl::Status)> reply);
  std::shared_ptr<const Snapshot> Current() override { return snapshot_.load(); }
  void Obey(weir::v1::CommandRequest request, std::function<void(absl::Status)> done) override;

  // After the data plane has posted its last reports: counts them, writes the last checkpoint, and ends the threads.
  // Who still waits for an answer is told UNAVAILABLE. Whether the journal holds every change that is in force; if not,
  // the log says which it lacks. Once; also by the destructor.
  bool Stop();

 private:
  // For a journal that hangs.
  static constexpr absl::Duration kJournalPatience = absl::Seconds(10);
  // A report makes a tick come early, but no more often than this: a breach waits for nothing, and judging stays cheap.
  static constexpr absl::Duration kLeastBetweenTicks = absl::Milliseconds(50);

  struct PostedOutcome {
    stats::OutcomeReport report;
    std::function<void(absl::Status)> reply;
  };
  struct PostedCommand {
    std::string experiment;
    experiment::Command command;
    std::function<void(absl::Status)> done;
  };

  ControlThread(ControlThreadOptions options, Publish publish, std::unique_ptr<runtime::EventLoop> loop);
  absl::StatusOr<experiment::Remembered> AskForMemory();
  absl::Status StartOutside();
  void Follow(config::Config config);
  void Run(config::Config config);
  void TakeFiles();
  void OnTurnEnd();
  void TakeMail();
  void TakeCommands();
  void Tick();
  void CarryOut();
  void ShowNow();
  void Answer(uint64_t token, const absl::Status& status);
  void Log(const Notice& notice) const;

  const ControlThreadOptions options_;
  const Publish publish_;
  const std::unique_ptr<runtime::EventLoop> loop_;

  runtime::Mailbox<stats::WorkerReport> reports_;
  runtime::Mailbox<PostedOutcome> outcomes_;
  runtime::Mailbox<PostedCommand> commands_;
  runtime::Mailbox<JournalReply> replies_;
  runtime::Mailbox<QueryAnswer> answers_;
  runtime::Latest<std::vector<TargetReport>> targets_told_;
  std::atomic<std::shared_ptr<const Snapshot>> snapshot_;
  absl::Notification first_table_;
  std::atomic<bool> is_stopped_ = false;

  // --- The control thread's from here on.
  std::unique_ptr<JournalWriter> writer_;
  std::optional<Controller> controller_;
  std::unique_ptr<ConfigWatch> files_;
  std::unique_ptr<QueryThread> queries_;
  std::unique_ptr<Notifier> notifier_;
  std::vector<TargetReport> targets_;
  runtime::Timer tick_timer_;
  absl::Time last_tick_ = absl::InfinitePast();
  absl::Time last_shown_ = absl::InfinitePast();
  bool has_new_counts_ = false;
  std::vector<std::string> warnings_;
  std::map<uint64_t, std::function<void(absl::Status)>> unanswered_;  // Not answered yet, by token.
  uint64_t last_token_ = 0;
  std::thread thread_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_CONTROL_THREAD_H_
