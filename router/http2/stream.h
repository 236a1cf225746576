// The streams of one connection: those that are open, and what became of those that are not.

#ifndef WEIR_ROUTER_HTTP2_STREAM_H_
#define WEIR_ROUTER_HTTP2_STREAM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "router/http2/buffer.h"
#include "router/http2/frame.h"
#include "router/http2/headers.h"
#include "router/http2/limits.h"

namespace weir::http2 {

// One open stream. Used again for later streams, so that its memory is: `StreamTable` resets it.
struct Stream {
  StreamId id = 0;

  bool is_head_received = false;    // Server: the request's headers. Client: the final response's.
  bool is_remote_ended = false;     // END_STREAM received.
  bool is_local_ended = false;      // END_STREAM sent.
  bool is_end_queued = false;       // END_STREAM follows the last byte of `queue`, on it or on `trailers`.
  bool has_trailers = false;        // `trailers` wait behind `queue`.
  bool is_reset_after_end = false;  // RST_STREAM(NO_ERROR) follows our END_STREAM.
  bool is_body_forbidden = false;   // Client: the answer to HEAD; its content-length describes no DATA.
  bool is_ready = false;            // In the session's list of streams that may send.

  // Bytes. Windows may be negative after a SETTINGS change.
  int64_t send_window = 0;
  int64_t receive_window = 0;
  uint32_t consumed = 0;   // To be given back by the next WINDOW_UPDATE.
  int64_t body_left = -1;  // Of the received content-length; -1: none was given.

  uint32_t opened_in = 0;  // The peer budget's period.

  // Bytes sent and not yet told to the owner are at `reports[report]`, if `report_round` is the session's.
  size_t report = 0;
  uint64_t report_round = 0;

  Output queue{limits::kStreamBlockBytes, limits::kMaxPinnedBytesPerStream};
  HeaderList trailers;

  Stream* previous_ready = nullptr;
  Stream* next_ready = nullptr;
  uint32_t slot = 0;  // The table's own.
};

// Open streams by number. Addresses are stable until `Close`; nothing is allocated once it has grown.
class StreamTable {
 public:
  StreamTable();
  // Null if there is none.
  Stream* Find(StreamId id) const;
  // `id` must not be open.
  Stream& Open(StreamId id);
  void Close(Stream& stream);
  size_t size() const { return size_; }
  // Calls `visit(Stream&)` for each; it must neither open nor close one.
  template <typename Visit>
  void ForEach(Visit visit) {
    for (const Entry& entry : entries_) {
      if (entry.id != 0) visit(At(entry.slot));
    }
  }

 private:
  struct Entry {
    StreamId id = 0;  // 0: empty.
    uint32_t slot = 0;
  };
  static constexpr size_t kChunk = 16;
  Stream& At(uint32_t slot) const { return chunks_[slot / kChunk][slot % kChunk]; }
  size_t Home(StreamId id) const { return (id * 0x9e3779b1u) >> shift_; }
  size_t IndexOf(StreamId id) const;  // Of its entry, or of the empty one where it would go.
  void Grow();

  std::vector<Entry> entries_;  // Open addressing, at most half full.
  int shift_;
  size_t size_ = 0;
  std::vector<std::unique_ptr<Stream[]>> chunks_;
  std::vector<uint32_t> free_;
  mutable Stream* last_found_ = nullptr;  // Frames of one stream often follow each other.
};

// What became of the streams that one side opened, for the latest of them: late frames on a stream that we reset are
// ignored, frames on one that ended are errors (RFC 9113, 5.1).
class ClosedStreams {
 public:
  enum class Fate : uint8_t {
    kSkipped = 0,  // Never opened: a higher number was used first.
    kEnded = 1,    // Both sides ended it, or it is still open.
    kResetByPeer = 2,
    kResetByUs = 3,
    kForgotten = 4,  // Too long ago.
  };

  // A new stream, above all earlier ones. Those in between are skipped.
  void Opened(StreamId id);
  void Closed(StreamId id, Fate fate) { Set(id, fate); }
  // Of a stream up to the highest one opened.
  Fate Of(StreamId id) const;

 private:
  // Remembered streams: several times what may be open at once, so that what a reset leaves in flight is recognised.
  static constexpr uint32_t kRemembered = 4096;
  static constexpr uint32_t kPerByte = 4;
  void Set(StreamId id, Fate fate);

  std::array<uint8_t, kRemembered / kPerByte> fates_{};
  StreamId highest_ = 0;
};

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_STREAM_H_
