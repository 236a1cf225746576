// How asking other systems for an experiment's metrics goes. The values are the experiment's own
// (GovernedExperiment::external_values).

#ifndef WEIR_ROUTER_CONTROL_EXTERNAL_METRICS_H_
#define WEIR_ROUTER_CONTROL_EXTERNAL_METRICS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "config/analysis.h"
#include "proto/weir/v1/admin.pb.h"
#include "router/experiment/external_values.h"
#include "stats/metrics_snapshot.h"

namespace weir::control {

// The control thread's.
class ExternalMetrics {
 public:
  // What the file asks now.
  void Follow(const std::vector<config::QueryMetric>& queries);
  // What came of a question. Whether it is answered now where it was not just before, or the other way round. One of a
  // metric that is not followed is passed over.
  bool Take(const std::string& metric, const absl::Status& result, absl::Time now);

  // With the values that are known; those that are older than their `max_age` are not believed.
  void Show(const std::string& experiment, const experiment::ExternalValues& values, absl::Time now,
            v1::ExperimentStatus& status, std::vector<stats::QueryMetrics>& metrics) const;

 private:
  struct Asked {
    config::QueryMetric query;
    std::string error;  // Of the last question; empty when it was answered.
    absl::Time error_at;
    int64_t answers = 0;
    int64_t failures = 0;
  };

  std::map<std::string, Asked> asked_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_EXTERNAL_METRICS_H_
