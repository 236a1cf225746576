// What a data-plane worker tells the control thread every tick.

#ifndef WEIR_STATS_WORKER_REPORT_H_
#define WEIR_STATS_WORKER_REPORT_H_

#include <cstdint>
#include <vector>

#include "stats/counts.h"
#include "stats/failed_call.h"

namespace weir::stats {

// The delta adds; the rest is how things stand now, and replaces the worker's last word.
struct WorkerReport {
  int worker = 0;
  CountsDelta delta;
  uint64_t table_version = 0;               // Of the route table that the worker goes by.
  std::vector<uint16_t> healthy_endpoints;  // By model index.
  int64_t connections = 0;
  int64_t calls_in_flight = 0;
  std::vector<FailedCall> failed_calls;  // A few of those of the delta.
};

}  // namespace weir::stats

#endif  // WEIR_STATS_WORKER_REPORT_H_
