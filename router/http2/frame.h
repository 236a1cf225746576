// Frames on the wire (RFC 9113, sections 4 and 6): heads are parsed and written here, and a `FrameReader` finds the
// frames in a stream of bytes that arrives in pieces of any size.

#ifndef WEIR_ROUTER_HTTP2_FRAME_H_
#define WEIR_ROUTER_HTTP2_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "router/http2/buffer.h"

namespace weir::http2 {

using StreamId = uint32_t;

inline constexpr std::string_view kClientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
inline constexpr size_t kFrameHeadBytes = 9;
inline constexpr uint32_t kMaxWindow = 0x7fffffff;
inline constexpr StreamId kMaxStreamId = 0x7fffffff;

enum class FrameType : uint8_t {
  kData = 0x0,
  kHeaders = 0x1,
  kPriority = 0x2,
  kRstStream = 0x3,
  kSettings = 0x4,
  kPushPromise = 0x5,
  kPing = 0x6,
  kGoAway = 0x7,
  kWindowUpdate = 0x8,
  kContinuation = 0x9,
};

namespace flags {
inline constexpr uint8_t kEndStream = 0x1;
inline constexpr uint8_t kAck = 0x1;
inline constexpr uint8_t kEndHeaders = 0x4;
inline constexpr uint8_t kPadded = 0x8;
inline constexpr uint8_t kPriority = 0x20;
}  // namespace flags

enum class SettingId : uint16_t {
  kHeaderTableSize = 0x1,
  kEnablePush = 0x2,
  kMaxConcurrentStreams = 0x3,
  kInitialWindowSize = 0x4,
  kMaxFrameSize = 0x5,
  kMaxHeaderListSize = 0x6,
  kNoRfc7540Priorities = 0x9,
};

struct FrameHead {
  uint32_t length = 0;
  FrameType type = FrameType::kData;
  uint8_t flags = 0;
  StreamId stream = 0;

  bool has(uint8_t flag) const { return (flags & flag) != 0; }
};

inline uint32_t ReadUint32(const uint8_t* from) {
  return uint32_t{from[0]} << 24 | uint32_t{from[1]} << 16 | uint32_t{from[2]} << 8 | uint32_t{from[3]};
}
inline void WriteUint32(uint32_t value, uint8_t* to) {
  to[0] = static_cast<uint8_t>(value >> 24);
  to[1] = static_cast<uint8_t>(value >> 16);
  to[2] = static_cast<uint8_t>(value >> 8);
  to[3] = static_cast<uint8_t>(value);
}

// Both of exactly `kFrameHeadBytes`.
inline FrameHead ReadFrameHead(const uint8_t* from) {
  return {.length = uint32_t{from[0]} << 16 | uint32_t{from[1]} << 8 | uint32_t{from[2]},
          .type = static_cast<FrameType>(from[3]),
          .flags = from[4],
          .stream = ReadUint32(from + 5) & kMaxStreamId};
}
inline void WriteFrameHead(const FrameHead& head, uint8_t* to) {
  to[0] = static_cast<uint8_t>(head.length >> 16);
  to[1] = static_cast<uint8_t>(head.length >> 8);
  to[2] = static_cast<uint8_t>(head.length);
  to[3] = static_cast<uint8_t>(head.type);
  to[4] = head.flags;
  WriteUint32(head.stream, to + 5);
}

// Finds frames. A frame other than DATA is given whole; DATA is given head first, then its bytes as they come, by
// reference and without its padding. Only frames other than DATA that are split across reads are copied.
class FrameReader {
 public:
  enum class Step {
    kNeedMore,    // `bytes` is eaten up.
    kFrame,       // `head()` and `payload()`, valid until the next call.
    kDataHead,    // `head()` and `data_size()`; `data_size()` bytes follow in one or more `kDataPiece`.
    kDataPiece,   // `piece()`; the last one if `data_size()` is 0 now.
    kTooLong,     // A frame over the maximal size.
    kBadPadding,  // DATA whose padding is not shorter than its payload.
  };

  explicit FrameReader(uint32_t max_frame_size) : max_frame_size_(max_frame_size) {}

  // Eats from the front of `bytes` up to the next thing to tell. Not to be called after kTooLong or kBadPadding.
  Step Next(Slice& bytes);

  const FrameHead& head() const { return head_; }
  std::string_view payload() const { return payload_; }
  uint32_t data_size() const { return data_left_; }
  Slice& piece() { return piece_; }

 private:
  enum class Expect { kHead, kPayload, kPadLength, kData, kPadding };
  bool ReadHead(Slice& bytes);
  Step BeginPayload();
  Step ReadPayload(Slice& bytes);
  Step BeginPaddedData(Slice& bytes);
  Step ReadData(Slice& bytes);

  const uint32_t max_frame_size_;
  Expect expect_ = Expect::kHead;
  FrameHead head_;
  uint8_t partial_head_[kFrameHeadBytes];
  size_t partial_head_size_ = 0;
  std::string partial_payload_;  // Of a frame that is split across reads.
  std::string_view payload_;
  Slice piece_;
  uint32_t data_left_ = 0;
  uint32_t padding_left_ = 0;
};

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_FRAME_H_
