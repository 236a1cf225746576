#include "stats/propensity.h"

#include <algorithm>
#include <cmath>

namespace weir::stats {

double EffectiveTrials(const ArmEstimate& proportion) {
  const double variance = proportion.standard_error * proportion.standard_error;
  const double binomial = proportion.mean * (1 - proportion.mean);
  if (!(variance > 0) || !(binomial > 0)) return proportion.effective_n;
  return std::min(proportion.effective_n, binomial / variance);
}

void PropensityWeighted::Add(uint8_t user_bucket, double outcome, double propensity) {
  const double weight = 1 / propensity;
  ++sums_.n;
  sums_.weight += weight;
  sums_.squared_weight += weight * weight;
  sums_.weighted_sum += outcome * weight;
  sums_.buckets[user_bucket].n += weight;
  sums_.buckets[user_bucket].sum += outcome * weight;
}

void PropensityWeighted::AddOutcomes(const OutcomeCounts& outcomes, double propensity) {
  const double weight = 1 / propensity, n = static_cast<double>(outcomes.n);
  sums_.n += outcomes.n;
  sums_.weight += n * weight;
  sums_.squared_weight += n * weight * weight;
  sums_.weighted_sum += outcomes.sum() * weight;
  for (size_t b = 0; b < sums_.buckets.size(); ++b) {
    sums_.buckets[b].n += static_cast<double>(outcomes.users[b].n) * weight;
    sums_.buckets[b].sum += outcomes.users[b].sum * weight;
  }
}

void PropensityWeighted::AddErrors(const VariantCounts& calls, double propensity) {
  const double weight = 1 / propensity;
  const int64_t judged = calls.ended() - calls.neutral();
  sums_.n += judged;
  sums_.weight += static_cast<double>(judged) * weight;
  sums_.squared_weight += static_cast<double>(judged) * weight * weight;
  sums_.weighted_sum += static_cast<double>(calls.errors()) * weight;
  for (int b = 0; b < kUserBuckets; ++b) {
    const UserBucketCounts& user = calls.users()[static_cast<size_t>(b)];
    sums_.buckets[static_cast<size_t>(b)].n += static_cast<double>(user.calls) * weight;
    sums_.buckets[static_cast<size_t>(b)].sum += static_cast<double>(user.errors) * weight;
  }
}

void PropensityWeighted::Merge(const PropensityWeighted& other) {
  sums_.n += other.sums_.n;
  sums_.weight += other.sums_.weight;
  sums_.squared_weight += other.sums_.squared_weight;
  sums_.weighted_sum += other.sums_.weighted_sum;
  for (size_t b = 0; b < sums_.buckets.size(); ++b) {
    sums_.buckets[b].n += other.sums_.buckets[b].n;
    sums_.buckets[b].sum += other.sums_.buckets[b].sum;
  }
}

ArmEstimate PropensityWeighted::Estimate() const {
  if (!(sums_.weight > 0)) return {};
  ArmEstimate estimate{.n = sums_.n,
                       .mean = sums_.weighted_sum / sums_.weight,
                       .standard_error = 0,
                       .effective_n = sums_.weight * sums_.weight / sums_.squared_weight};
  const std::optional<ClusteredRatio> ratio = RatioOverUsers(sums_.buckets);
  if (ratio && sums_.n > 1) estimate.standard_error = std::sqrt(ratio->variance);
  return estimate;
}

}  // namespace weir::stats
