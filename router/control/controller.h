// Who is in charge: takes what happens, says what is to be done, and holds the rules of "Who owns the weights"
// (README).
//
// Deterministic: no threads, no clocks, no files. Inputs come in by the methods, each with its time; effects come out
// by `TakeEffects`, to be carried out in their order. So a simulator can drive it as the control thread does.
//
// The order of a change of shares:
//   shutting   in force (kPublish), then journalled (kAskJournal). A row that the journal refuses is kept and tried
//              again, one for each experiment: a newer one takes its place, since it says where the experiment stands.
//              So it does on a slow disk, when several are on their way already.
//   opening    journalled, and in force when that succeeded. What a person asked for is refused when it fails; what a
//              file asks for is tried again, since the file still says so. A commit that failed may be found on the
//              disk at the next start all the same: so a row that says where the experiment stands follows at once
//              (experiment::kNotOpened), is kept and tried again as those of shutting steps are, and goes before
//              anything else that opens. An experiment without a state has nothing to say: its file asks on.
// A row that the journal can never take (INVALID_ARGUMENT) is treated so too: an opening does not happen, what shuts is
// in force until the process ends and shown as unjournalled, and each experiment asks for one such row a second, until
// a newer one takes its place.

#ifndef WEIR_ROUTER_CONTROL_CONTROLLER_H_
#define WEIR_ROUTER_CONTROL_CONTROLLER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "router/control/announcement.h"
#include "router/control/control_interface.h"
#include "router/control/external_metrics.h"
#include "router/control/failed_calls.h"
#include "router/control/governed_experiment.h"
#include "router/control/journal_request.h"
#include "router/control/query_answer.h"
#include "router/control/specification_versions.h"
#include "router/control/ticket_ledger.h"
#include "router/control/traffic_totals.h"
#include "router/routing/route_table.h"
#include "stats/ticket.h"
#include "stats/worker_report.h"

namespace weir::control {

// --- What is to be done.

struct PublishTable {
  routing::RouteTablePtr table;
};
struct AskJournal {
  JournalRequest request;
};
// To whoever gave the command `token`; a view that shows its effect is to be published before.
struct AnswerCommand {
  uint64_t token = 0;
  absl::Status status;
};
// For the log.
struct Notice {
  bool is_warning = false;
  std::string message;
  std::string experiment;  // Empty: none.
  std::string detail;
};
using Effect = std::variant<PublishTable, AskJournal, AnswerCommand, Notice, Notification, Standing>;

class Controller {
 public:
  static constexpr absl::Duration kCheckpointInterval = absl::Seconds(1);
  static constexpr absl::Duration kJournalRetry = absl::Seconds(1);
  static constexpr absl::Duration kFirstTableWait = absl::Seconds(1);
  static constexpr absl::Duration kShutPatience = absl::Seconds(1);

  // `remembered`: what the journal said at start. An error is the reason why nothing can be read: then every experiment
  // is frozen at its default. `process`: who issues the tickets of this process.
  Controller(absl::StatusOr<experiment::Remembered> remembered, std::string version, stats::Issuer process,
             absl::Time now);
  Controller(const Controller&) = delete;
  Controller& operator=(const Controller&) = delete;

  // --- Inputs.

  void TakeConfig(config::Config config, absl::Time now);
  // The files are broken: what was taken up last stays.
  void RefuseConfig(std::vector<std::string> errors, absl::Time now);
  void TakeReport(const stats::WorkerReport& report);
  // Whether it was counted; the codes of feedback.proto.
  absl::Status TakeOutcome(const stats::OutcomeReport& report, absl::Time now);
  // What a query of the experiment was answered at `at`. Of an experiment that is not known here it is nothing.
  void TakeValues(const std::string& experiment, const std::string& name, double value, absl::Time at);
  // Of a question that the files ask another system: a value, or why there is none.
  void TakeAnswer(const QueryAnswer& answer, absl::Time now);
  // Answered by an AnswerCommand with this token, OK only where a row of it is on the disk. What shuts is in force when
  // this returns, and is answered when the journal has answered or after kShutPatience: UNAVAILABLE that says so where
  // there is no row yet, ABORTED where a later step took its place before there was. What opens is answered when it is
  // journalled, and when it is refused, by the same rule as what shuts once the row that says so was asked for.
  void Obey(uint64_t token, const std::string& experiment, const experiment::Command& command, absl::Time now);
  void TakeReply(JournalReply reply, absl::Time now);
  // Every stats::kTick at least. A breach that the counts prove now shuts its gate in this call.
  void Tick(absl::Time now);
  // Writes what is not written yet, whenever the last checkpoint was. For an orderly end.
  void CheckpointNow(absl::Time now);

