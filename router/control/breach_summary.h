// A breach with the numbers of its moment, for the journal and for people.

#ifndef WEIR_ROUTER_CONTROL_BREACH_SUMMARY_H_
#define WEIR_ROUTER_CONTROL_BREACH_SUMMARY_H_

#include "absl/time/time.h"
#include "config/config.h"
#include "router/experiment/analyst.h"
#include "router/experiment/machine.h"
#include "router/experiment/run_evidence.h"

namespace weir::control {

experiment::Breach BreachOf(const experiment::Demand& demand, const config::Experiment& specification,
                            const experiment::State& state, const experiment::RunEvidence& evidence, absl::Time now);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_BREACH_SUMMARY_H_
