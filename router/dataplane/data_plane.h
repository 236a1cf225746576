// The data plane as main.cc sees it: route tables go down, counts and outcomes come up.

#ifndef WEIR_ROUTER_DATAPLANE_DATA_PLANE_H_
#define WEIR_ROUTER_DATAPLANE_DATA_PLANE_H_

#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "router/dataplane/acceptor.h"
#include "router/dataplane/feedback_call.h"
#include "router/dataplane/ticket.h"
#include "router/dataplane/worker.h"
#include "router/routing/route_table.h"
#include "router/runtime/clock.h"
#include "router/runtime/resolver.h"

namespace weir::dataplane {

struct DataPlaneOptions {
  config::Address listener;  // Numeric, or a name that resolves to an address of this machine. Port 0: any free one.
  int workers = 1;
  config::Profile profile = config::Profile::kMesh;
  absl::Duration drain_grace = absl::Seconds(30);
  uint32_t replica = 0;  // Of the tickets' issuer (stats::Issuer).
  uint32_t boot = 0;
  const TicketSealer* tickets = nullptr;  // Borrowed; null: no tickets, and no outcomes are taken.
};

// Called by workers, each on its own thread, at any time between Serve and the end of Join.
struct DataPlaneSinks {
  ReportSink report;                     // Every tick, from each worker; once more at its end.
  OutcomeSink outcome;                   // Replies may come on any thread, until the data plane is destroyed.
  AssignmentSink assignments = nullptr;  // Null: there is no log.
};

class DataPlane {
 public:
  // Listens, and serves nobody yet: who connects waits. Errors name the address.
  static absl::StatusOr<std::unique_ptr<DataPlane>> Create(const DataPlaneOptions& options, runtime::Clock clock,
                                                           DataPlaneSinks sinks);
  // Stops at once if Join has not been called.
  ~DataPlane();

  // Starts the workers. After the first Publish: without a table every call is UNIMPLEMENTED. Once.
  void Serve();

  uint16_t port() const { return port_; }
  int workers() const { return static_cast<int>(workers_.size()); }

  // One thread, the control thread: every worker adopts the table before it handles its next batch of events. The table
  // is kept until no worker uses it any more, so that none of them ever frees one.
  void Publish(routing::RouteTablePtr table);

  // Any thread: accepts no more connections, tells the clients, and lets calls under way end, up to the grace.
  void BeginDrain();
  // Waits for the workers, after BeginDrain; how many calls had not ended at the end of the grace and were given up.
  size_t Join();

 private:
  DataPlane() = default;

  uint16_t port_ = 0;
  std::unique_ptr<runtime::Resolver> resolver_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> worker_list_;
  std::unique_ptr<Acceptor> acceptor_;
  std::vector<std::thread> threads_;
  std::vector<routing::RouteTablePtr> published_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_DATA_PLANE_H_
