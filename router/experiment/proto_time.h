// Times between Abseil's types and protobuf's.

#ifndef WEIR_ROUTER_EXPERIMENT_PROTO_TIME_H_
#define WEIR_ROUTER_EXPERIMENT_PROTO_TIME_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/time/time.h"

namespace weir::experiment {

// To the nanosecond, rounded down; before 1970 too.
google::protobuf::Timestamp TimestampOf(absl::Time time);
absl::Time TimeOf(const google::protobuf::Timestamp& timestamp);
google::protobuf::Duration DurationOf(absl::Duration duration);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_PROTO_TIME_H_
