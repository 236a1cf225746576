#include "router/dataplane/endpoint_health.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/dataplane/grpc_wire.h"

namespace weir::dataplane {
namespace {

constexpr size_t kPrefixBytes = 5;
constexpr size_t kLongestAnswer = 4096;  // Readiness is two bytes; servers may add to it, within reason.
constexpr char kInference[] = "/inference.GRPCInferenceService/";

// A string as protobuf's field 1. Names have at most 63 characters (config), so their length is one byte.
std::string StringField(const std::string& value) {
  return absl::StrCat(std::string(1, '\x0a'), std::string(1, static_cast<char>(value.size())), value);
}

std::string WithPrefix(const std::string& message) {
  std::string prefix(kPrefixBytes, '\0');
  prefix.back() = static_cast<char>(message.size());
  return prefix + message;
}

std::optional<uint64_t> TakeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (bytes.empty()) return std::nullopt;
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

// Past a field of the wire type (0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes).
bool SkipField(uint64_t wire_type, std::string_view& bytes) {
  uint64_t size = 0;
  if (wire_type == 0) return TakeVarint(bytes).has_value();
  if (wire_type == 1) size = 8;
  if (wire_type == 5) size = 4;
  if (wire_type == 2) {
    const std::optional<uint64_t> length = TakeVarint(bytes);
    if (!length.has_value()) return false;
    size = *length;
  } else if (size == 0) {
    return false;
  }
  if (size > bytes.size()) return false;
  bytes.remove_prefix(size);
  return true;
}

}  // namespace

HealthQuestion MakeHealthQuestion(const std::string& method, const std::string& model) {
  if (method == "ModelReady") return {absl::StrCat(kInference, method), WithPrefix(StringField(model))};
  if (method == "ServerReady") return {absl::StrCat(kInference, method), WithPrefix("")};
  return {"/grpc.health.v1.Health/Check", WithPrefix("")};
}

std::optional<bool> ReadHealthAnswer(std::string_view body) {
  if (body.size() < kPrefixBytes || body.front() != 0) return std::nullopt;
  uint32_t size = 0;
  for (size_t i = 1; i < kPrefixBytes; ++i) size = size << 8 | static_cast<uint8_t>(body[i]);
  body.remove_prefix(kPrefixBytes);
  if (size != body.size()) return std::nullopt;
  constexpr uint64_t kVarintField1 = 1 << 3;
  bool is_ready = false;
  while (!body.empty()) {
    const std::optional<uint64_t> tag = TakeVarint(body);
    if (!tag.has_value()) return std::nullopt;
    if (*tag != kVarintField1) {
      if (!SkipField(*tag & 7, body)) return std::nullopt;
      continue;
    }
    const std::optional<uint64_t> value = TakeVarint(body);
    if (!value.has_value()) return std::nullopt;
    is_ready = *value == 1;
  }
  return is_ready;
}

HealthProbe::HealthProbe(const config::HealthCheck& check, const std::string& model, const std::string& authority,
                         const absl::Time* now, runtime::TimerQueue* timers, std::function<void()> on_change)
    : check_(check),
      question_(MakeHealthQuestion(check.method, model)),
      authority_(authority),
      now_(now),
      timers_(timers),
      on_change_(std::move(on_change)),
      timer_([this] {
        if (stream_ != 0) {  // No answer within the interval.
          session_->Reset(std::exchange(stream_, 0), http2::ErrorCode::kCancel);
          Conclude(false);
        }
        Ask();
      }) {}

void HealthProbe::AskOn(UpstreamSession& session) {
  if (session_ == &session) return;
  Stop();
  session_ = &session;
  Ask();
}

void HealthProbe::Stop() {
  timer_.Cancel();
  if (stream_ != 0) session_->Reset(std::exchange(stream_, 0), http2::ErrorCode::kCancel);
  session_ = nullptr;
  verdict_.reset();
}

void HealthProbe::Ask() {
  timers_->Set(timer_, *now_ + check_.interval);
  answer_.clear();
  http2::HeaderList headers;
  headers.Add(":method", "POST");
  headers.Add(":scheme", "http");
  headers.Add(":path", question_.path);
  headers.Add(":authority", authority_);
  headers.Add("te", "trailers");
  headers.Add("content-type", "application/grpc");
  headers.Add("user-agent", "weir-health");
  TimeoutBuffer buffer;
  headers.Add("grpc-timeout", FormatTimeout(check_.interval, buffer), http2::Indexing::kNever);
  stream_ = session_->Start(headers, false, this);
  if (stream_ == 0) return;  // Busy to its limit: the verdict stands, and the next interval asks again.
  session_->port().Writing().SendData(stream_, http2::Slice::Copy(question_.body), true);
}

void HealthProbe::Conclude(bool is_ready) {
  if (verdict_ == is_ready) return;
  verdict_ = is_ready;
  on_change_();
}

void HealthProbe::OnUpstreamHeaders(http2::HeaderList& headers, bool end_stream) {
  if (!end_stream) return;
  const GrpcCode code = ParseGrpcStatus(headers.Find("grpc-status").value_or(""));
  // By the protocol of grpc.health.v1, a server without the service is to be taken for a healthy one.
  const bool lacks_service = code == GrpcCode::kUnimplemented && check_.method == "grpc.health.v1";
  session_->Close(std::exchange(stream_, 0));
  Conclude(lacks_service || (code == GrpcCode::kOk && ReadHealthAnswer(answer_).value_or(false)));
}

void HealthProbe::OnUpstreamData(http2::Slice data, uint32_t flow_bytes, bool end_stream) {
  session_->port().Consume(stream_, flow_bytes);
  answer_.append(data.view());
  if (!end_stream && answer_.size() <= kLongestAnswer) return;
  session_->Reset(std::exchange(stream_, 0), http2::ErrorCode::kCancel);
  Conclude(false);
}

void HealthProbe::OnUpstreamReset(http2::ErrorCode) {
  stream_ = 0;
  Conclude(false);
}

void HealthProbe::OnUpstreamLost() {
  stream_ = 0;
  Stop();
}

}  // namespace weir::dataplane
