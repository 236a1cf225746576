#include "router/dataplane/grpc_wire.h"

#include <algorithm>
#include <charconv>

#include "router/dataplane/limits.h"

namespace weir::dataplane {
namespace {

constexpr int kMaxTimeoutDigits = 8;
constexpr int64_t kMaxTimeoutValue = 99'999'999;
constexpr int kMaxGrpcCode = 16;

std::optional<absl::Duration> UnitOf(char unit) {
  switch (unit) {
    case 'H':
      return absl::Hours(1);
    case 'M':
      return absl::Minutes(1);
    case 'S':
      return absl::Seconds(1);
    case 'm':
      return absl::Milliseconds(1);
    case 'u':
      return absl::Microseconds(1);
    case 'n':
      return absl::Nanoseconds(1);
    default:
      return std::nullopt;
  }
}

// A run of decimal digits and nothing else, of at most `max_digits`.
std::optional<int64_t> ParseDigits(std::string_view text, size_t max_digits) {
  if (text.empty() || text.size() > max_digits) return std::nullopt;
  int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

std::optional<absl::Duration> ParseTimeout(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const std::optional<absl::Duration> unit = UnitOf(text.back());
  const std::optional<int64_t> value = ParseDigits(text.substr(0, text.size() - 1), kMaxTimeoutDigits);
  if (!unit.has_value() || !value.has_value()) return std::nullopt;
  return *value * *unit;
}

std::string_view FormatTimeout(absl::Duration timeout, TimeoutBuffer& buffer) {
  // The finest unit whose value has at most 8 digits, rounded down. Finer than microseconds nothing is measured here.
  char unit = 'n';
  int64_t value = 1;
  for (const char candidate : {'u', 'm', 'S', 'M', 'H'}) {
    if (timeout < absl::Microseconds(1)) break;
    unit = candidate;
    value = std::max<int64_t>(timeout / *UnitOf(candidate), 1);
    if (value <= kMaxTimeoutValue) break;
  }
  value = std::min(value, kMaxTimeoutValue);
  char* end = std::to_chars(buffer.data(), buffer.data() + buffer.size() - 1, value).ptr;
  *end++ = unit;
  return {buffer.data(), static_cast<size_t>(end - buffer.data())};
}

GrpcCode ParseGrpcStatus(std::string_view text) {
  const std::optional<int64_t> value = ParseDigits(text, 2);
  if (!value.has_value() || *value > kMaxGrpcCode) return GrpcCode::kUnknown;
  return static_cast<GrpcCode>(*value);
}

GrpcCode CodeOfHttpStatus(std::string_view status) {
  if (status == "400") return GrpcCode::kInternal;
  if (status == "401") return GrpcCode::kUnauthenticated;
  if (status == "403") return GrpcCode::kPermissionDenied;
  if (status == "404") return GrpcCode::kUnimplemented;
  if (status == "429" || status == "502" || status == "503" || status == "504") return GrpcCode::kUnavailable;
  return GrpcCode::kUnknown;
}

GrpcCode CodeOfReset(http2::ErrorCode code) {
  switch (code) {
    case http2::ErrorCode::kRefusedStream:
      return GrpcCode::kUnavailable;
    case http2::ErrorCode::kCancel:
      return GrpcCode::kCancelled;
    case http2::ErrorCode::kEnhanceYourCalm:
      return GrpcCode::kResourceExhausted;
    case http2::ErrorCode::kInadequateSecurity:
      return GrpcCode::kPermissionDenied;
    default:
      return GrpcCode::kInternal;
  }
}

bool IsGrpcContentType(std::string_view content_type) {
  constexpr std::string_view kGrpc = "application/grpc";
  if (!content_type.starts_with(kGrpc)) return false;
  return content_type.size() == kGrpc.size() || content_type[kGrpc.size()] == '+' || content_type[kGrpc.size()] == ';';
}

bool IsProtobufContentType(std::string_view content_type) {
  constexpr std::string_view kProto = "application/grpc+proto";
  if (content_type.starts_with(kProto))
    return content_type.size() == kProto.size() || content_type[kProto.size()] == ';';
  return IsGrpcContentType(content_type) && content_type.find('+') == std::string_view::npos;
}

void AppendPercentEncoded(std::string_view message, std::string& out) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte <= 0x7e && byte != '%') {
      out.push_back(c);
    } else {
      out.append({'%', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
}

void FillErrorReply(GrpcCode code, std::string_view message, http2::HeaderList& reply) {
  reply.Clear();
  reply.Add(":status", "200");
  reply.Add("content-type", "application/grpc");
  char digits[4];
  char* end = std::to_chars(digits, digits + sizeof digits, static_cast<int>(code)).ptr;
  reply.Add("grpc-status", {digits, static_cast<size_t>(end - digits)});
  std::string encoded;
  AppendPercentEncoded(message.substr(0, limits::kErrorMessageBytes), encoded);
  reply.Add("grpc-message", encoded, http2::Indexing::kNever);
}

void FillErrorTrailers(GrpcCode code, std::string_view message, http2::HeaderList& trailers) {
  http2::HeaderList reply;
  FillErrorReply(code, message, reply);
  trailers.Clear();
  for (const http2::HeaderField field : reply) {
    if (field.name.starts_with("grpc-")) trailers.Add(field.name, field.value, field.indexing);
  }
}

}  // namespace weir::dataplane
