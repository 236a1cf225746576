#include "router/dataplane/worker.h"

#include <algorithm>
#include <utility>

#include "config/limits.h"
#include "router/runtime/socket.h"

namespace weir::dataplane {
namespace {

constexpr int kTicksPerSweep = 10;

// Of each mirrored model: a mirror that does not take its copies at once is behind, and they are dropped.
constexpr size_t kWaitingCopies = 64;

// Sets of sequences that other workers share: one for each of them and change of the weights. What a worker does not
// hear of it assigns by the weights of now.
constexpr size_t kSharedAtOnce = 256;

routing::RouteTablePtr EmptyTable() { return std::make_shared<const routing::RouteTable>(); }

}  // namespace

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(const WorkerOptions& options, runtime::Clock clock,
                                                       runtime::Resolver* resolver, ReportSink report,
                                                       OutcomeSink outcome) {
  auto loop = runtime::EventLoop::Create(clock);
  if (!loop.ok()) return loop.status();
  return std::unique_ptr<Worker>(
      new Worker(options, *std::move(loop), resolver, std::move(report), std::move(outcome)));
}

Worker::Worker(const WorkerOptions& options, std::unique_ptr<runtime::EventLoop> loop, runtime::Resolver* resolver,
               ReportSink report, OutcomeSink outcome)
    : options_(options),
      report_(std::move(report)),
      loop_(std::move(loop)),
      table_(EmptyTable()),
      services_{.now = &loop_->now(),
                .timers = &loop_->timers(),
                .models = &models_,
                .mirrors = &mirrors_,
                .tickets = options.tickets,
                .table = table_.get(),
                .counts = {},
                .issuer = options.issuer,
                .next_ticket = 0,
                .rng = {},
                .names = {},
                .scratch = {},
                .sequences = SequencePins(&loop_->now()),
                .failed_calls = {},
                .assignments = AssignmentNotes(options.assignments)},
      models_(PoolUse::kPrimary, config::limits::kQueuedCallsPerModel,
              {loop_.get(), &dirty_ports_, &blocks_, &upstream_bytes_}, &services_.counts.proxy, services_.rng,
              resolver),
      mirror_models_(PoolUse::kMirrors, kWaitingCopies, {loop_.get(), &dirty_ports_, &blocks_, &upstream_bytes_},
                     &services_.counts.proxy, services_.rng, resolver),
      mirrors_(&loop_->now(), &loop_->timers(), &mirror_models_, &services_.counts),
      calls_(services_),
      drains_(
          &loop_->now(), &loop_->timers(), [this](const ShutRun& shut) { OnGateShut(shut); },
          [this](const ShutRun& shut) { OnDrained(shut); }),
      feedback_(options.tickets, std::move(outcome), &services_, [this] { loop_->Wake(); }),
      health_(&services_),
      tick_timer_([this] { Tick(); }),
      new_connections_(config::limits::kClientConnections, [this] { loop_->Wake(); }),
      learnt_sequences_(kSharedAtOnce) {
  loop_->OnTurnEnd([this] { EndTurn(); });
}

Worker::~Worker() {
  for (const auto& connection : connections_) connection->Close();
  models_.Close();
  mirror_models_.Close();
}

void Worker::Run() {
  loop_->timers().Set(tick_timer_, loop_->now() + stats::kTick);
  loop_->Run();
  calls_given_up_ = calls_.in_flight();
  for (const auto& connection : connections_) connection->Close();
  Report();
}

void Worker::Publish(routing::RouteTablePtr table) {
  new_table_.Put(std::move(table));
  loop_->Wake();
}

void Worker::Learn(SharedPins pins) {
  if (learnt_sequences_.Post(pins)) loop_->Wake();
}

bool Worker::Hand(NewConnection& connection) {
  if (connections() >= static_cast<int64_t>(config::limits::kClientConnections)) return false;
  if (!new_connections_.Post(connection)) return false;
  connection_count_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

void Worker::BeginDrain() {
  is_draining_.store(true, std::memory_order_release);
  loop_->Wake();
}

// --- The turn.

void Worker::EndTurn() {
  AdoptTable();
  LearnSequences();
  TakeConnections();
  feedback_.DeliverAnswers();
  const bool is_new_drain = drain_began_ == absl::InfiniteFuture() && is_draining_.load(std::memory_order_acquire);
  if (is_new_drain) AdvanceDrain();
  do {
    models_.Settle();
    mirror_models_.Settle();
    dirty_ports_.FlushAll();
  } while (models_.needs_settling() || mirror_models_.needs_settling());
  closed_.clear();
}

void Worker::AdoptTable() {
  std::optional<routing::RouteTablePtr> newest = new_table_.Take();
  if (!newest.has_value()) return;
  ShareSequences(**newest);
  table_ = *std::move(newest);
  services_.table = table_.get();
  models_.Adopt(*table_);
  mirror_models_.Adopt(*table_);
  drains_.Adopt(*table_);
}

void Worker::ShareSequences(const routing::RouteTable& next) {
  if (!share_) return;
  auto shared = std::make_shared<std::vector<SharedPin>>();
  for (const uint32_t run : RunsThatMoved(*table_, next)) {
    const std::vector<SharedPin> pins = services_.sequences.Share(run);
    shared->insert(shared->end(), pins.begin(), pins.end());
  }
  if (!shared->empty()) share_(std::move(shared));
}

void Worker::LearnSequences() {
  for (const SharedPins& shared : learnt_sequences_.TakeAll()) services_.sequences.Learn(*shared);
}

void Worker::OnGateShut(const ShutRun& shut) {
  calls_.ForAll([&](ProxiedCall& call) { call.OnGateShut(shut); });
}

void Worker::OnDrained(const ShutRun& shut) {
  services_.sequences.Forget(shut.run);
  calls_.ForAll([&](ProxiedCall& call) { call.OnDrained(shut); });
}

void Worker::TakeConnections() {
  for (NewConnection& connection : new_connections_.TakeAll()) Add(std::move(connection));
}

void Worker::Add(NewConnection accepted) {
  ++services_.counts.proxy.connections_accepted;
  runtime::DetectDeadPeer(accepted.fd.get());
  auto connection = std::make_unique<ClientConnection>(
      SocketServices{loop_.get(), &dirty_ports_, &blocks_, &client_bytes_}, std::move(accepted.fd), accepted.peer,
      options_.profile, static_cast<RequestHandler*>(this), static_cast<ClientConnectionOwner*>(this));
  if (!connection->Begin().ok()) {
    connection_count_.fetch_sub(1, std::memory_order_relaxed);
    return;
  }
  connection->place = connections_.size();
  connections_.push_back(std::move(connection));
  if (drain_began_ != absl::InfiniteFuture()) connections_.back()->Drain(false);
}

void Worker::OnClientClosed(ClientConnection& connection, const absl::Status& why) {
  services_.counts.proxy.connections_closed_for_abuse += absl::IsResourceExhausted(why);
  services_.counts.proxy.protocol_errors += absl::IsInvalidArgument(why);
  connection_count_.fetch_sub(1, std::memory_order_relaxed);
  const size_t place = connection.place;
  closed_.push_back(std::move(connections_[place]));
  if (place + 1 != connections_.size()) {
    connections_[place] = std::move(connections_.back());
    connections_[place]->place = place;
  }
  connections_.pop_back();
}

void Worker::OnRequest(ClientSession& client, http2::StreamId stream, http2::HeaderList& headers, bool end_stream) {
  const std::string_view path = headers.Find(":path").value_or("");
  if (FeedbackDesk::IsFeedback(path)) return feedback_.Start(client, stream, path, headers, end_stream);
  if (health_.IsOwn(path)) return health_.Start(client, stream, path, end_stream);
  calls_.Take().Start(client, stream, headers, end_stream);
}

// --- Ten times a second.

void Worker::Tick() {
  loop_->timers().Set(tick_timer_, loop_->now() + stats::kTick);
  Report();
  if (drain_began_ != absl::InfiniteFuture()) AdvanceDrain();
  if (++ticks_ % kTicksPerSweep == 0) {
    models_.CheckSilence();
    mirror_models_.CheckSilence();
    SweepConnections();
  }
}

void Worker::Report() {
  services_.counts.proxy.bytes_from_clients += std::exchange(client_bytes_.received, 0);
  services_.counts.proxy.bytes_to_clients += std::exchange(client_bytes_.sent, 0);
  stats::WorkerReport report;
  report.worker = options_.number;
  report.delta = std::move(services_.counts);
  report.table_version = table_->version;
  for (size_t i = 0; i < table_->models.size(); ++i) {
    report.healthy_endpoints.push_back(models_.ReadyEndpoints(static_cast<routing::ModelIndex>(i)));
  }
  report.connections = static_cast<int64_t>(connections_.size());
  report.calls_in_flight = static_cast<int64_t>(calls_.in_flight());
  report.failed_calls = services_.failed_calls.Take();
  services_.counts = {};
  services_.assignments.Send();
  if (report_(report)) return;
  services_.counts = std::move(report.delta);
  services_.failed_calls.GiveBack(std::move(report.failed_calls));
}

void Worker::SweepConnections() {
  // From the back: a connection that ends is replaced by the last one.
  for (size_t i = connections_.size(); i-- > 0;) connections_[i]->CheckAge();
}

void Worker::AdvanceDrain() {
  const absl::Time now = loop_->now();
  if (drain_began_ == absl::InfiniteFuture()) {
    drain_began_ = now;
    if (on_drain_) on_drain_();
    TakeConnections();
    health_.StopServing();
    feedback_.Drain();
    for (const auto& connection : connections_) connection->Drain(false);
  }
  const bool is_final = now - drain_began_ >= config::limits::kDrainPing;
  for (size_t i = connections_.size(); i-- > 0;) {
    connections_[i]->Drain(is_final);
    connections_[i]->CheckAge();
  }
  // Not at once: the first worker may still hand over connections that the kernel had accepted.
  const bool is_done = connections_.empty() && now - drain_began_ >= 2 * stats::kTick;
  if (is_done || now - drain_began_ >= options_.drain_grace) loop_->Stop();
}

}  // namespace weir::dataplane
