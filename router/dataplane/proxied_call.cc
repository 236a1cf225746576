#include "router/dataplane/proxied_call.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "router/dataplane/limits.h"
#include "router/runtime/check.h"

namespace weir::dataplane {
namespace {

using http2::ErrorCode;
using http2::HeaderField;
using http2::HeaderList;
using routing::Decision;

// A list of fields as routing sees it.
class ListView final : public routing::HeaderView {
 public:
  explicit ListView(const HeaderList& list) : list_(list) {}
  std::optional<std::string_view> Find(std::string_view name) const override { return list_.Find(name); }
  bool IsRepeated(std::string_view name) const override {
    int times = 0;
    for (const HeaderField field : list_) times += field.name == name;
    return times > 1;
  }

 private:
  const HeaderList& list_;
};

// What the model says of its failure.
std::string_view MessageOf(GrpcCode code, const HeaderList& trailers) {
  return code == GrpcCode::kOk ? "" : trailers.Find("grpc-message").value_or("");
}

}  // namespace

ProxiedCall::ProxiedCall(CallServices& services, CallPool& pool)
    : services_(services), pool_(pool), deadline_timer_([this] { OnDeadline(); }) {}

// --- From the request's headers to the model.

void ProxiedCall::Start(ClientSession& client, http2::StreamId stream, const HeaderList& headers, bool end_stream) {
  state_.client = &client;
  state_.client_stream = stream;
  state_.is_request_ended = end_stream;
  state_.arrived = now();
  client.Listen(stream, this);
  ++counts().proxy.calls;
  Admit(headers, std::nullopt);
}

void ProxiedCall::Admit(const HeaderList& received, const Parameters& parameters) {
  const auto& force = services_.table->force_variant_header;
  const std::string_view own_name = force.has_value() ? std::string_view(force->name) : std::string_view();
  const std::optional<Decision> decision = Accept(FilterRequest(received, headers_, own_name), received, parameters);
  if (!decision.has_value()) return;
  const uint64_t life = life_;
  Forward();
  if (life == life_) StartMirrors(*decision);
}

std::optional<Decision> ProxiedCall::Accept(const RequestFacts& facts, const HeaderList& received,
                                            const Parameters& parameters) {
  if (facts.is_host_contradictory) {
    Refuse(&stats::ProxyCounts::calls_refused, GrpcCode::kInternal, "host and :authority differ");
    return std::nullopt;
  }
  if (state_.client->burden() > config::limits::kUpstreamCallsPerConnection) {
    Refuse(&stats::ProxyCounts::calls_shed, GrpcCode::kResourceExhausted, "too many calls on this connection");
    return std::nullopt;
  }
  if (state_.client->OwesReading()) {
    Refuse(&stats::ProxyCounts::calls_shed, GrpcCode::kResourceExhausted,
           "too many answers on this connection wait to be read");
    return std::nullopt;
  }
  const ListView view(received);
  const routing::RequestHead head{facts.path, &view, &state_.client->peer(), &services_.sequences, parameters};
  const Decision decision = routing::Decide(*services_.table, head, services_.models->healthy(), services_.rng);
  if (!AcceptDecision(decision, facts)) return std::nullopt;
  if (decision.kind == Decision::Kind::kNeedsBody) {
    AwaitBody(facts, received);
    return std::nullopt;
  }
  Remember(decision);
  const absl::Duration longest = services_.table->models[state_.model].deadline.value_or(absl::InfiniteDuration());
  if (!SetDeadline(facts, longest)) return std::nullopt;
  return decision;
}

bool ProxiedCall::AcceptDecision(const Decision& decision, const RequestFacts& facts) {
  switch (decision.kind) {
    case Decision::Kind::kForward:
    case Decision::Kind::kNeedsBody:
      break;
    case Decision::Kind::kUnrouted:
      Refuse(&stats::ProxyCounts::calls_unrouted, GrpcCode::kUnimplemented,
             "no experiment and no route matches " + std::string(facts.path.substr(0, limits::kEchoedPathBytes)));
      return false;
    case Decision::Kind::kUnavailable:
      Remember(decision);
      Refuse(&stats::ProxyCounts::calls_shed, GrpcCode::kUnavailable,
             absl::StrCat("no healthy endpoint of model ", services_.table->models[decision.model].name));
      return false;
    case Decision::Kind::kRepeatedKey:
      Refuse(&stats::ProxyCounts::calls_refused, GrpcCode::kInternal, "the user's key occurs twice in the headers");
      return false;
    case Decision::Kind::kUnknownForced:
      Refuse(&stats::ProxyCounts::calls_refused, GrpcCode::kInternal, "the forced variant is none of the experiment's");
      return false;
  }
  state_.is_passthrough = decision.route != Decision::kNone && services_.table->routes[decision.route].passthrough;
  if (!state_.is_passthrough && !IsGrpcContentType(facts.content_type)) {
    RefuseMediaType();
    return false;
  }
  if (!state_.is_passthrough && facts.method != "POST") {
    Refuse(&stats::ProxyCounts::calls_refused, GrpcCode::kInternal, "a gRPC request is a POST");
    return false;
  }
  return true;
}

void ProxiedCall::Remember(const Decision& decision) {
  const routing::RouteTable& table = *services_.table;
  state_.record = CallRecord(decision, table, counts());
  state_.model = decision.model;
  state_.variant_name = services_.names.Keep(table.models[decision.model].name);
  if (decision.experiment == Decision::kNone) return;
  const routing::ExperimentRoute& experiment = table.experiments[decision.experiment];
  state_.variant_name = services_.names.Keep(experiment.variants[decision.served].name);
  state_.wants_ticket = decision.wants_ticket;
  state_.experiment = experiment.name_hash;
  state_.run_ordinal = experiment.run_ordinal;
  state_.is_logged = decision.is_logged;
  state_.is_keyless = decision.is_keyless;
  state_.user = decision.user;
  if (decision.sequence != 0) RememberSequence(decision);
  const uint16_t fallback = experiment.default_variant;
  if (decision.reason == stats::Reason::kAssigned && decision.assigned != fallback) {
    state_.fallback = {experiment.variant_models[fallback], fallback,
                       services_.names.Keep(experiment.variants[fallback].name)};
  }
}

// It goes where its first call was served, even if that was not whom the rule gave.
void ProxiedCall::RememberSequence(const Decision& decision) {
  if (decision.kind != Decision::Kind::kForward) return;
  const SequencePins::Kept kept =
      services_.sequences.Keep(state_.record.run(), decision.sequence, decision.served, decision.begins_sequence);
  state_.sequence = kept.use;
  state_.begins_sequence = kept.is_first;
  state_.ends_sequence = decision.ends_sequence;
}

bool ProxiedCall::SetDeadline(const RequestFacts& facts, absl::Duration longest) {
  if (facts.timeout.has_value()) {
    const std::optional<absl::Duration> timeout = ParseTimeout(*facts.timeout);
    if (!timeout.has_value() || facts.is_timeout_repeated) {
      Refuse(&stats::ProxyCounts::calls_refused, GrpcCode::kInternal, "grpc-timeout is malformed");
      return false;
    }
    longest = std::min(longest, *timeout);
  }
  if (longest == absl::InfiniteDuration()) return true;
  if (state_.arrived + longest <= now()) {
    Refuse(&stats::ProxyCounts::deadlines_expired, GrpcCode::kDeadlineExceeded,
           "the deadline had passed before the call was placed");
    return false;
  }
  state_.deadline = state_.arrived + longest;
  services_.timers->Set(deadline_timer_, state_.deadline);
  return true;
}

// With what has come of the body, where the decision waited for it.
void ProxiedCall::StartMirrors(const Decision& decision) {
  if (decision.mirrors.empty() || services_.mirrors == nullptr) return;
  const routing::RouteTable& table = *services_.table;
  const std::span<const http2::Slice> body = replay_.pieces();
  for (size_t i = 0; i < decision.mirrors.size() && i < mirrors_.size(); ++i) {
    const routing::MirrorChoice& choice = decision.mirrors[i];
    const routing::ExperimentRoute& experiment = table.experiments[decision.experiment];
    services_.mirrors->Start({.key = {experiment.run, choice.mirror},
                              .model = choice.model,
                              .error_codes = experiment.error_codes,
                              .deadline = table.models[choice.model].deadline.value_or(config::limits::kMirrorDeadline),
                              .headers = &headers_,
                              .end_stream = state_.is_request_ended && body.empty()},
                             mirrors_[i]);
    for (size_t j = 0; j < body.size(); ++j) {
      mirrors_[i].Send(body[j], state_.is_request_ended && j + 1 == body.size());
    }
  }
}

void ProxiedCall::Forward() {
  const StreamSource::Placement placement = services_.models->Place(state_.model, *this);
  switch (placement.answer) {
    case StreamSource::Answer::kNow:
      return Open(*placement.session);
    case StreamSource::Answer::kWait:
      // A call that nobody limits must not wait for ever.
      if (!deadline_timer_.is_set()) services_.timers->Set(deadline_timer_, now() + limits::kLongestWaitForStream);
      return;
    case StreamSource::Answer::kFull:
      // What was begun with a model ends as its failure: every start has its end.
      if (state_.was_attempted) return FailByModel(GrpcCode::kUnavailable, "the model refused the stream, and is full");
      return Refuse(&stats::ProxyCounts::calls_shed, GrpcCode::kResourceExhausted,
                    absl::StrCat("too many calls wait for ", *state_.variant_name));
    case StreamSource::Answer::kUnavailable:
      return OnModelUnavailable();
  }
}

void ProxiedCall::OnStreamAvailable(UpstreamSession& session) { Open(session); }

void ProxiedCall::OnModelUnavailable() {
  const bool may_divert =
      state_.fallback.has_value() && !state_.was_attempted && services_.models->healthy()[state_.fallback->model];
  if (may_divert) {
    if (state_.begins_sequence) {
      services_.sequences.Move(state_.sequence, state_.fallback->variant);
    }
    state_.record.Divert(state_.fallback->variant, counts());
    state_.model = state_.fallback->model;
    state_.variant_name = state_.fallback->name;
    state_.wants_ticket = false;
    state_.fallback.reset();
    return Forward();
  }
  if (state_.was_attempted) return FailByModel(GrpcCode::kUnavailable, "the model became unavailable");
  Refuse(&stats::ProxyCounts::calls_shed, GrpcCode::kUnavailable,
         absl::StrCat("no connection to ", *state_.variant_name));
}

void ProxiedCall::DropLastHeader() {
  HeaderList rest;
  for (size_t i = 0; i + 1 < headers_.size(); ++i) rest.Add(headers_[i].name, headers_[i].value, headers_[i].indexing);
  headers_ = std::move(rest);
}

void ProxiedCall::Open(UpstreamSession& session) {
  if (state_.deadline != absl::InfiniteFuture()) {
    // The remaining time, which is less than what was received by as long as the call waited here.
    TimeoutBuffer buffer;
    if (state_.has_timeout) DropLastHeader();
    headers_.Add("grpc-timeout", FormatTimeout(state_.deadline - now(), buffer), http2::Indexing::kNever);
    state_.has_timeout = true;
  } else {
    deadline_timer_.Cancel();
  }
  const bool has_trailers = request_trailers_ != nullptr;
  const http2::Session& taker = session.port().session();
  if (!taker.TakesHeaders(headers_) || (has_trailers && !taker.TakesHeaders(*request_trailers_))) {
    return RefuseMetadata();
  }
  const std::span<const http2::Slice> body = replay_.pieces();
  const bool ends_with_headers = state_.is_request_ended && body.empty() && !has_trailers;
  const http2::StreamId stream = session.Start(headers_, ends_with_headers, this);
  WEIR_CHECK(stream != 0);  // The source said that there is room.
  state_.upstream = &session;
  state_.upstream_stream = stream;
  state_.attempt_sent = 0;
  state_.was_attempted = true;
  state_.record.CountStart(now(), counts());
  state_.times.HeadersSent(now());
  http2::Session& upstream = session.port().Writing();
  for (size_t i = 0; i < body.size(); ++i) {
    upstream.SendData(stream, body[i], state_.is_request_ended && !has_trailers && i + 1 == body.size());
  }
  if (has_trailers) upstream.SendHeaders(stream, *request_trailers_, true);
}

// --- The request's body.

void ProxiedCall::OnClientData(http2::Slice data, uint32_t flow_bytes, bool end_stream) {
  client_port().Consume(state_.client_stream, flow_bytes - data.size());  // Padding goes nowhere.
  state_.is_request_ended = end_stream;
  state_.request_received += data.size();
  state_.times.ScanRequest(data.view());
  data = replay_.Keep(std::move(data), /*is_only_copy=*/state_.upstream == nullptr);
  for (MirrorTap& mirror : mirrors_) mirror.Send(data, end_stream);
  if (state_.upstream == nullptr) {  // Kept for when a stream is there.
    if (undecided_ != nullptr) ReadBody(data.view());
    return;
  }
  state_.upstream->port().Writing().SendData(state_.upstream_stream, std::move(data), end_stream);
}

void ProxiedCall::OnClientTrailers(HeaderList& trailers) {
  state_.is_request_ended = true;
  request_trailers_ = std::make_unique<HeaderList>();
  FilterTrailers(trailers, *request_trailers_);
  for (MirrorTap& mirror : mirrors_) mirror.Send({}, true);
  if (state_.upstream == nullptr) {
    if (undecided_ != nullptr) ReadBody({});
    return;
  }
  if (!state_.upstream->port().session().TakesHeaders(*request_trailers_)) return RefuseMetadata();
  state_.upstream->port().Writing().SendHeaders(state_.upstream_stream, *request_trailers_, true);
}

void ProxiedCall::OnUpstreamSent(size_t bytes) {
  state_.attempt_sent += bytes;
  state_.times.RequestBytesSent(now());
  if (state_.attempt_sent <= state_.request_credited) return;
  client_port().Consume(state_.client_stream, state_.attempt_sent - state_.request_credited);
  state_.request_credited = state_.attempt_sent;
}

// --- The response.

void ProxiedCall::OnUpstreamHeaders(HeaderList& headers, bool end_stream) {
  if (!state_.is_response_begun) return BeginResponse(headers, end_stream);
  const std::optional<std::string_view> status = headers.Find("grpc-status");
  const GrpcCode code = status.has_value()      ? ParseGrpcStatus(*status)
                        : state_.is_passthrough ? state_.passthrough_code
                                                : GrpcCode::kUnknown;
  FilterTrailers(headers, services_.scratch);
  if (!status.has_value() && !state_.is_passthrough) services_.scratch.Add("grpc-status", "2");
  client_port().Writing().SendHeaders(state_.client_stream, services_.scratch, true);
  EndByModel(code, MessageOf(code, headers));
}

void ProxiedCall::BeginResponse(const HeaderList& headers, bool end_stream) {
  const std::string_view http_status = headers.Find(":status").value_or("");
  const bool is_interim = !http_status.empty() && http_status.front() == '1';
  if (is_interim) {
    if (++state_.interim_responses > limits::kInterimResponses) {
      return FailByModel(GrpcCode::kInternal, "the model server sends interim responses without end");
    }
    FilterResponse(headers, services_.scratch);
    client_port().Writing().SendHeaders(state_.client_stream, services_.scratch, false);
    return;
  }
  const std::optional<std::string_view> grpc_status = headers.Find("grpc-status");
  const bool is_answer = state_.is_passthrough || grpc_status.has_value() || (http_status == "200" && !end_stream);
  if (!is_answer) {
    return FailByModel(CodeOfHttpStatus(http_status), "the model server answered with HTTP status " +
                                                          std::string(http_status) + " and no grpc-status");
  }
  state_.is_response_begun = true;
  if (http_status != "200") state_.passthrough_code = CodeOfHttpStatus(http_status);
  replay_.Drop();
  FilterResponse(headers, services_.scratch);
  AddOwnHeaders(services_.scratch);
  client_port().Writing().SendHeaders(state_.client_stream, services_.scratch, end_stream);
  if (!end_stream) return;
  const GrpcCode code = grpc_status.has_value() ? ParseGrpcStatus(*grpc_status) : state_.passthrough_code;
  EndByModel(code, MessageOf(code, headers));
}

void ProxiedCall::AddOwnHeaders(HeaderList& reply) {
  if (state_.variant_name == nullptr) return;
  reply.Add(kVariantHeader, *state_.variant_name);
  reply.Add(kReasonHeader, stats::ReasonName(state_.record.reason()));
  if (!state_.wants_ticket || services_.tickets == nullptr) return;
  stats::Ticket ticket;
  ticket.experiment = state_.experiment;
  ticket.run = state_.run_ordinal;
  ticket.epoch = state_.record.epoch();
  ticket.variant = state_.record.served();
  ticket.user_bucket = state_.record.user_bucket();
  ticket.start = state_.arrived;
  ticket.issuer = services_.issuer;
  ticket.sequence = services_.next_ticket++;
  state_.has_ticket = true;
  state_.ticket_sequence = ticket.sequence;
  reply.Add(kTicketHeader, services_.tickets->Seal(ticket), http2::Indexing::kNever);
}

void ProxiedCall::OnUpstreamData(http2::Slice data, uint32_t flow_bytes, bool end_stream) {
  state_.upstream->port().Consume(state_.upstream_stream, flow_bytes - data.size());
  state_.response_received += data.size();
  state_.times.ScanResponse(data.view(), now());
  NoteHold();
  if (!end_stream) return client_port().Writing().SendData(state_.client_stream, std::move(data), false);
  if (state_.is_passthrough) {
    client_port().Writing().SendData(state_.client_stream, std::move(data), true);
    return EndByModel(state_.passthrough_code, "");
  }
  if (!data.empty()) client_port().Writing().SendData(state_.client_stream, std::move(data), false);
  FailByModel(GrpcCode::kUnknown, "the model server ended the response without a grpc-status");
}

void ProxiedCall::OnClientSent(size_t bytes) {
  if (state_.upstream == nullptr) return;
  state_.response_credited += bytes;
  state_.upstream->port().Consume(state_.upstream_stream, bytes);
  NoteHold();
}

// The connection's window holds all streams' windows, so that only this stream's own can stop the model. Credit is
// given back by the half window: as long as less than that waits for the client, there is room.
void ProxiedCall::NoteHold() {
  const uint64_t waiting = state_.response_received - state_.response_credited;
  const bool may_be_held = waiting + limits::kUsedUpWindowBytes >= config::limits::kStreamWindowBytes / 2;
  state_.times.SetHeldByClient(may_be_held && state_.upstream->port().session().receive_window(
                                                  state_.upstream_stream) <= limits::kUsedUpWindowBytes,
                               now());
}

ProxiedCall& CallPool::Take() {
  if (free_.empty()) {
    calls_.push_back(std::make_unique<ProxiedCall>(services_, *this));
    return *calls_.back();
  }
  ProxiedCall& call = *free_.back();
  free_.pop_back();
  return call;
}

void CallPool::Return(ProxiedCall& call) { free_.push_back(&call); }

}  // namespace weir::dataplane
