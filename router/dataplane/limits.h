// Bounds of the data plane beside those of config/limits.h, each with its reason.

#ifndef WEIR_ROUTER_DATAPLANE_LIMITS_H_
#define WEIR_ROUTER_DATAPLANE_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"
#include "config/limits.h"

namespace weir::dataplane::limits {

// Streams that we open on one upstream connection, whatever more its server allows.
inline constexpr uint32_t kStreamsPerUpstreamConnection = 4096;

// The window of that connection: the windows of all its streams, so that answers nobody reads never stop those of other
// clients, nor make their model look slow; and as much again, since up to half of it is given back only in one piece.
inline constexpr uint32_t kUpstreamConnectionWindow =
    2 * kStreamsPerUpstreamConnection * static_cast<uint32_t>(config::limits::kStreamWindowBytes);

// A stream whose window has no more left than this is held by its client. A server that pads its frames, by up to 256
// bytes, may not use a window to its last byte; one that has more room than this could have gone on.
inline constexpr int64_t kUsedUpWindowBytes = 256;

// Bytes of a request that are kept until the response begins, so that a model that provably took nothing of it can be
// replaced. Flow control holds what waits for a stream at the client below its window, which is this.
inline constexpr size_t kReplayBytes = 64 * 1024;

// One recv. Measured for TCP proxies on one core: larger ones save no more system calls.
inline constexpr size_t kReceiveBlockBytes = 256 * 1024;
// Less room than this in a block is not worth a recv.
inline constexpr size_t kReceiveAtLeastBytes = 64 * 1024;
// Receive blocks that are kept for reuse while nothing holds them.
inline constexpr size_t kSpareReceiveBlocks = 4;

// Rounds of pump and sendmsg of one connection in one turn, before the others have theirs.
inline constexpr int kWritesPerTurn = 4;

// A call without a deadline that no upstream connection takes.
inline constexpr absl::Duration kLongestWaitForStream = absl::Seconds(10);

// How long an endpoint that lost its last connection still counts as healthy while it is connected anew: longer than a
// connect in one data centre takes, shorter than a client would notice.
inline constexpr absl::Duration kReconnectGrace = absl::Milliseconds(250);

// A client cancels at its own deadline a moment before ours passes, since its clock started earlier; and clients round
// the deadline that they send up by at most a few percent.
inline constexpr absl::Duration kDeadlineSlack = absl::Milliseconds(5);
inline constexpr double kDeadlineSlackShare = 0.02;

// Of a path that nothing matches, in the reply: enough to see what is meant.
inline constexpr size_t kEchoedPathBytes = 64;
// Interim responses (1xx) of one call. gRPC has none; other protocols a few.
inline constexpr int kInterimResponses = 16;

// Replies of our own say what is wrong in at most this many bytes.
inline constexpr size_t kErrorMessageBytes = 512;

}  // namespace weir::dataplane::limits

#endif  // WEIR_ROUTER_DATAPLANE_LIMITS_H_
