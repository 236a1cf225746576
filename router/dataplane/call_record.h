// What one call adds to the counts: the rules of the evidence contract ("A call", "Error", "Latency"), and nothing
// else.

#ifndef WEIR_ROUTER_DATAPLANE_CALL_RECORD_H_
#define WEIR_ROUTER_DATAPLANE_CALL_RECORD_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "router/dataplane/grpc_wire.h"
#include "router/dataplane/message_counter.h"
#include "router/routing/decide.h"
#include "stats/counts.h"

namespace weir::dataplane {

// The times of one attempt, from which its latency follows.
class CallTimes {
 public:
  void HeadersSent(absl::Time now) { headers_sent_ = last_request_byte_ = now; }
  void RequestBytesSent(absl::Time now);
  // Whether the model cannot go on with its answer until the client takes more of it.
  void SetHeldByClient(bool is_held, absl::Time now);
  bool is_held_by_client() const { return held_since_ != absl::InfiniteFuture(); }
  void ScanRequest(std::string_view bytes) { request_.Scan(bytes); }
  void ScanResponse(std::string_view bytes, absl::Time now) {
    response_.Scan(bytes);
    if (first_message_ == absl::InfinitePast() && response_.complete() > 0) first_message_ = now;
  }
  // At most one message each way: from the last request byte handed to upstream until `end`, less the time for which
  // the client held the answer back. Otherwise: from the headers handed to upstream until the first response message,
  // or `end` if there was none.
  absl::Duration LatencyAt(absl::Time end) const;
  // More than one message in a direction.
  bool is_stream() const { return request_.begun() > 1 || response_.begun() > 1; }
  absl::Duration RunningFor(absl::Time now) const { return now - headers_sent_; }

 private:
  absl::Time headers_sent_ = absl::InfinitePast();
  absl::Time last_request_byte_ = absl::InfinitePast();
  absl::Time first_message_ = absl::InfinitePast();
  absl::Time held_since_ = absl::InfiniteFuture();
  absl::Duration held_;  // Since the last request byte, without what `held_since_` began.
  MessageCounter request_;
  MessageCounter response_;
};

// Whether an end that the model gave, or failed to give, is its error: by the experiment's codes, and CANCELLED always.
// A client's own cancel is no end of the model's, and never judged here.
inline bool IsModelsError(uint32_t error_codes, GrpcCode code) {
  return code == GrpcCode::kCancelled || ((error_codes >> static_cast<int>(code)) & 1) != 0;
}

// A small value: who was assigned, who serves, and in which cohort. Every method adds to `counts` at once.
class CallRecord {
 public:
  CallRecord() = default;
  // Of a decision to forward, or of one that found the model unavailable.
  CallRecord(const routing::Decision& decision, const routing::RouteTable& table, stats::CountsDelta& counts);

  // The assigned variant turned out to have no endpoint before anything was attempted: `variant` serves instead.
  void Divert(uint16_t variant, stats::CountsDelta& counts);

  // The first attempt begins: the call enters the cohort of this tick, is a preview's, or is one of those that the rule
  // assigned and that are not compared. Later attempts change nothing.
  void CountStart(absl::Time now, stats::CountsDelta& counts);
  // The model answered, or failed to: judged by `code`. Counts the start too if there was none. Whether it is an error
  // of the variant that the rule, or a preview, gave.
  bool CountEnd(GrpcCode code, absl::Duration latency, absl::Time now, stats::CountsDelta& counts);
  // How long a stream lasted that ended now, in whichever way.
  void CountStream(absl::Duration length, stats::CountsDelta& counts) const {
    counts.served[ServedKey()].CountStream(length);
  }
  // The client went away: neither success nor error.
  void CountCancelled(absl::Duration ran, stats::CountsDelta& counts);
  // The proxy ended it, since its variant was rolled back: neither success nor error.
  void CountDrained(absl::Duration ran, stats::CountsDelta& counts);

  stats::Reason reason() const { return reason_; }
  uint32_t run() const { return run_; }
  uint32_t epoch() const { return epoch_; }
  uint16_t assigned() const { return assigned_; }
  uint16_t served() const { return served_; }
  bool enters_inference() const { return enters_inference_; }
  uint8_t user_bucket() const { return user_bucket_; }

 private:
  void CountNeutral(GrpcCode code, absl::Duration ran, stats::CountsDelta& counts);
  // To the counts that a verdict goes by, if any: of the rule's calls, or of those of a preview.
  void CountForVerdicts(stats::CallOutcome outcome, absl::Duration latency, stats::CountsDelta& counts) const;
  stats::CountsKey InferenceKey() const { return {run_, epoch_, assigned_}; }
  bool is_preview() const { return reason_ == stats::Reason::kTargeted; }
  // Not forced, and not of a preview.
  bool is_by_rule() const { return reason_ == stats::Reason::kAssigned || reason_ == stats::Reason::kDiverted; }
  stats::CountsKey ServedKey() const { return {run_, 0, served_}; }

  uint32_t run_ = 0;
  uint32_t epoch_ = 0;
  uint32_t error_codes_ = 0;
  uint16_t assigned_ = 0;
  uint16_t by_rule_ = 0;  // As in Decision.
  uint16_t served_ = 0;
  stats::Reason reason_ = stats::Reason::kNoExperiment;
  uint8_t user_bucket_ = 0;
  bool enters_inference_ = false;
  std::optional<stats::Tick> started_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_CALL_RECORD_H_
