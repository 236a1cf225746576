// Which shares a rollout chooses that chooses them itself: a bandit over its candidates, or a canary whose schedule is
// risk. Pure, and without chance: the same plan, state, evidence and time give the same shares to the last bit.
//
// A bandit (stats/bandits.h) moves when `every` has passed since its shares changed last, when every arm has
// `minOutcomes`, and while outcomes of every arm keep coming. It moves by `maxMove` at most, and not at all for less
// than half a percent: each move is an epoch, and costs the guardrails a part of their alpha.
//
// A risk schedule gives the candidates together the largest share that keeps (upper bound of harm, stats/harm.h) x
// impact x share within its budget; of several candidates the worst bound counts. Its share grows as a bandit moves,
// but shrinks at once when the bound asks for a twentieth of it back, whatever else there is to wait for.

#ifndef WEIR_ROUTER_EXPERIMENT_ALLOCATION_H_
#define WEIR_ROUTER_EXPERIMENT_ALLOCATION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "router/experiment/machine.h"
#include "router/experiment/plan.h"

namespace weir::experiment {

bool ChoosesShares(const Plan& plan);

struct Choice {
  struct Arm {
    std::optional<double> best{};  // Of a bandit: the probability that it is the best one.
    std::optional<double> harm{};  // Of a risk schedule's candidate: the upper bound.
  };
  std::optional<Split> next{};      // To move to now; nullopt: nothing moves.
  std::string why{};                // The numbers behind a move, or what is waited for; may be empty.
  std::vector<Arm> arms{};          // As in the evidence; of a bandit empty until it has enough outcomes.
  absl::Time next_move{};           // Nothing grows before.
  std::optional<double> regret{};   // Of a bandit: expected loss of the present shares a call, in its metric.
  std::optional<double> allowed{};  // Of a risk schedule: the largest share within the budget, 0 to 1.
};

// `state` is in a step of `plan`, which chooses shares, and its shares are not set by hand.
Choice ChooseShares(const Plan& plan, const State& state, const Weighed& known, absl::Time now);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_ALLOCATION_H_
