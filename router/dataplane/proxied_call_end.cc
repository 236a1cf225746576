// How a call ends: by its model, its client, its deadline, the proxy's own bounds, or a rollback.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "router/dataplane/limits.h"
#include "router/dataplane/proxied_call.h"

namespace weir::dataplane {
namespace {

using http2::ErrorCode;

// The latency of a call that no model was asked: it enters no histogram.
constexpr absl::Duration kNotAsked = absl::Seconds(-1);

}  // namespace

absl::Duration ProxiedCall::Latency() const { return state_.was_attempted ? state_.times.LatencyAt(now()) : kNotAsked; }

void ProxiedCall::CountEnd(GrpcCode code, std::string_view message) {
  const absl::Duration latency = Latency();
  const bool is_error = state_.record.CountEnd(code, latency, now(), counts());
  if (is_error) KeepFailure(code, latency, message);
  state_.end = {code, latency};
}

void ProxiedCall::CountCancelled(GrpcCode code) {
  state_.record.CountCancelled(state_.times.RunningFor(now()), counts());
  state_.end = {code, Latency(), /*is_by_client=*/true};
}

void ProxiedCall::EndByModel(GrpcCode code, std::string_view message) {
  CountEnd(code, message);
  // A last call that failed may be made again.
  if (state_.ends_sequence && code == GrpcCode::kOk) services_.sequences.End(state_.sequence);
  CloseUpstream(ErrorCode::kNoError);
  FinishClient();
}

void ProxiedCall::FailByModel(GrpcCode code, std::string_view message) {
  CountEnd(code, message);
  CloseUpstream(ErrorCode::kCancel);
  ReplyError(code, message);
}

void ProxiedCall::FailByClient(GrpcCode code, std::string_view message) {
  CountCancelled(code);
  CloseUpstream(ErrorCode::kCancel);
  ReplyError(code, message);
}

void ProxiedCall::Refuse(int64_t stats::ProxyCounts::*counter, GrpcCode code, std::string_view message) {
  ++(counts().proxy.*counter);
  state_.end = {code, kNotAsked};
  ReplyError(code, message);
}

void ProxiedCall::KeepFailure(GrpcCode code, absl::Duration latency, std::string_view message) {
  const CallRecord& record = state_.record;
  if (!services_.failed_calls.Wants(record.run(), record.assigned())) return;
  const std::string& endpoint = state_.upstream != nullptr ? state_.upstream->peer() : lost_peer_;
  services_.failed_calls.Keep({.run = record.run(),
                               .epoch = record.epoch(),
                               .variant = record.assigned(),
                               .started = state_.arrived,
                               .latency = latency,
                               .grpc_code = static_cast<int>(code),
                               .path = ShortenedText(headers_.Find(":path").value_or("")),
                               .message = ShortenedText(message),
                               .endpoint = state_.was_attempted ? endpoint : "",
                               .metadata = KeptMetadata(headers_)});
}

// When all is said: the reply of an error may have brought the ticket.
void ProxiedCall::Log() {
  const CallRecord& record = state_.record;
  services_.assignments.Add({.at = state_.arrived,
                             .latency = state_.end.latency,
                             .user = state_.user,
                             .issuer = services_.issuer,
                             .ticket_sequence = state_.ticket_sequence,
                             .run = record.run(),
                             .epoch = record.epoch(),
                             .assigned = record.assigned(),
                             .served = record.served(),
                             .reason = record.reason(),
                             .grpc_code = static_cast<uint8_t>(state_.end.code),
                             .has_ticket = state_.has_ticket,
                             .is_keyless = state_.is_keyless,
                             .enters_inference = record.enters_inference(),
                             .is_ended_by_client = state_.end.is_by_client});
}

// --- A rollback.

// A call that waits for a stream to a candidate would begin there after its gate was shut. Whoever forced it wants no
// other, and a sequence stays until the drain is over.
void ProxiedCall::OnGateShut(const ShutRun& shut) {
  const bool is_bound = state_.record.reason() == stats::Reason::kForced || state_.sequence.number != 0;
  if (!IsOnCandidateOf(shut) || state_.upstream != nullptr || is_bound) return;
  WaiterQueue::Withdraw(*this);
  OnModelUnavailable();
}

void ProxiedCall::OnDrained(const ShutRun& shut) {
  // Who forces a candidate after its rollback wants to look at it.
  const bool is_looked_at = state_.record.reason() == stats::Reason::kForced && state_.arrived > shut.shut_at;
  if (!IsOnCandidateOf(shut) || is_looked_at) return;
  state_.record.CountDrained(state_.times.RunningFor(now()), counts());
  state_.end = {GrpcCode::kUnavailable, Latency()};
  CloseUpstream(ErrorCode::kCancel);
  ReplyError(GrpcCode::kUnavailable, absl::StrCat("experiment ", shut.experiment, " was rolled back, and ",
                                                  *state_.variant_name, " is drained"));
}

bool ProxiedCall::IsOnCandidateOf(const ShutRun& shut) const {
  return state_.client != nullptr && state_.record.run() == shut.run && state_.record.served() != shut.default_variant;
}

void ProxiedCall::RefuseMediaType() {
  ++counts().proxy.calls_refused;
  services_.scratch.Clear();
  services_.scratch.Add(":status", "415");
  client_port().Writing().SendHeaders(state_.client_stream, services_.scratch, true);
  FinishClient();
}

// The server would end the connection over it, and with it the calls of others.
void ProxiedCall::RefuseMetadata() {
  constexpr std::string_view kWhy = "the metadata is larger than the model server takes";
  if (state_.was_attempted) {
    ++counts().proxy.calls_refused;
    return FailByClient(GrpcCode::kResourceExhausted, kWhy);
  }
  Refuse(&stats::ProxyCounts::calls_refused, GrpcCode::kResourceExhausted, kWhy);
}

void ProxiedCall::ReplyError(GrpcCode code, std::string_view message) {
  http2::Session& client = client_port().Writing();
  if (!state_.is_response_begun) {
    FillErrorReply(code, message, services_.scratch);
    AddOwnHeaders(services_.scratch);
    client.SendHeaders(state_.client_stream, services_.scratch, true);
  } else if (state_.is_passthrough) {
    client.Reset(state_.client_stream, ErrorCode::kInternalError);
    state_.is_request_ended = true;
  } else {
    FillErrorTrailers(code, message, services_.scratch);
    client.SendHeaders(state_.client_stream, services_.scratch, true);
  }
  FinishClient();
}

// --- The model's stream is lost.

void ProxiedCall::OnUpstreamReset(ErrorCode code) {
  const uint64_t uncredited = state_.response_received - state_.response_credited;
  lost_peer_ = state_.upstream->peer();
  std::exchange(state_.upstream, nullptr)->port().Consume(state_.upstream_stream, uncredited);
  const bool may_retry =
      code == ErrorCode::kRefusedStream && !state_.is_response_begun && !state_.is_retried && replay_.is_whole();
  if (may_retry) {
    state_.is_retried = true;
    ++counts().proxy.calls_retried;
    return Forward();
  }
  ++counts().proxy.upstream_resets;
  FailByModel(CodeOfReset(code), absl::StrCat("the model server reset the stream with code ", static_cast<int>(code)));
}

void ProxiedCall::OnUpstreamLost() {
  lost_peer_ = state_.upstream->peer();
  state_.upstream = nullptr;
  FailByModel(GrpcCode::kUnavailable, "the connection to the model server was lost");
}

void ProxiedCall::OnDeadline() {
  if (undecided_ != nullptr) {
    return Refuse(&stats::ProxyCounts::deadlines_expired, GrpcCode::kDeadlineExceeded,
                  "the deadline passed before the first message came");
  }
  const bool is_wait = state_.deadline == absl::InfiniteFuture();
  if (is_wait && !state_.was_attempted) {
    return Refuse(&stats::ProxyCounts::calls_shed, GrpcCode::kUnavailable,
                  absl::StrCat("no stream to ", *state_.variant_name, " came free"));
  }
  if (is_wait) return FailByModel(GrpcCode::kUnavailable, "the model refused the stream, and no other came free");
  ++counts().proxy.deadlines_expired;
  constexpr std::string_view kWhy = "the deadline passed";
  if (!state_.times.is_held_by_client()) return FailByModel(GrpcCode::kDeadlineExceeded, kWhy);
  FailByClient(GrpcCode::kDeadlineExceeded, kWhy);  // Whose reading used up its time.
}

bool ProxiedCall::is_expired_for_client() const {
  if (state_.deadline == absl::InfiniteFuture()) return false;
  const absl::Duration slack =
      std::max(limits::kDeadlineSlack, (state_.deadline - state_.arrived) * limits::kDeadlineSlackShare);
  return now() + slack >= state_.deadline;
}

void ProxiedCall::OnClientReset(ErrorCode) {
  state_.client->CountCancelled();
  client_port().Consume(state_.client_stream, state_.request_received - state_.request_credited);
  CancelByClient();
}

void ProxiedCall::OnClientLost() { CancelByClient(); }

void ProxiedCall::CancelByClient() {
  if (undecided_ != nullptr) {  // Nobody was chosen, whose end this could be.
    counts().proxy.deadlines_expired += is_expired_for_client();
    return Release();
  }
  if (is_expired_for_client() && !state_.times.is_held_by_client()) {
    ++counts().proxy.deadlines_expired;
    CountEnd(GrpcCode::kDeadlineExceeded, "the client cancelled at its deadline");
  } else {
    CountCancelled(GrpcCode::kCancelled);
  }
  CloseUpstream(ErrorCode::kCancel);
  Release();
}

void ProxiedCall::CloseUpstream(ErrorCode code) {
  WaiterQueue::Withdraw(*this);
  if (state_.times.is_stream() && state_.was_attempted) {
    state_.record.CountStream(state_.times.RunningFor(now()), counts());
  }
  if (state_.upstream == nullptr) return;
  UpstreamSession& upstream = *std::exchange(state_.upstream, nullptr);
  const http2::StreamId stream = state_.upstream_stream;
  // The stream is over: what the client has yet to take is bounded by the streams that it may open.
  upstream.port().Consume(stream, state_.response_received - state_.response_credited);
  const bool is_sent = upstream.port().session().queued_bytes(stream) == 0;
  // What the model has not taken of a request that it answered must not keep the stream open.
  if (!is_sent) code = ErrorCode::kCancel;
  const bool is_over = code == ErrorCode::kNoError && state_.is_request_ended;
  is_over ? upstream.Close(stream) : upstream.Reset(stream, code);
}

void ProxiedCall::FinishClient() {
  client_port().Consume(state_.client_stream, state_.request_received - state_.request_credited);
  state_.client->Forget(state_.client_stream);
  if (!state_.is_request_ended) state_.client->FinishEarly(state_.client_stream);
  Release();
}

void ProxiedCall::Release() {
  if (state_.is_logged) Log();
  WaiterQueue::Withdraw(*this);
  deadline_timer_.Cancel();
  for (MirrorTap& mirror : mirrors_) {
    if (!state_.is_request_ended) mirror.Abandon();
    mirror.Detach();
  }
  replay_.Reset();
  undecided_.reset();
  request_trailers_.reset();
  state_ = State();
  ++life_;
  pool_.Return(*this);
}

}  // namespace weir::dataplane
