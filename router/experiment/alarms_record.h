// Alarms in the checkpoints of detectors and trends, which keep them in the same fields.

#ifndef WEIR_ROUTER_EXPERIMENT_ALARMS_RECORD_H_
#define WEIR_ROUTER_EXPERIMENT_ALARMS_RECORD_H_

#include "router/experiment/alarms.h"
#include "router/experiment/proto_time.h"

namespace weir::experiment {

template <typename Checkpoint>
void WriteAlarms(const Alarms& alarms, Checkpoint& record) {
  record.set_alarms(alarms.count);
  if (alarms.last) *record.mutable_alarmed_at() = TimestampOf(*alarms.last);
  if (alarms.since) *record.mutable_warned_since() = TimestampOf(*alarms.since);
}

template <typename Checkpoint>
Alarms AlarmsOf(const Checkpoint& record) {
  Alarms alarms{.count = record.alarms()};
  if (record.has_alarmed_at()) alarms.last = alarms.since = TimeOf(record.alarmed_at());
  if (record.has_warned_since()) alarms.since = TimeOf(record.warned_since());
  return alarms;
}

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_ALARMS_RECORD_H_
