#include "router/routing/assignment.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace weir::routing {

uint64_t SaltSeed(std::string_view salt) { return XXH3_64bits(salt.data(), salt.size()); }

uint64_t NameHash(std::string_view name) { return XXH3_64bits(name.data(), name.size()); }

UserHash HashUser(std::string_view key, uint64_t salt_seed) {
  return {XXH3_64bits_withSeed(key.data(), key.size(), salt_seed)};
}

double UnitInterval(UserHash user, std::string_view name) {
  const uint64_t draw = XXH3_64bits_withSeed(name.data(), name.size(), user.value);
  return (static_cast<double>(draw >> 11) + 0.5) * 0x1p-53;
}

double Arrival(double unit_interval, uint32_t weight) {
  return weight == 0 ? std::numeric_limits<double>::infinity() : -std::log(unit_interval) / weight;
}

size_t Assign(UserHash user, std::span<const WeightedVariant> variants) {
  size_t winner = variants.size();
  double earliest = std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < variants.size(); ++i) {
    if (variants[i].weight == 0) continue;
    const double arrival = Arrival(UnitInterval(user, variants[i].name), variants[i].weight);
    if (arrival < earliest) earliest = arrival, winner = i;
  }
  if (winner == variants.size()) std::abort();  // Validation lets no experiment through whose weights are all 0.
  return winner;
}

uint64_t UserNumber(std::string_view key) { return XXH3_64bits_withSeed(key.data(), key.size(), kBucketSeed); }

uint64_t SequenceNumber(std::string_view sequence, UserHash user) {
  return std::max<uint64_t>(XXH3_64bits_withSeed(sequence.data(), sequence.size(), user.value), 1);
}

}  // namespace weir::routing
