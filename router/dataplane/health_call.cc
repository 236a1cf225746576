#include "router/dataplane/health_call.h"

#include <utility>
#include <vector>

namespace weir::dataplane {
namespace {

constexpr std::string_view kService = "/grpc.health.v1.Health/";
// A name of a service, of which only the empty one is known.
constexpr size_t kLongestRequest = 1024;
constexpr size_t kHealthCalls = 1024;
// Of one connection: a client watches one proxy once, and none takes the places of all others.
constexpr size_t kHealthCallsPerClient = 16;

// HealthCheckResponse: field 1, SERVING (1), NOT_SERVING (2) or SERVICE_UNKNOWN (3).
std::string Response(int status) { return FrameMessage(std::string({'\x08', static_cast<char>(status)})); }

bool Claims(const config::Match& match) { return match.service == "*" || match.service == "grpc.health.v1.Health"; }

constexpr std::string_view kDraining = "weir is draining";

}  // namespace

bool HealthDesk::IsOwn(std::string_view path) const {
  if (!path.starts_with(kService)) return false;
  for (const routing::ExperimentRoute& experiment : services_->table->experiments) {
    if (Claims(experiment.match)) return false;
  }
  for (const routing::PlainRoute& route : services_->table->routes) {
    if (Claims(route.match)) return false;
  }
  return true;
}

void HealthDesk::Start(ClientSession& client, http2::StreamId stream, std::string_view path, bool end_stream) {
  const std::string_view method = path.substr(kService.size());
  const bool is_known = method == "Check" || method == "Watch";
  const auto share = calls_of_.find(&client);
  const bool is_full =
      calls_.size() >= kHealthCalls || (share != calls_of_.end() && share->second >= kHealthCallsPerClient);
  if (!is_known || is_full) {
    SendOwnError(client, stream, is_known ? GrpcCode::kResourceExhausted : GrpcCode::kUnimplemented,
                 is_known ? "too many health checks at once" : "no such method");
    if (!end_stream) client.FinishEarly(stream);
    return;
  }
  ++calls_of_[&client];
  const uint64_t id = next_call_++;
  auto& call = calls_[id] = std::make_unique<Call>(*this, id, client, stream, method == "Watch");
  call->Begin(end_stream);
}

void HealthDesk::Forget(const Call& call) {
  const auto share = calls_of_.find(&call.client());
  if (--share->second == 0) calls_of_.erase(share);
  calls_.erase(call.id());
}

void HealthDesk::StopServing() {
  is_serving_ = false;
  std::vector<Call*> calls;
  for (const auto& [id, call] : calls_) calls.push_back(call.get());
  for (Call* call : calls) call->StopWatching();
}

HealthDesk::Call::Call(HealthDesk& desk, uint64_t id, ClientSession& client, http2::StreamId stream, bool is_watch)
    : desk_(desk), id_(id), client_(client), stream_(stream), is_watch_(is_watch), reader_(kLongestRequest) {}

void HealthDesk::Call::Begin(bool end_stream) {
  client_.Listen(stream_, this);
  if (end_stream) End(GrpcCode::kInternal, "the request has no message");
}

void HealthDesk::Call::OnClientData(http2::Slice data, uint32_t flow_bytes, bool end_stream) {
  client_.port().Consume(stream_, flow_bytes);
  if (is_answered_) return;
  reader_.Append(data.view());
  std::string message;
  switch (reader_.Next(message)) {
    case MessageReader::Result::kIncomplete:
      if (end_stream) End(GrpcCode::kInternal, "the request has no message");
      return;
    case MessageReader::Result::kMessage:
      break;
    default:
      return End(GrpcCode::kResourceExhausted, "the request is too large, or compressed");
  }
  is_answered_ = true;
  if (message.empty()) return Answer();
  if (!is_watch_) return End(static_cast<GrpcCode>(5), "unknown service");  // NOT_FOUND, as the protocol has it.
  SendOwnHeaders(client_, stream_);
  has_headers_ = true;
  client_.port().Writing().SendData(stream_, http2::Slice::Copy(Response(3)), false);
}

void HealthDesk::Call::Answer() {
  SendOwnHeaders(client_, stream_);
  has_headers_ = true;
  is_known_ = true;
  Tell();
  if (!is_watch_) return End(GrpcCode::kOk, "");
  if (!desk_.is_serving_) End(GrpcCode::kUnavailable, kDraining);
}

void HealthDesk::Call::StopWatching() {
  if (!is_watch_ || !is_answered_) return;
  Tell();
  End(GrpcCode::kUnavailable, kDraining);
}

void HealthDesk::Call::Tell() {
  if (!is_known_) return;
  client_.port().Writing().SendData(stream_, http2::Slice::Copy(Response(desk_.is_serving_ ? 1 : 2)), false);
}

void HealthDesk::Call::OnClientTrailers(http2::HeaderList&) {
  if (!is_answered_) End(GrpcCode::kInternal, "the request has no message");
}

void HealthDesk::Call::End(GrpcCode code, std::string_view message) {
  if (has_headers_) {
    SendOwnTrailers(client_, stream_, code, message);
  } else {
    SendOwnError(client_, stream_, code, message);
  }
  client_.Forget(stream_);
  client_.FinishEarly(stream_);  // Nothing, if the request has ended.
  desk_.Forget(*this);           // Destroys this.
}

void HealthDesk::Call::OnClientReset(http2::ErrorCode) { desk_.Forget(*this); }

void HealthDesk::Call::OnClientLost() { desk_.Forget(*this); }

}  // namespace weir::dataplane
