#include "stats/business_value.h"

namespace weir::stats {

double NetBusinessValue(const BusinessWeights& weights, const ModelPerformance& baseline,
                        const ModelPerformance& candidate) {
  const double revenue = weights.revenue_per_accuracy_point * (candidate.accuracy_percent - baseline.accuracy_percent);
  const double cost = weights.cost_per_millisecond * (candidate.latency_ms - baseline.latency_ms);
  const double risk = weights.risk_per_error_point * (baseline.error_percent - candidate.error_percent);
  return revenue - cost + risk;
}

std::string_view BusinessLabel(double net) {
  if (net > 2) return "STRONG_RECOMMEND";
  if (net > 0.5) return "RECOMMEND";
  return net < -0.5 ? "REJECT" : "CONTINUE_TESTING";
}

}  // namespace weir::stats
