// The moves that the machine's steps are made of. Used by machine.cc and commands.cc alone.

#ifndef WEIR_ROUTER_EXPERIMENT_MOVES_H_
#define WEIR_ROUTER_EXPERIMENT_MOVES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "router/experiment/machine.h"

namespace weir::experiment {

// Where a state goes.
struct Target {
  Phase phase;
  Split split;
  bool begins_epoch = false;  // Also where the shares stay as they are.
};

// Who moves it, and what the audit says.
struct Deed {
  std::string actor;
  std::string action;
  std::string detail;
};

// In force first where it gives no candidate more. Another phase, or another step, begins now.
Step Move(const State& state, Target target, Deed deed, absl::Time now);
// The same, but journalled first unless it only takes away: for what goes towards a larger share.
Step MoveForward(const State& state, Target target, Deed deed, absl::Time now);

Step NewRun(const Plan& plan, const std::optional<State>& state, Deed deed, absl::Time now);
// The default has all from now on, in an epoch of its own: what it does alone is not mixed into what it did beside the
// candidate.
Step RollBack(const State& state, RolledBack phase, Deed deed, absl::Time now);

// What the file asks of a state that is open, where it is not so yet. Of the same run.
std::optional<Target> Follow(const Plan& plan, const State& state, absl::Time now);

// --- Of a plan with a rollout.

// Waiting for its start, or in its first step.
Target BeginOf(const Plan& plan, uint32_t epoch, absl::Time now);
Target FirstStep(const Plan& plan, uint32_t epoch, absl::Time now);
// The next step, or what follows the last one.
Target AfterStep(const Plan& plan, const State& state, const Stepping& stepping, absl::Time now);
// Past all steps. `chosen`: by the bandit that is promoted.
Target Promoted(const Plan& plan, const std::vector<config::Variant>& chosen, absl::Time now);
// The same step anew.
Target StepAnew(const Plan& plan, const State& state, const Stepping& stepping, absl::Time now);
// The split of a step with what a person set; as it is in `state` where the plan has no such step any more.
Split SplitOfStepping(const Plan& plan, const State& state, const Stepping& stepping);
// The same without what a person set.
Split SplitByPlan(const Plan& plan, const State& state, Stepping stepping);
// The shares that a bandit chose, in any phase; empty where none did.
std::vector<config::Variant> ChosenIn(const Phase& phase);
bool IsInPlan(const Plan& plan, const Stepping& stepping);
// "step 2 of 4, at 5 %"
std::string DescribeStep(const Plan& plan, uint32_t step);

// What an approval of the step lets happen: "step 2 of 3: a 50, b 50", "the promotion: a 1, b 99".
std::string WhatFollows(const Plan& plan, const State& state, const Stepping& stepping, absl::Time now);
// The step, asking anew for approval of what follows by the plan.
Stepping Asking(const Plan& plan, const State& state, Stepping stepping, absl::Time now);
// Whether it asks for approval of what follows by the plan of now; in records from before it was kept: whether it asks.
bool IsAskedFor(const Plan& plan, const State& state, const Stepping& stepping, absl::Time now);

// reallocation.cc
std::optional<Step> OnWeighed(const Plan& plan, const State& state, const Weighed& known, absl::Time now);

// commands.cc
absl::StatusOr<std::optional<Step>> OnCommand(const Plan& plan, const std::optional<State>& state,
                                              const Command& command, absl::Time now);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_MOVES_H_
