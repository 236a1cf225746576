// One HTTP/2 connection, client or server side, without a socket: bytes in, events and bytes out (RFC 9113, RFC 7541).
//
// The session is a pure state machine. It never reads a clock (`now` is an argument), never sees a descriptor, and
// never waits. Its owner reads from the socket into a block, calls `Receive`, and afterwards writes `output()`.
//
// What one stream may report, in order:
//   server:  OnHeaders(request)  OnData*  [OnHeaders(trailers)]   with end_stream on the last one
//   client:  [OnHeaders(1xx)]*  OnHeaders(response)  OnData*  [OnHeaders(trailers)]   with end_stream on the last one
//   either:  OnReset at any point, at most once, and nothing of that stream after it. OnDataSent at any point before
//   it,
//            and for what was sent last even after the stream has ended by itself
// A stream is forgotten once both directions ended, or it was reset by either side; its number is then unknown here:
// every call about an unknown stream does nothing, so that an owner may be late.

#ifndef WEIR_ROUTER_HTTP2_SESSION_H_
#define WEIR_ROUTER_HTTP2_SESSION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "router/http2/buffer.h"
#include "router/http2/error_code.h"
#include "router/http2/frame.h"
#include "router/http2/header_rules.h"
#include "router/http2/headers.h"
#include "router/http2/hpack.h"
#include "router/http2/peer_budget.h"
#include "router/http2/stream.h"

namespace weir::http2 {

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
  StreamId first_stream = 1;                   // Of a client. Odd; tests begin near the last number.
};

// Told what arrived. Called from within `Receive`, and `OnDataSent` from within `Pump`; may call any method of any
// session but `Receive` and the destructor of the one that calls. References are valid during the call.
class SessionEvents {
 public:
  virtual ~SessionEvents() = default;
  // A complete, valid list: names are lower case, names and values are legal, pseudo-headers are complete, unique and
  // first. The receiver may move from `headers`.
  virtual void OnHeaders(StreamId stream, HeaderList& headers, bool end_stream) = 0;
  // The peer's window shrank by `flow_bytes`: give them back by `Consume`, once, when the bytes have left to where they
  // go, or are dropped (padding is given back by the session itself). `data` may be empty with end_stream. A large
  // payload comes in several pieces.
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
  uint64_t streams_opened = 0;  // By the peer (server) or by us (client).
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
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Eats the next bytes of the connection; payloads are passed on as references into `bytes`' block. An error means
  // that the connection is over: a GOAWAY that says why is in the output; write it and close. No event follows an
  // error. ResourceExhausted: the peer broke a limit of http2/limits.h. InvalidArgument: it broke the protocol.
  absl::Status Receive(Slice bytes, absl::Time now);

  // Moves queued DATA into the output, as far as windows and `max_output_bytes` allow, taking streams in turn, and
  // tells what was sent (OnDataSent). The owner calls it before it writes, and again after a write made room. Cheap
  // when there is nothing to do.
  void Pump();
  Output& output() { return output_; }

  // --- Client. Opens a stream: the list begins with its pseudo-headers. 0 if no stream can be opened now: GOAWAY, the
  // peer's limit reached (see `open_capacity`), or numbers used up.
  StreamId StartRequest(const HeaderList& headers, bool end_stream);
  // How many more streams the peer would take now. Before its first SETTINGS: 100 less those open.
  uint32_t open_capacity() const;
  // Whether the peer takes a list of that size (RFC 9113, 6.5.2): one that does not may end the connection over it.
  bool TakesHeaders(const HeaderList& headers) const { return headers.list_size() <= peer_max_header_list_bytes_; }
  // Few of a client's stream numbers are left: time for another connection (RFC 9113, 5.1.1).
  bool is_nearly_used_up() const { return next_stream_ > kMaxStreamId - limits::kStreamNumbersInReserve; }

