// Everything that a worker needs to place a call, as one immutable value. The control thread makes a new one for every
// change (a reload, a flip of weights, a new epoch) and each worker adopts it between two turns of its loop.

#ifndef WEIR_ROUTER_ROUTING_ROUTE_TABLE_H_
#define WEIR_ROUTER_ROUTING_ROUTE_TABLE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "router/routing/assignment.h"

namespace weir::routing {

// A model's place in `RouteTable::models`. Stable over reloads within a process: a name keeps its number, and a removed
// one's is not given to another. (A removed model's entry stays, with no endpoints; when the name comes back, so does
// its number.)
using ModelIndex = uint16_t;

struct ModelRoute {
  std::string name;
  std::vector<config::Address> endpoints;
  std::optional<config::HealthCheck> health;
  std::optional<absl::Duration> deadline;
  bool operator==(const ModelRoute&) const = default;
};

struct MirrorRoute {
  ModelIndex model = 0;
  config::Percent percent;
  bool operator==(const MirrorRoute&) const = default;
};

// Calls with this header go to this variant. There only while it applies.
struct PreviewRoute {
  std::string header;
  std::string value;  // Empty: any.
  uint16_t variant = 0;
  bool operator==(const PreviewRoute&) const = default;
};

struct ExperimentRoute {
  std::string name;
  config::Match match;
  uint64_t salt_seed = 0;    // XXH3_64(salt).
  uint64_t name_hash = 0;    // XXH3_64(name): its number in tickets.
  uint32_t run = 0;          // stats::CountsKey::run
  uint32_t run_ordinal = 0;  // stats::Ticket::run
  uint32_t epoch = 0;
  std::vector<config::KeySource> key_sources;
  std::optional<config::SequenceKey> sequence;  // nullopt: calls are of none.
  // What the rule asks of a body: the names in `key_sources` and `sequence`, each once. Empty: nothing.
  std::vector<std::string> parameters;
  std::optional<PreviewRoute> preview;
  // The run was rolled back, and what was open on its candidates then ends at this time. InfiniteFuture: it was not.
  absl::Time drained_by = absl::InfiniteFuture();
  std::vector<WeightedVariant> variants;   // In the order of the specification, with the weights in force.
  std::vector<ModelIndex> variant_models;  // Of the same places.
  uint16_t default_variant = 0;
  std::vector<MirrorRoute> mirrors;
  std::vector<std::string> mirror_methods;  // Names without service, sorted; empty: all.
  uint32_t error_codes = 0;                 // Bit c: gRPC code c is the model's error.
  bool issues_tickets = false;
  config::Percent ticket_sample = config::Percent::All();
  bool operator==(const ExperimentRoute&) const = default;
};

struct PlainRoute {
  config::Match match;
  ModelIndex model = 0;
  bool passthrough = false;
  bool operator==(const PlainRoute&) const = default;
};

struct RouteTable {
  uint64_t version = 0;  // Grows with each table published.
  std::vector<ModelRoute> models;
  // The first that matches: the more specific match first, then by name. Not the order of Config::experiments.
  std::vector<ExperimentRoute> experiments;
  std::vector<PlainRoute> routes;  // Then the first of these.
  std::optional<config::ForceVariantHeader> force_variant_header;
  uint32_t default_error_codes = 0;           // For calls outside experiments.
  std::optional<config::Percent> log_sample;  // Of users whose calls are logged; nullopt: there is no log.
  bool operator==(const RouteTable&) const = default;
};

using RouteTablePtr = std::shared_ptr<const RouteTable>;

}  // namespace weir::routing

#endif  // WEIR_ROUTER_ROUTING_ROUTE_TABLE_H_
