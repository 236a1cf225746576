#include "router/control/traffic_totals.h"

#include <algorithm>
#include <limits>

namespace weir::control {

uint32_t TrafficTotals::NumberOf(const CountsLayout& layout) {
  const auto present = present_.find(layout.experiment);
  if (present != present_.end() && layouts_.at(present->second) == layout) return present->second;
  layouts_.emplace(++last_number_, layout);
  present_[layout.experiment] = last_number_;
  // Present numbers may be old too: those stay.
  for (auto oldest = layouts_.begin(); layouts_.size() > kKeptNumbers && oldest != layouts_.end();) {
    const bool is_present = present_.at(oldest->second.experiment) == oldest->first;
    oldest = is_present ? std::next(oldest) : layouts_.erase(oldest);
  }
  return last_number_;
}

const CountsLayout* TrafficTotals::LayoutOf(uint32_t number) const {
  const auto found = layouts_.find(number);
  return found == layouts_.end() ? nullptr : &found->second;
}

void TrafficTotals::Add(const stats::WorkerReport& report, const routing::RouteTable& table) {
  for (const auto& [key, counts] : report.delta.served) {
    const CountsLayout* layout = LayoutOf(key.run);
    if (layout != nullptr && key.variant < layout->variants.size()) {
      served_[{layout->experiment, layout->variants[key.variant]}].Merge(counts);
    } else if (key.run == 0 && key.variant < table.models.size()) {
      served_[{kOutside, table.models[key.variant].name}].Merge(counts);
    }
  }
  for (const auto& [key, counts] : report.delta.mirrors) {
    const CountsLayout* layout = LayoutOf(key.run);
    if (layout == nullptr || key.mirror >= layout->mirrors.size()) continue;
    mirrored_[{layout->experiment, layout->mirrors[key.mirror]}].Merge(counts);
  }
  proxy_.Merge(report.delta.proxy);
  last_words_[report.worker] = {.table_version = report.table_version,
                                .healthy_endpoints = report.healthy_endpoints,
                                .connections = report.connections,
                                .calls_in_flight = report.calls_in_flight};
}

const stats::ServedCounts& TrafficTotals::served(const std::string& experiment, const std::string& model) const {
  const auto found = served_.find({experiment, model});
  return found == served_.end() ? nothing_ : found->second;
}

const stats::ServedCounts& TrafficTotals::mirrored(const std::string& experiment, const std::string& model) const {
  const auto found = mirrored_.find({experiment, model});
  return found == mirrored_.end() ? nothing_ : found->second;
}

int64_t TrafficTotals::connections() const {
  int64_t sum = 0;
  for (const auto& [worker, last] : last_words_) sum += last.connections;
  return sum;
}

int64_t TrafficTotals::calls_in_flight() const {
  int64_t sum = 0;
  for (const auto& [worker, last] : last_words_) sum += last.calls_in_flight;
  return sum;
}

uint64_t TrafficTotals::oldest_table() const {
  if (last_words_.empty()) return 0;
  uint64_t oldest = std::numeric_limits<uint64_t>::max();
  for (const auto& [worker, last] : last_words_) oldest = std::min(oldest, last.table_version);
  return oldest;
}

int64_t TrafficTotals::healthy_endpoints(size_t model) const {
  int64_t sum = 0;
  for (const auto& [worker, last] : last_words_) {
    if (model < last.healthy_endpoints.size()) sum += last.healthy_endpoints[model];
  }
  return last_words_.empty() ? 0 : sum / static_cast<int64_t>(last_words_.size());
}

}  // namespace weir::control
