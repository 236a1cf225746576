// Copies of requests for models that nobody waits for (dataplane.md, S21): the primary call never learns how they fare.

#ifndef WEIR_ROUTER_DATAPLANE_MIRROR_H_
#define WEIR_ROUTER_DATAPLANE_MIRROR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "router/dataplane/call_record.h"
#include "router/dataplane/stream_source.h"
#include "router/http2/buffer.h"
#include "router/http2/headers.h"
#include "router/routing/decide.h"
#include "router/runtime/timer_queue.h"
#include "stats/counts.h"

namespace weir::dataplane {

class MirrorCopy;
class Mirrors;

// Where a primary call's bytes are copied to; empty when there is no copy, or when it is over.
class MirrorTap {
 public:
  MirrorTap() = default;
  MirrorTap(const MirrorTap&) = delete;
  MirrorTap& operator=(const MirrorTap&) = delete;
  ~MirrorTap() { Detach(); }

  void Send(const http2::Slice& data, bool end_stream);
  // The primary request ends without having been complete: so does the copy.
  void Abandon();
  // The primary call is over; a copy whose request is complete goes on by itself.
  void Detach();

 private:
  friend class Mirrors;
  friend class MirrorCopy;
  MirrorCopy* copy_ = nullptr;
};

// What a copy is started from.
struct MirrorRequest {
  stats::MirrorKey key;
  routing::ModelIndex model = 0;
  uint32_t error_codes = 0;
  absl::Duration deadline;                     // The mirror's own.
  const http2::HeaderList* headers = nullptr;  // As sent to the primary model.
  bool end_stream = false;
};

// One copy under way. Its bytes are slices of the primary's once they can be sent, counted against the budget of all
// copies until they have left.
class MirrorCopy final : public UpstreamStream, public StreamWaiter {
 public:
  explicit MirrorCopy(Mirrors& mirrors);

  void Start(const MirrorRequest& request, MirrorTap& tap);
  void Send(const http2::Slice& data, bool end_stream);
  void Abandon();
  void LoseTap() { tap_ = nullptr; }

  void OnUpstreamHeaders(http2::HeaderList& headers, bool end_stream) override;
  void OnUpstreamData(http2::Slice data, uint32_t flow_bytes, bool end_stream) override;
  void OnUpstreamReset(http2::ErrorCode code) override;
  void OnUpstreamSent(size_t bytes) override;
  void OnUpstreamLost() override;
  void OnStreamAvailable(UpstreamSession& session) override;
  void OnModelUnavailable() override;

 private:
  void Open(UpstreamSession& session);
  void Answered(GrpcCode code);
  void Fail(GrpcCode code);
  void Count(GrpcCode code);
  void Drop();
  void Close(http2::ErrorCode code);

  Mirrors& mirrors_;
  MirrorTap* tap_ = nullptr;
  stats::MirrorKey key_;
  uint32_t error_codes_ = 0;
  UpstreamSession* upstream_ = nullptr;
  http2::StreamId stream_ = 0;
  bool is_request_ended_ = false;
  size_t unsent_ = 0;  // Bytes of the budget.
  http2::HeaderList headers_;
  // The body so far, while the copy waits for a stream: its bytes alone, and not the blocks they came in.
  std::string waiting_;
  CallTimes times_;
  absl::Time deadline_ = absl::InfiniteFuture();
  runtime::Timer deadline_timer_;
};

// All copies of one worker.
class Mirrors {
 public:
  // All borrowed. `models` has connections of its own, apart from those of primary calls.
  Mirrors(const absl::Time* now, runtime::TimerQueue* timers, StreamSource* models, stats::CountsDelta* counts)
      : now_(now), timers_(timers), models_(models), counts_(counts) {}

  // Starts a copy and ties it to `tap`, or drops and counts it.
  void Start(const MirrorRequest& request, MirrorTap& tap);

  size_t in_flight() const { return copies_.size() - free_.size(); }
  size_t unsent_bytes() const { return unsent_bytes_; }

 private:
  friend class MirrorCopy;
  const absl::Time* const now_;
  runtime::TimerQueue* const timers_;
  StreamSource* const models_;
  stats::CountsDelta* const counts_;
  size_t unsent_bytes_ = 0;
  std::vector<std::unique_ptr<MirrorCopy>> copies_;
  std::vector<MirrorCopy*> free_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_MIRROR_H_
