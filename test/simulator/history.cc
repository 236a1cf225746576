#include "test/simulator/history.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weir::simulator {
namespace {

constexpr char kTakenUp[] = "specification-taken-up";

std::string PhaseOf(const v1::ExperimentState& state) {
  switch (state.phase_case()) {
    case v1::ExperimentState::kRunning:
      return "running";
    case v1::ExperimentState::kRolledBack:
      return "rolled back";
    case v1::ExperimentState::kWaiting:
      return "waiting";
    case v1::ExperimentState::kStepping:
      return absl::StrCat("stepping, step ", state.stepping().step() + 1);
    case v1::ExperimentState::kPaused:
      return "paused";
    case v1::ExperimentState::kInconclusive:
      return "inconclusive";
    case v1::ExperimentState::kWatching:
      return "watching";
    case v1::ExperimentState::kCompleted:
      return "completed";
    default:  // A phase that is newer than this page is shown by its number.
      return absl::StrCat("phase ", static_cast<int>(state.phase_case()));
  }
}

std::string RowInWords(const v1::AuditRecord& record) {
  const v1::ExperimentState& state = record.state();
  return absl::StrCat(state.experiment(), " run ", state.run(), " epoch ", state.epoch(), ", ", PhaseOf(state), ": ",
                      record.action(), " by ", record.actor(), " (", record.detail(), ")");
}

std::string RouteInWords(const routing::ExperimentRoute& route) {
  return absl::StrCat(
      route.name, " (run ", route.run_ordinal, ", epoch ", route.epoch,
      "): ", absl::StrJoin(route.variants, ", ", [](std::string* out, const routing::WeightedVariant& variant) {
        absl::StrAppend(out, variant.name, " ", variant.weight);
      }));
}

struct Words {
  std::string operator()(const ProcessStarted& e) const {
    return e.remembered == nullptr ? "a process begins: the journal cannot be read"
                                   : absl::StrCat("a process begins, with ", e.remembered->sequence, " rows");
  }
  std::string operator()(const ProcessDied& e) const { return absl::StrCat("the process is killed ", e.when); }
  std::string operator()(const Settled&) const { return "settled"; }
  std::string operator()(const FilesTaken& e) const {
    return absl::StrCat(
        "the files are taken up: ",
        absl::StrJoin(e.alphas, ", ", [](std::string* out, const auto& entry) { *out += entry.first; }));
  }
  std::string operator()(const FilesRefused& e) const { return absl::StrCat("the files are refused: ", e.error); }
  std::string operator()(const CommandGiven& e) const {
    return absl::StrCat(e.command.actor, " commands ", e.experiment, ": ", experiment::NameOf(e.command.kind));
  }
  std::string operator()(const CommandAnswered& e) const {
    return absl::StrCat("person-", e.token, " is answered: ", e.status.ToString());
  }
  std::string operator()(const RowAsked& e) const {
    return absl::StrCat("asks the journal: ", RowInWords(experiment::RecordOf(e.change, 0)));
  }
  std::string operator()(const RowWritten& e) const {
    return absl::StrCat("row ", e.record.sequence(), " is on the disk: ", RowInWords(e.record));
  }
  std::string operator()(const RowRepeated& e) const {
    return absl::StrCat("the last row of ", e.experiment, " is on the disk already");
  }
  std::string operator()(const RowHeard&) const { return ""; }
  std::string operator()(const WriteFailed& e) const {
    return absl::StrCat("the journal refuses ", e.experiment.empty() ? "a checkpoint" : "a row of ", e.experiment,
                        e.is_on_disk ? ", which is on the disk" : "");
  }
  std::string operator()(const CheckpointWritten&) const { return ""; }
  std::string operator()(const JournalFound& e) const {
    return absl::StrCat("the journal can be read: ", e.remembered->sequence, " rows");
  }
  std::string operator()(const TablePublished& e) const {
    return absl::StrCat("table ", e.table->version, ": ",
                        absl::StrJoin(e.table->experiments, "; ",
                                      [](std::string* out, const auto& route) { *out += RouteInWords(route); }));
  }
  std::string operator()(const CallPlaced&) const { return ""; }
  std::string operator()(const ReportTaken&) const { return ""; }
  std::string operator()(const OutcomeAnswered& e) const {
    return e.status.ok() ? "" : absl::StrCat("an outcome is refused: ", e.status.ToString());
  }
  std::string operator()(const Viewed&) const { return ""; }
  std::string operator()(const Said& e) const { return absl::StrCat(e.is_warning ? "warns: " : "says: ", e.text); }
};

}  // namespace

bool IsStep(const experiment::Change& change) { return IsStep(experiment::RecordOf(change, 0)); }

bool IsStep(const v1::AuditRecord& record) {
  return record.action() != kTakenUp && record.action() != experiment::kNotOpened;
}

std::string Describe(const Event& event) { return std::visit(Words(), event); }

}  // namespace weir::simulator
