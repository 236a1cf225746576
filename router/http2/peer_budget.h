// How much work without worth a peer has made: the counters behind the limits against abuse in http2/limits.h.

#ifndef WEIR_ROUTER_HTTP2_PEER_BUDGET_H_
#define WEIR_ROUTER_HTTP2_PEER_BUDGET_H_

#include <cstdint>
#include <string_view>

#include "absl/time/time.h"
#include "router/http2/limits.h"

namespace weir::http2 {

// Each `On...` counts one event; `exceeded` is then not empty once a limit is broken, and says which.
class PeerBudget {
 public:
  // Time goes on: budgets of the period before are forgotten.
  void AdvanceTo(absl::Time now);

  void OnStreamOpened() { ++opened_, OnUsefulFrame(); }
  // The number of the present period: to be kept with a stream when it opens.
  uint32_t period() const { return period_; }
  // A stream that was opened in `opened_in` was reset by the peer. Streams that lived longer are no rapid resets: a
  // client that shuts down cancels all it has.
  void OnResetReceived(uint32_t opened_in);
  // Our RST_STREAM for an error of the peer.
  void OnResetProvoked(uint32_t opened_in);
  // A frame with bytes of a body, either way.
  void OnUsefulFrame() { idle_frames_ -= limits::kIdleFramesPerUsefulFrame; }
  void OnDataReceived(bool is_empty);
  // A frame that carries nothing: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, an unknown type.
  void OnIdleFrame();
  void OnSettings();
  // An answer that the peer made us queue, at `appended` of an output of which `dropped` was sent.
  void OnAnswer(uint64_t appended, uint64_t dropped);

  std::string_view exceeded() const { return exceeded_; }

 private:
  absl::Time period_start_ = absl::InfinitePast();
  uint32_t period_ = 0;
  uint32_t opened_ = 0;
  uint32_t resets_ = 0;
  uint32_t provoked_resets_ = 0;
  uint32_t settings_ = 0;
  int64_t idle_frames_ = 0;
  uint32_t empty_data_in_a_row_ = 0;
  // Answers queued before and after the mark; once the output has sent up to the mark, those before it are gone.
  uint64_t answer_mark_ = 0;
  uint32_t answers_before_mark_ = 0;
  uint32_t answers_after_mark_ = 0;
  std::string_view exceeded_;
};

}  // namespace weir::http2

#endif  // WEIR_ROUTER_HTTP2_PEER_BUDGET_H_
