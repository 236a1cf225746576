#include "router/dataplane/drains.h"

#include <algorithm>
#include <set>
#include <utility>

namespace weir::dataplane {

Drains::Drains(const absl::Time* now, runtime::TimerQueue* timers, std::function<void(const ShutRun&)> on_shut,
               std::function<void(const ShutRun&)> on_over)
    : now_(now), timers_(timers), on_shut_(std::move(on_shut)), on_over_(std::move(on_over)), timer_([this] {
        EndThoseOver();
      }) {}

void Drains::Adopt(const routing::RouteTable& table) {
  std::set<uint32_t> named;
  for (const routing::ExperimentRoute& experiment : table.experiments) {
    if (experiment.drained_by == absl::InfiniteFuture()) continue;
    named.insert(experiment.run);
    const auto [drain, is_new] = drains_.try_emplace(experiment.run);
    drain->second.over_at = experiment.drained_by;
    if (!is_new) continue;
    drain->second.run = {experiment.name, experiment.run, experiment.default_variant, *now_};
    on_shut_(drain->second.run);
  }
  std::erase_if(drains_, [&](const auto& drain) { return drain.second.is_over && !named.contains(drain.first); });
  EndThoseOver();
}

void Drains::EndThoseOver() {
  absl::Time next = absl::InfiniteFuture();
  for (auto& [run, drain] : drains_) {
    if (drain.is_over) continue;
    if (*now_ < drain.over_at) {
      next = std::min(next, drain.over_at);
      continue;
    }
    drain.is_over = true;
    on_over_(drain.run);
  }
  next == absl::InfiniteFuture() ? timer_.Cancel() : timers_->Set(timer_, next);
}

}  // namespace weir::dataplane
