// One experiment as the control thread governs it: what the file asks, where it stands, what was counted, what its
// guardrails say. It decides nothing by itself: experiment::Advance does, and the controller carries steps out.

#ifndef WEIR_ROUTER_CONTROL_GOVERNED_EXPERIMENT_H_
#define WEIR_ROUTER_CONTROL_GOVERNED_EXPERIMENT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "router/control/ticket_ledger.h"
#include "router/experiment/allocation.h"
#include "router/experiment/allocation_evidence.h"
#include "router/experiment/analyst.h"
#include "router/experiment/evidence_record.h"
#include "router/experiment/external_values.h"
#include "router/experiment/guardrails.h"
#include "router/experiment/machine.h"
#include "router/experiment/run_evidence.h"
#include "stats/ticket.h"

namespace weir::control {

// The control thread's.
class GovernedExperiment {
 public:
  // Epochs of one step that are counted apart: a person may set its share by hand, and each time begins one.
  static constexpr size_t kEpochsOfAStep = 16;
  // Past runs that still take late reports of outcomes.
  static constexpr size_t kPastRuns = 2;

  // `process`: who issues the tickets of this process.
  GovernedExperiment(std::string name, stats::Issuer process) : name_(std::move(name)), process_(process) {}

  // --- At start.

  // Goes on from what the journal remembers. The state is always taken; an error says which statistics could not be,
  // and then evidence begins anew.
  absl::Status Restore(experiment::State state, const std::map<std::string, std::string>& checkpoints);
  // Nothing could be read. Needs a file.
  void Freeze(std::string why, absl::Time now);
  // What is found when the journal can be read after all: a run is not numbered twice, and a latch holds.
  void TakeUpFound(const experiment::State& found, const std::map<std::string, std::string>& checkpoints);

  // --- The file.

  // nullopt: the experiment is in no file now. Its state stays; its statistics do for a join window. Whether the clock
  // was found set back since what was restored: once.
  bool SetFile(std::optional<config::Experiment> filed, absl::Time now);
  const std::optional<config::Experiment>& filed() const { return filed_; }
  // What the route table is built from: the file's specification with the variants of the state. Needs a file.
  // `models`: those that there are. A default that is none of them any more serves nobody, so that the file's own takes
  // its place.
  struct Routed {
    config::Experiment specification;
    bool is_of_run = false;  // The variants are the state's: calls and tickets are counted in its run and epoch.
    bool is_gate_shut = false;
    absl::Time rolled_back_at = absl::InfiniteFuture();  // InfiniteFuture: it was not.
    std::string previewed{};                             // The candidate that a preview goes to; empty: none.
  };
  Routed InForce(const std::vector<config::Model>& models) const;
  // The candidate that a preview goes to now; empty: it goes nowhere.
  std::string Previewed() const;

  // --- Steps.

  const std::string& name() const { return name_; }
  const std::optional<experiment::State>& state() const { return state_; }
  // What the next start is to find where no step is taken: the state; while frozen, what the journal was found to say.
  const std::optional<experiment::State>& standing() const;
  // Not shut, and not unknown: guardrails are judged.
  bool is_open() const;
  // As the file says now. Needs a file.
  experiment::Plan plan() const { return experiment::PlanOf(*filed_); }
  // What is known of the rollout's present step.
  experiment::TimePassed Known() const;
  // What is known for the choice of shares, where the rollout chooses them itself and there is something to look at.
  std::optional<experiment::Weighed> Weigh(absl::Time now);
  // That, and what follows from it, as of the last look in the present step.
  struct Look {
    experiment::Weighed known;
    experiment::Choice choice;
  };
  const std::optional<Look>& last_look() const { return last_look_; }
  // `next` is in force from now on.
  void Enter(experiment::State next, absl::Time now);
  // Looks at all guardrails; the breach that is worst, of those that ask for a rollback, if any. Needs a file.
  std::optional<experiment::Breach> Judge(absl::Time now);
  const std::vector<experiment::Judgement>& judgements() const { return judgements_; }
  // Looks at the experiment as a whole, about once a second; call it after Judge. What it asks for, if anything. Needs
  // a file, and that it is open.
  std::optional<experiment::Event> Analyse(absl::Time now);
  const experiment::Analyst& analyst() const { return analyst_; }
  // All that the run has counted and what its guardrails say of it at `now`, so that it can be judged again.
  v1::EvidenceRecord Evidence(absl::Time now);

