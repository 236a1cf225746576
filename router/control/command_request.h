// A command as it comes over the wire, read into one that the machine takes.

#ifndef WEIR_ROUTER_CONTROL_COMMAND_REQUEST_H_
#define WEIR_ROUTER_CONTROL_COMMAND_REQUEST_H_

#include "absl/status/statusor.h"
#include "proto/weir/v1/admin.pb.h"
#include "router/experiment/machine.h"

namespace weir::control {

// Its texts tidy (command_text.h). INVALID_ARGUMENT where it names no command or no experiment; and, unless it shuts
// the gate, where nobody asks, a text is longer than an audit row takes or no plain one, or a share is none.
absl::StatusOr<experiment::Command> CommandOf(v1::CommandRequest request);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_COMMAND_REQUEST_H_
