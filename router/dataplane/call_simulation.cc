#include "router/dataplane/call_simulation.h"

#include <sys/uio.h>

#include <utility>

#include "router/dataplane/own_reply.h"

namespace weir::dataplane {

void MemoryPort::Receive(std::string_view bytes, absl::Time now) {
  (void)mutable_session().Receive(http2::Slice::Copy(bytes), now);
  MarkDirty();
}

void MemoryPort::Flush() {
  http2::Output& output = mutable_session().output();
  for (mutable_session().Pump(); !output.empty(); mutable_session().Pump()) {
    iovec vectors[64];
    size_t taken = 0;
    for (size_t i = 0, n = output.Gather(vectors); i < n; ++i) {
      sent_.append(static_cast<const char*>(vectors[i].iov_base), vectors[i].iov_len);
      taken += vectors[i].iov_len;
    }
    output.Drop(taken);
  }
}

SimulatedClient::SimulatedClient(DirtyPorts* dirty_ports, RequestHandler* handler,
                                 const http2::SessionOptions& peer_options)
    : session(&port, handler, ClientSession::PeerIp{}),
      port(dirty_ports, http2::Session::Create(http2::Role::kServer, {}, &session)),
      peer(http2::Role::kClient, peer_options) {}

SimulatedModel::SimulatedModel(DirtyPorts* dirty_ports, const http2::SessionOptions& peer_options)
    : session(&port, this),
      port(dirty_ports, http2::Session::Create(http2::Role::kClient, {}, &session)),
      peer(http2::Role::kServer, peer_options) {}

StreamSource::Placement SimulatedModels::Place(routing::ModelIndex model, StreamWaiter& waiter) {
  Entry& entry = models_[model];
  if (!healthy_[model]) return {Answer::kUnavailable};
  const bool has_room = entry.connection != nullptr && entry.connection->session.capacity() > 0;
  if (entry.waiting.empty() && has_room) return {Answer::kNow, &entry.connection->session};
  if (entry.is_waiting_refused) return {Answer::kFull};
  entry.waiting.Push(waiter);
  return {Answer::kWait};
}

bool SimulatedModels::Settle() {
  bool has_told = false;
  for (size_t i = 0; i < models_.size(); ++i) {
    Entry& entry = models_[i];
    while (!entry.waiting.empty()) {
      if (!healthy_[i]) {
        entry.waiting.Pop()->OnModelUnavailable();
      } else if (entry.connection != nullptr && entry.connection->session.capacity() > 0) {
        entry.waiting.Pop()->OnStreamAvailable(entry.connection->session);
      } else {
        break;
      }
      has_told = true;
    }
  }
  return has_told;
}

CallSimulation::CallSimulation(const http2::SessionOptions& client_options, const http2::SessionOptions& model_options)
    : table_(std::make_unique<routing::RouteTable>()),
      services_{.now = &now,
                .timers = &timers,
                .models = &models_,
                .mirrors = &mirrors_,
                .tickets = nullptr,
                .table = table_.get(),
                .counts = {},
                .issuer = {},
                .next_ticket = 0,
                .rng = {},
                .names = {},
                .scratch = {},
                .sequences = SequencePins(&now),
                .failed_calls = {},
                .assignments =
                    AssignmentNotes([this](auto batch) { logged.insert(logged.end(), batch.begin(), batch.end()); })},
      mirrors_(&now, &timers, &models_, &services_.counts),
      calls_(services_),
      drains_(
          &now, &timers,
          [this](const ShutRun& shut) { calls_.ForAll([&](ProxiedCall& call) { call.OnGateShut(shut); }); },
          [this](const ShutRun& shut) {
            services_.sequences.Forget(shut.run);
            calls_.ForAll([&](ProxiedCall& call) { call.OnDrained(shut); });
          }) {
  for (const char* name : {"baseline", "candidate", "shadow"}) table_->models.push_back({name, {}, {}, {}});
  table_->default_error_codes = 0x7fff & ~1u;
  routing::ExperimentRoute experiment;
  experiment.name = "exp";
  experiment.match = {"exp.S", ""};
  experiment.run = 7;
  experiment.epoch = 3;
  experiment.key_sources = {{"x-user"}};
  experiment.variants = {{"baseline", 0}, {"candidate", 100}};
  experiment.variant_models = {0, 1};
  for (const int code : {2, 4, 8, 12, 13, 14, 15}) experiment.error_codes |= 1u << code;
  table_->experiments.push_back(experiment);
  table_->routes = {{{"plain.S", ""}, 0, false}, {{"web.S", ""}, 0, true}};
  for (size_t i = 0; i < models_.size(); ++i) ConnectModel(i, model_options);
  client_ = std::make_unique<SimulatedClient>(&dirty_ports, this, client_options);
  Run();
  for (size_t i = 0; i < models_.size(); ++i) model(i).Take();
  client().Take();
}

CallSimulation::~CallSimulation() {
  if (client_ != nullptr) LoseClient();
  for (size_t i = 0; i < models_.size(); ++i) LoseModel(i);
}

void CallSimulation::OnRequest(ClientSession& client, http2::StreamId stream, http2::HeaderList& headers,
                               bool end_stream) {
  calls_.Take().Start(client, stream, headers, end_stream);
}

void CallSimulation::Run() {
  for (bool is_silent = false; !is_silent;) {
    is_silent = true;
    const auto carry = [&](MemoryPort& port, http2::SessionRecorder& peer) {
      if (const std::string sent = port.TakeSent(); !sent.empty()) {
        is_silent = false;
        (void)peer.Receive(sent);
      }
      if (const std::string answer = peer.TakeOutput(); !answer.empty()) {
        is_silent = false;
        port.Receive(answer, now);
      }
    };
    is_silent &= !models_.Settle();
    dirty_ports.FlushAll();
    if (client_ != nullptr) carry(client_->port, client_->peer);
    for (size_t i = 0; i < models_.size(); ++i) {
      if (models_[i].connection != nullptr) carry(models_[i].connection->port, models_[i].connection->peer);
    }
  }
}

void CallSimulation::Advance(absl::Duration time) {
  now += time;
  timers.AdvanceTo(now);
  Run();
}

http2::StreamId CallSimulation::Ask(std::string_view path, std::string_view body, bool end_stream,
                                    const std::vector<std::string_view>& more_headers) {
  http2::HeaderList headers = http2::Request(path);
  for (size_t i = 0; i + 1 < more_headers.size(); i += 2) headers.Add(more_headers[i], more_headers[i + 1]);
  const http2::StreamId stream = client().session().StartRequest(headers, body.empty() && end_stream);
  if (!body.empty()) client().session().SendData(stream, http2::Slice::Copy(body), end_stream);
  Run();
  return stream;
}

void CallSimulation::AdoptTable() {
  drains_.Adopt(*table_);
  Run();
}

void CallSimulation::LoseClient() {
  client_->session.LoseAll();
  client_.reset();
}

void CallSimulation::LoseModel(size_t i) {
  if (models_[i].connection == nullptr) return;
  models_[i].connection->session.LoseAll();
  models_[i].connection.reset();
}

void CallSimulation::ConnectModel(size_t i, const http2::SessionOptions& options) {
  models_[i].connection = std::make_unique<SimulatedModel>(&dirty_ports, options);
  models_.SetHealthy(i, true);
}

std::string Message(std::string_view text) { return FrameMessage(text); }

std::vector<std::string> CallEvents(http2::SessionRecorder& recorder) {
  std::vector<std::string> events = recorder.Take();
  std::erase_if(events, [](const std::string& line) { return line == "settings" || line.starts_with("pong"); });
  return events;
}

}  // namespace weir::dataplane
