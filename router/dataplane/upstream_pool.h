// One worker's connections to the models, and the calls that wait for them.

#ifndef WEIR_ROUTER_DATAPLANE_UPSTREAM_POOL_H_
#define WEIR_ROUTER_DATAPLANE_UPSTREAM_POOL_H_

#include <memory>
#include <span>
#include <vector>

#include "router/dataplane/least_loaded.h"
#include "router/dataplane/stream_source.h"
#include "router/dataplane/upstream_endpoint.h"
#include "router/routing/route_table.h"
#include "router/runtime/mailbox.h"
#include "router/runtime/resolver.h"

namespace weir::dataplane {

// Which models of a table a pool connects to.
enum class PoolUse { kPrimary, kMirrors };
// By model index.
std::vector<bool> ModelsUsed(const routing::RouteTable& table, PoolUse use);

// Connections are shared by all clients of the worker. A call goes to the connection with the fewest calls among those
// of its model; when all are full another is opened, up to a bound, and calls wait in order, in a queue with a bound.
//
// Events of connections only leave a note that something changed; `Settle`, between the turn's events and its writes,
// acts on it: it hands streams to those that wait, and tells those that wait in vain.
class UpstreamPool final : public StreamSource {
 public:
  // All borrowed; `max_waiting` calls may wait for one model.
  UpstreamPool(PoolUse use, size_t max_waiting, const SocketServices& sockets, stats::ProxyCounts* counts,
               absl::BitGenRef rng, runtime::Resolver* resolver);
  ~UpstreamPool() override;

  // Connects to what the table names, and lets go of what it names no more.
  void Adopt(const routing::RouteTable& table);

  Placement Place(routing::ModelIndex model, StreamWaiter& waiter) override;
  std::span<const bool> healthy() const override { return {healthy_.get(), models_.size()}; }
  // Endpoints that are ready now.
  uint16_t ReadyEndpoints(routing::ModelIndex model) const;

  bool needs_settling() const { return has_changed_; }
  void Settle();
  // Once a second or so.
  void CheckSilence();
  // At the end: calls under way are told that their connections are gone.
  void Close();

 private:
  struct ModelPool {
    std::vector<std::unique_ptr<UpstreamEndpoint>> endpoints;
    WaiterQueue waiting;
    bool has_changed = false;
    size_t next = 0;  // Where the search for the least loaded begins.
  };
  struct Resolved {
    uint64_t endpoint;
    runtime::Resolver::Addresses addresses;
  };

  void AdoptModel(ModelPool& pool, const routing::ModelRoute& model, bool is_used);
  UpstreamSession* FindRoom(ModelPool& pool);
  void Widen(ModelPool& pool);
  void SettleModel(routing::ModelIndex model);
  void HandOutAddresses();
  void Note(ModelPool& pool);
  bool ComputeHealth(const ModelPool& pool) const;

  const PoolUse use_;
  const size_t max_waiting_;
  runtime::Mailbox<Resolved> resolved_;
  EndpointServices endpoint_services_;
  uint64_t next_endpoint_ = 1;
  std::vector<std::unique_ptr<ModelPool>> models_;  // By index; never shrinks.
  std::unique_ptr<bool[]> healthy_;
  std::vector<Load> loads_;  // Of one search; its memory is kept.
  std::vector<UpstreamSession*> candidates_;
  bool has_changed_ = false;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_UPSTREAM_POOL_H_