  // --- Both. Response headers, interim headers (1xx, no end_stream) or trailers (end_stream). Trailers wait behind
  // queued DATA. Headers are never merged with anything: a trailers-only response is one HEADERS frame with END_STREAM.
  void SendHeaders(StreamId stream, const HeaderList& headers, bool end_stream);
  // Queues a piece of the body; `end_stream` alone (empty data) is sent as an empty DATA frame with END_STREAM. What
  // may leave goes to the output at once; OnDataSent always waits for `Pump`, and then comes even if the stream has
  // ended.
  void SendData(StreamId stream, Slice data, bool end_stream);
  // Bytes queued on the stream and not yet in the output.
  size_t queued_bytes(StreamId stream) const;
  // Gives `flow_bytes` of window back to the peer, on the stream and on the connection. Works for a stream that is gone
  // too: the connection's window still gets its share. WINDOW_UPDATE frames are batched (half a window).
  void Consume(StreamId stream, uint32_t flow_bytes);
  // Bytes that the peer may still send on the stream, as it knows; 0 for a stream that is gone.
  int64_t receive_window(StreamId stream) const;
  // Ends the stream at once and forgets it. Queued DATA is dropped. No event follows. But kNoError on a stream whose
  // END_STREAM is queued lets it leave first: an early answer reaches the peer in full (RFC 9113, 8.1).
  void Reset(StreamId stream, ErrorCode code);

  void SendPing(uint64_t payload);
  // Graceful: last_stream 2^31-1 announces, the real last one (`last_peer_stream`) refuses everything above it.
  void SendGoAway(StreamId last_stream, ErrorCode code, std::string_view debug_data);
  StreamId last_peer_stream() const { return last_peer_stream_; }

  size_t open_streams() const { return streams_.size(); }
  bool goaway_received() const { return goaway_received_; }
  // The peer's preface (server) or first SETTINGS (client) was seen.
  bool is_preface_received() const {
    return role_ == Role::kServer ? preface_size_ == kClientPreface.size() : settings_received_;
  }
  // A header block has begun and not ended: no honest peer leaves it so for long.
  bool is_in_header_block() const { return block_.stream != 0; }
  const SessionCounts& counts() const { return counts_; }

 private:
  // What to do with the header block that is arriving.
  struct Block {
    StreamId stream = 0;  // 0: none is arriving.
    BlockKind kind = BlockKind::kIgnored;
    bool end_stream = false;
    uint32_t continuations = 0;
    uint64_t encoded_bytes = 0;
    ErrorCode error = ErrorCode::kNoError;  // Reset the stream with it once the block is decoded.
  };

  Session(Role role, const SessionOptions& options, SessionEvents* events);

  // session_receive.cc and session_control.cc: frames in. Each returns false once the connection has failed.
  bool ReceivePreface(Slice& bytes);
  bool ReceiveFrames(Slice& bytes);
  bool OnFrame(const FrameHead& head, std::string_view payload);
  bool OnFrameInSequence(const FrameHead& head, std::string_view payload);
  bool OnDataHead(const FrameHead& head, uint32_t data_size);
  bool OnDataForNoStream(const FrameHead& head);
  bool OnDataPiece(Slice piece, bool is_last);
  bool EndOfBody(StreamId id, Slice last);
  bool OnHeadersFrame(const FrameHead& head, std::string_view payload);
  bool ClassifyBlock(StreamId id);
  bool ClassifyBlockForNoStream(StreamId id);
  bool OnBlockFragment(std::string_view fragment, bool is_last);
  bool FinishBlock();
  bool DeliverRequest(StreamId id);
  bool DeliverResponse(Stream& stream);
  bool DeliverTrailers(Stream& stream);
  bool EndWithHeaders(Stream& stream);
  bool OnPriority(const FrameHead& head, std::string_view payload);
  bool OnRstStream(const FrameHead& head, std::string_view payload);
  bool OnSettingsFrame(const FrameHead& head, std::string_view payload);
  bool ApplySetting(SettingId id, uint32_t value);
  bool ApplyInitialWindow(uint32_t value);
  bool OnPing(const FrameHead& head, std::string_view payload);
  bool OnGoAwayFrame(const FrameHead& head, std::string_view payload);
  bool OnWindowUpdate(const FrameHead& head, std::string_view payload);
  bool IsIdle(StreamId id) const;
  bool IsLateAnswer(StreamId id) const;

