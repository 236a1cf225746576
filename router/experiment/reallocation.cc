// What follows when what is known for the choice of shares has changed.

#include <utility>

#include "router/experiment/allocation.h"
#include "router/experiment/machine.h"
#include "router/experiment/moves.h"

namespace weir::experiment {

std::optional<Step> OnWeighed(const Plan& plan, const State& state, const Weighed& known, absl::Time now) {
  const auto* stepping = std::get_if<Stepping>(&state.phase);
  if (stepping == nullptr || stepping->by_hand || !ChoosesShares(plan) || !IsInPlan(plan, *stepping)) {
    return std::nullopt;
  }
  // People approve the shares that they see.
  if (plan.rollout->bandit && stepping->asked_at) return std::nullopt;
  Choice choice = ChooseShares(plan, state, known, now);
  if (!choice.next) return std::nullopt;
  Stepping next = *stepping;
  if (plan.rollout->bandit) {
    next.chosen = choice.next->variants;
  } else {
    next.by_risk = CandidateShareOf(*choice.next);
    // A share that shrank is not the one that they were asked about.
    next.asked_at.reset();
    next.approvals.clear();
  }
  Split split = SplitOfStepping(plan, state, next);
  return Move(state, {.phase = std::move(next), .split = std::move(split)},
              {"weir", "shares-moved", std::move(choice.why)}, now);
}

}  // namespace weir::experiment
