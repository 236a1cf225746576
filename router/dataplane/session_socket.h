// A session on a socket.

#ifndef WEIR_ROUTER_DATAPLANE_SESSION_SOCKET_H_
#define WEIR_ROUTER_DATAPLANE_SESSION_SOCKET_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "router/dataplane/receive_blocks.h"
#include "router/dataplane/session_port.h"
#include "router/http2/session.h"
#include "router/runtime/event_loop.h"
#include "router/runtime/file_descriptor.h"

namespace weir::dataplane {

class SessionSocket;

struct ByteCounts {
  int64_t received = 0;
  int64_t sent = 0;
};

// What the sockets of one worker share. Borrowed; outlives them.
struct SocketServices {
  runtime::EventLoop* loop;
  DirtyPorts* dirty_ports;
  ReceiveBlocks* blocks;
  ByteCounts* bytes;
};

class SessionSocketOwner {
 public:
  virtual ~SessionSocketOwner() = default;
  // The connection is established (at once for an accepted one).
  virtual void OnConnected() = 0;
  // The connection is over: the peer closed (OK), broke the protocol (InvalidArgument), abused us (ResourceExhausted),
  // the network failed, or it stalled (Unavailable). Called once. The socket is destroyed later, not within the call.
  virtual void OnClosed(const absl::Status& why) = 0;
};

// One recv and one sendmsg a turn, mostly. Reads stop while the peer does not read what we answer.
class SessionSocket final : public SessionPort, private runtime::ReadyEvents {
 public:
  // `owner` is borrowed. A socket that still connects says by OnConnected when it has.
  SessionSocket(const SocketServices& services, runtime::FileDescriptor fd, bool is_connecting,
                std::unique_ptr<http2::Session> session, SessionSocketOwner* owner);
  ~SessionSocket() override;

  // Fails when the loop has no room for the descriptor.
  absl::Status Watch();
  // Writes what can be written at once, and closes: OnClosed is not called.
  void Close();
  // Nothing more will be written; what the peer sends is read until it closes too.
  void ShutdownWrites();
  bool is_open() const { return fd_.is_open(); }

  absl::Time last_received() const { return last_received_; }
  bool has_unsent() { return !mutable_session().output().empty(); }

 private:
  enum class Sent { kAll, kBlocked, kFailed };

  void OnReady(uint32_t ready) override;
  void Flush() override;
  bool FinishConnect();
  void ReceiveSome();
  Sent SendOutput();
  void WatchFor(uint32_t interest);
  void Fail(const absl::Status& why);
  void StopWatching();

  const SocketServices services_;
  runtime::FileDescriptor fd_;
  SessionSocketOwner* const owner_;
  runtime::Timer stall_timer_;
  absl::Time last_received_;
  uint32_t interest_ = 0;
  bool is_connecting_;
  bool is_watched_ = false;
  bool is_shut_ = false;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_SESSION_SOCKET_H_
