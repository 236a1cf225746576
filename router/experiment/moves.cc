#include "router/experiment/moves.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace weir::experiment {
namespace {

// Whether what people see as one phase goes on: approvals, and a share set by hand, do not end it.
bool IsSamePhase(const Phase& a, const Phase& b) {
  if (a.index() != b.index()) return false;
  const auto* from = std::get_if<Stepping>(&a);
  const auto* to = std::get_if<Stepping>(&b);
  return from == nullptr || (from->step == to->step && from->first_epoch == to->first_epoch);
}

struct FollowPhase {
  const Plan& plan;
  const State& state;
  absl::Time now;

  // Whether the file's default is another one now, which was a candidate.
  bool NamesThePromoted() const {
    const std::string& named = plan.split.default_name();
    const std::vector<config::Variant>& known = state.epoch.split.variants;
    return named != state.epoch.split.default_name() &&
           std::any_of(known.begin(), known.end(),
                       [&](const config::Variant& variant) { return variant.name == named; });
  }
  // The winner of a promotion becomes the default, and keeps what it has: there is nothing left to roll out.
  Target AsDefault() const {
    return {.phase = Completed{.is_promoted = false}, .split = SplitCompleted(plan, /*is_promoted=*/false)};
  }
  Target Keep(Split split) const { return {.phase = state.phase, .split = std::move(split)}; }

  Target operator()(const Running&) const { return BeginOf(plan, state.epoch.ordinal + 1, now); }
  Target operator()(const Waiting&) const { return Keep(SplitBeforeStart(plan)); }
  Target operator()(const Stepping& stepping) const {
    Target target = Keep(SplitOfStepping(plan, state, stepping));
    if (IsInPlan(plan, stepping)) return target;
    target.phase = Inconclusive{stepping, absl::StrCat("the file has ", plan.rollout->steps.size(),
                                                       " steps now, and step ", stepping.step + 1, " was reached")};
    return target;
  }
  Target operator()(const Paused& paused) const { return Keep(SplitOfStepping(plan, state, paused.where)); }
  Target operator()(const Inconclusive& inconclusive) const {
    return Keep(SplitOfStepping(plan, state, inconclusive.where));
  }
  Target operator()(const Watching& watching) const {
    if (NamesThePromoted()) return AsDefault();
    const Plan as_chosen = WithChosen(plan, watching.chosen);
    return Keep(watching.by_hand ? SplitWithShare(as_chosen, *watching.by_hand) : SplitPromoted(as_chosen));
  }
  Target operator()(const Completed& completed) const {
    if (completed.is_promoted && NamesThePromoted()) return AsDefault();
    return Keep(SplitCompleted(WithChosen(plan, completed.chosen), completed.is_promoted));
  }
  // Shut: no file opens it.
  Target operator()(const RolledBack&) const { return Keep(state.epoch.split); }
  Target operator()(const Frozen&) const { return Keep(state.epoch.split); }
};

}  // namespace

Step Move(const State& state, Target target, Deed deed, absl::Time now) {
  State next = state;
  const bool opens = Opens(SplitInForce(state), target.split);
  if (target.begins_epoch || target.split != state.epoch.split) {
    next.epoch = {.ordinal = state.epoch.ordinal + 1, .started = now, .split = std::move(target.split)};
  }
  if (!IsSamePhase(state.phase, target.phase)) next.phase_since = now;
  next.phase = std::move(target.phase);
  return Step{std::move(next), opens ? Gate::kOpens : Gate::kShuts, std::move(deed.actor), std::move(deed.action),
              std::move(deed.detail)};
}

Step MoveForward(const State& state, Target target, Deed deed, absl::Time now) {
  const Split before = SplitInForce(state);
  const bool only_takes = !Opens(before, target.split) && before != target.split;
  Step step = Move(state, std::move(target), std::move(deed), now);
  if (!only_takes) step.gate = Gate::kOpens;
  return step;
}

Step NewRun(const Plan& plan, const std::optional<State>& state, Deed deed, absl::Time now) {
  Target begin = plan.rollout ? BeginOf(plan, 1, now) : Target{.phase = Running{}, .split = plan.split};
  absl::StrAppend(&deed.detail, deed.detail.empty() ? "" : "; ", "weights ", Describe(begin.split));
  State next{.run = {.ordinal = state ? state->run.ordinal + 1 : 1, .label = plan.run_label, .started = now},
             .epoch = {.ordinal = 1, .started = now, .split = std::move(begin.split)},
             .phase = std::move(begin.phase),
             .phase_since = now};
  return Step{std::move(next), Gate::kOpens, std::move(deed.actor), std::move(deed.action), std::move(deed.detail)};
}

Step RollBack(const State& state, RolledBack phase, Deed deed, absl::Time now) {
  State next = state;
  next.phase = std::move(phase);
  next.phase_since = now;
  next.epoch.ordinal += 1;
  next.epoch.started = now;
  return Step{std::move(next), Gate::kShuts, std::move(deed.actor), std::move(deed.action), std::move(deed.detail)};
}

