// Replies of services that the proxy itself offers on the data port.

#ifndef WEIR_ROUTER_DATAPLANE_OWN_REPLY_H_
#define WEIR_ROUTER_DATAPLANE_OWN_REPLY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "router/dataplane/client_session.h"
#include "router/dataplane/grpc_wire.h"
#include "router/http2/headers.h"

namespace weir::dataplane {

// A message with the prefix of gRPC.
std::string FrameMessage(std::string_view message);

// Takes messages out of a body as it arrives. Bounded: a longer message than `max_message_bytes` is an error.
class MessageReader {
 public:
  explicit MessageReader(size_t max_message_bytes) : max_message_bytes_(max_message_bytes) {}

  enum class Result { kMessage, kIncomplete, kTooLarge, kCompressed };
  void Append(std::string_view bytes) { buffer_.append(bytes); }
  // The next whole message, which is moved into `message`.
  Result Next(std::string& message);
  bool is_empty() const { return buffer_.empty(); }

 private:
  const size_t max_message_bytes_;
  std::string buffer_;
};

// Headers of a response that has messages, and trailers that end it.
void SendOwnHeaders(ClientSession& client, http2::StreamId stream);
void SendOwnTrailers(ClientSession& client, http2::StreamId stream, GrpcCode code, std::string_view message);
// A response without messages.
void SendOwnError(ClientSession& client, http2::StreamId stream, GrpcCode code, std::string_view message);

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_OWN_REPLY_H_
