// For tests: calls between clients and models in memory. The production classes, with real sessions on both sides; only
// sockets and time are missing.

#ifndef WEIR_ROUTER_DATAPLANE_CALL_SIMULATION_H_
#define WEIR_ROUTER_DATAPLANE_CALL_SIMULATION_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "router/dataplane/call_services.h"
#include "router/dataplane/client_session.h"
#include "router/dataplane/mirror.h"
#include "router/dataplane/proxied_call.h"
#include "router/dataplane/session_port.h"
#include "router/dataplane/stream_source.h"
#include "router/dataplane/upstream_session.h"
#include "router/http2/session_recorder.h"

namespace weir::dataplane {

// A port whose bytes are carried by hand.
class MemoryPort final : public SessionPort {
 public:
  MemoryPort(DirtyPorts* dirty_ports, std::unique_ptr<http2::Session> session)
      : SessionPort(dirty_ports, std::move(session)) {
    MarkDirty();
  }
  std::string TakeSent() { return std::exchange(sent_, {}); }
  void Receive(std::string_view bytes, absl::Time now);

 private:
  void Flush() override;
  std::string sent_;
};

// A client of the proxy: `peer` is its own session.
struct SimulatedClient {
  SimulatedClient(DirtyPorts* dirty_ports, RequestHandler* handler, const http2::SessionOptions& peer_options = {});
  ClientSession session;
  MemoryPort port;
  http2::SessionRecorder peer;
};

// A model server, and the proxy's one connection to it.
struct SimulatedModel : UpstreamSessionOwner {
  SimulatedModel(DirtyPorts* dirty_ports, const http2::SessionOptions& peer_options);
  void OnUpstreamReady(UpstreamSession&) override {}
  void OnUpstreamStreamClosed(UpstreamSession&) override {}
  void OnUpstreamGoAway(UpstreamSession&) override {}

  UpstreamSession session;
  MemoryPort port;
  http2::SessionRecorder peer;
};

// One connection a model, or none; calls wait without bound, or not at all.
class SimulatedModels final : public StreamSource {
 public:
  explicit SimulatedModels(size_t models) : models_(models), healthy_(std::make_unique<bool[]>(models)) {}
  Placement Place(routing::ModelIndex model, StreamWaiter& waiter) override;
  std::span<const bool> healthy() const override { return {healthy_.get(), models_.size()}; }
  void SetHealthy(size_t model, bool is_healthy) { healthy_[model] = is_healthy; }
  // Hands streams to those that wait; tells those that wait in vain. True if anyone was told.
  bool Settle();

  struct Entry {
    std::unique_ptr<SimulatedModel> connection;
    WaiterQueue waiting;
    bool is_waiting_refused = false;
  };
  Entry& operator[](size_t i) { return models_[i]; }
  size_t size() const { return models_.size(); }

 private:
  std::vector<Entry> models_;
  std::unique_ptr<bool[]> healthy_;
};

// Models: 0 "baseline" (the default) and 1 "candidate" of the experiment, 2 "shadow", its mirror where asked for.
// Services: "exp.S" is the experiment's, "plain.S" goes to model 0 by a route, "web.S" too, as passthrough.
class CallSimulation : public RequestHandler {
 public:
  explicit CallSimulation(const http2::SessionOptions& client_options = {},
                          const http2::SessionOptions& model_options = {});
  ~CallSimulation() override;

  routing::RouteTable& table() { return *table_; }
  http2::SessionRecorder& client() { return client_->peer; }
  http2::SessionRecorder& model(size_t i) { return models_[i].connection->peer; }
  stats::CountsDelta& counts() { return services_.counts; }
  const stats::ServedCounts& served(uint16_t variant) { return counts().served[{7, 0, variant}]; }
  const stats::VariantCounts& inference(uint16_t variant) { return counts().inference[{7, 3, variant}]; }

  // Carries bytes until all are silent.
  void Run();
  void Advance(absl::Duration time);
  // What a worker does when it is given a changed table.
  void AdoptTable();
  // The client asks; the stream's number.
  http2::StreamId Ask(std::string_view path, std::string_view body, bool end_stream,
                      const std::vector<std::string_view>& more_headers = {});
  void LoseClient();
  void LoseModel(size_t i);
  void ConnectModel(size_t i, const http2::SessionOptions& options = {});

  void OnRequest(ClientSession& client, http2::StreamId stream, http2::HeaderList& headers, bool end_stream) override;

  std::vector<stats::AssignmentRecord> logged;
  absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  runtime::TimerQueue timers{now};
  DirtyPorts dirty_ports;
  std::unique_ptr<routing::RouteTable> table_;
  SimulatedModels models_{3};
  CallServices services_;
  Mirrors mirrors_;
  CallPool calls_;
  Drains drains_;
  std::unique_ptr<SimulatedClient> client_;
};

// A message with its prefix.
std::string Message(std::string_view text);
// A call's outcome as lines of `recorder`, without those of settings and pings.
std::vector<std::string> CallEvents(http2::SessionRecorder& recorder);

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_CALL_SIMULATION_H_
