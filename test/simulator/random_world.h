// One seed's world: what it is made of and all that befalls it, drawn by chance.

#ifndef WEIR_TEST_SIMULATOR_RANDOM_WORLD_H_
#define WEIR_TEST_SIMULATOR_RANDOM_WORLD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "test/simulator/coverage.h"
#include "test/simulator/evidence_rules.h"

namespace weir::simulator {

struct SeedResult {
  std::vector<std::string> violations;
  Coverage coverage;
  AlphaAccount healthy;  // Of a world whose models are alike; else empty.
};

struct SeedOptions {
  std::string folder;                             // Where the real store may keep its files.
  std::function<void(const std::string&)> trace;  // Each event as a line; may be empty.
};

// The same seed gives the same result.
SeedResult RunSeed(uint64_t seed, const SeedOptions& options);

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_RANDOM_WORLD_H_
