#include "router/dataplane/call_record.h"

#include <algorithm>

namespace weir::dataplane {

void CallTimes::RequestBytesSent(absl::Time now) {
  last_request_byte_ = now;
  held_ = absl::ZeroDuration();
  if (is_held_by_client()) held_since_ = now;
}

void CallTimes::SetHeldByClient(bool is_held, absl::Time now) {
  if (is_held == is_held_by_client()) return;
  if (!is_held) held_ += now - held_since_;
  held_since_ = is_held ? now : absl::InfiniteFuture();
}

absl::Duration CallTimes::LatencyAt(absl::Time end) const {
  const bool has_answered = first_message_ != absl::InfinitePast();
  const absl::Duration held = held_ + std::max(end - held_since_, absl::ZeroDuration());
  const absl::Duration latency =
      is_stream() ? (has_answered ? first_message_ : end) - headers_sent_ : end - last_request_byte_ - held;
  return std::max(latency, absl::ZeroDuration());
}

CallRecord::CallRecord(const routing::Decision& decision, const routing::RouteTable& table, stats::CountsDelta& counts)
    : error_codes_(table.default_error_codes),
      assigned_(decision.assigned),
      by_rule_(decision.by_rule),
      served_(decision.served),
      reason_(decision.reason),
      user_bucket_(decision.user_bucket),
      enters_inference_(decision.enters_inference) {
  if (decision.experiment == routing::Decision::kNone) {
    assigned_ = served_ = decision.model;
    return;
  }
  const routing::ExperimentRoute& experiment = table.experiments[decision.experiment];
  run_ = experiment.run;
  epoch_ = experiment.epoch;
  error_codes_ = experiment.error_codes;
  stats::ServedCounts& assigned = counts.served[{run_, 0, assigned_}];
  ++assigned.assigned;
  assigned.keyless += decision.is_keyless;
  assigned.diverted += reason_ == stats::Reason::kDiverted;
}

void CallRecord::Divert(uint16_t variant, stats::CountsDelta& counts) {
  ++counts.served[{run_, 0, assigned_}].diverted;
  served_ = variant;
  reason_ = stats::Reason::kDiverted;
  enters_inference_ = false;
}

void CallRecord::CountStart(absl::Time now, stats::CountsDelta& counts) {
  if (started_.has_value()) return;
  started_ = stats::TickOf(now);
  if (enters_inference_) return counts.inference[InferenceKey()].CountStart(*started_, user_bucket_);
  if (is_preview()) return counts.inference[InferenceKey()].CountPreviewStart(*started_);
  if (is_by_rule()) counts.inference[{run_, epoch_, by_rule_}].CountUncompared(user_bucket_);
}

bool CallRecord::CountEnd(GrpcCode code, absl::Duration latency, absl::Time now, stats::CountsDelta& counts) {
  CountStart(now, counts);
  const bool is_error = IsModelsError(error_codes_, code);
  counts.served[ServedKey()].Count(static_cast<int>(code), reason_, latency, is_error);
  const stats::CallOutcome outcome = is_error                ? stats::CallOutcome::kError
                                     : code == GrpcCode::kOk ? stats::CallOutcome::kSuccess
                                                             : stats::CallOutcome::kCallerFault;
  CountForVerdicts(outcome, latency, counts);
  return is_error && (enters_inference_ || is_preview());
}

void CallRecord::CountForVerdicts(stats::CallOutcome outcome, absl::Duration latency,
                                  stats::CountsDelta& counts) const {
  if (enters_inference_) {
    counts.inference[InferenceKey()].CountEnd({*started_, user_bucket_, outcome, latency});
  } else if (is_preview()) {
    counts.inference[InferenceKey()].CountPreviewEnd(outcome);
  }
}

void CallRecord::CountCancelled(absl::Duration ran, stats::CountsDelta& counts) {
  if (!started_.has_value()) return;  // Nobody was asked anything.
  ++counts.served[ServedKey()].cancelled;
  CountNeutral(GrpcCode::kCancelled, ran, counts);
}

void CallRecord::CountDrained(absl::Duration ran, stats::CountsDelta& counts) {
  ++counts.served[ServedKey()].drained;
  if (started_.has_value()) CountNeutral(GrpcCode::kUnavailable, ran, counts);
}

void CallRecord::CountNeutral(GrpcCode code, absl::Duration ran, stats::CountsDelta& counts) {
  stats::ServedCounts& served = counts.served[ServedKey()];
  ++served.by_code[static_cast<int>(code)];
  ++served.by_reason[static_cast<int>(reason_)];
  CountForVerdicts(stats::CallOutcome::kCancelled, ran, counts);
}

}  // namespace weir::dataplane
