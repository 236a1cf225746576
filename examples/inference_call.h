// One inference call of the client, unary or streaming, without a thread of its own.

#ifndef WEIR_EXAMPLES_INFERENCE_CALL_H_
#define WEIR_EXAMPLES_INFERENCE_CALL_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "examples/heldout.h"
#include "examples/summary.h"
#include "grpcpp/channel.h"

namespace weir::examples {

struct CallSpec {
  std::string model;
  std::string user;         // Sent as x-user-id.
  std::string header_name;  // Sent beside it with this value; empty: none.
  std::string header_value;
  bool streaming = false;               // Else there is one row.
  std::vector<const HeldOutRow*> rows;  // Borrowed until the call has ended.
  absl::Time deadline;
};

// A call that has ended.
struct InferenceCall {
  CallResult result;
  std::string ticket;  // x-weir-ticket; empty where the answer had none.
  // Of the last row, where it was answered. A ticket stands for a call and takes one outcome, so a stream tells this
  // one: its rows come in random order, so that none is better than another.
  std::optional<bool> last_row_was_right;
};
using InferenceCallPtr = std::shared_ptr<const InferenceCall>;

// `done` runs once, on a thread of gRPC's.
void StartInference(const std::shared_ptr<grpc::Channel>& channel, CallSpec spec,
                    std::function<void(InferenceCallPtr)> done);

}  // namespace weir::examples

#endif  // WEIR_EXAMPLES_INFERENCE_CALL_H_
