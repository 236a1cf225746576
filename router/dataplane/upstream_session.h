// The streams of one connection to a model server, and whom their events concern.

#ifndef WEIR_ROUTER_DATAPLANE_UPSTREAM_SESSION_H_
#define WEIR_ROUTER_DATAPLANE_UPSTREAM_SESSION_H_

#include <cstdint>
#include <string>
#include <utility>

#include "router/dataplane/session_port.h"
#include "router/dataplane/stream_table.h"
#include "router/http2/session.h"

namespace weir::dataplane {

// A call as the connection that carries it to its model sees it. After `OnUpstreamReset` and `OnUpstreamLost` it hears
// nothing more and does not speak to the stream; otherwise it calls `Close` or `Reset` when it is done.
class UpstreamStream {
 public:
  virtual ~UpstreamStream() = default;
  // Interim headers, the response's, or trailers.
  virtual void OnUpstreamHeaders(http2::HeaderList& headers, bool end_stream) = 0;
  virtual void OnUpstreamData(http2::Slice data, uint32_t flow_bytes, bool end_stream) = 0;
  virtual void OnUpstreamReset(http2::ErrorCode code) = 0;
  // `bytes` of the request left for the model.
  virtual void OnUpstreamSent(size_t bytes) = 0;
  // The connection is gone.
  virtual void OnUpstreamLost() = 0;
};

class UpstreamSession;

// Told what concerns the connection as a whole.
class UpstreamSessionOwner {
 public:
  virtual ~UpstreamSessionOwner() = default;
  // The server's SETTINGS arrived, the first or changed ones: calls can be placed.
  virtual void OnUpstreamReady(UpstreamSession& session) = 0;
  // A stream closed: another may be opened.
  virtual void OnUpstreamStreamClosed(UpstreamSession& session) = 0;
  // The server takes no new streams.
  virtual void OnUpstreamGoAway(UpstreamSession& session) = 0;
};

class UpstreamSession : public http2::SessionEvents {
 public:
  // Both borrowed; `port` carries the session that reports here, and may be under construction.
  UpstreamSession(SessionPort* port, UpstreamSessionOwner* owner) : port_(port), owner_(owner) {}

  SessionPort& port() { return *port_; }

  // The server's address, for messages; "" until it is told.
  const std::string& peer() const { return peer_; }
  void SetPeer(std::string peer) { peer_ = std::move(peer); }

  // How many calls it would take now: none before the server's SETTINGS and after its GOAWAY.
  uint32_t capacity() const;
  size_t calls() const { return streams_.size(); }
  // To be drained: its stream numbers come to an end.
  bool is_nearly_used_up() const { return port_->session().is_nearly_used_up(); }

  // Opens a stream. 0 if the server takes none now.
  http2::StreamId Start(const http2::HeaderList& headers, bool end_stream, UpstreamStream* call);
  // The call is done with a stream that ended both ways.
  void Close(http2::StreamId stream);
  // The call is done with a stream that goes on: nothing of it is reported any more.
  void Reset(http2::StreamId stream, http2::ErrorCode code);
  // Tells every call that the connection is gone.
  void LoseAll();

  void OnHeaders(http2::StreamId stream, http2::HeaderList& headers, bool end_stream) override;
  void OnData(http2::StreamId stream, http2::Slice data, uint32_t flow_bytes, bool end_stream) override;
  void OnReset(http2::StreamId stream, http2::ErrorCode code, bool by_peer) override;
  void OnDataSent(http2::StreamId stream, size_t bytes) override;
  void OnGoAway(http2::StreamId last_stream, http2::ErrorCode code, std::string_view debug_data) override;
  void OnSettings() override;
  void OnPingAck(uint64_t payload) override;

  // Asks for a sign of life. False if the last one was not answered.
  bool SendPing();

 private:
  SessionPort* const port_;
  UpstreamSessionOwner* const owner_;
  StreamTable<UpstreamStream> streams_;
  std::string peer_;
  bool is_ping_open_ = false;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_UPSTREAM_SESSION_H_
