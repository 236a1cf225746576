// gRPC's own words within HTTP/2 headers: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md

#ifndef WEIR_ROUTER_DATAPLANE_GRPC_WIRE_H_
#define WEIR_ROUTER_DATAPLANE_GRPC_WIRE_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "router/http2/headers.h"
#include "router/http2/session.h"

namespace weir::dataplane {

// google.rpc.Code, the ones that Weir says itself or looks at.
enum class GrpcCode : uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kUnauthenticated = 16,
};

// "10S": 1 to 8 digits and one of H M S m u n. Nullopt for anything else, which is malformed and not infinite.
std::optional<absl::Duration> ParseTimeout(std::string_view text);

// The same, written: never more than `timeout`, and at least "1n". The view is into `buffer`.
using TimeoutBuffer = std::array<char, 9>;
std::string_view FormatTimeout(absl::Duration timeout, TimeoutBuffer& buffer);

// The code of a `grpc-status` value; kUnknown for what is no code.
GrpcCode ParseGrpcStatus(std::string_view text);

// What a response without a grpc-status means.
GrpcCode CodeOfHttpStatus(std::string_view status);
GrpcCode CodeOfReset(http2::ErrorCode code);

// "application/grpc", with a subtype ("+proto") or parameters or without.
bool IsGrpcContentType(std::string_view content_type);
// Of those: without a subtype, which means protobuf, or with "+proto".
bool IsProtobufContentType(std::string_view content_type);

// Appends a message as `grpc-message` has it: printable ASCII but "%" as it is, every other byte as %XX.
void AppendPercentEncoded(std::string_view message, std::string& out);

// Fills a trailers-only reply of Weir's own (HTTP status 200), or trailers for a response that has begun.
void FillErrorReply(GrpcCode code, std::string_view message, http2::HeaderList& reply);
void FillErrorTrailers(GrpcCode code, std::string_view message, http2::HeaderList& trailers);

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_GRPC_WIRE_H_
