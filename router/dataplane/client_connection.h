// One client's connection, from its acceptance to its end.

#ifndef WEIR_ROUTER_DATAPLANE_CLIENT_CONNECTION_H_
#define WEIR_ROUTER_DATAPLANE_CLIENT_CONNECTION_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "router/dataplane/client_session.h"
#include "router/dataplane/session_socket.h"
#include "router/runtime/file_descriptor.h"

namespace weir::dataplane {

class ClientConnection;

class ClientConnectionOwner {
 public:
  virtual ~ClientConnectionOwner() = default;
  // Over: every call has been told. Destroyed later, not within the call.
  virtual void OnClientClosed(ClientConnection& connection, const absl::Status& why) = 0;
};

class ClientConnection final : private SessionSocketOwner {
 public:
  // All borrowed.
  ClientConnection(const SocketServices& services, runtime::FileDescriptor fd, const ClientSession::PeerIp& peer,
                   config::Profile profile, RequestHandler* handler, ClientConnectionOwner* owner);

  // Fails when the loop has no room for the descriptor.
  absl::Status Begin() { return socket_.Watch(); }

  // Announces the end: GOAWAY for no stream in particular, and a ping. What the client sends before it has read this is
  // served. Later calls go on with it: once the ping is answered, or `is_final`, no stream beyond those seen is taken.
  void Drain(bool is_final);
  // Closes what is over: drained and without calls, silent at the start or within a header block, or idle for too long.
  // Once a second or so, and more often while draining.
  void CheckAge();
  // Ends it now; calls are told. OnClientClosed is not called.
  void Close();

  size_t calls() const { return session_.calls(); }
  bool is_open() const { return socket_.is_open(); }
  size_t place = 0;  // In its owner's list.

 private:
  enum class Stage { kServing, kAnnounced, kFinal, kClosing };

  void OnConnected() override {}
  void OnClosed(const absl::Status& why) override;
  void CheckDrained();
  bool HasLeftHeadersUnfinished();
  void End(const absl::Status& why);

  const runtime::EventLoop& loop_;
  ClientConnectionOwner* const owner_;
  const absl::Duration idle_timeout_;
  const absl::Time accepted_;
  ClientSession session_;
  SessionSocket socket_;
  Stage stage_ = Stage::kServing;
  absl::Time closing_since_ = absl::InfiniteFuture();
  // Since when the same header block is being awaited, and how many streams had been opened then.
  absl::Time in_block_since_ = absl::InfiniteFuture();
  uint64_t streams_then_ = 0;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_CLIENT_CONNECTION_H_
