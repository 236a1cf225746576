// How a rollout chooses shares by itself: a bandit over its candidates, or a canary's `schedule: risk`. What follows
// from them is router/experiment/allocation.h's.

#ifndef WEIR_CONFIG_ALLOCATION_H_
#define WEIR_CONFIG_ALLOCATION_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "config/units.h"

namespace weir::config {

enum class BanditPolicy { kThompson, kUcb1, kEpsilonGreedy };
std::string ToString(BanditPolicy policy);  // "thompson", as it is written.

// `rollout: {strategy: bandit, bandit: {...}}`
struct Bandit {
  BanditPolicy policy = BanditPolicy::kThompson;
  std::string metric{};               // An outcome metric of the experiment; its goal says which mean is the best one.
  double epsilon = 0.1;               // Of epsilon-greedy: the share that explores.
  Percent floor{};                    // That the default keeps at least.
  Percent least_share{};              // That each candidate keeps at least: what gets no calls is never heard of again.
  Percent max_move = Percent::All();  // Of traffic that changes hands at once: the sum of what variants gain.
  absl::Duration every = absl::Minutes(10);  // Between two moves, at least.
  int64_t min_outcomes = 100;                // Of each variant, before the first move.
  bool operator==(const Bandit&) const = default;
};

// `rollout: {strategy: canary, schedule: risk, riskBudget: ..., risk: {...}}`: the next share is the largest that keeps
// (upper bound of harm given the evidence) x impact x share within the budget.
struct RiskSchedule {
  double budget = 0;   // What may be lost in an hour, in the unit of impact.
  double impact = 1;   // What an hour of all traffic would lose on a candidate that is as bad as can be: harm 1.
  Percent first{};     // Share to begin with: within the budget whatever the candidate does.
  Percent max_move{};  // By which the share grows at once, at most.
  absl::Duration every = absl::Minutes(10);  // Between the last change of shares and a larger one, at least.
  std::string metric{};                      // An outcome whose relative decline is harm, too; empty: errors alone.
  double alpha = 0.05;                       // The probability that the bound of harm is ever too low.
  bool operator==(const RiskSchedule&) const = default;
};

}  // namespace weir::config

#endif  // WEIR_CONFIG_ALLOCATION_H_
