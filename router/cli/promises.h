// What an experiment's guardrails promise before any traffic: for people who decide on alphas and ratios. Pure.

#ifndef WEIR_ROUTER_CLI_PROMISES_H_
#define WEIR_ROUTER_CLI_PROMISES_H_

#include <string>

#include "config/config.h"

namespace weir::cli {

// Lines, indented: the sum of the alphas, which bounds a run's false rollback; then for each candidate and each
// guardrail on a ratio the least candidate requests that any method needs, on average, to prove a rise by 1.5, 2, 3 and
// 10 times (Wald's bound), from 1 % of errors, or from the share of slow calls that the quantile leaves.
std::string PromisesText(const config::Experiment& experiment);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PROMISES_H_
