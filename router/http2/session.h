// One HTTP/2 connection, client or server side, without a socket: bytes in, events and bytes out (RFC 9113, RFC 7541).
//
// The session is a pure state machine. It never reads a clock (`now` is an argument), never sees a descriptor, and never
// waits. Its owner reads from the socket into a block, calls `Receive`, and afterwards writes `output()`.
//
// What one stream may report, in order:
//   server:  OnHeaders(request)  OnData*  [OnHeaders(trailers)]   with end_stream on the last one
//   client:  [OnHeaders(1xx)]*  OnHeaders(response)  OnData*  [OnHeaders(trailers)]   with end_stream on the last one
//   either:  OnReset at any point, at most once, and nothing of that stream after it; OnDataSent at any point before
// A stream is forgotten once both directions ended, or it was reset by either side; its number is then unknown here:
// every call about an unknown stream does nothing, so that an owner may be late.

#ifndef WEIR_ROUTER_HTTP2_SESSION_H_
#define WEIR_ROUTER_HTTP2_SESSION_H_

#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "router/http2/buffer.h"
#include "router/http2/headers.h"

namespace weir::http2 {

using StreamId = uint32_t;

// RFC 9113, section 7.
enum class ErrorCode : uint32_t {
  kNoError = 0x0,
  kProtocolError = 0x1,
  kInternalError = 0x2,
  kFlowControlError = 0x3,
  kSettingsTimeout = 0x4,
  kStreamClosed = 0x5,
  kFrameSizeError = 0x6,
  kRefusedStream = 0x7,
  kCancel = 0x8,
  kCompressionError = 0x9,
  kConnectError = 0xa,
  kEnhanceYourCalm = 0xb,
  kInadequateSecurity = 0xc,
  kHttp11Required = 0xd,
};

enum class Role { kServer, kClient };

// What this side advertises and enforces. Every bound's reason: http2/limits.h.
struct SessionOptions {
  uint32_t max_concurrent_streams = 1000;      // That the peer may open. A client session refuses all.
  uint32_t stream_window = 64 * 1024;          // Bytes that the peer may send on a stream ahead of our `Consume`.
  uint32_t connection_window = 1024 * 1024;    // The same over all streams.
  uint32_t max_header_list_bytes = 16 * 1024;  // Of a received list, counted as RFC 9113 6.5.2 does.
  uint32_t max_header_fields = 128;            // Of a received list.
  uint32_t max_frame_size = 16 * 1024;         // That we accept.
  size_t max_output_bytes = 256 * 1024;        // DATA is not framed beyond this much unsent output.
};

// Told what arrived. Called from within `Receive` (and `OnDataSent` from `Pump` too); may call any method of any session
// but `Receive` and the destructor of the one that calls. References are valid during the call.
class SessionEvents {
 public:
  virtual ~SessionEvents() = default;
  // A complete, valid list: names are lower case, names and values are legal, pseudo-headers are complete, unique and
  // first. The receiver may move from `headers`.
  virtual void OnHeaders(StreamId stream, HeaderList& headers, bool end_stream) = 0;
  // The peer's window shrank by `flow_bytes` (payload and padding): give them back by `Consume`, once, when the bytes have
  // left to where they go, or are dropped. `data` may be empty with end_stream. A large payload comes in several pieces.
  virtual void OnData(StreamId stream, Slice data, uint32_t flow_bytes, bool end_stream) = 0;
  // The peer ended the stream at once (RST_STREAM), or broke a rule on it so that we did (`by_peer` false).
  virtual void OnReset(StreamId stream, ErrorCode code, bool by_peer) = 0;
  // `bytes` of earlier `SendData` left this stream's queue for the output: the other side's credit may be given back.
  virtual void OnDataSent(StreamId stream, size_t bytes) = 0;
  // The peer takes no streams above `last_stream`. Streams of ours above it were not processed: OnReset(kRefusedStream,
  // by_peer) follows for each of them.
  virtual void OnGoAway(StreamId last_stream, ErrorCode code, std::string_view debug_data) = 0;
  // The peer's SETTINGS took effect (a client's max_concurrent_streams may have changed).
  virtual void OnSettings() = 0;
  // The peer answered the ping with this payload.
  virtual void OnPingAck(uint64_t payload) = 0;
};

// What a session has counted of its peer; every number only grows.
struct SessionCounts {
  uint64_t streams_opened = 0;   // By the peer (server) or by us (client).
  uint64_t resets_received = 0;
  uint64_t resets_sent = 0;
  uint64_t frames_received = 0;
  uint64_t header_bytes_received = 0;
  bool operator==(const SessionCounts&) const = default;
};

class Session {
 public:
  // Queues the preface (client) and SETTINGS. `events` is borrowed and outlives the session.
  static std::unique_ptr<Session> Create(Role role, const SessionOptions& options, SessionEvents* events);
  virtual ~Session() = default;

  // Eats the next bytes of the connection; payloads are passed on as references into `bytes`' block. An error means that
  // the connection is over: a GOAWAY that says why is in the output; write it and close. No event follows an error.
  virtual absl::Status Receive(Slice bytes, absl::Time now) = 0;

  // Moves queued DATA into the output, as far as windows and `max_output_bytes` allow, taking streams in turn. The owner
  // calls it before it writes, and again after a write made room. Cheap when there is nothing to do.
  virtual void Pump() = 0;
  virtual Output& output() = 0;

  // --- Client. Opens a stream: the list begins with its pseudo-headers. 0 if no stream can be opened now: GOAWAY, the
  // peer's limit reached (see `open_capacity`), or numbers used up.
  virtual StreamId StartRequest(const HeaderList& headers, bool end_stream) = 0;
  // How many more streams the peer would take now. Before its first SETTINGS: 100 less those open.
  virtual uint32_t open_capacity() const = 0;

  // --- Both. Response headers, interim headers (1xx, no end_stream) or trailers (end_stream). Trailers wait behind queued
  // DATA. Headers are never merged with anything: a trailers-only response is one HEADERS frame with END_STREAM.
  virtual void SendHeaders(StreamId stream, const HeaderList& headers, bool end_stream) = 0;
  // Queues a piece of the body; `end_stream` alone (empty data) is sent as an empty DATA frame with END_STREAM.
  virtual void SendData(StreamId stream, Slice data, bool end_stream) = 0;
  // Bytes queued on the stream and not yet in the output.
  virtual size_t queued_bytes(StreamId stream) const = 0;
  // Gives `flow_bytes` of window back to the peer, on the stream and on the connection. Works for a stream that is gone
  // too: the connection's window still gets its share. WINDOW_UPDATE frames are batched (half a window).
  virtual void Consume(StreamId stream, uint32_t flow_bytes) = 0;
  // Ends the stream at once and forgets it. Queued DATA is dropped. No event follows.
  virtual void Reset(StreamId stream, ErrorCode code) = 0;

  virtual void SendPing(uint64_t payload) = 0;
  // Graceful: last_stream 2^31-1 announces, the real last one (`last_peer_stream`) refuses everything above it.
  virtual void SendGoAway(StreamId last_stream, ErrorCode code, std::string_view debug_data) = 0;
  virtual StreamId last_peer_stream() const = 0;

  virtual size_t open_streams() const = 0;
  virtual bool goaway_received() const = 0;
  virtual bool is_preface_received() const = 0;  // The peer's preface (server) or first SETTINGS (client) was seen.
  virtual SessionCounts counts() const = 0;
};

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_SESSION_H_