  // --- Outputs.

  // What is in force, of each experiment, and the journal does not hold: "income: rolled-back by ann".
  std::vector<std::string> UnjournalledChanges() const;
  std::vector<Effect> TakeEffects() { return std::exchange(effects_, {}); }
  // As of the last input.
  Snapshot View(absl::Time now) const;
  const routing::RouteTablePtr& table() const { return table_; }

 private:
  // An opening step on its way through the journal.
  struct Opening {
    uint64_t id = 0;  // 0: not asked yet.
    experiment::Step step;
    experiment::Change change;              // That is to be journalled.
    std::optional<experiment::State> base;  // What it was a step of.
    std::optional<uint64_t> token;          // Of who asked for it.
  };
  // Who waits to hear that a shutting step, or that nothing was opened, would outlive a crash.
  struct Waiting {
    uint64_t token = 0;
    absl::Time since;
    absl::Status answer;
    // The row of its own step, which is on its way, where a newer step's row has taken the place of that.
    std::optional<uint64_t> replaced_row{};
    std::string later{};  // That newer step.
  };
  // A row of what is so already, and the journal has not taken yet.
  struct Unjournalled {
    uint64_t id = 0;  // 0: not asked, or refused and to be asked again.
    experiment::Change change;
    std::vector<Waiting> waiting;  // In the order that they came; also for steps whose rows this one replaced.
    absl::Time retry_at = absl::InfinitePast();
  };
  struct Governed {
    Governed(const std::string& name, const stats::Issuer& process) : experiment(name, process) {}
    GovernedExperiment experiment;
    std::optional<Opening> opening;
    std::optional<Unjournalled> unjournalled;
    // Requests of shutting steps that are not answered, also of rows that were replaced: limits::kShutRows at most.
    std::set<uint64_t> rows_on_their_way;
    SpecificationVersions versions;
    FailedCalls failed_calls;
    absl::Time retry_at = absl::InfinitePast();  // Of what opens.
    std::string journal_error;                   // Why the last step is not journalled.
    ExternalMetrics external;
    std::map<WarningSubject, Announcement> warned;  // The warnings that stand, as they were announced.
    bool has_looked_at_them = false;                // Since the file was taken up first.
  };

  void TakeUp(config::Config config, absl::Time now);
  absl::StatusOr<routing::RouteTable> BuildTable(const config::Config& config);
  Governed& GovernedBy(const std::string& name);
  void FollowFile(Governed& governed, absl::Time now);
  void GoOn(Governed& governed, absl::Time now);
  absl::Status WhyNotOpened(const Governed& governed) const;
  // `event` is what the step follows from.
  void Carry(Governed& governed, experiment::Step step, const experiment::Event& event, absl::Time now);
  void Enter(Governed& governed, const experiment::Step& step, absl::Time now);
  void Judge(Governed& governed, absl::Time now);
  void Analyse(Governed& governed, absl::Time now);

  // controller_records.cc
  experiment::Change ChangeOf(Governed& governed, const experiment::Step& step, const experiment::Event& event,
                              absl::Time now);
  experiment::Change NotOpened(const Governed& governed, const experiment::State& standing, const Opening& opening,
                               const absl::Status& why, absl::Time now) const;
  void KeepVersion(Governed& governed, absl::Time now);
  void DropVersionRow(Governed& governed);
  static bool IsOfVersion(const Unjournalled& row);
  void AskForReport(const Governed& governed);
  void KeepFailedCalls(const stats::WorkerReport& report);
  void OnReport(const JournalReply& reply);

