#include "stats/overall_criterion.h"

#include <cmath>

#include "stats/outcomes.h"
#include "stats/two_arms.h"

namespace weir::stats {
namespace {

// A default's mean that is known no better than to a tenth of itself says little of changes relative to it: measured
// with rare outcomes, intervals about them were wrong twice as often as they may be.
constexpr double kBaselineKnownTo = 0.1;
constexpr int kColumns = 4;  // Of each metric: n and sum of the default, n and sum of the candidate.

std::optional<double> ChangeOf(std::span<const double> sums) {
  if (!(sums[0] > 0) || !(sums[2] > 0) || sums[1] == 0) return std::nullopt;
  const double baseline = sums[1] / sums[0];
  return (sums[3] / sums[2] - baseline) / std::abs(baseline);
}

}  // namespace

std::optional<JackknifeEstimate> OverallCriterion(std::span<const WeightedMetric> metrics) {
  if (metrics.empty()) return std::nullopt;
  BucketTable table(kColumns * static_cast<int>(metrics.size()));
  for (size_t i = 0; i < metrics.size(); ++i) {
    const int column = kColumns * static_cast<int>(i);
    table.Add(column, *metrics[i].baseline);
    table.Add(column + 2, *metrics[i].candidate);
  }
  return JackknifeOverUsers(table, [&](std::span<const double> sums) -> std::optional<double> {
    double total = 0;
    for (size_t i = 0; i < metrics.size(); ++i) {
      const std::optional<double> change = ChangeOf(sums.subspan(kColumns * i, kColumns));
      if (!change) return std::nullopt;
      total += metrics[i].weight * *change;
    }
    return total;
  });
}

std::optional<double> LeastVarianceOfCriterion(std::span<const WeightedMetric> metrics) {
  double variance = 0;
  for (const WeightedMetric& metric : metrics) {
    if (metric.weight == 0) continue;
    const std::optional<TwoArms> arms = CompareArms(*metric.baseline, *metric.candidate);
    if (!arms || std::sqrt(arms->baseline.variance) > kBaselineKnownTo * std::abs(arms->baseline.mean)) {
      return std::nullopt;
    }
    const double ratio = arms->candidate.mean / arms->baseline.mean, scale = metric.weight / arms->baseline.mean;
    variance += scale * scale * (arms->candidate.variance + ratio * ratio * arms->baseline.variance);
  }
  return variance;
}

std::optional<JackknifeEstimate> RelativeChange(const BucketSums& baseline, const BucketSums& candidate) {
  const WeightedMetric metric{.baseline = &baseline, .candidate = &candidate, .weight = 1};
  return OverallCriterion(std::span(&metric, 1));
}

double LogDeclinedByMoreThan(double fraction, const BucketSums& baseline, const BucketSums& candidate, double alpha) {
  const std::optional<TwoArms> arms = CompareArms(baseline, candidate);
  if (!arms) return 0;
  const double kept = 1 - fraction;
  const ArmMean &a = arms->baseline, &b = arms->candidate;
  const double error = std::sqrt(kept * kept * a.variance + b.variance);
  return LogMeanExcess(kept * a.mean - b.mean, error, a.n + b.n, alpha);
}

}  // namespace weir::stats
