// Carries a LoadPlan out over gRPC: calls when they are due, outcomes by ticket, and a summary at the end.

#ifndef WEIR_EXAMPLES_REPLAY_H_
#define WEIR_EXAMPLES_REPLAY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "examples/heldout.h"
#include "examples/load_plan.h"
#include "examples/summary.pb.h"

namespace weir::examples {

struct ReplayOptions {
  std::string target;                          // "host:port" of weir, or of a model server itself.
  std::string model = "digits";                // The name in the requests.
  int64_t connections = 2;                     // HTTP/2 connections; a user stays on one.
  int64_t max_in_flight = 2000;                // A call that is due beyond it is skipped and counted.
  std::string header;                          // "name=value", sent with each call; empty: none.
  absl::Duration deadline = absl::Seconds(5);  // Of each call.
  absl::Duration connect_timeout = absl::Seconds(10);
  LoadOptions load;
};

// Runs until the plan is done and all outcomes are told, or until a SIGINT or SIGTERM is pending (the caller has
// blocked them): then it makes no further call, and waits for those in flight alone.
//   InvalidArgument  the options.
//   Unavailable      no connection within the time, or not one call was answered by anybody.
absl::StatusOr<example::Summary> Replay(const ReplayOptions& options, const std::vector<HeldOutRow>& rows);

}  // namespace weir::examples

#endif  // WEIR_EXAMPLES_REPLAY_H_
