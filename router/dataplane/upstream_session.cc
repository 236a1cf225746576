#include "router/dataplane/upstream_session.h"

#include <algorithm>

#include "router/dataplane/limits.h"

namespace weir::dataplane {
namespace {

// Any: only one ping is under way at a time.
constexpr uint64_t kPingPayload = 0x776569726c697665;

}  // namespace

uint32_t UpstreamSession::capacity() const {
  const http2::Session& session = port_->session();
  if (!session.is_preface_received() || session.goaway_received()) return 0;
  const size_t open = session.open_streams();
  if (open >= limits::kStreamsPerUpstreamConnection) return 0;
  return std::min<uint32_t>(session.open_capacity(), limits::kStreamsPerUpstreamConnection - open);
}

http2::StreamId UpstreamSession::Start(const http2::HeaderList& headers, bool end_stream, UpstreamStream* call) {
  const http2::StreamId stream = port_->Writing().StartRequest(headers, end_stream);
  if (stream != 0) streams_.Insert(stream, call);
  return stream;
}

void UpstreamSession::Close(http2::StreamId stream) {
  streams_.Erase(stream);
  owner_->OnUpstreamStreamClosed(*this);
}

void UpstreamSession::Reset(http2::StreamId stream, http2::ErrorCode code) {
  port_->Writing().Reset(stream, code);
  Close(stream);
}

void UpstreamSession::LoseAll() {
  for (UpstreamStream* call : streams_.TakeAll()) call->OnUpstreamLost();
}

void UpstreamSession::OnHeaders(http2::StreamId stream, http2::HeaderList& headers, bool end_stream) {
  if (UpstreamStream* call = streams_.Find(stream)) call->OnUpstreamHeaders(headers, end_stream);
}

void UpstreamSession::OnData(http2::StreamId stream, http2::Slice data, uint32_t flow_bytes, bool end_stream) {
  if (UpstreamStream* call = streams_.Find(stream))
    return call->OnUpstreamData(std::move(data), flow_bytes, end_stream);
  port_->Consume(stream, flow_bytes);  // Nobody wants it.
}

void UpstreamSession::OnReset(http2::StreamId stream, http2::ErrorCode code, bool) {
  UpstreamStream* call = streams_.Find(stream);
  if (call == nullptr) return owner_->OnUpstreamStreamClosed(*this);  // It was left to end by itself.
  streams_.Erase(stream);
  call->OnUpstreamReset(code);
  owner_->OnUpstreamStreamClosed(*this);
}

void UpstreamSession::OnDataSent(http2::StreamId stream, size_t bytes) {
  if (UpstreamStream* call = streams_.Find(stream)) call->OnUpstreamSent(bytes);
}

void UpstreamSession::OnGoAway(http2::StreamId, http2::ErrorCode, std::string_view) { owner_->OnUpstreamGoAway(*this); }

void UpstreamSession::OnSettings() { owner_->OnUpstreamReady(*this); }

void UpstreamSession::OnPingAck(uint64_t payload) {
  if (payload == kPingPayload) is_ping_open_ = false;
}

bool UpstreamSession::SendPing() {
  if (is_ping_open_) return false;
  is_ping_open_ = true;
  port_->Writing().SendPing(kPingPayload);
  return true;
}

}  // namespace weir::dataplane