  // Ends the connection: always false.
  bool Fail(ErrorCode code, std::string_view why);
  // Ends a stream for an error of the peer, and tells the owner if it knows the stream. False if there were too many.
  bool StreamError(StreamId id, ErrorCode code);
  bool CheckBudget();

  // session.cc: frames out.
  void QueuePreface();
  void WriteFrame(const FrameHead& head, std::string_view payload);
  void WriteHeaders(StreamId id, const HeaderList& headers, bool end_stream);
  void WriteData(Stream& stream, Slice data, bool end_stream);
  void WriteQueued(Stream& stream, size_t size, bool end_stream);
  void WriteReset(StreamId id, ErrorCode code);
  void WriteWindowUpdate(StreamId id, uint32_t increment);
  void CreditConnection(uint32_t bytes);
  void CreditStream(Stream& stream, uint32_t bytes);
  uint32_t SendableNow(const Stream& stream) const;
  void SendFrameOf(Stream& stream);
  void EndLocal(Stream& stream);
  void NoteSent(Stream& stream, uint32_t bytes);
  void TellSent();
  void ForgetReports(Stream& stream);
  void LinkReady(Stream& stream);
  void UnlinkReady(Stream& stream);
  Stream& OpenStream(StreamId id);
  void CloseStream(Stream& stream, ClosedStreams::Fate fate);

  const Role role_;
  const SessionOptions options_;
  SessionEvents* const events_;
  absl::Status failure_;
  bool is_receiving_ = false;
  uint64_t appended_before_ = 0;  // Output, when `Receive` began.

  FrameReader reader_;
  HpackDecoder decoder_;
  HpackEncoder encoder_;
  HeaderCollector collector_;
  PeerBudget budget_;
  Output output_;
  std::string long_block_;           // An encoded header block that takes more than one frame.
  std::string long_block_received_;  // The same of the peer's, as far as it has come.

  size_t preface_size_ = 0;  // Matched so far.
  bool settings_received_ = false;
  bool settings_acknowledged_ = false;
  bool goaway_received_ = false;
  Block block_;

  // DATA that is arriving: its stream, or 0 if it is dropped.
  StreamId data_stream_ = 0;
  bool data_ends_stream_ = false;

  StreamTable streams_;
  ClosedStreams closed_;
  StreamId next_stream_;                  // Client.
  StreamId last_peer_stream_ = 0;         // Server: the highest that was taken up.
  StreamId last_ignored_stream_ = 0;      // Server: the highest beyond our GOAWAY.
  StreamId goaway_limit_ = kMaxStreamId;  // The last stream of the peer's that our GOAWAY let pass.

  // The peer's settings.
  uint32_t peer_max_streams_ = limits::kStreamsBeforeSettings;
  uint32_t peer_max_header_list_bytes_ = UINT32_MAX;
  uint32_t peer_initial_window_ = 65535;
  uint32_t peer_max_frame_size_ = 16384;

  int64_t send_window_ = 65535;
  int64_t receive_window_;
  uint32_t consumed_ = 0;  // To be given back by the connection's next WINDOW_UPDATE.

  // Streams with DATA that their own window lets out, in the order of their turns.
  Stream* first_ready_ = nullptr;
  Stream* last_ready_ = nullptr;
  bool is_pumping_ = false;

  struct Report {
    StreamId stream;
    size_t bytes;
  };
  std::vector<Report> reports_;  // Sent, not yet told.
  std::vector<Report> telling_;
  uint64_t report_round_ = 1;

  SessionCounts counts_;
};

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_SESSION_H_
