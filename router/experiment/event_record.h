// Events as the journal records them, with all that the machine was told.

#ifndef WEIR_ROUTER_EXPERIMENT_EVENT_RECORD_H_
#define WEIR_ROUTER_EXPERIMENT_EVENT_RECORD_H_

#include "absl/status/statusor.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/experiment/machine.h"

namespace weir::experiment {

v1::EventRecord RecordOf(const Event& event);
// DATA_LOSS where the record is not one that `RecordOf` could have made; also of what a later version wrote that has
// more events.
absl::StatusOr<Event> EventOf(const v1::EventRecord& recorded);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_EVENT_RECORD_H_
