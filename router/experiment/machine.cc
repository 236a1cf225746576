#include "router/experiment/machine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "router/experiment/moves.h"
#include "router/experiment/wait.h"

namespace weir::experiment {
namespace {

using StepOrNothing = std::optional<Step>;

// --- The file.

std::string ActionOf(const State& state, const Target& target) {
  if (state.phase == target.phase) return "epoch-opened";
  if (std::holds_alternative<Inconclusive>(target.phase)) return "inconclusive";
  if (std::holds_alternative<Completed>(target.phase)) return "completed";
  return std::holds_alternative<Running>(target.phase) ? "rollout-removed" : "rollout-begun";
}

std::string WhyOf(const State& state, const Target& target) {
  const std::string weights =
      absl::StrCat("weights ", Describe(target.split), "; before ", Describe(state.epoch.split));
  const auto* inconclusive = std::get_if<Inconclusive>(&target.phase);
  return inconclusive == nullptr ? weights : absl::StrCat(inconclusive->why, "; ", weights);
}

// Towards `target`: first what is taken away, if anything is, and then the rest.
StepOrNothing Toward(const State& state, const Target& target, bool is_new_run, absl::Time now) {
  const Split& from = state.epoch.split;
  const Deed deed{"file", ActionOf(state, target), WhyOf(state, target)};
  if (!is_new_run && !Opens(from, target.split)) return Move(state, target, deed, now);
  if (is_new_run && !Opens(from, target.split) && from != target.split) {
    return Move(state, {.phase = state.phase, .split = target.split}, {"file", "epoch-opened", deed.detail}, now);
  }
  if (auto shut = ShutPart(from, target.split)) {
    const std::string detail = absl::StrCat("weights ", Describe(*shut), "; before ", Describe(from));
    return Move(state, {.phase = state.phase, .split = *std::move(shut)}, {"file", "epoch-opened", detail}, now);
  }
  if (!is_new_run) return Move(state, target, deed, now);
  return std::nullopt;
}

StepOrNothing OnFile(const Plan& plan, const std::optional<State>& state, absl::Time now) {
  if (!state) return NewRun(plan, state, {"file", "run-opened", "first seen"}, now);
  if (state->run.label == plan.run_label) {
    const std::optional<Target> target = Follow(plan, *state, now);
    return target ? Toward(*state, *target, /*is_new_run=*/false, now) : std::nullopt;
  }
  Step open = NewRun(
      plan, state,
      {"file", "run-opened", absl::StrCat("spec.run is '", plan.run_label, "', was '", state->run.label, "'")}, now);
  if (IsOpen(*state)) {
    const Target target{.phase = state->phase, .split = open.next.epoch.split};
    if (StepOrNothing shut = Toward(*state, target, /*is_new_run=*/true, now)) return shut;
  }
  return open;
}

// --- Verdicts.

StepOrNothing OnBreach(const std::optional<State>& state, const Breached& breached, absl::Time now) {
  if (!state || !IsOpen(*state)) return std::nullopt;
  const Breach& breach = breached.breach;
  if (!breached.pauses) {
    return RollBack(*state, RolledBack{.breach = breach}, {"weir", "rolled-back", breach.summary}, now);
  }
  const auto* stepping = std::get_if<Stepping>(&state->phase);
  if (stepping == nullptr) return std::nullopt;
  return Move(*state, {.phase = Inconclusive{*stepping, breach.summary}, .split = state->epoch.split},
              {"weir", "inconclusive", breach.summary}, now);
}

// What the specification says to do where nobody can tell.
Step Trouble(const Plan& plan, const State& state, const Stepping& stepping, bool rolls_back, const std::string& why,
             absl::Time now) {
  const std::string detail = absl::StrCat("in step ", stepping.step + 1, " of ", plan.rollout->steps.size(), ": ", why);
  if (rolls_back) return RollBack(state, RolledBack{.why = detail}, {"weir", "rolled-back", detail}, now);
  return Move(state, {.phase = Inconclusive{stepping, why}, .split = state.epoch.split},
              {"weir", "inconclusive", detail}, now);
}

Step Unclear(const Plan& plan, const State& state, const Stepping& stepping, const std::string& why, absl::Time now) {
  const bool rolls_back = plan.rollout->on_inconclusive == config::OnInconclusive::kRollback;
  return Trouble(plan, state, stepping, rolls_back, why, now);
}

Step Ask(const Plan& plan, const State& state, Stepping stepping, const config::Approval& approval, absl::Time now) {
  stepping = Asking(plan, state, std::move(stepping), now);
  const std::string detail = absl::StrCat(approval.required, " needed for ", stepping.asked_for);
  return Move(state, {.phase = std::move(stepping), .split = state.epoch.split}, {"weir", "approval-asked", detail},
              now);
}

Step GoOn(const Plan& plan, const State& state, const Stepping& stepping, absl::Time now) {
  Target target = AfterStep(plan, state, stepping, now);
  const auto* next = std::get_if<Stepping>(&target.phase);
  Deed deed{"weir", next == nullptr ? "promoted" : "step-entered",
            next == nullptr ? absl::StrCat("weights ", Describe(target.split)) : DescribeStep(plan, next->step)};
  if (const auto* completed = std::get_if<Completed>(&target.phase); completed != nullptr && !completed->is_promoted) {
    deed.action = "completed";
  }
  return MoveForward(state, std::move(target), std::move(deed), now);
}

// Everything but a person is there: asks for approval where it is missing, else goes on.
StepOrNothing AskOrGoOn(const Plan& plan, const State& state, const Stepping& stepping, int approvals, absl::Time now) {
  const std::optional<config::Approval>& approval = plan.rollout->steps[stepping.step].approval;
  if (!approval) return GoOn(plan, state, stepping, now);
  if (!IsAskedFor(plan, state, stepping, now)) return Ask(plan, state, stepping, *approval, now);
  return approvals == 0 ? StepOrNothing(GoOn(plan, state, stepping, now)) : std::nullopt;
}

// --- Time.

// Why nobody can tell any more; empty as long as it is in order.
std::string WhyOverdue(const config::Rollout& rollout, const Stepping& stepping, const Wait& wait, absl::Time now) {
  if (now >= stepping.begun + rollout.max_duration) {
    return absl::StrCat("it was not promoted within maxDuration, ", absl::FormatDuration(rollout.max_duration));
  }
  if (rollout.end && now >= *rollout.end && config::EndOf(rollout.strategy) != config::RolloutEnd::kDecision) {
    return "it was not promoted before its end";
  }
  const std::optional<config::Approval>& approval = rollout.steps[stepping.step].approval;
  if (stepping.asked_at && approval && now >= *stepping.asked_at + approval->expires) {
    const size_t given = stepping.approvals.size(), required = static_cast<size_t>(approval->required);
    return absl::StrCat(given == 0         ? "nobody approved"
                        : given < required ? absl::StrCat("only ", given, " of ", required, " approved")
                                           : "it was approved, and its analysis did not hold,",
                        " within ", absl::FormatDuration(approval->expires));
  }
  const std::optional<config::Analysis>& analysis = rollout.steps[stepping.step].analysis;
  if (analysis && !wait.analysis.empty() && !stepping.asked_at && now >= stepping.entered + analysis->timeout) {
    return absl::StrCat("its analysis gave no verdict within ", absl::FormatDuration(analysis->timeout), ": ",
                        wait.analysis);
  }
  return "";
}

StepOrNothing InStep(const Plan& plan, const State& state, const Stepping& stepping, const TimePassed& known,
                     absl::Time now) {
  const config::Rollout& rollout = *plan.rollout;
  const Wait wait = WaitOf(plan, state, known, now);
  if (!wait.silent.empty() && rollout.on_no_data != config::OnNoData::kWait) {
    const std::string why = absl::StrCat("no calls of ", absl::StrJoin(wait.silent, ", "), " for ",
                                         absl::FormatDuration(rollout.no_data_after));
    return Trouble(plan, state, stepping, rollout.on_no_data == config::OnNoData::kRollback, why, now);
  }
  if (const std::string why = WhyOverdue(rollout, stepping, wait, now); !why.empty()) {
    return Unclear(plan, state, stepping, why, now);
  }
  if (wait.is_for_person || wait.share) return std::nullopt;
  if (wait.time > absl::ZeroDuration() || !wait.samples.empty() || !wait.unheard.empty()) return std::nullopt;
  const bool is_at_end = stepping.step + 1 == rollout.steps.size();
  const config::RolloutStep& step = rollout.steps[stepping.step];
  const bool is_decided = step.analysis ? wait.analysis.empty() : step.approval.has_value();
  if (is_at_end && !is_decided && config::EndOf(rollout.strategy) == config::RolloutEnd::kDecision) {
    return Unclear(
        plan, state, stepping,
        absl::StrCat("its planned end is reached without a verdict", wait.analysis.empty() ? "" : ": ", wait.analysis),
        now);
  }
  if (!wait.analysis.empty()) return std::nullopt;
  return AskOrGoOn(plan, state, stepping, wait.approvals, now);
}

StepOrNothing OnTime(const Plan& plan, const State& state, const TimePassed& known, absl::Time now) {
  if (const auto* stepping = std::get_if<Stepping>(&state.phase)) return InStep(plan, state, *stepping, known, now);
  const Wait wait = WaitOf(plan, state, known, now);
  if (wait.is_for_person || wait.time > absl::ZeroDuration() || !wait.unheard.empty()) return std::nullopt;
  if (std::holds_alternative<Waiting>(state.phase)) {
    return MoveForward(state, FirstStep(plan, state.epoch.ordinal + 1, now),
                       {"weir", "step-entered", DescribeStep(plan, 0)}, now);
  }
  if (const auto* watching = std::get_if<Watching>(&state.phase)) {
    const Split split = SplitCompleted(WithChosen(plan, watching->chosen), /*is_promoted=*/true);
    return MoveForward(state, {.phase = Completed{true, watching->chosen}, .split = split},
                       {"weir", "completed", absl::StrCat("weights ", Describe(split))}, now);
  }
  return std::nullopt;
}

// --- The verdict on the whole.

StepOrNothing OnVerdict(const Plan& plan, const State& state, const Analysed& analysed, absl::Time now) {
  const Stepping* where = StepOf(state);
  const auto* stepping = std::get_if<Stepping>(&state.phase);
  switch (analysed.verdict) {
    case Verdict::kFailed:
      if (where == nullptr && !std::holds_alternative<Watching>(state.phase)) return std::nullopt;
      return RollBack(state, RolledBack{.why = analysed.why}, {"weir", "rolled-back", analysed.why}, now);
    case Verdict::kInconclusive:
      if (stepping == nullptr) return std::nullopt;
      return Unclear(plan, state, *stepping, analysed.why, now);
    case Verdict::kSuccess:  // Told with the time.
    case Verdict::kUndecided:
      return std::nullopt;
  }
  return std::nullopt;
}

// Time and verdicts act only on what has followed its file: else they would go on by steps that are no more.
bool GoesOn(const Plan& plan, const std::optional<State>& state) {
  return state && IsOpen(*state) && plan.rollout && HasFollowed(plan, *state);
}

// Whether a freeze of the file keeps the step from being taken: whatever gives more or ends the rollout, but by the
// file itself and by a new run.
bool IsFrozenStep(const Plan& plan, const State& state, const Event& event, const Step& step, absl::Time now) {
  if (!plan.rollout || std::holds_alternative<Filed>(event) || step.next.run != state.run) return false;
  if (step.gate == Gate::kShuts || !FrozenUntil(*plan.rollout, now)) return false;
  const bool ends =
      std::holds_alternative<Watching>(step.next.phase) || std::holds_alternative<Completed>(step.next.phase);
  return ends || step.next.epoch.ordinal != state.epoch.ordinal;
}

// Whether it promotes, or goes through, nothing.
bool IsDry(const Plan& plan, const Step& step) {
  const Phase& phase = step.next.phase;
  return plan.rollout && plan.rollout->is_dry_run && IsOpen(step.next) && !std::holds_alternative<Running>(phase) &&
         !std::holds_alternative<Waiting>(phase);
}

struct AdvanceOn {
  const Plan& plan;
  const std::optional<State>& state;
  absl::Time now;
  using Result = absl::StatusOr<std::optional<Step>>;

