// For tests: what most tests of calls say about a CallSimulation.

#ifndef WEIR_ROUTER_DATAPLANE_CALL_RIG_H_
#define WEIR_ROUTER_DATAPLANE_CALL_RIG_H_

#include <string>
#include <string_view>

#include "router/dataplane/call_simulation.h"

namespace weir::dataplane {

// A base of tests.
class CallRig {
 public:
  http2::SessionRecorder& client() { return calls_.client(); }
  http2::SessionRecorder& model(size_t i = 0) { return calls_.model(i); }
  http2::Session& at_model(size_t i = 0) { return model(i).session(); }
  routing::ExperimentRoute& experiment() { return calls_.table().experiments[0]; }

  // `stream`: the model's own number.
  void Answer(http2::StreamId stream, std::string_view body, size_t i = 0) {
    at_model(i).SendHeaders(stream, http2::Response(), false);
    at_model(i).SendData(stream, http2::Slice::Copy(body), false);
    at_model(i).SendHeaders(stream, http2::Trailers(), true);
    calls_.Run();
  }

  // The whole of the client's last reply in one string.
  std::string Reply() {
    std::string all;
    for (const std::string& line : CallEvents(client())) all += line + "\n";
    return all;
  }

  CallSimulation calls_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_CALL_RIG_H_
