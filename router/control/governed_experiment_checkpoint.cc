// What an experiment remembers over restarts: its rows of the checkpoint, as they are written, read back, and dropped.

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "router/control/governed_experiment.h"

namespace weir::control {
namespace {

using experiment::CheckpointRow;
using experiment::RunEvidence;
using experiment::State;

std::string RunKey(const std::string& prefix) { return absl::StrCat("run/", prefix); }
std::string TestsKey(const std::string& prefix) { return absl::StrCat("tests/", prefix); }
std::string AnalysisKey(const std::string& prefix) { return absl::StrCat("analysis/", prefix); }
std::string AllocationKey(const std::string& prefix) { return absl::StrCat("allocation/", prefix); }

}  // namespace

std::string GovernedExperiment::PrefixOf(uint32_t run) const { return absl::StrCat(name_, "/", run); }

absl::Status GovernedExperiment::Restore(State state, const std::map<std::string, std::string>& checkpoints) {
  state_ = std::move(state);
  const uint32_t present = state_->run.ordinal;
  for (uint32_t past = present - std::min<uint32_t>(present - 1, kPastRuns); past < present; ++past) {
    RunEvidence run;
    if (!checkpoints.contains(RunKey(PrefixOf(past))) || !RestoreRun(past, checkpoints, run).ok()) continue;
    if (run.ended() == absl::InfiniteFuture()) run.End(state_->run.started);  // A crash came before it was written.
    past_runs_[past] = std::move(run);
  }
  RemoveLeftovers(checkpoints);
  absl::Status status = RestoreRun(present, checkpoints, evidence_);
  if (status.ok()) status = RestoreTests(present, checkpoints);
  RestoreAllocation(checkpoints);
  if (!status.ok()) {
    evidence_ = RunEvidence();
    guardrails_ = experiment::Guardrails();
    analyst_ = experiment::Analyst();
    // Else what cannot be read would not fit what is written from now on, at every later start.
    RemoveRows(absl::StrCat("epoch/", PrefixOf(present), "/"), checkpoints);
    for (const std::string& key : {TestsKey(PrefixOf(present)), AnalysisKey(PrefixOf(present))}) {
      if (checkpoints.contains(key)) removals_.push_back({key, std::nullopt});
    }
  }
  evidence_.CloseInFlight();
  is_restored_ = true;
  // A later epoch or another of that number was in force and counted, and its row was not written when the process
  // died. Its number is not given again: its variants may have had other places. What goes on now is a span of its own.
  experiment::Epoch& epoch = state_->epoch;
  if (evidence_.HasPassed(epoch.ordinal, epoch.split, epoch.started)) epoch.ordinal = evidence_.newest_epoch() + 1;
  BeginEpoch();
  return status;
}

absl::Status GovernedExperiment::RestoreTests(uint32_t run, const std::map<std::string, std::string>& checkpoints) {
  if (const auto tests = checkpoints.find(TestsKey(PrefixOf(run))); tests != checkpoints.end()) {
    v1::TestsCheckpoint checkpoint;
    if (!checkpoint.ParseFromString(tests->second))
      return absl::DataLossError("the checkpoint of the tests is damaged");
    if (absl::Status status = guardrails_.Restore(checkpoint); !status.ok()) return status;
  }
  if (const auto analysis = checkpoints.find(AnalysisKey(PrefixOf(run))); analysis != checkpoints.end()) {
    v1::AnalysisCheckpoint checkpoint;
    if (!checkpoint.ParseFromString(analysis->second)) {
      return absl::DataLossError("the checkpoint of the analysis is damaged");
    }
    return analyst_.Restore(checkpoint);
  }
  return absl::OkStatus();
}

absl::Status GovernedExperiment::RestoreRun(uint32_t ordinal, const std::map<std::string, std::string>& rows,
                                            RunEvidence& run) {
  const std::string prefix = PrefixOf(ordinal);
  const auto own = rows.find(RunKey(prefix));
  if (own == rows.end()) return absl::OkStatus();
  if (absl::Status status = run.RestoreRun(own->second); !status.ok()) return status;
  const std::string epochs = absl::StrCat("epoch/", prefix, "/");
  for (auto row = rows.lower_bound(epochs); row != rows.end() && row->first.starts_with(epochs); ++row) {
    uint32_t epoch = 0;
    if (!absl::SimpleAtoi(row->first.substr(epochs.size()), &epoch))
      return absl::DataLossError("an epoch has no number");
    if (absl::Status status = run.RestoreEpoch(epoch, row->second); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// What cannot be read of it is learned anew.
void GovernedExperiment::RestoreAllocation(const std::map<std::string, std::string>& checkpoints) {
  allocation_ = experiment::AllocationEvidence();
  const auto row = checkpoints.find(AllocationKey(PrefixOf(state_->run.ordinal)));
  v1::AllocationCheckpoint checkpoint;
  if (row == checkpoints.end() || !checkpoint.ParseFromString(row->second)) return;
  if (!allocation_.Restore(checkpoint).ok()) allocation_ = experiment::AllocationEvidence();
}

void GovernedExperiment::RemoveRows(const std::string& prefix, const std::map<std::string, std::string>& checkpoints) {
  for (auto row = checkpoints.lower_bound(prefix); row != checkpoints.end() && row->first.starts_with(prefix); ++row) {
    removals_.push_back({row->first, std::nullopt});
  }
}

// Rows of runs that are kept no more, where a crash came before their removal.
void GovernedExperiment::RemoveLeftovers(const std::map<std::string, std::string>& checkpoints) {
  struct Kind {
    const char* name;
    bool is_kept_of_past_runs;
  };
  for (const Kind kind : {Kind{"run/", true}, Kind{"epoch/", true}, Kind{"tests/", false}, Kind{"analysis/", false},
                          Kind{"allocation/", false}}) {
    const std::string prefix = absl::StrCat(kind.name, name_, "/");
    for (auto row = checkpoints.lower_bound(prefix); row != checkpoints.end() && row->first.starts_with(prefix);
         ++row) {
      const std::string rest = row->first.substr(prefix.size());
      uint32_t run = 0;
      const bool is_numbered = absl::SimpleAtoi(rest.substr(0, rest.find('/')), &run);
      if (!is_numbered || run == state_->run.ordinal || (kind.is_kept_of_past_runs && past_runs_.contains(run)))
        continue;
      removals_.push_back({row->first, std::nullopt});
    }
  }
}

void GovernedExperiment::TakeUpFound(const State& found, const std::map<std::string, std::string>& checkpoints) {
  if (!state_) return;
  found_ = found;
  State taken_up = *state_;
  if (std::holds_alternative<experiment::RolledBack>(found.phase)) {
    taken_up = found;
  } else {
    taken_up.run = found.run;
  }
  // What cannot be read of its statistics is lost, as at any start.
  (void)Restore(found, checkpoints);
  state_ = std::move(taken_up);
  // It is in no step here, and chooses no shares.
  allocation_ = experiment::AllocationEvidence();
}

void GovernedExperiment::DropRun(uint32_t ordinal) {
  std::vector<CheckpointRow> rows = past_runs_.at(ordinal).Removal(PrefixOf(ordinal));
  removals_.insert(removals_.end(), rows.begin(), rows.end());
  past_runs_.erase(ordinal);
}

// The rows of what its tests and its shares remember.
void GovernedExperiment::RemoveTests(uint32_t run) {
  for (const std::string& key : {TestsKey(PrefixOf(run)), AnalysisKey(PrefixOf(run)), AllocationKey(PrefixOf(run))}) {
    removals_.push_back({key, std::nullopt});
  }
}

void GovernedExperiment::DropExpiredRuns(absl::Time now) {
  while (!past_runs_.empty() && past_runs_.begin()->second.ended() + join_window_ < now) {
    DropRun(past_runs_.begin()->first);
  }
}

// Nobody asks for the statistics of what is in no file, and no report is due any more, nor the end of a call, which
// would be one that never began if the file came back. Where it stands is kept.
void GovernedExperiment::DropUnfiled(absl::Time now) {
  if (filed_ || !state_ || is_dropped_) return;
  if (!unfiled_since_) unfiled_since_ = now;
  if (*unfiled_since_ + join_window_ >= now || evidence_.HasCallsInFlight()) return;
  const std::vector<CheckpointRow> rows = evidence_.Removal(PrefixOf(state_->run.ordinal));
  removals_.insert(removals_.end(), rows.begin(), rows.end());
  RemoveTests(state_->run.ordinal);
  allocation_ = experiment::AllocationEvidence();
  evidence_ = RunEvidence();
  guardrails_ = experiment::Guardrails();
  analyst_ = experiment::Analyst();
  judgements_.clear();
  is_dropped_ = true;
}

std::vector<CheckpointRow> GovernedExperiment::TakeChanges(absl::Time now) {
  DropExpiredRuns(now);
  DropUnfiled(now);
  std::vector<CheckpointRow> rows = std::exchange(removals_, {});
  const auto append = [&](std::vector<CheckpointRow> more) {
    rows.insert(rows.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
    return !more.empty();
  };
  for (auto& [ordinal, run] : past_runs_) append(run.TakeChanges(PrefixOf(ordinal)));
  if (!state_ || state_->run.ordinal == 0 || is_dropped_) return rows;
  if (std::holds_alternative<experiment::Frozen>(state_->phase)) return rows;
  const std::string prefix = PrefixOf(state_->run.ordinal);
  // What the tests remember is of exactly these counts.
  if (append(evidence_.TakeChanges(prefix))) {
    rows.push_back({TestsKey(prefix), guardrails_.Checkpoint().SerializeAsString()});
    rows.push_back({AnalysisKey(prefix), analyst_.Checkpoint().SerializeAsString()});
  }
  if (allocation_.TakeChanged()) {
    std::optional<std::string> value;
    if (allocation_.is_active()) value = allocation_.Checkpoint().SerializeAsString();
    rows.push_back({AllocationKey(prefix), std::move(value)});
  }
  return rows;
}

}  // namespace weir::control