  // --- Evidence.

  const experiment::RunEvidence& evidence() const { return evidence_; }
  void Merge(uint32_t run, uint32_t epoch, const std::string& variant, const stats::VariantCounts& delta);
  // Counts an outcome of one of its runs; the codes of feedback.proto. `tickets` admits each once.
  absl::Status Count(const stats::OutcomeReport& report, TicketLedger& tickets, absl::Time now);
  // Outcomes of its present run that were joined and checked elsewhere, of one variant and metric in one epoch.
  void MergeOutcomes(uint32_t epoch, const std::string& variant, const std::string& metric,
                     const stats::OutcomeCounts& delta, absl::Time now);
  // The newest answer of one of its queries. One that is not finite is none.
  void TakeValue(const std::string& name, double value, absl::Time at);
  const experiment::ExternalValues& external_values() const { return external_values_; }
  const std::map<std::string, int64_t>& outcomes_refused() const { return outcomes_refused_; }
  int64_t outcomes_counted(const std::string& variant) const;

  // The checkpoint's rows that changed since the last call.
  std::vector<experiment::CheckpointRow> TakeChanges(absl::Time now);

 private:
  void FollowTests();
  void ForgetValues(const std::optional<config::Experiment>& next);
  bool CloseFuture(absl::Time now);
  void BeginEpoch();
  void AskTests(absl::Time now);
  void ShowGates();
  std::optional<experiment::Demand> DemandToPause() const;
  void FoldEpochs();

  // governed_experiment_outcomes.cc
  experiment::RunEvidence* RunOf(uint32_t ordinal);
  absl::Status Refuse(const char* cause, absl::Status status);
  absl::Status CheckOutcome(const stats::OutcomeReport& report);

  // governed_experiment_checkpoint.cc
  std::string PrefixOf(uint32_t run) const;
  absl::Status RestoreRun(uint32_t ordinal, const std::map<std::string, std::string>& rows,
                          experiment::RunEvidence& run);
  absl::Status RestoreTests(uint32_t run, const std::map<std::string, std::string>& checkpoints);
  void RestoreAllocation(const std::map<std::string, std::string>& checkpoints);
  void RemoveRows(const std::string& prefix, const std::map<std::string, std::string>& checkpoints);
  void RemoveLeftovers(const std::map<std::string, std::string>& checkpoints);
  void RemoveTests(uint32_t run);
  void DropRun(uint32_t ordinal);
  void DropExpiredRuns(absl::Time now);
  void DropUnfiled(absl::Time now);

  const std::string name_;
  const stats::Issuer process_;
  std::optional<config::Experiment> filed_;
  std::optional<experiment::State> state_;
  std::optional<experiment::State> found_;     // In a journal that could not be read at start.
  experiment::RunEvidence evidence_;           // Of the present run.
  bool is_restored_ = false;                   // And no test has looked since.
  absl::Time began_ = absl::InfiniteFuture();  // When this process first heard of a file.
  std::map<uint32_t, experiment::RunEvidence> past_runs_;
  experiment::Guardrails guardrails_;
  experiment::Analyst analyst_;
  experiment::AllocationEvidence allocation_;
  std::optional<Look> last_look_;
  absl::Duration join_window_ = config::Experiment().join_window;  // As filed last.
  std::optional<absl::Time> unfiled_since_;
  bool is_dropped_ = false;  // The present run's evidence, since the experiment was in no file for long.
  std::vector<experiment::Judgement> judgements_;
  absl::Time looked_at_ = absl::InfinitePast();             // When the tests last looked, unless more came since.
  std::set<experiment::BreachOfCandidate> fresh_breaches_;  // That they noted then.
  std::map<std::string, int64_t> outcomes_refused_;
  std::map<std::string, int64_t> outcomes_counted_;  // By variant, of this process.
  std::vector<experiment::CheckpointRow> removals_;
  experiment::ExternalValues external_values_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_GOVERNED_EXPERIMENT_H_
