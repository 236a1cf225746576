// A data-plane worker on virtual time: the routing, the records of calls and the counts of production, with models that
// are distributions. It adopts tables late, and hands its counts over late.

#ifndef WEIR_TEST_SIMULATOR_SIMULATED_WORKER_H_
#define WEIR_TEST_SIMULATOR_SIMULATED_WORKER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/time/time.h"
#include "router/dataplane/call_record.h"
#include "router/routing/route_table.h"
#include "stats/ticket.h"
#include "stats/worker_report.h"
#include "test/simulator/dice.h"
#include "test/simulator/history.h"

namespace weir::simulator {

// How a model answers now.
struct ModelBehaviour {
  double error_rate = 0.01;
  absl::Duration median = absl::Milliseconds(20);  // Latencies are lognormal.
  double sigma = 0.5;
  double accuracy = 0.8;   // That a client says "correct".
  double cancelled = 0;    // That the client goes away first.
  bool is_healthy = true;  // Has an endpoint.
};
using Models = std::map<std::string, ModelBehaviour>;

struct Caller {
  uint64_t user = 0;  // 0: without a key.
  std::string service;
  bool is_previewing = false;  // Its call has the header of a preview.
};

// A call that ended well, and whose client may report an outcome.
struct TicketHeld {
  stats::Ticket ticket;
  std::string experiment;
  std::string variant;
};

// Times: `at` is virtual time, which never jumps; `now` is what the process's clock says then.
class SimulatedWorker {
 public:
  explicit SimulatedWorker(stats::Issuer issuer) : issuer_(issuer) {}

  // --- Tables.
  void Send(routing::RouteTablePtr table, absl::Time adopted_at) { tables_.emplace_back(adopted_at, std::move(table)); }
  void Adopt(absl::Time at);
  const routing::RouteTablePtr& table() const { return table_; }

  // --- Calls.
  // nullopt: no experiment takes it.
  std::optional<CallPlaced> Place(const Caller& caller, const Models& models, absl::Time at, absl::Time now,
                                  Dice& dice);
  // The calls that have ended; the tickets of those that ended well.
  std::vector<TicketHeld> End(absl::Time at);

  // --- Counts.
  stats::WorkerReport TakeReport(const Models& models);
  void TakeBack(stats::WorkerReport report) { counts_ = std::move(report.delta); }
  absl::Time report_due = absl::InfinitePast();
  size_t in_flight() const { return calls_.size(); }

 private:
  struct Call {
    absl::Time ends;
    absl::Time began;
    dataplane::CallRecord record;
    dataplane::GrpcCode code = dataplane::GrpcCode::kOk;
    bool is_cancelled = false;
    std::optional<TicketHeld> held;
    bool operator<(const Call& other) const { return ends > other.ends; }  // The earliest end on top.
  };
  absl::InlinedVector<bool, 16> HealthOf(const Models& models) const;  // By model of the table.
  std::optional<TicketHeld> TicketOf(const routing::Decision& decision, absl::Time now);

  const stats::Issuer issuer_;
  uint64_t last_ticket_ = 0;
  std::deque<std::pair<absl::Time, routing::RouteTablePtr>> tables_;
  routing::RouteTablePtr table_;
  std::priority_queue<Call> calls_;
  stats::CountsDelta counts_;
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_SIMULATED_WORKER_H_
