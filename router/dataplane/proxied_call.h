// The life of one call through the proxy.
//
//   request headers -> [waits for its first message] -> decided -> [waits for a stream] -> carried both ways
//   -> the response ended -> gone
//
// At any point the client may reset or vanish, the model may reset, vanish or end early, and the deadline may pass;
// each of these ends both sides. Nothing waits for the end of a message, of the request or of the response: what
// arrives is passed on. Credit goes back to a side only as its bytes leave on the other, so that a slow reader slows
// its own stream alone.

#ifndef WEIR_ROUTER_DATAPLANE_PROXIED_CALL_H_
#define WEIR_ROUTER_DATAPLANE_PROXIED_CALL_H_

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/limits.h"
#include "router/dataplane/call_record.h"
#include "router/dataplane/call_services.h"
#include "router/dataplane/client_session.h"
#include "router/dataplane/drains.h"
#include "router/dataplane/header_filter.h"
#include "router/dataplane/mirror.h"
#include "router/dataplane/replay_buffer.h"
#include "router/dataplane/stream_source.h"

namespace weir::dataplane {

class CallPool;

// Made and kept by a CallPool, which is told when the call is over. One thread, as everything of a worker.
class ProxiedCall final : public ClientStream, public UpstreamStream, public StreamWaiter {
 public:
  ProxiedCall(CallServices& services, CallPool& pool);

  // Takes over the stream: from here on the call ends by itself.
  void Start(ClientSession& client, http2::StreamId stream, const http2::HeaderList& headers, bool end_stream);

  void OnClientTrailers(http2::HeaderList& trailers) override;
  void OnClientData(http2::Slice data, uint32_t flow_bytes, bool end_stream) override;
  void OnClientReset(http2::ErrorCode code) override;
  void OnClientSent(size_t bytes) override;
  void OnClientLost() override;

  void OnUpstreamHeaders(http2::HeaderList& headers, bool end_stream) override;
  void OnUpstreamData(http2::Slice data, uint32_t flow_bytes, bool end_stream) override;
  void OnUpstreamReset(http2::ErrorCode code) override;
  void OnUpstreamSent(size_t bytes) override;
  void OnUpstreamLost() override;

  // A run was rolled back, and its drain is over. Nothing where the call is not on a candidate of it, or not at all.
  void OnGateShut(const ShutRun& shut);
  void OnDrained(const ShutRun& shut);

  void OnStreamAvailable(UpstreamSession& session) override;
  void OnModelUnavailable() override;

 private:
  // What belongs to one call and not to the object that carries call after call.
  struct State {
    ClientSession* client = nullptr;
    http2::StreamId client_stream = 0;
    UpstreamSession* upstream = nullptr;  // Null before a stream is open, and after it is closed.
    http2::StreamId upstream_stream = 0;
    routing::ModelIndex model = 0;
    bool is_request_ended = false;   // The client sent END_STREAM.
    bool is_response_begun = false;  // Its final headers went to the client.
    bool is_passthrough = false;
    bool is_retried = false;
    bool has_timeout = false;  // The last field of `headers_` is grpc-timeout.
    bool wants_ticket = false;
    bool was_attempted = false;
    int interim_responses = 0;
    // Payload bytes: as received from one side, and as given back to it when they had left on the other. A second
    // attempt sends again what was given back already.
    uint64_t request_received = 0, request_credited = 0, attempt_sent = 0;
    uint64_t response_received = 0, response_credited = 0;
    absl::Time arrived = absl::InfinitePast();
    absl::Time deadline = absl::InfiniteFuture();
    GrpcCode passthrough_code = GrpcCode::kOk;
    CallRecord record;
    CallTimes times;
    const std::string* variant_name = nullptr;  // Null before a decision.
    uint64_t experiment = 0;                    // For the ticket.
    uint32_t run_ordinal = 0;
    bool is_logged = false;
    bool is_keyless = false;
    bool has_ticket = false;
    uint64_t ticket_sequence = 0;
    uint64_t user = 0;     // As in Decision.
    SequenceUse sequence;  // Whose place is remembered.
    bool begins_sequence = false;
    bool ends_sequence = false;
    // For the log.
    struct End {
      GrpcCode code = GrpcCode::kOk;
      absl::Duration latency{};
      bool is_by_client = false;
    };
    End end;
    // Where the call goes if its variant turns out to have no endpoint before anything was sent.
    struct Fallback {
      routing::ModelIndex model;
      uint16_t variant;
      const std::string* name;
    };
    std::optional<Fallback> fallback;
  };

