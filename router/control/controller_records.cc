// What the controller keeps for whoever asks afterwards: the grounds of each step, versions of specifications, reports.

#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "router/control/controller.h"

namespace weir::control {
namespace {

// Whether the step went by a verdict on the experiment as a whole.
bool IsByVerdict(const experiment::Event& event) {
  if (std::holds_alternative<experiment::Analysed>(event)) return true;
  const auto* passed = std::get_if<experiment::TimePassed>(&event);
  return passed != nullptr && passed->analysed.verdict == experiment::Verdict::kSuccess;
}

bool IsRolledBack(const std::optional<experiment::State>& state) {
  return state && std::holds_alternative<experiment::RolledBack>(state->phase);
}

}  // namespace

// Before the step is entered.
experiment::Change Controller::ChangeOf(Governed& governed, const experiment::Step& step,
                                        const experiment::Event& event, absl::Time now) {
  experiment::Change change{.experiment = governed.experiment.name(),
                            .at = now,
                            .actor = step.actor,
                            .action = step.action,
                            .detail = step.detail,
                            .state = step.next};
  change.grounds.specification_version = governed.versions.ordinal();
  change.grounds.specification = governed.versions.Unjournalled();
  change.grounds.before = governed.experiment.state();
  change.grounds.event = event;
  const bool shuts = governed.experiment.is_open() && IsRolledBack(step.next);
  if (shuts || std::holds_alternative<experiment::Breached>(event))
    change.grounds.evidence = governed.experiment.Evidence(now);
  if (IsByVerdict(event)) change.grounds.decision = governed.experiment.analyst().Record(change.experiment);
  return change;
}

// The row of an opening that was refused.
experiment::Change Controller::NotOpened(const Governed& governed, const experiment::State& standing,
                                         const Opening& opening, const absl::Status& why, absl::Time now) const {
  experiment::Change change{.experiment = governed.experiment.name(),
                            .at = now,
                            .actor = "weir",
                            .action = experiment::kNotOpened,
                            .detail = absl::StrCat(opening.change.action, " by ", opening.change.actor,
                                                   " did not happen: ", std::string(why.message())),
                            .state = standing};
  change.grounds.specification_version = governed.versions.ordinal();
  change.grounds.specification = governed.versions.Unjournalled();
  change.grounds.before = standing;
  return change;
}

// A version of the specification from which nothing followed. Told at every tick, as the file is.
void Controller::KeepVersion(Governed& governed, absl::Time now) {
  std::optional<experiment::SpecificationVersion> version = governed.versions.Unjournalled();
  const std::optional<experiment::State>& state = governed.experiment.state();
  if (!version || !state || std::holds_alternative<experiment::Frozen>(state->phase)) return;
  if (governed.opening || governed.unjournalled || now < governed.retry_at || !unread_.ok()) return;
  experiment::Change change{.experiment = governed.experiment.name(),
                            .at = now,
                            .actor = "file",
                            .action = "specification-taken-up",
                            .detail = absl::StrCat("version ", version->ordinal, ", from which nothing follows"),
                            .state = *state};
  change.grounds.specification_version = version->ordinal;
  change.grounds.specification = std::move(version);
  change.grounds.before = state;
  governed.unjournalled = Unjournalled{.id = 0, .change = std::move(change), .waiting = {}};
}

// Before an opening step of a person, who is not to wait for it: the step's row holds the version too. A row that is on
// its way to the journal comes before the step's; it is not tried again, or it would follow it, and say where the
// experiment stood before.
void Controller::DropVersionRow(Governed& governed) {
  if (governed.unjournalled && IsOfVersion(*governed.unjournalled)) governed.unjournalled.reset();
}

// Whether the row moves nothing, and nobody waits for it: a version of the specification was taken up.
bool Controller::IsOfVersion(const Unjournalled& row) {
  return !row.change.grounds.event && row.change.action != experiment::kNotOpened;
}

void Controller::AskForReport(const Governed& governed) {
  const std::optional<experiment::State>& state = governed.experiment.state();
  if (!IsRolledBack(state)) return;
  effects_.emplace_back(AskJournal{ReportRequest{.id = NextRequest(),
                                                 .experiment = governed.experiment.name(),
                                                 .run = state->run.ordinal,
                                                 .at = state->phase_since,
                                                 .head = journal_head_,
                                                 .failed_calls = governed.failed_calls.Of(state->run.ordinal)}});
}

void Controller::KeepFailedCalls(const stats::WorkerReport& report) {
  for (const stats::FailedCall& call : report.failed_calls) {
    const CountsLayout* layout = totals_.LayoutOf(call.run);
    if (layout == nullptr || call.variant >= layout->variants.size()) continue;
    const auto governed = experiments_.find(layout->experiment);
    if (governed == experiments_.end()) continue;
    governed->second.failed_calls.Add(layout->run, layout->variants[call.variant], call);
  }
}

void Controller::OnReport(const JournalReply& reply) {
  if (!reply.status.ok()) {
    Say(true, "the report of the rollback is not written", reply.report->experiment,
        std::string(reply.status.message()));
  } else if (!reply.report->path.empty()) {
    Say(false, "the report of the rollback is written", reply.report->experiment, reply.report->path);
  }
}

}  // namespace weir::control
