#include "router/dataplane/upstream_connection.h"

#include <utility>

#include "config/limits.h"
#include "router/dataplane/limits.h"

namespace weir::dataplane {
namespace {

http2::SessionOptions ClientOptions(http2::StreamId first_stream) {
  http2::SessionOptions options;
  options.first_stream = first_stream;
  options.max_concurrent_streams = 0;  // No pushed responses.
  options.stream_window = config::limits::kStreamWindowBytes;
  options.connection_window = limits::kUpstreamConnectionWindow;
  options.max_header_list_bytes = config::limits::kHeaderListBytes;
  options.max_header_fields = config::limits::kHeaderFields;
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<UpstreamConnection>> UpstreamConnection::Begin(const SocketServices& services,
                                                                              const runtime::SocketAddress& address,
                                                                              UpstreamConnectionOwner* owner,
                                                                              http2::StreamId first_stream) {
  absl::StatusOr<runtime::FileDescriptor> fd = runtime::BeginConnect(address);
  if (!fd.ok()) return fd.status();
  runtime::DetectDeadPeer(fd->get());
  auto connection =
      std::unique_ptr<UpstreamConnection>(new UpstreamConnection(services, *std::move(fd), owner, first_stream));
  connection->session_.SetPeer(address.ToString());
  if (absl::Status watched = connection->socket_.Watch(); !watched.ok()) return watched;
  return connection;
}

UpstreamConnection::UpstreamConnection(const SocketServices& services, runtime::FileDescriptor fd,
                                       UpstreamConnectionOwner* owner, http2::StreamId first_stream)
    : loop_(*services.loop),
      owner_(owner),
      session_(&socket_, this),
      socket_(services, std::move(fd), /*is_connecting=*/true,
              http2::Session::Create(http2::Role::kClient, ClientOptions(first_stream), &session_), this) {}

void UpstreamConnection::Close() {
  is_draining_ = true;
  socket_.Close();
  session_.LoseAll();
}

void UpstreamConnection::OnClosed(const absl::Status& why) {
  is_draining_ = true;
  session_.LoseAll();
  owner_->OnClosed(*this, why);
}

void UpstreamConnection::OnUpstreamReady(UpstreamSession&) {
  if (is_ready_) return owner_->OnCapacityChanged(*this);  // Changed settings.
  ready_since_ = loop_.now();
  is_ready_ = true;
  owner_->OnReady(*this);
}

void UpstreamConnection::OnUpstreamStreamClosed(UpstreamSession&) { owner_->OnCapacityChanged(*this); }

void UpstreamConnection::OnUpstreamGoAway(UpstreamSession&) {
  is_draining_ = true;
  owner_->OnGoAway(*this);
}

}  // namespace weir::dataplane
