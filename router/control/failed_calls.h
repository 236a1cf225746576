// The last calls that models failed, for the post-mortem.

#ifndef WEIR_ROUTER_CONTROL_FAILED_CALLS_H_
#define WEIR_ROUTER_CONTROL_FAILED_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "proto/weir/v1/report.pb.h"
#include "stats/failed_call.h"

namespace weir::control {

// Of one experiment's newest run. The control thread's.
class FailedCalls {
 public:
  // Kept of each variant; the oldest go first. A post-mortem reads a page, not a log.
  static constexpr size_t kKept = 50;

  // `run` is the run's ordinal. A newer run's first call drops those of the run before; one of an older run is none of
  // the newest.
  void Add(uint32_t run, const std::string& variant, const stats::FailedCall& call);
  // Of that run, oldest first.
  std::vector<v1::FailedCallRecord> Of(uint32_t run) const;

 private:
  uint32_t run_ = 0;
  std::map<std::string, std::deque<stats::FailedCall>> kept_;  // By variant.
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_FAILED_CALLS_H_
