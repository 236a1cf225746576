#include "router/dataplane/client_session.h"

#include <utility>

#include "config/limits.h"

namespace weir::dataplane {
namespace {

// Any: only one ping is under way at a time.
constexpr uint64_t kPingPayload = 0x7765697264726169;

}  // namespace

void ClientSession::OnHeaders(http2::StreamId stream, http2::HeaderList& headers, bool end_stream) {
  if (ClientStream* call = streams_.Find(stream)) return call->OnClientTrailers(headers);
  handler_->OnRequest(*this, stream, headers, end_stream);
}

void ClientSession::OnData(http2::StreamId stream, http2::Slice data, uint32_t flow_bytes, bool end_stream) {
  if (ClientStream* call = streams_.Find(stream)) return call->OnClientData(std::move(data), flow_bytes, end_stream);
  port_->Consume(stream, flow_bytes);  // Nobody wants it.
}

void ClientSession::OnReset(http2::StreamId stream, http2::ErrorCode code, bool) {
  ClientStream* call = streams_.Find(stream);
  if (call == nullptr) return;
  streams_.Erase(stream);
  call->OnClientReset(code);
}

void ClientSession::OnDataSent(http2::StreamId stream, size_t bytes) {
  if (ClientStream* call = streams_.Find(stream)) call->OnClientSent(bytes);
}

void ClientSession::LoseAll() {
  for (ClientStream* call : streams_.TakeAll()) call->OnClientLost();
}

bool ClientSession::OwesReading() {
  if (leaving_.size() < config::limits::kUnreadAnswersPerConnection) return false;
  std::erase_if(leaving_, [&](const Leaving& leaving) { return port_->session().queued_bytes(leaving.stream) == 0; });
  return leaving_.size() >= config::limits::kUnreadAnswersPerConnection;
}

void ClientSession::ResetStalled(absl::Time now) {
  std::erase_if(leaving_, [&](Leaving& leaving) {
    const size_t queued = port_->session().queued_bytes(leaving.stream);
    if (queued == 0) return true;
    if (std::exchange(leaving.queued, queued) != queued) leaving.since = now;
    if (now - leaving.since < config::limits::kWriteStallTimeout) return false;
    port_->Writing().Reset(leaving.stream, http2::ErrorCode::kCancel);
    return true;
  });
}

void ClientSession::SendPing() {
  is_ping_open_ = true;
  port_->Writing().SendPing(kPingPayload);
}

void ClientSession::OnPingAck(uint64_t payload) {
  if (payload == kPingPayload) is_ping_open_ = false;
}

}  // namespace weir::dataplane
