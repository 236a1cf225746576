#include "test/simulator/coverage.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace weir::simulator {
namespace {

// What is counted without a look at what came before.
struct Plainly {
  Coverage& coverage;

  void operator()(const ProcessStarted& e) const {
    coverage.Count(e.remembered == nullptr ? "starts without the journal" : "starts");
  }
  void operator()(const ProcessDied& e) const { coverage.Count(absl::StrCat("killed ", e.when)); }
  void operator()(const Settled&) const { coverage.Count("worlds settled"); }
  void operator()(const FilesTaken&) const { coverage.Count("files taken up"); }
  void operator()(const FilesRefused&) const { coverage.Count("files refused"); }
  void operator()(const CommandGiven&) const {}
  void operator()(const CommandAnswered&) const {}
  void operator()(const RowAsked&) const { coverage.Count("rows asked"); }
  void operator()(const RowWritten&) const { coverage.Count("rows written"); }
  void operator()(const RowRepeated&) const { coverage.Count("rows found written"); }
  void operator()(const RowHeard&) const { coverage.Count("rows heard of"); }
  void operator()(const WriteFailed& e) const {
    coverage.Count(e.experiment.empty() ? "checkpoints refused" : "rows refused");
    if (e.is_on_disk) coverage.Count("rows refused that are on the disk");
  }
  void operator()(const CheckpointWritten&) const { coverage.Count("checkpoints written"); }
  void operator()(const JournalFound&) const { coverage.Count("journal read late"); }
  void operator()(const TablePublished&) const { coverage.Count("tables published"); }
  void operator()(const CallPlaced& e) const {
    coverage.Count("calls");
    if (e.is_diverted) coverage.Count("calls diverted");
    if (e.is_previewed) coverage.Count("calls previewed");
    if (e.user == 0 && !e.is_previewed) coverage.Count("calls without a key");
  }
  void operator()(const ReportTaken&) const { coverage.Count("reports taken"); }
  void operator()(const OutcomeAnswered& e) const {
    coverage.Count(
        absl::StrCat("outcomes ", e.variant.empty() ? "forged, " : "", absl::StatusCodeToString(e.status.code())));
  }
  void operator()(const Viewed&) const { coverage.Count("views"); }
  void operator()(const Said& e) const {
    if (e.text.starts_with("reported tickets are forgotten")) coverage.Count("tickets forgotten");
    if (e.text.starts_with("its statistics begin anew")) coverage.Count("statistics begun anew");
    if (e.text.starts_with("the clock was set back")) coverage.Count("clocks found set back");
  }
};

}  // namespace

void Coverage::OnRow(const v1::AuditRecord& record) {
  const v1::ExperimentState& state = record.state();
  Count(absl::StrCat("row: ", record.action()));
  if (state.rolled_back().has_breach()) Count("rollbacks by a guardrail");
  if (record.evidence().detectors_size() > 0) Count("alarms of a detector");
  if (record.has_decision()) Count("verdicts of an analysis");
  const v1::DecisionCriteria& criteria = record.decision().inputs().criteria();
  const bool asks_for_preview =
      absl::StrContains(absl::StrCat(criteria.success_condition(), criteria.failure_condition()), "preview_error_rate");
  if (asks_for_preview && state.has_watching() && record.before().has_stepping()) Count("switches after a preview");
  if (asks_for_preview && state.has_rolled_back()) Count("rollbacks by a preview");
  if (state.has_rolled_back() && record.actor() == "weir" && !state.rolled_back().has_breach()) {
    Count("rollbacks by the rollout's rules");
  }
  if (state.has_rolled_back() && record.actor().starts_with("person")) Count("rollbacks by a person");
  if (!IsStep(record)) return;
  uint32_t& latest = latest_run_[state.experiment()];
  if (state.run() < latest) Count("openings that a shut gate overtook");
  if (state.run() > latest && latest > 0) Count("later runs");
  latest = state.run();
}

