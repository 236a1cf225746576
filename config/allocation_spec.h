// The parts of `spec.rollout` by which it chooses its shares itself: `bandit`, and `schedule: risk` with `riskBudget`
// and `risk`.

#ifndef WEIR_CONFIG_ALLOCATION_SPEC_H_
#define WEIR_CONFIG_ALLOCATION_SPEC_H_

#include "config/allocation.h"
#include "config/config.h"
#include "config/field.h"

namespace weir::config {

// `field` is the `bandit`.
Bandit ReadBandit(const Field& field);

// `rollout` is a canary's mapping whose schedule is risk.
RiskSchedule ReadRiskSchedule(Mapping& rollout);

// What only the experiment around it tells: whether its metric is one, whether the policy can use it, and whether the
// file's weights keep the floors. `field` is the rollout's.
void CheckAllocation(const Field& field, const Experiment& experiment);

}  // namespace weir::config

#endif  // WEIR_CONFIG_ALLOCATION_SPEC_H_
