#include "router/control/rollout_view.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "router/experiment/journal.h"
#include "router/experiment/proto_time.h"
#include "router/experiment/wait.h"

namespace weir::control {
namespace {

using experiment::DurationOf;
using experiment::TimestampOf;

struct PhaseShower {
  v1::ExperimentStatus& status;

  void operator()(const experiment::Running&) const { status.set_phase(v1::RUNNING); }
  void operator()(const experiment::RolledBack& phase) const {
    status.set_phase(v1::ROLLED_BACK);
    status.set_phase_reason(phase.breach ? phase.breach->summary : phase.why);
    if (phase.breach) *status.mutable_breach() = experiment::RecordOf(*phase.breach);
  }
  void operator()(const experiment::Frozen& phase) const {
    status.set_phase(v1::FROZEN);
    status.set_phase_reason(phase.why);
  }
  void operator()(const experiment::Waiting& phase) const {
    status.set_phase(v1::WAITING);
    if (phase.held_by) status.set_phase_reason(absl::StrCat("held by ", *phase.held_by));
  }
  void operator()(const experiment::Stepping&) const { status.set_phase(v1::STEPPING); }
  void operator()(const experiment::Paused& phase) const {
    status.set_phase(v1::PAUSED);
    status.set_phase_reason(absl::StrCat("paused by ", phase.by, phase.why.empty() ? "" : ": ", phase.why));
  }
  void operator()(const experiment::Inconclusive& phase) const {
    status.set_phase(v1::INCONCLUSIVE);
    status.set_phase_reason(phase.why);
  }
  void operator()(const experiment::Watching&) const { status.set_phase(v1::WATCHING); }
  void operator()(const experiment::Completed&) const { status.set_phase(v1::COMPLETED); }
};

void ShowStep(const experiment::Plan& plan, const experiment::Stepping& stepping, v1::RolloutStatus& view) {
  view.set_step(stepping.step + 1);
  for (const experiment::Approved& approved : stepping.approvals) {
    v1::RolloutStatus::Approval* approval = view.add_approvals();
    approval->set_by(approved.by);
    *approval->mutable_at() = TimestampOf(approved.at);
    approval->set_comment(approved.comment);
  }
  if (stepping.by_hand) view.set_share_by_hand(stepping.by_hand->fraction());
  if (stepping.step >= plan.rollout->steps.size()) return;
  const std::optional<config::Approval>& approval = plan.rollout->steps[stepping.step].approval;
  if (!approval) return;
  for (const std::string& role : approval->roles) view.add_approval_roles(role);
}

}  // namespace

void ShowPhase(const experiment::Phase& phase, v1::ExperimentStatus& status) { std::visit(PhaseShower{status}, phase); }

std::string LabelOf(v1::Phase phase) { return absl::AsciiStrToLower(v1::Phase_Name(phase)); }

v1::RolloutStatus ViewOfRollout(const experiment::Plan& plan, const experiment::State& state,
                                const experiment::TimePassed& known, absl::Time now) {
  v1::RolloutStatus view;
  const char* dry_run = plan.rollout->is_dry_run ? ", dry run" : "";
  view.set_strategy(absl::StrCat(config::ToString(plan.rollout->strategy), dry_run));
  view.set_steps(static_cast<uint32_t>(plan.rollout->steps.size()));
  view.set_holdback(plan.rollout->holdback.fraction());
  if (const experiment::Stepping* stepping = experiment::StepOf(state)) ShowStep(plan, *stepping, view);
  if (const auto* watching = std::get_if<experiment::Watching>(&state.phase); watching && watching->by_hand) {
    view.set_share_by_hand(watching->by_hand->fraction());
  }
  const experiment::Wait wait = experiment::WaitOf(plan, state, known, now);
  *view.mutable_time_left() = DurationOf(wait.time);
  for (const experiment::Wait::Missing& missing : wait.samples) {
    v1::RolloutStatus::MissingSamples* samples = view.add_missing_samples();
    samples->set_variant(missing.variant);
    samples->set_samples(missing.samples);
    samples->set_wanted(missing.wanted);
  }
  for (const std::string& variant : wait.unheard) view.add_silent(variant);
  view.set_missing_approvals(static_cast<uint32_t>(wait.approvals));
  const auto* stepping = std::get_if<experiment::Stepping>(&state.phase);
  view.set_awaits_approval(stepping != nullptr && stepping->asked_at && wait.approvals > 0);
  view.set_awaits_person(wait.is_for_person);
  view.set_waits_for(experiment::Describe(wait));
  return view;
}

}  // namespace weir::control