void Coverage::Hear(const Event& event) {
  std::visit(Plainly{*this}, event);
  if (const auto* written = std::get_if<RowWritten>(&event)) OnRow(written->record);
  if (const auto* given = std::get_if<CommandGiven>(&event)) {
    given_[given->token] = {.kind = experiment::NameOf(given->command.kind)};
  } else if (const auto* asked = std::get_if<RowAsked>(&event)) {
    for (auto& [token, given] : given_) given.is_asked |= asked->change.actor == absl::StrCat("person-", token);
  } else if (const auto* answered = std::get_if<CommandAnswered>(&event)) {
    const auto given = given_.extract(answered->token);
    if (given.empty()) return;
    const std::string how = answered->status.ok() ? (given.mapped().is_asked ? "done" : "so already")
                                                  : absl::StatusCodeToString(answered->status.code());
    Count(absl::StrCat("command ", given.mapped().kind, ": ", how));
    Count(absl::StrCat("commands: ", how));
  } else if (std::holds_alternative<ProcessDied>(event)) {
    Count("commands: never answered", static_cast<int64_t>(given_.size()));
    given_.clear();
  } else if (const auto* files = std::get_if<FilesTaken>(&event)) {
    std::set<std::string> filed;
    for (const auto& [experiment, alpha] : files->alphas) {
      filed.insert(experiment);
      if (!filed_.contains(experiment) && ever_filed_.contains(experiment)) Count("experiments added again");
    }
    for (const std::string& experiment : filed_) {
      if (!filed.contains(experiment)) Count("experiments removed");
    }
    ever_filed_.insert(filed.begin(), filed.end());
    filed_ = std::move(filed);
  }
}

void Coverage::Merge(const Coverage& other) {
  for (const auto& [what, times] : other.counts_) counts_[what] += times;
}

int64_t Coverage::Of(const std::string& what) const {
  const auto found = counts_.find(what);
  return found == counts_.end() ? 0 : found->second;
}

const std::set<std::string>& Coverage::Wanted() {
  static const auto& wanted = *new std::set<std::string>{
      "alarms of a detector",
      "calls diverted",
      "calls previewed",
      "calls without a key",
      "checkpoints refused",
      "clocks found set back",
      "clocks set back",
      "clocks set forward",
      "command abort: done",
      "command approve: done",
      "command pause: done",
      "command promote: done",
      "command reject: done",
      "command reset: done",
      "command resume: done",
      "command retry: done",
      "command rollback: done",
      "command set-weight: done",
      "command start: done",
      "commands: ABORTED",
      "commands: FAILED_PRECONDITION",
      "commands: INVALID_ARGUMENT",
      "commands: NOT_FOUND",
      "commands: PERMISSION_DENIED",
      "commands: UNAVAILABLE",
      "commands: never answered",
      "commands: so already",
      "control thread held up",
      "disk refuses",
      "disk slow",
      "experiments added again",
      "experiments removed",
      "files refused",
      "journal read late",
      "killed after a write",
      "killed at rest",
      "killed before a write",
      "killed between two effects",
      "later runs",
      "models removed",
      "openings that a shut gate overtook",
      "outcomes ALREADY_EXISTS",
      "outcomes OK",
      "outcomes OUT_OF_RANGE",
      "outcomes forged, OUT_OF_RANGE",
      "reload storms",
      "rollbacks by a guardrail",
      "rollbacks by a person",
      "rollbacks by a preview",
      "rollbacks by the rollout's rules",
      "row: approval-asked",
      "row: completed",
      "row: epoch-opened",
      "row: inconclusive",
      "row: not-opened",
      "row: promoted",
      "row: rollout-begun",
      "row: rollout-removed",
      "row: run-opened",
      "row: shares-moved",
      "row: step-entered",
      "rows found written",
      "rows refused",
      "rows refused that are on the disk",
      "starts without the journal",
      "statistics begun anew",
      "switches after a preview",
      "tickets forgotten",
      "verdicts of an analysis",
      "worlds of the real store",
      "worlds settled",
      "worlds with a bad candidate",
      "worlds with healthy models",
  };
  return wanted;
}

}  // namespace weir::simulator