  Result operator()(const Filed&) const { return OnFile(plan, state, now); }
  Result operator()(const Breached& breached) const { return OnBreach(state, breached, now); }
  Result operator()(const TimePassed& known) const {
    return GoesOn(plan, state) ? OnTime(plan, *state, known, now) : std::nullopt;
  }
  Result operator()(const Analysed& analysed) const {
    return GoesOn(plan, state) ? OnVerdict(plan, *state, analysed, now) : std::nullopt;
  }
  Result operator()(const Weighed& known) const {
    return GoesOn(plan, state) ? OnWeighed(plan, *state, known, now) : std::nullopt;
  }
  Result operator()(const Command& command) const { return OnCommand(plan, state, command, now); }
};

// What the same person may ask for while the file freezes.
std::string PossibleInFreeze(const AdvanceOn& advance, Command command) {
  std::vector<std::string> possible;
  command.weight = config::Percent();
  for (int kind = 0; kind < kCommandKinds; ++kind) {
    command.kind = static_cast<CommandKind>(kind);
    const auto step = advance(command);
    if (!step.ok() || !*step || IsFrozenStep(advance.plan, *advance.state, command, **step, advance.now)) continue;
    const bool is_bounded = command.kind == CommandKind::kSetWeight;
    possible.push_back(absl::StrCat(NameOf(command.kind), is_bounded ? " to less" : ""));
  }
  return absl::StrJoin(possible, ", ");
}

}  // namespace

bool IsOpen(const State& state) {
  return !std::holds_alternative<RolledBack>(state.phase) && !std::holds_alternative<Frozen>(state.phase);
}

bool HasFollowed(const Plan& plan, const State& state) {
  if (state.run.label != plan.run_label) return false;
  if (IsOpen(state)) return !Follow(plan, state, state.phase_since);
  return plan.rollout.has_value() || plan.split == state.epoch.split;
}

const Stepping* StepOf(const State& state) {
  if (const auto* paused = std::get_if<Paused>(&state.phase)) return &paused->where;
  if (const auto* inconclusive = std::get_if<Inconclusive>(&state.phase)) return &inconclusive->where;
  return std::get_if<Stepping>(&state.phase);
}

Split SplitInForce(const State& state) {
  return IsOpen(state) ? state.epoch.split : WithCandidateShare(state.epoch.split, config::Percent());
}

State FrozenState(const Plan& plan, std::string why, absl::Time now) {
  return State{.run = {.ordinal = 0, .label = plan.run_label, .started = now},
               .epoch = {.ordinal = 0, .started = now, .split = plan.split},
               .phase = Frozen{std::move(why)},
               .phase_since = now};
}

absl::StatusOr<std::optional<Step>> Advance(const Plan& plan, const std::optional<State>& state, const Event& event,
                                            absl::Time now) {
  const AdvanceOn advance{plan, state, now};
  absl::StatusOr<std::optional<Step>> step = std::visit(advance, event);
  if (step.ok() && *step && IsDry(plan, **step)) (*step)->detail = absl::StrCat("dry run; ", (*step)->detail);
  if (!state || !step.ok() || !*step || !IsFrozenStep(plan, *state, event, **step, now)) return step;
  const auto* command = std::get_if<Command>(&event);
  if (command == nullptr) return std::nullopt;
  const absl::Time until = *FrozenUntil(*plan.rollout, now);
  return absl::FailedPreconditionError(absl::StrCat("its file freezes it until ",
                                                    absl::FormatTime(absl::RFC3339_sec, until, absl::UTCTimeZone()),
                                                    "; possible now: ", PossibleInFreeze(advance, *command)));
}

}  // namespace weir::experiment
