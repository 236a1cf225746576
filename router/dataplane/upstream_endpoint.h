// One address of a model: its connections, how they come back, and whether calls may be sent there.

#ifndef WEIR_ROUTER_DATAPLANE_UPSTREAM_ENDPOINT_H_
#define WEIR_ROUTER_DATAPLANE_UPSTREAM_ENDPOINT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/random/bit_gen_ref.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "router/dataplane/endpoint_health.h"
#include "router/dataplane/upstream_connection.h"
#include "router/runtime/resolver.h"
#include "stats/counts.h"

namespace weir::dataplane {

// The delay before attempt `failures` + 1: from limits::kReconnectBackoffFirst, doubled by each failure up to
// kReconnectBackoffMost, with a jitter of a quarter either way so that workers and replicas do not connect in step.
absl::Duration ReconnectDelay(int failures, absl::BitGenRef rng);

// What the endpoints of one pool share. Borrowed; outlives them.
struct EndpointServices {
  SocketServices sockets;
  stats::ProxyCounts* counts;
  absl::BitGenRef rng;
  // Resolves a name away from this thread; the answer comes by `UpstreamEndpoint::OnResolved`, in some later turn.
  std::function<void(uint64_t endpoint, const config::Address& address)> resolve;
  http2::StreamId first_stream = 1;  // Of each connection; tests begin near the last one.
};

// Keeps at least one connection, from the beginning: whether the endpoint can be reached is known before a call needs
// it.
//
//   hopeful   not connected yet, or lost or told to go a moment ago: calls may wait for it
//   ready     a connection takes calls, and the check (if there is one) says ready
//   down      the last attempt failed, or the check says no: no calls
class UpstreamEndpoint final : private UpstreamConnectionOwner {
 public:
  // `on_change`: health or capacity may have changed, or a connection is to be tidied away.
  UpstreamEndpoint(EndpointServices* services, uint64_t id, const config::Address& address,
                   std::function<void()> on_change);
  ~UpstreamEndpoint() override;

  const config::Address& address() const { return address_; }
  uint64_t id() const { return id_; }

  // Starts, changes or ends active checks; begins to connect if it never has.
  void Configure(const std::optional<config::HealthCheck>& check, const std::string& model);
  // No new calls: connections close as their last call ends.
  void Retire();
  // Closes everything; calls under way are told that their connection is gone.
  void Close();

  bool is_ready() const;
  bool is_hopeful() const;
  bool is_retired() const { return is_retired_; }
  bool is_empty() const { return connections_.empty(); }

  const std::vector<std::unique_ptr<UpstreamConnection>>& connections() const { return connections_; }

  // Every ready connection is full: opens another one within bounds.
  void Widen();
  void OnResolved(runtime::Resolver::Addresses addresses);
  // Closes drained connections, and destroys closed ones. Not from within any connection's call.
  void Tidy();
  // Now and then: looks for connections that have gone silent.
  void CheckSilence(absl::Time now);

 private:
  void Connect();
  void ConnectTo(const runtime::SocketAddress& address);
  void Failed();
  void ReplaceAfter(const UpstreamConnection& gone);
  bool is_connecting() const;
  bool has_open_connection() const;
  UpstreamConnection* FirstReady() const;
  void Bury(UpstreamConnection& connection);
  void FollowWithProbe();

  void OnReady(UpstreamConnection& connection) override;
  void OnCapacityChanged(UpstreamConnection& connection) override;
  void OnGoAway(UpstreamConnection& connection) override;
  void OnClosed(UpstreamConnection& connection, const absl::Status& why) override;

  absl::Time now() const { return services_->sockets.loop->now(); }
  runtime::TimerQueue& timers() { return services_->sockets.loop->timers(); }

  EndpointServices* const services_;
  const uint64_t id_;
  const config::Address address_;
  const std::function<void()> on_change_;
  std::vector<std::unique_ptr<UpstreamConnection>> connections_;
  std::vector<std::unique_ptr<UpstreamConnection>> closed_;
  std::unique_ptr<HealthProbe> probe_;
  std::vector<runtime::SocketAddress> resolved_;  // Of a name; used in turn.
  size_t next_resolved_ = 0;
  bool is_resolving_ = false;
  bool is_retired_ = false;
  bool has_failed_ = false;  // Since it was last ready.
  absl::Time hopeful_until_ = absl::InfiniteFuture();
  int failures_ = 0;
  runtime::Timer reconnect_timer_;
  runtime::Timer attempt_timer_;
  runtime::Timer hope_timer_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_UPSTREAM_ENDPOINT_H_
