// From what the operator asked for and how the experiments stand to the table that workers go by: one pure function, called by
// the control thread at every change.

#ifndef WEIR_ROUTER_ROUTING_BUILD_TABLE_H_
#define WEIR_ROUTER_ROUTING_BUILD_TABLE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "config/config.h"
#include "router/routing/route_table.h"

namespace weir::routing {

// How one experiment stands: what the control thread knows and no file says.
struct ExperimentState {
  uint32_t run = 0;          // stats::CountsKey::run: of this process, above 0.
  uint32_t run_ordinal = 0;  // stats::Ticket::run: as the journal numbers it.
  uint32_t epoch = 0;
  bool is_gate_shut = false;                           // The default has all, whatever the weights say.
  absl::Time rolled_back_at = absl::InfiniteFuture();  // InfiniteFuture: it was not.
  std::string previewed{};  // The candidate to which the rollout's preview goes now; empty: it goes nowhere.
  bool operator==(const ExperimentState&) const = default;
};

// By the experiment's name.
using ExperimentStates = std::map<std::string, ExperimentState, std::less<>>;

// `config` is a validated one. `previous` gives the models' numbers (nullptr at first); `version` is above its version.
// InvalidArgument: an experiment has no state, or run 0, which would count its calls as traffic outside experiments.
// ResourceExhausted: this process has seen 65,535 names of models; only a restart numbers them anew.
absl::StatusOr<RouteTable> BuildRouteTable(const config::Config& config, const ExperimentStates& states,
                                           const RouteTable* previous, uint64_t version);

// The share of variant `i` in force, 0 to 1.
double ShareInForce(const ExperimentRoute& experiment, size_t variant);

}  // namespace weir::routing

#endif  // WEIR_ROUTER_ROUTING_BUILD_TABLE_H_
