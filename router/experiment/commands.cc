// What a person may ask of an experiment. Whatever shuts the gate is never refused.

#include <algorithm>
#include <array>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "router/experiment/machine.h"
#include "router/experiment/moves.h"

namespace weir::experiment {
namespace {

using Result = absl::StatusOr<std::optional<Step>>;

constexpr std::array<const char*, kCommandKinds> kNames = {
    "start", "pause", "resume", "promote", "abort", "rollback", "retry", "reset", "set-weight", "approve", "reject"};

// --- What is possible.

struct Described {
  std::string text;  // "it is paused"
  std::vector<CommandKind> possible;
};

std::string InStep(const Stepping& stepping) { return absl::StrCat(" in step ", stepping.step + 1); }

struct PhaseInWords {
  using K = CommandKind;
  Described operator()(const Running&) const {
    return {"it runs by the file's weights, without a rollout; another `spec.run` in its file opens a new run",
            {K::kRollback}};
  }
  Described operator()(const RolledBack&) const { return {"it is rolled back", {K::kReset}}; }
  Described operator()(const Frozen&) const { return {"it is frozen", {K::kReset}}; }
  Described operator()(const Waiting& waiting) const {
    return {"its rollout waits for its start", {K::kStart, waiting.held_by ? K::kResume : K::kPause, K::kRollback}};
  }
  Described operator()(const Stepping& stepping) const {
    if (stepping.asked_at) {
      return {absl::StrCat("it waits for approval", InStep(stepping)),
              {K::kApprove, K::kReject, K::kPause, K::kRetry, K::kSetWeight, K::kRollback}};
    }
    std::vector<K> possible = {K::kPause, K::kPromote, K::kRetry, K::kSetWeight, K::kRollback};
    if (stepping.by_hand) possible.push_back(K::kResume);
    return {absl::StrCat("it is", InStep(stepping)), std::move(possible)};
  }
  Described operator()(const Paused& paused) const {
    return {absl::StrCat("it is paused", InStep(paused.where)),
            {K::kResume, K::kPromote, K::kRetry, K::kSetWeight, K::kRollback}};
  }
  Described operator()(const Inconclusive& inconclusive) const {
    return {absl::StrCat("it is inconclusive", InStep(inconclusive.where)),
            {K::kResume, K::kPromote, K::kRetry, K::kSetWeight, K::kRollback}};
  }
  Described operator()(const Watching& watching) const {
    std::vector<K> possible = {K::kSetWeight, K::kRollback};
    if (watching.by_hand) possible.push_back(K::kResume);
    return {"it is promoted and watched", std::move(possible)};
  }
  Described operator()(const Completed&) const {
    return {"its rollout is completed; another `spec.run` in its file opens a new run", {K::kRollback}};
  }
};

absl::Status Refuse(const State& state, const std::string& why = "") {
  const Described described = std::visit(PhaseInWords(), state.phase);
  const std::string possible = absl::StrJoin(
      described.possible, ", ", [](std::string* out, CommandKind kind) { absl::StrAppend(out, NameOf(kind)); });
  return absl::FailedPreconditionError(
      absl::StrCat(why, why.empty() ? "" : ": ", described.text, "; possible now: ", possible));
}

// --- Helpers.

Deed DeedOf(const Command& command, std::string action, std::string detail = "") {
  if (!command.comment.empty()) absl::StrAppend(&detail, detail.empty() ? "" : "; ", command.comment);
  return {command.actor, std::move(action), std::move(detail)};
}

// Those that were given count while the step goes on, for what they were asked for.
int MissingApprovals(const Plan& plan, const State& state, const Stepping& stepping, absl::Time now) {
  const std::optional<config::Approval>& approval = plan.rollout->steps[stepping.step].approval;
  if (!approval) return 0;
  const bool count = std::holds_alternative<Stepping>(state.phase) && IsAskedFor(plan, state, stepping, now);
  return count ? std::max(0, approval->required - static_cast<int>(stepping.approvals.size())) : approval->required;
}

// Of this step or a later one.
bool NeedsApproval(const Plan& plan, const State& state, const Stepping& stepping, absl::Time now) {
  if (!IsInPlan(plan, stepping)) return false;
  if (MissingApprovals(plan, state, stepping, now) > 0) return true;
  return std::any_of(plan.rollout->steps.begin() + stepping.step + 1, plan.rollout->steps.end(),
                     [](const config::RolloutStep& step) { return step.approval.has_value(); });
}

// The step as it goes on after it stood still since the phase began: that time counts for nothing. Whoever goes on with
// a rollout that has taken longer than maxDuration, or with an analysis beyond its timeout, grants it that time again.
Stepping WithoutPause(const Plan& plan, const State& state, Stepping stepping, absl::Time now) {
  if (!std::holds_alternative<Stepping>(state.phase)) {
    const absl::Duration stood = now - state.phase_since;
    stepping.begun += stood;
    stepping.entered += stood;
    // What was said before it stood still was said of that time: it is asked anew.
    stepping.asked_at.reset();
    stepping.asked_for.clear();
    stepping.approvals.clear();
  }
  if (now >= stepping.begun + plan.rollout->max_duration) stepping.begun = now;
  if (IsInPlan(plan, stepping)) {
    const std::optional<config::Analysis>& analysis = plan.rollout->steps[stepping.step].analysis;
    if (analysis && now >= stepping.entered + analysis->timeout) stepping.entered = now;
  }
  return stepping;
}

Step Enter(const Plan& plan, const State& state, Target target, Deed deed, absl::Time now) {
  if (const auto* stepping = std::get_if<Stepping>(&target.phase); stepping != nullptr && IsInPlan(plan, *stepping)) {
    absl::StrAppend(&deed.detail, deed.detail.empty() ? "" : "; ", DescribeStep(plan, stepping->step));
  }
  return MoveForward(state, std::move(target), std::move(deed), now);
}

// --- One function a command. The state is open, and the plan has a rollout.

Result Start(const Plan& plan, const State& state, const Command& command, absl::Time now) {
  if (!std::holds_alternative<Waiting>(state.phase)) return Refuse(state);
  return Enter(plan, state, FirstStep(plan, state.epoch.ordinal + 1, now), DeedOf(command, "started"), now);
}

Result Pause(const State& state, const Command& command, absl::Time now) {
  if (const auto* waiting = std::get_if<Waiting>(&state.phase); waiting != nullptr && !waiting->held_by) {
    return Move(state, {.phase = Waiting{.held_by = command.actor}, .split = state.epoch.split},
                DeedOf(command, "paused"), now);
  }
  const auto* stepping = std::get_if<Stepping>(&state.phase);
  if (stepping == nullptr) return Refuse(state);
  return Move(state, {.phase = Paused{*stepping, command.actor, command.comment}, .split = state.epoch.split},
              DeedOf(command, "paused", absl::StrCat("step ", stepping->step + 1)), now);
}

Result ResumeWatch(const Plan& plan, const State& state, Watching watching, const Command& command, absl::Time now) {
  if (!watching.by_hand) return Refuse(state);
  watching.by_hand.reset();
  const Split split = SplitPromoted(WithChosen(plan, watching.chosen));
  return Enter(plan, state, {.phase = watching, .split = split}, DeedOf(command, "resumed"), now);
}

Result Resume(const Plan& plan, const State& state, const Command& command, absl::Time now) {
  if (const auto* waiting = std::get_if<Waiting>(&state.phase); waiting != nullptr && waiting->held_by) {
    return Enter(plan, state, {.phase = Waiting{}, .split = state.epoch.split}, DeedOf(command, "resumed"), now);
  }
  if (const auto* watching = std::get_if<Watching>(&state.phase)) {
    return ResumeWatch(plan, state, *watching, command, now);
  }
  const Stepping* where = StepOf(state);
  const bool goes_on = std::holds_alternative<Stepping>(state.phase);
  if (where == nullptr || (goes_on && !where->by_hand)) return Refuse(state);
  if (!IsInPlan(plan, *where)) return Refuse(state, "its file has no such step any more");
  Stepping stepping = WithoutPause(plan, state, *where, now);
  stepping.by_hand.reset();
  return Enter(plan, state, {.phase = stepping, .split = SplitByPlan(plan, state, stepping)},
               DeedOf(command, "resumed"), now);
}

Result PromoteFully(const Plan& plan, const State& state, const Stepping& where, const Command& command,
                    absl::Time now) {
  if (NeedsApproval(plan, state, where, now))
    return Refuse(state, "a step that is left needs approval, which promote cannot skip");
  return Enter(plan, state, Promoted(plan, where.chosen, now), DeedOf(command, "promoted"), now);
}

// Past what the step still waits for, except for people.
Result Promote(const Plan& plan, const State& state, const Command& command, absl::Time now) {
  const Stepping* where = StepOf(state);
  if (where == nullptr) return Refuse(state);
  if (command.is_full) return PromoteFully(plan, state, *where, command, now);
  if (!IsInPlan(plan, *where)) {
    return Refuse(state, "its file has no such step any more (promote --full goes past all)");
  }
  const Stepping stepping = WithoutPause(plan, state, *where, now);
  if (MissingApprovals(plan, state, stepping, now) == 0) {
    return Enter(plan, state, AfterStep(plan, state, stepping, now), DeedOf(command, "promoted"), now);
  }
  if (IsAskedFor(plan, state, stepping, now)) {
    return Refuse(state, "the step needs approval, which promote cannot skip");
  }
  Stepping asking = Asking(plan, state, stepping, now);
  return Enter(plan, state, {.phase = std::move(asking), .split = state.epoch.split}, DeedOf(command, "approval-asked"),
               now);
}

Result Retry(const Plan& plan, const State& state, const Command& command, absl::Time now) {
  const Stepping* where = StepOf(state);
  if (where == nullptr) return Refuse(state);
  if (!IsInPlan(plan, *where)) return Refuse(state, "its file has no such step any more");
  return Enter(plan, state, StepAnew(plan, state, WithoutPause(plan, state, *where, now), now),
               DeedOf(command, "retried"), now);
}

// The phase with the share that a person set; nullopt where a person sets none.
std::optional<Phase> WithShare(const Phase& phase, config::Percent share) {
  Phase next = phase;
  if (auto* watching = std::get_if<Watching>(&next)) {
    watching->by_hand = share;
  } else if (auto* stepping = std::get_if<Stepping>(&next)) {
    stepping->by_hand = share;
  } else if (auto* paused = std::get_if<Paused>(&next)) {
    paused->where.by_hand = share;
  } else if (auto* inconclusive = std::get_if<Inconclusive>(&next)) {
    inconclusive->where.by_hand = share;
  } else {
    return std::nullopt;
  }
  return next;
}

Result SetWeight(const Plan& plan, const State& state, const Command& command, absl::Time now) {
  if (!command.weight) return absl::InvalidArgumentError("set-weight needs the candidates' share, in percent");
  if (config::EndOf(plan.rollout->strategy) == config::RolloutEnd::kCompletion && *command.weight > config::Percent()) {
    return Refuse(state, "a shadow gives its candidates no share");
  }
  if (plan.rollout->is_dry_run) return Refuse(state, "a dry run gives its candidates no share");
  const config::Percent share = config::LessHoldback(*command.weight, plan.rollout->holdback);
  std::optional<Phase> phase = WithShare(state.phase, share);
  if (!phase) return Refuse(state);
  const Stepping* where = StepOf(state);
  const Split split = WithCandidateShare(WithChosen(plan, ChosenIn(state.phase)).split, share);
  // Else a person alone could give what the plan lets nobody give alone.
  if (where != nullptr && NeedsApproval(plan, state, *where, now) && Opens(SplitByPlan(plan, state, *where), split)) {
    return Refuse(state, "a step that is left needs approval: until then a share is at most that of the step");
  }
  if (*phase == state.phase && split == state.epoch.split) return std::nullopt;
  return Move(state, {.phase = *std::move(phase), .split = split},
              DeedOf(command, "weight-set", absl::StrCat("candidates get ", share.ToString())), now);
}

Result Approve(const Plan& plan, const State& state, const Command& command, absl::Time now) {
  const auto* stepping = std::get_if<Stepping>(&state.phase);
  if (stepping == nullptr || !stepping->asked_at || !IsInPlan(plan, *stepping)) {
    return Refuse(state, "nothing waits for approval");
  }
  const std::optional<config::Approval>& approval = plan.rollout->steps[stepping->step].approval;
  const std::set<std::string> wanted = approval ? approval->roles : std::set<std::string>();
  const bool has_role = std::any_of(command.roles.begin(), command.roles.end(),
                                    [&](const std::string& role) { return wanted.contains(role); });
  if (!wanted.empty() && !has_role) {
    return absl::PermissionDeniedError(absl::StrCat("needs the role ", absl::StrJoin(wanted, " or ")));
  }
  if (!IsAskedFor(plan, state, *stepping, now)) {
    return Refuse(state, "what follows is another than was asked for: it is asked for anew");
  }
  const bool has_approved = std::any_of(stepping->approvals.begin(), stepping->approvals.end(),
                                        [&](const Approved& approved) { return approved.by == command.actor; });
  if (has_approved) return Refuse(state, absl::StrCat(command.actor, " has approved already"));
  Stepping approved = *stepping;
  approved.approvals.push_back({command.actor, now, command.comment});
  const int missing = MissingApprovals(plan, state, approved, now);
  // What was shown when it was asked for has to hold still: time goes on with it.
  const bool waits_for_analysis = plan.rollout->steps[stepping->step].analysis.has_value() && !plan.rollout->is_dry_run;
  if (missing == 0 && !waits_for_analysis) {
    return Enter(plan, state, AfterStep(plan, state, approved, now), DeedOf(command, "approved"), now);
  }
  return Enter(plan, state, {.phase = approved, .split = state.epoch.split},
               DeedOf(command, "approved", missing == 0 ? "" : absl::StrCat(missing, " missing")), now);
}

Result Reset(const Plan& plan, const State& state, const Command& command, absl::Time now) {
  if (!IsOpen(state)) return NewRun(plan, state, DeedOf(command, "reset"), now);
  return Refuse(state, "only a rolled-back or frozen experiment is reset");
}

// Abort, rollback and reject. A gate that is shut already stays so.
Result ShutGate(const Plan& plan, const State& state, const Command& command, absl::Time now) {
  const bool shuts_anew =
      command.overtakes && command.kind != CommandKind::kReject && std::holds_alternative<RolledBack>(state.phase);
  if (!IsOpen(state) && !shuts_anew) return std::nullopt;
  const auto* stepping = std::get_if<Stepping>(&state.phase);
  const bool is_asked = stepping != nullptr && stepping->asked_at;
  if (command.kind == CommandKind::kReject && !is_asked) return Refuse(state, "nothing waits for approval");
  std::string action = "rolled-back";
  if (command.kind == CommandKind::kReject) action = "rejected";
  if (command.kind == CommandKind::kAbort) action = "aborted";
  const std::string why = absl::StrCat(command.kind == CommandKind::kReject ? "rejected" : "rolled back", " by ",
                                       command.actor, command.comment.empty() ? "" : ": ", command.comment);
  Step shut = RollBack(state, RolledBack{.by = command.actor, .why = why}, {command.actor, action, why}, now);
  if (command.overtakes) shut.next.run.label = plan.run_label;  // Or else the file would open its run after all.
  return shut;
}

}  // namespace

std::string NameOf(CommandKind kind) { return kNames[static_cast<size_t>(kind)]; }

absl::StatusOr<std::optional<Step>> OnCommand(const Plan& plan, const std::optional<State>& state,
                                              const Command& command, absl::Time now) {
  if (!state) return absl::FailedPreconditionError("its first run is not opened yet: nothing is possible now");
  switch (command.kind) {
    case CommandKind::kReset:
      return Reset(plan, *state, command, now);
    case CommandKind::kAbort:
    case CommandKind::kRollback:
    case CommandKind::kReject:
      return ShutGate(plan, *state, command, now);
    default:
      break;
  }
  if (!plan.rollout || !IsOpen(*state)) return Refuse(*state);
  switch (command.kind) {
    case CommandKind::kStart:
      return Start(plan, *state, command, now);
    case CommandKind::kPause:
      return Pause(*state, command, now);
    case CommandKind::kResume:
      return Resume(plan, *state, command, now);
    case CommandKind::kPromote:
      return Promote(plan, *state, command, now);
    case CommandKind::kRetry:
      return Retry(plan, *state, command, now);
    case CommandKind::kSetWeight:
      return SetWeight(plan, *state, command, now);
    case CommandKind::kApprove:
      return Approve(plan, *state, command, now);
    default:
      return Refuse(*state);
  }
}

}  // namespace weir::experiment
