#include "stats/clustered.h"

#include <algorithm>
#include <cmath>

#include "stats/leave_one_out.h"
#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr int kFallbackBuckets = 64;
constexpr double kUsersForAllBuckets = 2.0 * kUserBuckets;
constexpr double kUsersForAnInterval = 2.0 * kFallbackBuckets;

}  // namespace

std::optional<ClusteredRatio> RatioOverBuckets(std::span<const double> numerator, std::span<const double> denominator) {
  const size_t k = std::min(numerator.size(), denominator.size());
  double sum_y = 0, sum_n = 0;
  for (size_t b = 0; b < k; ++b) sum_y += numerator[b], sum_n += denominator[b];
  if (k < 2 || !(sum_n > 0)) return std::nullopt;
  ClusteredRatio result{
      .ratio = sum_y / sum_n, .variance = 0, .design_effect = std::nullopt, .buckets = static_cast<int>(k)};
  double squares = 0;
  for (size_t b = 0; b < k; ++b) {
    const double residual = numerator[b] - result.ratio * denominator[b];
    squares += residual * residual;
  }
  const double buckets = static_cast<double>(k);
  result.variance = buckets / (buckets - 1) * squares / (sum_n * sum_n);
  const double bernoulli = result.ratio * (1 - result.ratio);
  if (bernoulli > 0) result.design_effect = result.variance * sum_n / bernoulli;
  return result;
}

BucketSums ErrorSums(const std::array<UserBucketCounts, kUserBuckets>& users) {
  BucketSums sums;
  for (int b = 0; b < kUserBuckets; ++b) {
    sums[b] = {.n = static_cast<double>(users[b].calls), .sum = static_cast<double>(users[b].errors)};
  }
  return sums;
}

BucketSums LatencySums(const std::array<UserLatencies, kUserBuckets>& users) {
  BucketSums sums;
  for (int b = 0; b < kUserBuckets; ++b) {
    sums[b] = {.n = static_cast<double>(users[b].calls), .sum = static_cast<double>(users[b].microseconds) / 1000};
  }
  return sums;
}

double EstimateActiveUsers(const BucketSums& buckets) {
  const auto empty = std::count_if(buckets.begin(), buckets.end(), [](const BucketSum& b) { return b.n == 0; });
  return -kUserBuckets * std::log(std::max(0.5, static_cast<double>(empty)) / kUserBuckets);
}

namespace {

// `k` buckets, each made of kUserBuckets / k; the rest are empty.
BucketSums Folded(const BucketSums& buckets, int k) {
  BucketSums folded{};
  for (int b = 0; b < kUserBuckets; ++b) {
    folded[b % k].n += buckets[b].n;
    folded[b % k].sum += buckets[b].sum;
  }
  return folded;
}

std::optional<ClusteredRatio> RatioOver(const BucketSums& buckets, int k) {
  std::array<double, kUserBuckets> numerator{}, denominator{};
  for (int b = 0; b < kUserBuckets; ++b) {
    numerator[b % k] += buckets[b].sum;
    denominator[b % k] += buckets[b].n;
  }
  const size_t used = static_cast<size_t>(k);
  return RatioOverBuckets(std::span(numerator).first(used), std::span(denominator).first(used));
}

int BucketsFor(const BucketSums& buckets) {
  return EstimateActiveUsers(buckets) < kUsersForAllBuckets ? kFallbackBuckets : kUserBuckets;
}

// By leaving out one of `k` buckets at a time; nothing where one of them holds everything.
std::optional<double> JackknifeVariance(const BucketSums& buckets, int k) {
  const BucketSums folded = Folded(buckets, k);
  double n = 0, sum = 0;
  for (const BucketSum& bucket : folded) n += bucket.n, sum += bucket.sum;
  return LeaveOneOutVariance(k, [&](int b) -> std::optional<double> {
    const double rest = n - folded[b].n;
    if (!(rest > 0)) return std::nullopt;
    return (sum - folded[b].sum) / rest;
  });
}

}  // namespace

std::optional<ClusteredRatio> RatioOverUsers(const BucketSums& buckets) {
  return RatioOver(buckets, BucketsFor(buckets));
}

double DesignEffect(const BucketSums& buckets) {
  const std::optional<ClusteredRatio> ratio = RatioOver(buckets, kUserBuckets);
  return ratio && ratio->design_effect ? std::max(1.0, *ratio->design_effect) : 1.0;
}

std::optional<Interval> RatioInterval(const BucketSums& buckets, double alpha) {
  if (EstimateActiveUsers(buckets) < kUsersForAnInterval) return std::nullopt;
  const std::optional<ClusteredRatio> ratio = RatioOverUsers(buckets);
  const std::optional<double> variance = JackknifeVariance(buckets, BucketsFor(buckets));
  if (!ratio || !variance) return std::nullopt;
  const double half = StudentQuantile(ratio->degrees_of_freedom(), 1 - alpha / 2) * std::sqrt(*variance);
  return Interval{.lower = ratio->ratio - half, .upper = ratio->ratio + half};
}

double ErrorDesignEffect(const std::array<UserBucketCounts, kUserBuckets>& users) {
  return DesignEffect(ErrorSums(users));
}

}  // namespace weir::stats
