// Shares as exact fractions, of a table and of the journal's rows.

#ifndef WEIR_TEST_SIMULATOR_SHARES_H_
#define WEIR_TEST_SIMULATOR_SHARES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/weir/v1/journal.pb.h"
#include "router/routing/route_table.h"

namespace weir::simulator {

// part / whole; weights are small enough for products of two sums.
struct Share {
  uint64_t part = 0;
  uint64_t whole = 1;
  friend bool operator==(const Share& a, const Share& b) { return a.part * b.whole == b.part * a.whole; }
  friend bool operator<(const Share& a, const Share& b) { return a.part * b.whole < b.part * a.whole; }
  friend bool operator<=(const Share& a, const Share& b) { return !(b < a); }
};

inline uint64_t WeightOf(const routing::ExperimentRoute& route, std::string_view variant) {
  for (const routing::WeightedVariant& own : route.variants) {
    if (own.name == variant) return own.weight;
  }
  return 0;
}

// 0 for a variant that it does not have.
inline Share ShareOf(const routing::ExperimentRoute& route, std::string_view variant) {
  Share share{WeightOf(route, variant), 0};
  for (const routing::WeightedVariant& own : route.variants) share.whole += own.weight;
  return share;
}

inline bool IsShut(const v1::ExperimentState& state) { return state.has_rolled_back(); }

// In force: all to the default where the gate is shut.
inline Share ShareOf(const v1::ExperimentState& state, std::string_view variant) {
  if (IsShut(state)) return {variant == state.default_variant() ? uint64_t{1} : 0, 1};
  Share share{0, 0};
  for (const v1::VariantWeight& own : state.variants()) {
    share.whole += own.hundredths();
    if (own.name() == variant) share.part = own.hundredths();
  }
  return share;
}

inline const std::string& DefaultOf(const routing::ExperimentRoute& route) {
  return route.variants[route.default_variant].name;
}

// The default has all.
inline bool IsShut(const routing::ExperimentRoute& route) {
  const Share share = ShareOf(route, DefaultOf(route));
  return share.part > 0 && share.part == share.whole;
}

// Null if the table has no such experiment.
inline const routing::ExperimentRoute* Find(const routing::RouteTable& table, std::string_view experiment) {
  for (const routing::ExperimentRoute& route : table.experiments) {
    if (route.name == experiment) return &route;
  }
  return nullptr;
}

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_SHARES_H_
