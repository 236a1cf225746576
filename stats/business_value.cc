#include "stats/business_value.h"

#include <array>
#include <utility>

#include "stats/two_arms.h"

namespace weir::stats {
namespace {

constexpr double kStrong = 2, kGood = 0.5, kBad = -0.5;
// Of percents for accuracy and errors, which are sums of fractions here.
std::array<double, 3> SignedWeights(const BusinessWeights& weights) {
  return {100 * weights.revenue_per_accuracy_point, -weights.cost_per_millisecond, -100 * weights.risk_per_error_point};
}

using Quantities = std::array<std::pair<const BucketSums*, const BucketSums*>, 3>;
Quantities QuantitiesOf(const BusinessSums& baseline, const BusinessSums& candidate) {
  return {std::pair(&baseline.accuracy, &candidate.accuracy), std::pair(&baseline.latency_ms, &candidate.latency_ms),
          std::pair(&baseline.errors, &candidate.errors)};
}

constexpr int kPerQuantity = 4;  // n and sum of the default, n and sum of the candidate.

// A quantity that has no weight needs no values.
std::optional<double> WeightedDifference(double weight, std::span<const double> sums) {
  if (weight == 0) return 0;
  if (!(sums[0] > 0) || !(sums[2] > 0)) return std::nullopt;
  return weight * (sums[3] / sums[2] - sums[1] / sums[0]);
}

}  // namespace

double NetBusinessValue(const BusinessWeights& weights, const ModelPerformance& baseline,
                        const ModelPerformance& candidate) {
  const double revenue = weights.revenue_per_accuracy_point * (candidate.accuracy_percent - baseline.accuracy_percent);
  const double cost = weights.cost_per_millisecond * (candidate.latency_ms - baseline.latency_ms);
  const double risk = weights.risk_per_error_point * (baseline.error_percent - candidate.error_percent);
  return revenue - cost + risk;
}

std::string_view BusinessLabel(double net) {
  if (net > kStrong) return "STRONG_RECOMMEND";
  if (net > kGood) return "RECOMMEND";
  return net < kBad ? "REJECT" : "CONTINUE_TESTING";
}

std::string_view DecisionLabel(const std::optional<Interval>& net, bool hard_breach) {
  if (hard_breach) return "REJECT";
  if (!net) return "CONTINUE_TESTING";
  if (net->lower > kGood) return BusinessLabel(net->lower);
  return net->upper < kBad ? "REJECT" : "CONTINUE_TESTING";
}

std::optional<double> LeastVarianceOfValue(const BusinessWeights& weights, const BusinessSums& baseline,
                                           const BusinessSums& candidate) {
  const std::array<double, 3> signed_weights = SignedWeights(weights);
  const Quantities quantities = QuantitiesOf(baseline, candidate);
  double variance = 0;
  for (size_t i = 0; i < quantities.size(); ++i) {
    if (signed_weights[i] == 0) continue;
    const std::optional<TwoArms> arms = CompareArms(*quantities[i].first, *quantities[i].second);
    if (!arms) return std::nullopt;
    variance += signed_weights[i] * signed_weights[i] * (arms->baseline.variance + arms->candidate.variance);
  }
  return variance;
}

std::optional<BusinessValue> EstimateBusinessValue(const BusinessWeights& weights, const BusinessSums& baseline,
                                                   const BusinessSums& candidate, double alpha, bool hard_breach) {
  const std::array<double, 3> signed_weights = SignedWeights(weights);
  const Quantities quantities = QuantitiesOf(baseline, candidate);
  BucketTable table(kPerQuantity * static_cast<int>(quantities.size()));
  for (size_t i = 0; i < quantities.size(); ++i) {
    const int column = kPerQuantity * static_cast<int>(i);
    table.Add(column, *quantities[i].first);
    table.Add(column + 2, *quantities[i].second);
  }
  const auto net = JackknifeOverUsers(table, [&](std::span<const double> sums) -> std::optional<double> {
    double total = 0;
    for (size_t i = 0; i < signed_weights.size(); ++i) {
      const auto term = WeightedDifference(signed_weights[i], sums.subspan(kPerQuantity * i, kPerQuantity));
      if (!term) return std::nullopt;
      total += *term;
    }
    return total;
  });
  if (!net) return std::nullopt;
  const Interval interval = net->ConfidenceInterval(alpha);
  return BusinessValue{.net = *net,
                       .interval = interval,
                       .label = DecisionLabel(interval, hard_breach),
                       .point_label = BusinessLabel(net->estimate)};
}

}  // namespace weir::stats
