// From what the guardrails say to the breach that shuts the gate.

#ifndef WEIR_ROUTER_EXPERIMENT_BREACH_H_
#define WEIR_ROUTER_EXPERIMENT_BREACH_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "router/experiment/detectors.h"
#include "router/experiment/guardrails.h"
#include "router/experiment/machine.h"
#include "router/experiment/run_evidence.h"

namespace weir::experiment {

// Something that a guardrail of a candidate asks for, and the numbers that it asks by.
struct Demand {
  std::string guardrail;
  std::string candidate;
  bool is_detectors = false;  // Of its detector of late rises, and not of its test.
  double log10_evidence = 0;  // Of a detector: its statistic.
  double log10_threshold = 0;
};

Demand DemandOf(const Detection& detection);

// The breach that it is, with what was counted. `default_variant`: of the split in force.
Breach BreachOf(const Demand& demand, const config::Experiment& specification, const RunEvidence& evidence,
                const std::string& default_variant, absl::Time now);

// Of the breached guardrails that ask for a rollback: the one that is furthest beyond its threshold, with what was
// counted. `judgements` are of `evidence` at `now`, by the guardrails of `specification`.
std::optional<Breach> WorstBreach(const std::vector<Judgement>& judgements, const RunEvidence& evidence,
                                  const config::Experiment& specification, const std::string& default_variant,
                                  absl::Time now);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_BREACH_H_
