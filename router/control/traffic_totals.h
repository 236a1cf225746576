// What workers report, added up since the process began: what the metrics show, and who a count belongs to.

#ifndef WEIR_ROUTER_CONTROL_TRAFFIC_TOTALS_H_
#define WEIR_ROUTER_CONTROL_TRAFFIC_TOTALS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "router/routing/route_table.h"
#include "stats/counts.h"
#include "stats/worker_report.h"

namespace weir::control {

// Which experiment, run, variants and mirrors a stats::CountsKey::run stands for. Another number is given whenever one
// of these changes, so that a place always means the same name.
struct CountsLayout {
  std::string experiment;
  uint32_t run = 0;  // Its ordinal.
  std::vector<std::string> variants;
  std::vector<std::string> mirrors;
  bool operator==(const CountsLayout&) const = default;
};

// The control thread's.
class TrafficTotals {
 public:
  // Numbers whose calls may still end; the oldest go first. Streams may last for hours, edits are made by people.
  static constexpr size_t kKeptNumbers = 16'384;

  // The number of `layout`: the experiment's present one if it is the same, else a new one.
  uint32_t NumberOf(const CountsLayout& layout);
  // Null for 0 and for numbers that are no longer kept.
  const CountsLayout* LayoutOf(uint32_t number) const;

  // `table` names the models of calls outside experiments.
  void Add(const stats::WorkerReport& report, const routing::RouteTable& table);

  // Experiment ("none" outside one), then model.
  using Key = std::pair<std::string, std::string>;
  const stats::ServedCounts& served(const std::string& experiment, const std::string& model) const;
  const stats::ServedCounts& mirrored(const std::string& experiment, const std::string& model) const;
  const std::map<Key, stats::ServedCounts>& served() const { return served_; }
  const stats::ProxyCounts& proxy() const { return proxy_; }

  // --- As the workers said last.
  size_t workers() const { return last_words_.size(); }
  int64_t connections() const;
  int64_t calls_in_flight() const;
  uint64_t oldest_table() const;  // 0 before the first report.
  // Summed over workers and divided by them, rounded down.
  int64_t healthy_endpoints(size_t model) const;

  static constexpr char kOutside[] = "none";

 private:
  // A report without its delta.
  struct LastWord {
    uint64_t table_version = 0;
    std::vector<uint16_t> healthy_endpoints;
    int64_t connections = 0;
    int64_t calls_in_flight = 0;
  };

  uint32_t last_number_ = 0;
  std::map<uint32_t, CountsLayout> layouts_;
  std::map<std::string, uint32_t> present_;  // By experiment.
  std::map<Key, stats::ServedCounts> served_;
  std::map<Key, stats::ServedCounts> mirrored_;
  stats::ProxyCounts proxy_;
  std::map<int, LastWord> last_words_;
  const stats::ServedCounts nothing_{};
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_TRAFFIC_TOTALS_H_