  // A call that is not decided yet: its experiment's rule asks for a parameter of its first message.
  struct Undecided {
    http2::HeaderList received;
    std::string body;         // Its beginning; empty as long as it came in one piece.
    size_t needed_bytes = 0;  // As in ParameterScan.
  };
  using Parameters = std::optional<std::span<const routing::Parameter>>;  // As in routing::RequestHead.

  // Decides and forwards a call, or refuses it, or lets it wait for its body.
  void Admit(const http2::HeaderList& received, const Parameters& parameters);
  // Nullopt: refused, and the call is over; or it waits.
  std::optional<routing::Decision> Accept(const RequestFacts& facts, const http2::HeaderList& received,
                                          const Parameters& parameters);
  bool AcceptDecision(const routing::Decision& decision, const RequestFacts& facts);
  void AwaitBody(const RequestFacts& facts, const http2::HeaderList& received);
  // `data` came for a call that waits; the last of it where the request has ended.
  void ReadBody(std::string_view data);
  void Remember(const routing::Decision& decision);
  void RememberSequence(const routing::Decision& decision);
  // `longest`: the model's own bound, or InfiniteDuration.
  bool SetDeadline(const RequestFacts& facts, absl::Duration longest);
  void StartMirrors(const routing::Decision& decision);

  void Forward();
  void Open(UpstreamSession& session);
  void DropLastHeader();
  void BeginResponse(const http2::HeaderList& headers, bool end_stream);
  void AddOwnHeaders(http2::HeaderList& reply);
  void OnDeadline();

  // What the model's end, and its client's, add to the counts, to the failures kept and to the log.
  void CountEnd(GrpcCode code, std::string_view message);
  void CountCancelled(GrpcCode code);
  absl::Duration Latency() const;  // Until now; negative: no model was asked.
  void KeepFailure(GrpcCode code, absl::Duration latency, std::string_view message);
  void Log();
  bool IsOnCandidateOf(const ShutRun& shut) const;

  // The model's answer is complete, or it failed to give one: counted for it.
  void EndByModel(GrpcCode code, std::string_view message);
  void FailByModel(GrpcCode code, std::string_view message);
  // The call fails by its client, after the model was asked: neither a success of the model nor its error.
  void FailByClient(GrpcCode code, std::string_view message);
  // The proxy refuses or sheds: counted for nobody's model.
  void Refuse(int64_t stats::ProxyCounts::*counter, GrpcCode code, std::string_view message);
  void RefuseMediaType();
  void RefuseMetadata();

  void ReplyError(GrpcCode code, std::string_view message);
  void CloseUpstream(http2::ErrorCode code);
  void FinishClient();
  void CancelByClient();
  void Release();

  SessionPort& client_port() { return state_.client->port(); }
  stats::CountsDelta& counts() { return services_.counts; }
  absl::Time now() const { return *services_.now; }
  bool is_expired_for_client() const;
  // Tells the times of the call whether the model waits for the client to read.
  void NoteHold();

  CallServices& services_;
  CallPool& pool_;
  State state_;
  uint64_t life_ = 0;                     // How many calls the object has carried: whether one is over is seen by it.
  http2::HeaderList headers_;             // For the model; kept until the response begins.
  std::unique_ptr<Undecided> undecided_;  // Null once decided.
  std::unique_ptr<http2::HeaderList> request_trailers_;
  std::string lost_peer_;  // Of the last stream that was reset or lost.
  ReplayBuffer replay_;
  std::array<MirrorTap, config::limits::kMirrors> mirrors_;
  runtime::Timer deadline_timer_;
};

// Calls that are over are used again, with their memory.
class CallPool {
 public:
  explicit CallPool(CallServices& services) : services_(services) {}

  ProxiedCall& Take();
  void Return(ProxiedCall& call);
  size_t in_flight() const { return calls_.size() - free_.size(); }
  // Those that carry nothing now included. For what happens once in a rollback.
  template <typename Tell>
  void ForAll(const Tell& tell) {
    for (size_t i = 0; i < calls_.size(); ++i) tell(*calls_[i]);
  }

 private:
  CallServices& services_;
  std::vector<std::unique_ptr<ProxiedCall>> calls_;
  std::vector<ProxiedCall*> free_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_PROXIED_CALL_H_
