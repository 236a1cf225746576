#include "stats/overall_criterion.h"

#include <cmath>

#include "stats/outcomes.h"

namespace weir::stats {
namespace {

constexpr int kColumns = 4;  // Of each metric: n and sum of the default, n and sum of the candidate.
constexpr double kUsersForEvidence = 128;

std::optional<double> ChangeOf(std::span<const double> sums) {
  if (!(sums[0] > 0) || !(sums[2] > 0) || sums[1] == 0) return std::nullopt;
  const double baseline = sums[1] / sums[0];
  return (sums[3] / sums[2] - baseline) / baseline;
}

double CountOf(const BucketSums& sums) {
  double n = 0;
  for (const BucketSum& bucket : sums) n += bucket.n;
  return n;
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

std::optional<JackknifeEstimate> RelativeChange(const BucketSums& baseline, const BucketSums& candidate) {
  const WeightedMetric metric{.baseline = &baseline, .candidate = &candidate, .weight = 1};
  return OverallCriterion(std::span(&metric, 1));
}

double LogDeclinedByMoreThan(double fraction, const BucketSums& baseline, const BucketSums& candidate, double alpha) {
  if (EstimateActiveUsers(baseline) < kUsersForEvidence || EstimateActiveUsers(candidate) < kUsersForEvidence) return 0;
  const std::optional<ClusteredRatio> a = RatioOverUsers(baseline), b = RatioOverUsers(candidate);
  if (!a || !b) return 0;
  const double kept = 1 - fraction;
  const double variance = kept * kept * a->variance + b->variance;
  if (!(variance > 0)) return 0;
  return LogMeanExcess(kept * a->ratio - b->ratio, std::sqrt(variance), CountOf(baseline) + CountOf(candidate), alpha);
}

}  // namespace weir::stats
