// What a plan needs and a specification does not say: the traffic, and what is normal. Every value that nobody gave is
// a default that the plan prints beside its option.

#ifndef WEIR_ROUTER_CLI_PLANNING_ASSUMPTIONS_H_
#define WEIR_ROUTER_CLI_PLANNING_ASSUMPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "router/cli/command_line.h"
#include "router/cli/metric_baseline.h"

namespace weir::cli {

// One of them, for people.
struct Assumed {
  std::string option;  // "--baseline-error"
  std::string value;
  std::string meaning;
  std::string source;  // "given", "assumed", or "file": the specification says it.
};

struct Assumptions {
  double calls_per_second = 50;
  double baseline_error = 0.01;
  absl::Duration median_latency = absl::Milliseconds(20);
  absl::Duration p99_latency = absl::Milliseconds(64);  // Latencies are taken for lognormal.
  double alpha = 0.05;                                  // Of the comparisons at the end, two-sided.
  double power = 0.8;
  double reported = 1;          // The part of calls whose outcome is reported; ticketSample unless given.
  std::optional<double> users;  // That there are in all, if anybody said so.
  double calls_per_user = 10;   // Else: of the user of a typical call, in the whole comparison.
  double correlation = 0.05;    // Of two calls of one user.
  absl::Duration length = absl::Hours(24 * 14);  // Of an experiment without a rollout.
  MetricBaselines metrics;                       // Of every metric of the experiment.
  std::vector<Assumed> said;

  double latency_deviation() const;  // Of log(latency).
  // Of `calls` by the part `part` of all users.
  double DesignEffect(double calls, double part) const;
  // How many calls by that part of all users say as much as `independent` ones; infinity where none do.
  double CallsOf(double independent, double part) const;
};

// InvalidArgument, beginning with the option, for what cannot be.
absl::StatusOr<Assumptions> AssumptionsOf(const PlanCommand& command, const config::Experiment& experiment);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PLANNING_ASSUMPTIONS_H_
