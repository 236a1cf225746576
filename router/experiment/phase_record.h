// Phases as the journal records them. journal.cc's alone.

#ifndef WEIR_ROUTER_EXPERIMENT_PHASE_RECORD_H_
#define WEIR_ROUTER_EXPERIMENT_PHASE_RECORD_H_

#include "absl/status/statusor.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/experiment/machine.h"

namespace weir::experiment {

// Frozen is recorded as what a step was decided from, and never as what it led to.
void RecordPhase(const Phase& phase, v1::ExperimentState& record);
// DATA_LOSS where the record is not one that `RecordPhase` could have made; also of what a later version wrote that has
// more phases, which is not to be guessed at.
absl::StatusOr<Phase> PhaseOf(const v1::ExperimentState& record);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_PHASE_RECORD_H_