  void Flush(absl::Time now);
  void Publish(absl::Time now);
  uint64_t NextRequest() { return ++last_request_; }

  // controller_journal.cc
  absl::Status Provisional(const Governed& governed, const absl::Status& answer) const;
  void AnswerWaiting(Governed& governed, bool is_written, absl::Time waited_since = absl::InfiniteFuture());
  static std::vector<Waiting> TakeWaiting(Unjournalled& row, const experiment::Change& newer);
  void AnswerReplaced(Governed& governed, const JournalReply& reply);
  void AskFor(Governed& governed, absl::Time now);
  void Checkpoint(absl::Time now);
  void OnAppended(Governed& governed, JournalReply& reply, absl::Time now);
  void OnOpened(Governed& governed, const absl::Status& status, absl::Time now);
  void TakeBack(Governed& governed, const Opening& opening, const absl::Status& why, absl::Time now);
  void OnCheckpoint(const absl::Status& status);
  void OnLoaded(JournalReply& reply, absl::Time now);
  void NoteJournal(const absl::Status& status);
  void Say(bool is_warning, std::string message, std::string experiment = "", std::string detail = "");

  // controller_announce.cc
  void Announce(const Governed& governed, Announcement announcement);
  void AnnounceStep(const Governed& governed, const std::optional<experiment::State>& before,
                    const experiment::Step& step, absl::Time now);
  void AnnounceStanding();
  void AddStanding(const config::Experiment& filed, Announcement announcement, Standing& standing) const;
  void AnnounceWarnings(Governed& governed, absl::Time now);
  std::map<WarningSubject, Announcement> WarningsIn(const Governed& governed, bool has_looked, absl::Time now) const;
  void AnnounceJournal(absl::Time now);
  Announcement AnnouncementOfJournal(Announcement::Part part, absl::Time at) const;
  std::vector<config::NotifyTarget> WhoHearsOfJournal(const Announcement& announcement) const;

  // controller_view.cc
  void ViewExperiment(const Governed& governed, absl::Time now, Snapshot& view) const;
  void ViewVariants(const Governed& governed, v1::ExperimentStatus& status, Snapshot& view) const;
  void ViewPhase(const Governed& governed, absl::Time now, v1::ExperimentStatus& status) const;
  void ViewModels(Snapshot& view) const;
  std::string NoticeOf(const Governed& governed) const;
  std::vector<std::string> RestartNotices() const;
  int64_t CountUnjournalled() const;

  const std::string version_;
  const stats::Issuer process_;
  const absl::Time started_at_;
  std::vector<Effect> effects_;

  std::optional<config::Config> config_;       // Taken up last.
  std::optional<config::Proxy> started_with_;  // The first: what of it cannot change live is in force until a restart.
  std::vector<std::string> configuration_errors_;
  std::map<std::string, Governed> experiments_;  // Also such as are in no file.
  std::map<uint64_t, std::string> names_;        // By routing::NameHash: tickets name experiments so.
  TrafficTotals totals_;
  TicketLedger tickets_;
  routing::RouteTablePtr table_;
  bool is_table_stale_ = false;

  // --- The journal.
  absl::Status unread_;  // Not OK: nothing could be read at start, nor since.
  bool is_journal_healthy_ = true;
  bool was_journal_healthy_ = true;  // When it was announced last.
  absl::Time journal_fails_since_ = absl::InfinitePast();
  std::string journal_error_;
  std::string journal_head_;
  uint64_t last_request_ = 0;
  uint64_t load_request_ = 0;  // Outstanding; 0: none.
  absl::Time load_again_at_ = absl::InfinitePast();
  uint64_t checkpoint_request_ = 0;
  absl::Time checkpoint_due_;
  std::map<std::string, std::optional<std::string>>
      unwritten_rows_;                                            // Of a checkpoint that failed, or is not asked yet.
  std::map<std::string, std::optional<std::string>> asked_rows_;  // Of the one outstanding.

  stats::ControlCounts counts_;
  int64_t outcomes_of_nobody_ = 0;  // Reports whose ticket names no experiment known here.
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_CONTROLLER_H_
