// `spec.rollout` of an experiment.

#ifndef WEIR_CONFIG_ROLLOUT_SPEC_H_
#define WEIR_CONFIG_ROLLOUT_SPEC_H_

#include "config/config.h"
#include "config/field.h"
#include "config/rollout.h"

namespace weir::config {

// Reports what is wrong with the rollout by itself.
Rollout ReadRollout(const Field& field);

// What only the experiment around it tells: whether there is a candidate that the steps could give a share to, and
// whether what compares with the default has anything to compare with. `field` is the rollout's.
void CheckRollout(const Field& field, const Experiment& experiment);

}  // namespace weir::config

#endif  // WEIR_CONFIG_ROLLOUT_SPEC_H_
