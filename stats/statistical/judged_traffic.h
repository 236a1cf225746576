// One guardrail judging simulated traffic, as production would.

#ifndef WEIR_STATS_STATISTICAL_JUDGED_TRAFFIC_H_
#define WEIR_STATS_STATISTICAL_JUDGED_TRAFFIC_H_

#include <vector>

#include "stats/guardrails.h"
#include "stats/traffic_simulation.h"

namespace weir::stats {

// A ledger gives the run's test half of its alpha: with twice the alpha that test has the threshold 1/alpha.
inline std::vector<GuardrailSpec> OneGuardrail(const GuardrailTest& test, double alpha) { return {{test, 2 * alpha}}; }

inline Evidence EvidenceOf(const TrafficSimulation& simulation) {
  Evidence evidence;
  uint32_t number = 0;
  for (const TrafficSimulation::Epoch& epoch : simulation.epochs()) {
    evidence.epochs.push_back({number++, &epoch.baseline, &epoch.candidate});
  }
  return evidence;
}

}  // namespace weir::stats

#endif  // WEIR_STATS_STATISTICAL_JUDGED_TRAFFIC_H_
