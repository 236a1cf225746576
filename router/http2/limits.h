// Every bound that a session sets on its peer, with its reason. What an operator may tune is in `SessionOptions`.
// A session over one of these ends with GOAWAY(ENHANCE_YOUR_CALM) unless a line says otherwise.

#ifndef WEIR_ROUTER_HTTP2_LIMITS_H_
#define WEIR_ROUTER_HTTP2_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace weir::http2::limits {

// --- Header blocks.

// A list over `max_header_list_bytes` costs its stream (RST_STREAM with ENHANCE_YOUR_CALM, which gRPC clients take as
// RESOURCE_EXHAUSTED): it is still decoded, or the compression state would be lost, but not kept. Decoding goes on up
// to this multiple of the limit: a block of one-byte references to a 4 KiB entry unpacks to 4,000 times its size (HPACK
// bomb).
inline constexpr uint32_t kDecodedListsPerBlock = 8;

// Encoded bytes of one block, as a multiple of the limit: no honest encoding is longer than the list it encodes.
inline constexpr uint32_t kEncodedListsPerBlock = 2;

// CONTINUATION frames of one block (CVE-2024-27316). A peer fills frames of 16 KiB, so even a list far over the limit
// needs few; test suites send a handful of small ones.
inline constexpr uint32_t kMaxContinuations = 32;

// --- Resets, counted over one second.

// Rapid Reset (CVE-2023-44487): of this many streams opened within a second, more than half reset. An honest client
// that times out under overload resets some; one that resets most of 500 a second gets nothing from us but work.
inline constexpr absl::Duration kBudgetPeriod = absl::Seconds(1);
inline constexpr uint32_t kRapidResetStreams = 500;

// Resets that the peer's own errors made us send within a second (MadeYouReset, CVE-2025-8671). They count above like
// received ones, and alone: an honest client makes no such errors, a broken one is better off with a new connection.
inline constexpr uint32_t kMaxProvokedResets = 200;

// --- Frames that carry nothing.

// PING, SETTINGS, PRIORITY, WINDOW_UPDATE, unknown frames: this many a second for free, and some more for each frame
// that does carry something either way. Receivers honestly send two WINDOW_UPDATEs for a DATA frame, and probe the
// bandwidth with a PING a round trip.
inline constexpr int64_t kIdleFramesPerPeriod = 10'000;
inline constexpr int64_t kIdleFramesPerUsefulFrame = 10;

// SETTINGS frames, which may change the window of every open stream: real peers that tune their windows send a few a
// second.
inline constexpr uint32_t kMaxSettingsPerPeriod = 100;

// Answers (PING and SETTINGS acknowledgements, RST_STREAM) that the peer made us queue and does not read
// (CVE-2019-9512, -9514, -9515). A read brings at most a few hundred frames from an honest peer.
inline constexpr uint32_t kMaxUnsentAnswers = 1000;

// Output that requests of one `Receive` cause before the next one of them ends the connection: a thousand streams at
// once with a KiB each. Else a header of 10 bytes may be answered with a KiB, tens of thousands of times in one read.
inline constexpr uint64_t kAnswerBytesPerRead = 1024 * 1024;

// DATA frames in a row with no data and no END_STREAM (CVE-2019-9518). Honest senders have no reason for one.
inline constexpr uint32_t kMaxEmptyDataInARow = 32;

// --- Our own side.

// Streams that a client session opens before the peer's SETTINGS say how many it takes. RFC 9113, 6.5.2 recommends that
// the peer allows at least 100.
inline constexpr uint32_t kStreamsBeforeSettings = 100;

// Stream numbers of a connection that are left when a client should move to another one: more than it opens before it
// looks again.
inline constexpr uint32_t kStreamNumbersInReserve = 1 << 20;

// Our frames are no longer than this, whatever the peer allows: streams take turns frame by frame.
inline constexpr uint32_t kMaxSentFrameBytes = 16 * 1024;

// Bytes of the table that we compress with. A peer may ask for less, not for more.
inline constexpr uint32_t kHpackTableBytes = 4096;

// What a stream waiting for window holds in referenced blocks before its bytes are copied together.
inline constexpr size_t kMaxPinnedBytesPerStream = 256 * 1024;
inline constexpr size_t kStreamBlockBytes = 8 * 1024;

}  // namespace weir::http2::limits

#endif  // WEIR_ROUTER_HTTP2_LIMITS_H_
