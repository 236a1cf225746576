#include "router/dataplane/loopback_peers.h"

#include <algorithm>
#include <utility>

#include "router/runtime/check.h"
#include "router/runtime/socket.h"

namespace weir::dataplane {

Loopback::Loopback()
    : loop_(*runtime::EventLoop::Create(runtime::Clock())), sockets_{loop_.get(), &dirty_ports_, &blocks_, &bytes_} {
  loop_->OnTurnEnd([this] { dirty_ports_.FlushAll(); });
}

bool Loopback::RunUntil(const std::function<bool()>& is_done) {
  const absl::Time limit = loop_->now() + absl::Seconds(10);
  loop_->Turn(absl::ZeroDuration());
  while (!is_done()) {
    if (loop_->now() > limit) return false;
    loop_->Turn(absl::Milliseconds(10));
  }
  return true;
}

std::string SeenStream::status() const {
  return std::string(trailers.Find("grpc-status").value_or(headers.Find("grpc-status").value_or("")));
}

LoopbackPeer::LoopbackPeer(Loopback& loopback, runtime::FileDescriptor fd, http2::Role role, bool is_connecting,
                           const http2::SessionOptions& options)
    : socket_(loopback.sockets(), std::move(fd), is_connecting, http2::Session::Create(role, options, this), this) {
  WEIR_CHECK(socket_.Watch().ok());
}

void LoopbackPeer::OnHeaders(http2::StreamId stream, http2::HeaderList& headers, bool end_stream) {
  SeenStream& seen = streams_[stream];
  (seen.has_headers ? seen.trailers : seen.headers) = headers;
  seen.has_headers = true;
  most_streams_ = std::max(most_streams_, socket_.session().open_streams());
  if (on_headers && seen.trailers.empty()) on_headers(*this, stream);
  if (end_stream) Ended(stream);
}

void LoopbackPeer::OnData(http2::StreamId stream, http2::Slice data, uint32_t flow_bytes, bool end_stream) {
  streams_[stream].body.append(data.view());
  if (is_reading) socket_.Consume(stream, flow_bytes);
  if (end_stream) Ended(stream);
}

void LoopbackPeer::OnReset(http2::StreamId stream, http2::ErrorCode code, bool) { streams_[stream].reset = code; }

void LoopbackPeer::Ended(http2::StreamId stream) {
  streams_[stream].has_ended = true;
  if (on_end) on_end(*this, stream);
}

LoopbackClient::LoopbackClient(Loopback& loopback, uint16_t port, const http2::SessionOptions& options)
    : peer_(std::make_unique<LoopbackPeer>(
          loopback, *runtime::BeginConnect(*runtime::SocketAddress::FromNumeric("127.0.0.1", port)),
          http2::Role::kClient, /*is_connecting=*/true, options)) {
  WEIR_CHECK(loopback.RunUntil([this] { return peer_->session().is_preface_received(); }));
}

http2::StreamId LoopbackClient::Ask(std::string_view path, std::string_view body, bool end_stream,
                                    const std::vector<std::string_view>& more_headers) {
  http2::HeaderList headers;
  headers.Add(":method", "POST");
  headers.Add(":scheme", "http");
  headers.Add(":path", path);
  headers.Add(":authority", "weir");
  headers.Add("content-type", "application/grpc");
  headers.Add("te", "trailers");
  for (size_t i = 0; i + 1 < more_headers.size(); i += 2) headers.Add(more_headers[i], more_headers[i + 1]);
  const http2::StreamId stream = peer_->session().StartRequest(headers, body.empty() && end_stream);
  if (!body.empty()) peer_->session().SendData(stream, http2::Slice::Copy(body), end_stream);
  return stream;
}

LoopbackModel::LoopbackModel(Loopback& loopback, uint16_t port, const http2::SessionOptions& options)
    : on_request(Echo), loopback_(loopback), options_(options) {
  auto listener = runtime::Listen(*runtime::SocketAddress::FromNumeric("127.0.0.1", port));
  WEIR_CHECK(listener.ok());
  listener_ = *std::move(listener);
  port_ = runtime::LocalAddress(listener_.get())->port();
  WEIR_CHECK(loopback_.loop().Add(listener_.get(), EPOLLIN, this).ok());
}

LoopbackModel::~LoopbackModel() { Die(); }

void LoopbackModel::Die() {
  if (listener_.is_open()) loopback_.loop().Remove(listener_.get(), this);
  listener_.Close();
  for (const auto& connection : connections_) connection->Close();
}

size_t LoopbackModel::open_connections() const {
  return std::count_if(connections_.begin(), connections_.end(), [](const auto& c) { return !c->is_closed(); });
}

void LoopbackModel::OnReady(uint32_t) {
  auto accepted = runtime::Accept(listener_.get());
  if (!accepted.ok()) return;
  connections_.push_back(std::make_unique<LoopbackPeer>(loopback_, std::move(accepted->fd), http2::Role::kServer,
                                                        /*is_connecting=*/false, options_));
  connections_.back()->on_end = [this](LoopbackPeer& peer, http2::StreamId stream) {
    ++requests_;
    on_request(peer, stream);
  };
}

void LoopbackModel::Echo(LoopbackPeer& peer, http2::StreamId stream) { Reply(peer, stream, peer[stream].body); }

void LoopbackModel::Reply(LoopbackPeer& peer, http2::StreamId stream, std::string_view body, std::string_view status) {
  http2::HeaderList headers;
  headers.Add(":status", "200");
  headers.Add("content-type", "application/grpc");
  peer.session().SendHeaders(stream, headers, false);
  peer.session().SendData(stream, http2::Slice::Copy(body), false);
  http2::HeaderList trailers;
  trailers.Add("grpc-status", status);
  peer.session().SendHeaders(stream, trailers, true);
}

}  // namespace weir::dataplane
