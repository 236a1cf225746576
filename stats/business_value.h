// The net business value of a candidate over the default, in the specification's own unit (percent, in its example).

#ifndef WEIR_STATS_BUSINESS_VALUE_H_
#define WEIR_STATS_BUSINESS_VALUE_H_

#include <string_view>

namespace weir::stats {

struct BusinessWeights {
  double revenue_per_accuracy_point = 0;
  double cost_per_millisecond = 0;
  double risk_per_error_point = 0;
};

struct ModelPerformance {
  double accuracy_percent = 0;
  double latency_ms = 0;
  double error_percent = 0;
};

// revenue - cost + risk: accuracy points gained, milliseconds lost and error points avoided, each times its weight.
double NetBusinessValue(const BusinessWeights& weights, const ModelPerformance& baseline,
                        const ModelPerformance& candidate);

// The label of a point estimate: STRONG_RECOMMEND above 2, RECOMMEND above 0.5, REJECT below -0.5, else
// CONTINUE_TESTING. A decision goes by an interval; this is what is printed beside it.
std::string_view BusinessLabel(double net);

}  // namespace weir::stats

#endif  // WEIR_STATS_BUSINESS_VALUE_H_
