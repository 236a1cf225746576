// For tests: clients and model servers of a real data plane, on loopback sockets, all on the test's own thread.

#ifndef WEIR_ROUTER_DATAPLANE_LOOPBACK_PEERS_H_
#define WEIR_ROUTER_DATAPLANE_LOOPBACK_PEERS_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "router/dataplane/receive_blocks.h"
#include "router/dataplane/session_port.h"
#include "router/dataplane/session_socket.h"
#include "router/http2/session.h"
#include "router/runtime/event_loop.h"
#include "router/runtime/file_descriptor.h"

namespace weir::dataplane {

// The loop of the test's thread, and what its sockets share.
class Loopback {
 public:
  Loopback();
  // Turns until `is_done`, or for ten seconds: then false, and the test says what was missing.
  bool RunUntil(const std::function<bool()>& is_done);
  const SocketServices& sockets() const { return sockets_; }
  runtime::EventLoop& loop() { return *loop_; }

 private:
  std::unique_ptr<runtime::EventLoop> loop_;
  DirtyPorts dirty_ports_;
  ReceiveBlocks blocks_;
  ByteCounts bytes_;
  SocketServices sockets_;
};

// What was seen of one stream.
struct SeenStream {
  http2::HeaderList headers;
  http2::HeaderList trailers;
  std::string body;
  bool has_headers = false;
  bool has_ended = false;
  std::optional<http2::ErrorCode> reset;
  // "0", or whichever grpc-status the headers or trailers have; "" without one.
  std::string status() const;
  bool is_over() const { return has_ended || reset.has_value(); }
};

// One end of a connection.
class LoopbackPeer final : public http2::SessionEvents, private SessionSocketOwner {
 public:
  LoopbackPeer(Loopback& loopback, runtime::FileDescriptor fd, http2::Role role, bool is_connecting,
               const http2::SessionOptions& options);

  http2::Session& session() { return socket_.Writing(); }
  SeenStream& operator[](http2::StreamId stream) { return streams_[stream]; }
  const std::map<http2::StreamId, SeenStream>& streams() const { return streams_; }
  bool is_closed() const { return is_closed_; }
  bool has_goaway() const { return socket_.session().goaway_received(); }
  void Close() { socket_.Close(), is_closed_ = true; }
  size_t most_streams_at_once() const { return most_streams_; }

  bool is_reading = true;
  // A request (or response) is complete.
  std::function<void(LoopbackPeer&, http2::StreamId)> on_end;
  std::function<void(LoopbackPeer&, http2::StreamId)> on_headers;

  void OnHeaders(http2::StreamId stream, http2::HeaderList& headers, bool end_stream) override;
  void OnData(http2::StreamId stream, http2::Slice data, uint32_t flow_bytes, bool end_stream) override;
  void OnReset(http2::StreamId stream, http2::ErrorCode code, bool by_peer) override;
  void OnDataSent(http2::StreamId, size_t) override {}
  void OnGoAway(http2::StreamId, http2::ErrorCode, std::string_view) override {}
  void OnSettings() override {}
  void OnPingAck(uint64_t) override {}

 private:
  void OnConnected() override {}
  void OnClosed(const absl::Status&) override { is_closed_ = true; }
  void Ended(http2::StreamId stream);

  SessionSocket socket_;
  std::map<http2::StreamId, SeenStream> streams_;
  size_t most_streams_ = 0;
  bool is_closed_ = false;
};

// A client of the data plane.
class LoopbackClient {
 public:
  LoopbackClient(Loopback& loopback, uint16_t port, const http2::SessionOptions& options = {});
  // Asks; the stream's number.
  http2::StreamId Ask(std::string_view path, std::string_view body, bool end_stream = true,
                      const std::vector<std::string_view>& more_headers = {});
  LoopbackPeer& peer() { return *peer_; }
  SeenStream& operator[](http2::StreamId stream) { return (*peer_)[stream]; }

 private:
  std::unique_ptr<LoopbackPeer> peer_;
};

// A model server: by default it answers each complete request with its body.
class LoopbackModel final : private runtime::ReadyEvents {
 public:
  // Port 0: any free one.
  LoopbackModel(Loopback& loopback, uint16_t port = 0, const http2::SessionOptions& options = {});
  ~LoopbackModel() override;

  uint16_t port() const { return port_; }
  const std::vector<std::unique_ptr<LoopbackPeer>>& connections() const { return connections_; }
  size_t open_connections() const;
  size_t requests() const { return requests_; }
  // Drops every connection and stops listening.
  void Die();

  // Instead of the echo.
  std::function<void(LoopbackPeer&, http2::StreamId)> on_request;
  static void Echo(LoopbackPeer& peer, http2::StreamId stream);
  static void Reply(LoopbackPeer& peer, http2::StreamId stream, std::string_view body, std::string_view status = "0");

 private:
  void OnReady(uint32_t ready) override;

  Loopback& loopback_;
  const http2::SessionOptions options_;
  runtime::FileDescriptor listener_;
  uint16_t port_ = 0;
  size_t requests_ = 0;
  std::vector<std::unique_ptr<LoopbackPeer>> connections_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_LOOPBACK_PEERS_H_
