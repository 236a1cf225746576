// (contract; the implementation follows)
#ifndef WEIR_STATS_HISTOGRAM_H_
#define WEIR_STATS_HISTOGRAM_H_
namespace weir::stats { class LatencyHistogram { public: bool operator==(const LatencyHistogram&) const = default; }; }
#endif
