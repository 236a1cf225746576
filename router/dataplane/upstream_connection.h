// One connection to one endpoint of a model.

#ifndef WEIR_ROUTER_DATAPLANE_UPSTREAM_CONNECTION_H_
#define WEIR_ROUTER_DATAPLANE_UPSTREAM_CONNECTION_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "router/dataplane/session_socket.h"
#include "router/dataplane/upstream_session.h"
#include "router/runtime/socket.h"

namespace weir::dataplane {

class UpstreamConnection;

class UpstreamConnectionOwner {
 public:
  virtual ~UpstreamConnectionOwner() = default;
  // The server's SETTINGS arrived: calls can be placed.
  virtual void OnReady(UpstreamConnection& connection) = 0;
  // A stream closed, or the server's SETTINGS changed.
  virtual void OnCapacityChanged(UpstreamConnection& connection) = 0;
  // The server takes no new streams here.
  virtual void OnGoAway(UpstreamConnection& connection) = 0;
  // Over: every call has been told. Destroyed later, not within the call.
  virtual void OnClosed(UpstreamConnection& connection, const absl::Status& why) = 0;
};

// connecting -> ready (the server's SETTINGS are here) -> [draining] -> closed
class UpstreamConnection final : private SessionSocketOwner, private UpstreamSessionOwner {
 public:
  // `owner` is borrowed. Fails when out of descriptors, or when the address cannot be reached at all.
  static absl::StatusOr<std::unique_ptr<UpstreamConnection>> Begin(const SocketServices& services,
                                                                   const runtime::SocketAddress& address,
                                                                   UpstreamConnectionOwner* owner,
                                                                   http2::StreamId first_stream = 1);

  UpstreamSession& session() { return session_; }
  bool is_ready() const { return is_ready_ && !is_draining_; }
  bool is_draining() const { return is_draining_; }
  // When it became ready.
  absl::Time ready_since() const { return ready_since_; }
  absl::Time last_received() const { return socket_.last_received(); }

  // Takes no new calls; those under way go on.
  void Drain() { is_draining_ = true; }
  // Ends it; calls still under way are told that it is gone. OnClosed is not called.
  void Close();

 private:
  UpstreamConnection(const SocketServices& services, runtime::FileDescriptor fd, UpstreamConnectionOwner* owner,
                     http2::StreamId first_stream);

  void OnConnected() override {}
  void OnClosed(const absl::Status& why) override;
  void OnUpstreamReady(UpstreamSession& session) override;
  void OnUpstreamStreamClosed(UpstreamSession& session) override;
  void OnUpstreamGoAway(UpstreamSession& session) override;

  const runtime::EventLoop& loop_;
  UpstreamConnectionOwner* const owner_;
  UpstreamSession session_;
  SessionSocket socket_;
  bool is_ready_ = false;
  bool is_draining_ = false;
  absl::Time ready_since_ = absl::InfiniteFuture();
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_UPSTREAM_CONNECTION_H_
