// The net business value of a candidate over the default, in the specification's own unit (percent, in its example):
//   net = w_r (accuracy_B - accuracy_A) - w_c (latency_B - latency_A) + w_e (errors_A - errors_B).
// A decision goes by its interval, which comes from the jackknife over user buckets (jackknife.h has the assumptions);
// the label of the point estimate is only printed beside it.

#ifndef WEIR_STATS_BUSINESS_VALUE_H_
#define WEIR_STATS_BUSINESS_VALUE_H_

#include <optional>
#include <string_view>

#include "stats/clustered.h"
#include "stats/jackknife.h"

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

// The label that decides. REJECT when a hard guardrail is breached or the whole interval lies below -0.5;
// STRONG_RECOMMEND when it lies above 2, RECOMMEND above 0.5; CONTINUE_TESTING else, and while there is no interval.
std::string_view DecisionLabel(const std::optional<Interval>& net, bool hard_breach);

// One variant by user bucket: outcomes from 0 to 1 where 1 is correct, latencies in milliseconds, and calls with their
// errors. What has no weight may be empty.
struct BusinessSums {
  BucketSums accuracy{};
  BucketSums latency_ms{};
  BucketSums errors{};
};

// The least variance that the value's estimate may be given where it is looked at from the first calls on: of its
// quantities' means as two_arms.h gives them, each times its squared weight. Nothing while one that has a weight lacks
// what those ask for.
std::optional<double> LeastVarianceOfValue(const BusinessWeights& weights, const BusinessSums& baseline,
                                           const BusinessSums& candidate);

struct BusinessValue {
  JackknifeEstimate net;
  Interval interval;             // 1 - alpha, at one planned look.
  std::string_view label;        // By the interval.
  std::string_view point_label;  // By net.estimate.
};

// Nothing while a quantity that has a weight lacks values on either side, or below 128 active users.
std::optional<BusinessValue> EstimateBusinessValue(const BusinessWeights& weights, const BusinessSums& baseline,
                                                   const BusinessSums& candidate, double alpha, bool hard_breach);

}  // namespace weir::stats

#endif  // WEIR_STATS_BUSINESS_VALUE_H_
