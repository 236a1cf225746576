// The streams of one client connection, and whom their events concern.

#ifndef WEIR_ROUTER_DATAPLANE_CLIENT_SESSION_H_
#define WEIR_ROUTER_DATAPLANE_CLIENT_SESSION_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "router/dataplane/session_port.h"
#include "router/dataplane/stream_table.h"
#include "router/http2/session.h"

namespace weir::dataplane {

// A call as its client's connection sees it. After `OnClientReset` and `OnClientLost` it hears nothing more of the
// client and does not speak to it; it calls `Forget` before it stops listening otherwise.
class ClientStream {
 public:
  virtual ~ClientStream() = default;
  // Trailers of the request.
  virtual void OnClientTrailers(http2::HeaderList& trailers) = 0;
  virtual void OnClientData(http2::Slice data, uint32_t flow_bytes, bool end_stream) = 0;
  virtual void OnClientReset(http2::ErrorCode code) = 0;
  // `bytes` of the response left for the client.
  virtual void OnClientSent(size_t bytes) = 0;
  // The connection is gone.
  virtual void OnClientLost() = 0;
};

class ClientSession;

// Takes new requests.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  // Listens to the stream by `ClientSession::Listen`, or ends it.
  virtual void OnRequest(ClientSession& client, http2::StreamId stream, http2::HeaderList& headers,
                         bool end_stream) = 0;
};

class ClientSession : public http2::SessionEvents {
 public:
  // The client's address, IPv4 as IPv4-mapped.
  using PeerIp = std::array<uint8_t, 16>;

  // All borrowed; `port` carries the session that reports here, and may be under construction.
  ClientSession(SessionPort* port, RequestHandler* handler, const PeerIp& peer)
      : port_(port), handler_(handler), peer_(peer) {}

  SessionPort& port() { return *port_; }
  const PeerIp& peer() const { return peer_; }
  size_t calls() const { return streams_.size(); }

  void Listen(http2::StreamId stream, ClientStream* call) { streams_.Insert(stream, call); }
  void Forget(http2::StreamId stream) {
    streams_.Erase(stream);
    if (port_->session().queued_bytes(stream) > 0) leaving_.push_back({stream});
  }
  // Whether so many answers whose calls are over wait to be read that no more may be asked for.
  bool OwesReading();
  // Now and then: an answer whose call is over, and of which the client has taken nothing for
  // config::limits::kWriteStallTimeout, is dropped. Nobody else waits for it any more.
  void ResetStalled(absl::Time now);
  // The response is queued whole and the rest of the request is not wanted: NO_ERROR follows the response (RFC
  // 9113, 8.1).
  void FinishEarly(http2::StreamId stream) { port_->Writing().Reset(stream, http2::ErrorCode::kNoError); }
  // Tells every call that the client is gone.
  void LoseAll();

  // A call that was cancelled goes on being a burden to its model for a while.
  void CountCancelled() { ++cancelled_lately_; }
  void ForgetCancelled() { cancelled_lately_ = 0; }
  size_t burden() const { return streams_.size() + cancelled_lately_; }

  void OnHeaders(http2::StreamId stream, http2::HeaderList& headers, bool end_stream) override;
  void OnData(http2::StreamId stream, http2::Slice data, uint32_t flow_bytes, bool end_stream) override;
  void OnReset(http2::StreamId stream, http2::ErrorCode code, bool by_peer) override;
  void OnDataSent(http2::StreamId stream, size_t bytes) override;
  void OnGoAway(http2::StreamId, http2::ErrorCode, std::string_view) override {}
  void OnSettings() override {}
  void OnPingAck(uint64_t payload) override;

  // Whether the last ping sent by `SendPing` was answered.
  void SendPing();
  bool is_ping_answered() const { return !is_ping_open_; }

 private:
  SessionPort* const port_;
  RequestHandler* const handler_;
  const PeerIp peer_;
  // An answer that waits for the client's window, its call being over.
  struct Leaving {
    http2::StreamId stream;
    size_t queued = 0;  // When it was looked at last; 0: never.
    absl::Time since = absl::InfiniteFuture();
  };

  StreamTable<ClientStream> streams_;
  std::vector<Leaving> leaving_;
  size_t cancelled_lately_ = 0;
  bool is_ping_open_ = false;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_CLIENT_SESSION_H_
