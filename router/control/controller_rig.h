// A controller with a journal in memory and a road of calls, driven tick by tick: for tests.

#ifndef WEIR_ROUTER_CONTROL_CONTROLLER_RIG_H_
#define WEIR_ROUTER_CONTROL_CONTROLLER_RIG_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "router/control/controller.h"
#include "router/experiment/memory_journal.h"
#include "router/routing/build_table.h"

namespace weir::control {

// Carries effects out as the control thread does, but at once.
class ControllerRig {
 public:
  ControllerRig();

  // 70/30 of `baseline` and `candidate` with an error-ratio guardrail and an accuracy metric.
  static config::Experiment AnExperiment(const std::string& name = "income");
  // That one with other weights, or of another run.
  static config::Experiment Weighing(uint32_t baseline, uint32_t candidate);
  static config::Experiment OfRun(std::string label);
  static config::Config ConfigWith(std::vector<config::Experiment> experiments);

  // Ends the process, by kill -9: what was not written is gone. The next starts from the journal.
  void Restart();
  // The journal cannot be read by the next process.
  void RestartUnreadable(absl::Status why);
  // Somebody took it away: the next process begins one.
  void LoseJournal();
  // It can again.
  void RepairJournal() { unreadable_ = absl::OkStatus(); }

  void File(std::vector<config::Experiment> experiments);
  // Ticks of 100 ms; in each of them every variant that the table gives traffic gets `per_tick` calls in proportion,
  // which end at once. `failing` fails every fifth of its calls, the others one in 101.
  void Run(int ticks, const std::string& failing = "", int per_tick = 20);
  void Tick();
  // Calls of a second ago, which have ended, without a tick.
  void TakeCalls(const std::string& variant, int calls, int failing);
  // Calls of a preview that end at once, of which some fail, and a tick.
  void Preview(const std::string& variant, int calls, int failing);
  // Files AnExperiment, whose candidate then fails; whether that shut the gate.
  [[nodiscard]] bool RollBack();
  absl::Status Reset(const std::string& experiment = "income");
  // A command of "ann", who is an operator.
  absl::Status Obey(experiment::Command command, const std::string& experiment = "income");
  absl::Status Obey(experiment::CommandKind kind) { return Obey(experiment::Command{.kind = kind}); }
  // Calls that models failed, of the present table's first experiment.
  void Fail(const std::string& variant, std::vector<stats::FailedCall> calls);
  absl::Status Outcome(uint64_t sequence, double correct, const std::string& variant = "candidate");
  stats::Ticket TicketOf(uint64_t sequence, const std::string& variant = "candidate") const;

  // What the command of that number, from 1, was answered; nullopt: nothing yet.
  std::optional<absl::Status> AnswerOf(uint64_t command) const {
    const auto answer = answers_.find(command);
    return answer == answers_.end() ? std::nullopt : std::optional(answer->second);
  }

  // Replies of the journal are held back while set; then they are given in order.
  void HoldReplies() { holds_replies_ = true; }
  void GiveReplies();

  // --- What came of it.
  // Reports that were asked for.
  const std::vector<ReportRequest>& reports() const { return reports_; }
  Controller& controller() { return *controller_; }
  experiment::MemoryJournal& journal() { return journal_; }
  absl::Time now() const { return now_; }
  void Advance(absl::Duration by) { now_ += by; }
  double Share(const std::string& variant, const std::string& experiment = "income") const;
  v1::ExperimentStatus Status(const std::string& experiment = "income") const;
  // What was announced since the last call.
  std::vector<Notification> TakeNotifications() { return std::exchange(notifications_, {}); }
  // What stood when files were taken up last.
  const Standing& standing() const { return standing_; }
  // The kinds of effects in the order that they came, since the last call: "table", "append", "checkpoint", "load".
  std::vector<std::string> TakeOrder() { return std::exchange(order_, {}); }

 private:
  void Start();
  void CarryOut();
  void TakeCounts(const std::string& variant, stats::VariantCounts counts);  // Of the first experiment.
  JournalReply Answer(const JournalRequest& request);

  experiment::MemoryJournal journal_;
  absl::Status unreadable_;
  absl::Time now_;
  stats::Issuer process_{.replica = 1, .boot = 0};
  std::optional<config::Config> files_;
  std::unique_ptr<Controller> controller_;
  routing::RouteTablePtr table_;
  std::map<uint64_t, absl::Status> answers_;  // To commands, by token.
  uint64_t last_token_ = 0;
  int64_t calls_ = 0;
  bool holds_replies_ = false;
  std::vector<JournalReply> held_;
  std::vector<ReportRequest> reports_;
  std::vector<std::string> order_;
  std::vector<Notification> notifications_;
  Standing standing_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_CONTROLLER_RIG_H_
