// What an outcome metric is while all is well: a specification does not say it, so that plans and simulations ask.

#ifndef WEIR_ROUTER_CLI_METRIC_BASELINE_H_
#define WEIR_ROUTER_CLI_METRIC_BASELINE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/config.h"

namespace weir::cli {

struct MetricBaseline {
  config::MetricType type = config::MetricType::kProportion;
  double mean = 0;
  double deviation = 0;  // Of one outcome; of a proportion, sqrt(p (1 - p)).
  bool is_given = false;
  bool operator==(const MetricBaseline&) const = default;
};
using MetricBaselines = std::map<std::string, MetricBaseline>;

// Of each of the experiment's metrics: as given ("accuracy=0.93" or "accuracy=93%" of a proportion, "revenue=3.2/5" of
// a mean and its standard deviation), or else 0.9 of a proportion, and 1 with a deviation of 1 of a mean.
// InvalidArgument, beginning with --baseline, for what fits none of them.
absl::StatusOr<MetricBaselines> BaselinesOf(const config::Experiment& experiment,
                                            const std::vector<std::string>& given);

// "93 %", "3.2 (deviation 5)".
std::string ToString(const MetricBaseline& baseline);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_METRIC_BASELINE_H_