std::optional<Target> Follow(const Plan& plan, const State& state, absl::Time now) {
  if (!IsOpen(state)) return std::nullopt;
  Target target = plan.rollout ? std::visit(FollowPhase{plan, state, now}, state.phase)
                               : Target{.phase = Running{}, .split = plan.split};
  if (target.phase == state.phase && target.split == state.epoch.split) return std::nullopt;
  return target;
}

Target BeginOf(const Plan& plan, uint32_t epoch, absl::Time now) {
  const config::Rollout& rollout = *plan.rollout;
  if (rollout.is_started_by_hand || (rollout.start && now < *rollout.start)) {
    return {.phase = Waiting{}, .split = SplitBeforeStart(plan)};
  }
  return FirstStep(plan, epoch, now);
}

Target FirstStep(const Plan& plan, uint32_t epoch, absl::Time now) {
  return {.phase = Stepping{.step = 0, .first_epoch = epoch, .begun = now, .entered = now},
          .split = SplitOfStep(plan, 0),
          .begins_epoch = true};
}

Target AfterStep(const Plan& plan, const State& state, const Stepping& stepping, absl::Time now) {
  const uint32_t next = stepping.step + 1;
  if (next >= plan.rollout->steps.size()) return Promoted(plan, stepping.chosen, now);
  return {
      .phase = Stepping{.step = next, .first_epoch = state.epoch.ordinal + 1, .begun = stepping.begun, .entered = now},
      .split = SplitOfStep(plan, next),
      .begins_epoch = true};
}

Target Promoted(const Plan& plan, const std::vector<config::Variant>& chosen, absl::Time now) {
  const Plan as_chosen = WithChosen(plan, chosen);
  const bool is_promoted = config::EndOf(plan.rollout->strategy) != config::RolloutEnd::kCompletion;
  if (is_promoted && plan.rollout->watch > absl::ZeroDuration()) {
    return {.phase = Watching{.since = now, .chosen = chosen}, .split = SplitPromoted(as_chosen)};
  }
  return {.phase = Completed{is_promoted, chosen}, .split = SplitCompleted(as_chosen, is_promoted)};
}

Target StepAnew(const Plan& plan, const State& state, const Stepping& stepping, absl::Time now) {
  return {
      .phase =
          Stepping{
              .step = stepping.step, .first_epoch = state.epoch.ordinal + 1, .begun = stepping.begun, .entered = now},
      .split = SplitOfStep(plan, stepping.step),
      .begins_epoch = true};
}

bool IsInPlan(const Plan& plan, const Stepping& stepping) { return stepping.step < plan.rollout->steps.size(); }

Split SplitOfStepping(const Plan& plan, const State& state, const Stepping& stepping) {
  const Plan as_chosen = WithChosen(plan, stepping.chosen);
  if (stepping.by_hand) return SplitWithShare(as_chosen, *stepping.by_hand);
  if (!IsInPlan(plan, stepping)) return SplitWithShare(as_chosen, CandidateShareOf(state.epoch.split));
  if (plan.rollout->schedule && stepping.by_risk) {
    return SplitWithShare(plan, config::LessHoldback(*stepping.by_risk, plan.rollout->holdback));
  }
  return SplitOfStep(as_chosen, stepping.step);
}

Split SplitByPlan(const Plan& plan, const State& state, Stepping stepping) {
  stepping.by_hand.reset();
  return SplitOfStepping(plan, state, stepping);
}

std::vector<config::Variant> ChosenIn(const Phase& phase) {
  if (const auto* watching = std::get_if<Watching>(&phase)) return watching->chosen;
  if (const auto* paused = std::get_if<Paused>(&phase)) return paused->where.chosen;
  if (const auto* inconclusive = std::get_if<Inconclusive>(&phase)) return inconclusive->where.chosen;
  if (const auto* stepping = std::get_if<Stepping>(&phase)) return stepping->chosen;
  return {};
}

std::string WhatFollows(const Plan& plan, const State& state, const Stepping& stepping, absl::Time now) {
  const Target target = AfterStep(plan, state, stepping, now);
  const auto* next = std::get_if<Stepping>(&target.phase);
  return next != nullptr ? DescribeStep(plan, next->step) : absl::StrCat("the promotion: ", Describe(target.split));
}

Stepping Asking(const Plan& plan, const State& state, Stepping stepping, absl::Time now) {
  stepping.asked_at = now;
  stepping.asked_for = WhatFollows(plan, state, stepping, now);
  stepping.approvals.clear();
  return stepping;
}

bool IsAskedFor(const Plan& plan, const State& state, const Stepping& stepping, absl::Time now) {
  return stepping.asked_at &&
         (stepping.asked_for.empty() || stepping.asked_for == WhatFollows(plan, state, stepping, now));
}

std::string DescribeStep(const Plan& plan, uint32_t step) {
  return absl::StrCat("step ", step + 1, " of ", plan.rollout->steps.size(), ": ", Describe(SplitOfStep(plan, step)));
}

}  // namespace weir::experiment
