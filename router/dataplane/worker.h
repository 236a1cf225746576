// One core's share of the data plane: an event loop, client connections, connections to models, and the calls between
// them.

#ifndef WEIR_ROUTER_DATAPLANE_WORKER_H_
#define WEIR_ROUTER_DATAPLANE_WORKER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "router/dataplane/call_services.h"
#include "router/dataplane/client_connection.h"
#include "router/dataplane/drains.h"
#include "router/dataplane/feedback_call.h"
#include "router/dataplane/health_call.h"
#include "router/dataplane/mirror.h"
#include "router/dataplane/proxied_call.h"
#include "router/dataplane/upstream_pool.h"
#include "router/runtime/event_loop.h"
#include "router/runtime/latest.h"
#include "router/runtime/mailbox.h"
#include "router/runtime/resolver.h"
#include "stats/worker_report.h"

namespace weir::dataplane {

// Takes a worker's report; false: full, and the report is untouched, to be kept and added to.
using ReportSink = std::function<bool(stats::WorkerReport&)>;

struct WorkerOptions {
  int number = 0;
  config::Profile profile = config::Profile::kMesh;
  absl::Duration drain_grace;
  stats::Issuer issuer;
  const TicketSealer* tickets = nullptr;  // Borrowed; null: no tickets, and no outcomes are taken.
  AssignmentSink assignments;             // Null: there is no log.
};

// Sequences of one worker, as all others read them.
using SharedPins = std::shared_ptr<const std::vector<SharedPin>>;

// An accepted connection on its way to its worker.
struct NewConnection {
  runtime::FileDescriptor fd;
  ClientSession::PeerIp peer;
};

// Lives on the thread that calls `Run`, but for what says "any thread".
class Worker final : private RequestHandler, private ClientConnectionOwner {
 public:
  // `resolver` is borrowed; sinks may be called from the worker's thread at any time until Run returns.
  static absl::StatusOr<std::unique_ptr<Worker>> Create(const WorkerOptions& options, runtime::Clock clock,
                                                        runtime::Resolver* resolver, ReportSink report,
                                                        OutcomeSink outcome);
  ~Worker() override;

  // Until it has drained.
  void Run();
  runtime::EventLoop& loop() { return *loop_; }
  // After Run: calls that had not ended.
  size_t calls_given_up() const { return calls_given_up_; }

  // Any thread. The worker adopts the table between two turns.
  void Publish(routing::RouteTablePtr table);
  // Any thread. What another worker knows of sequences whose weights have changed.
  void Learn(SharedPins pins);
  // Before Run: hands this worker's sequences to all others, from its own thread. Never called for a lone worker.
  void OnShare(std::function<void(SharedPins)> share) { share_ = std::move(share); }
  // Any thread. False, and the connection untouched, when the worker has too many.
  bool Hand(NewConnection& connection);
  // Any thread.
  int64_t connections() const { return connection_count_.load(std::memory_order_relaxed); }
  // Any thread. From now on: GOAWAY; no stream is taken after a second; Run returns when every call has ended, or after
  // the grace.
  void BeginDrain();
  // Any thread. Run returns at once; calls under way are lost.
  void StopNow() { loop_->Stop(); }

  // Before Run: what else is to be done when draining begins, on the worker's thread.
  void OnDrain(std::function<void()> action) { on_drain_ = std::move(action); }

  // The worker's thread: connections that were not taken, for the counts.
  void CountRefusedConnection() { ++services_.counts.proxy.connections_refused; }

 private:
  Worker(const WorkerOptions& options, std::unique_ptr<runtime::EventLoop> loop, runtime::Resolver* resolver,
         ReportSink report, OutcomeSink outcome);

  void OnRequest(ClientSession& client, http2::StreamId stream, http2::HeaderList& headers, bool end_stream) override;
  void OnClientClosed(ClientConnection& connection, const absl::Status& why) override;

  void EndTurn();
  void AdoptTable();
  void ShareSequences(const routing::RouteTable& next);
  void LearnSequences();
  void OnGateShut(const ShutRun& shut);
  void OnDrained(const ShutRun& shut);
  void TakeConnections();
  void Add(NewConnection connection);
  void Tick();
  void Report();
  void SweepConnections();
  void AdvanceDrain();

  const WorkerOptions options_;
  const ReportSink report_;
  const std::unique_ptr<runtime::EventLoop> loop_;
  DirtyPorts dirty_ports_;
  ReceiveBlocks blocks_;
  ByteCounts client_bytes_;
  ByteCounts upstream_bytes_;
  routing::RouteTablePtr table_;
  CallServices services_;
  UpstreamPool models_;
  UpstreamPool mirror_models_;
  Mirrors mirrors_;
  CallPool calls_;
  Drains drains_;
  FeedbackDesk feedback_;
  HealthDesk health_;

  std::vector<std::unique_ptr<ClientConnection>> connections_;
  std::vector<std::unique_ptr<ClientConnection>> closed_;
  runtime::Timer tick_timer_;
  int ticks_ = 0;
  std::function<void()> on_drain_;
  std::function<void(SharedPins)> share_;
  size_t calls_given_up_ = 0;
  absl::Time drain_began_ = absl::InfiniteFuture();

  std::atomic<int64_t> connection_count_ = 0;
  std::atomic<bool> is_draining_ = false;
  runtime::Latest<routing::RouteTablePtr> new_table_;
  runtime::Mailbox<NewConnection> new_connections_;
  runtime::Mailbox<SharedPins> learnt_sequences_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_WORKER_H_
