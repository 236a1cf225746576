// How a rollout chooses shares by itself: a bandit over its candidates, or a canary's `schedule: risk`.

#ifndef WEIR_CONFIG_ALLOCATION_H_
#define WEIR_CONFIG_ALLOCATION_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "config/units.h"

namespace weir::config {

enum class BanditPolicy { kThompson, kUcb1, kEpsilonGreedy };

// `rollout: {strategy: bandit, bandit: {...}}`
struct Bandit {
  BanditPolicy policy = BanditPolicy::kThompson;
  std::string metric{};                      // An outcome metric of the experiment.
  double epsilon = 0.1;                      // Of epsilon-greedy: the share that explores.
  Percent floor{};                           // That the default keeps at least.
  Percent max_move = Percent::All();         // Of the shares at once: the sum of what candidates gain.
  absl::Duration every = absl::Minutes(10);  // Between two moves.
  int64_t min_outcomes = 100;                // Of each variant, before the first move.
  bool operator==(const Bandit&) const = default;
};

// `rollout: {strategy: canary, schedule: risk, risk: {...}}`: the next share is the largest that keeps
// (upper bound of harm given the evidence) x impact x share within the budget.
struct RiskSchedule {
  double budget = 0;                         // In the unit of impact; expected loss a hour.
  double impact = 1;                         // Of one hour of all traffic on a candidate that is as bad as can be.
  Percent first{};                           // Share to begin with.
  Percent max_move = Percent::All();         // Of the share at once.
  absl::Duration every = absl::Minutes(10);  // Between two moves, at least.
  bool operator==(const RiskSchedule&) const = default;
};

}  // namespace weir::config

#endif  // WEIR_CONFIG_ALLOCATION_H_
