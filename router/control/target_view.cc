#include "router/control/target_view.h"

#include "router/experiment/proto_time.h"

namespace weir::control {

void ShowTargets(const std::vector<TargetReport>& targets, Snapshot& view) {
  for (const TargetReport& target : targets) {
    v1::NotifyTargetStatus& shown = *view.status.add_notify_targets();
    shown.set_target(target.name);
    shown.set_queued(target.queued);
    shown.set_sent(target.counts.sent);
    shown.set_failed(target.counts.failed);
    shown.set_dropped(target.counts.dropped);
    shown.set_last_error(target.counts.last_error);
    if (!target.counts.last_error.empty()) {
      *shown.mutable_last_error_at() = experiment::TimestampOf(target.counts.last_error_at);
    }
    if (target.counts.sent > 0) *shown.mutable_last_sent_at() = experiment::TimestampOf(target.counts.last_sent_at);
    view.metrics.notify.push_back({.target = target.name,
                                   .queued = target.queued,
                                   .sent = target.counts.sent,
                                   .failed = target.counts.failed,
                                   .dropped = target.counts.dropped});
  }
}

}  // namespace weir::control
