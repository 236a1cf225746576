// The text of /metrics. The only door to prometheus-cpp, of which only the value types and the serializer are used: the
// counts are ours, and a scrape renders one snapshot of them.
//
// Two sets of names. `ab_test_*` are the ones that published dashboards and alerts for this job already use: by the
// model that answered, primary traffic only. `weir_*` say the rest: what the rule assigned, what was diverted,
// mirrored, refused and shed, what the guardrails hold, and how the proxy itself is. Every label's value comes from the
// configuration or from a fixed list, never from a request, so a client cannot grow the number of series.

#ifndef WEIR_STATS_EXPORT_PROMETHEUS_H_
#define WEIR_STATS_EXPORT_PROMETHEUS_H_

#include <string>
#include <string_view>

#include "stats/metrics_snapshot.h"

namespace weir::stats {

// The Content-Type of what RenderMetrics gives.
inline constexpr char kMetricsContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// `snapshot` in Prometheus' text format 0.0.4. `version` is the build's, for weir_build_info. Pure.
std::string RenderMetrics(const MetricsSnapshot& snapshot, std::string_view version);

}  // namespace weir::stats

#endif  // WEIR_STATS_EXPORT_PROMETHEUS_H_
