// Many seeds' worlds, and what they say together.

#ifndef WEIR_TEST_SIMULATOR_SWARM_H_
#define WEIR_TEST_SIMULATOR_SWARM_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "test/simulator/coverage.h"
#include "test/simulator/evidence_rules.h"

namespace weir::simulator {

struct SwarmOptions {
  uint64_t first = 1;
  int64_t seeds = 1000;
  int jobs = 1;
  std::string folder;       // For the real store's files.
  size_t most_failed = 10;  // Then it stops.
};

struct FailedSeed {
  uint64_t seed = 0;
  std::vector<std::string> violations;
};

struct SwarmResult {
  int64_t seeds = 0;
  std::vector<FailedSeed> failed;
  Coverage coverage;
  AlphaAccount healthy;

  // Healthy candidates are rolled back more often than their alpha allows, though chance does that to one swarm in a
  // million at most.
  bool has_too_many_false_alarms() const { return healthy.ProbabilityAtMost() < 1e-6; }
};

// `progress` hears how many are done and how many of those failed, now and then, on the calling thread.
SwarmResult RunSwarm(const SwarmOptions& options, const std::function<void(int64_t, size_t)>& progress);

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_SWARM_H_
