#include "stats/jackknife.h"

#include <cmath>

#include "stats/special_functions.h"

namespace weir::stats {

BucketTable::BucketTable(int columns, int buckets)
    : columns_(columns), buckets_(buckets), sums_(static_cast<size_t>(columns * buckets)) {}

void BucketTable::Add(int column, const BucketSums& sums) {
  for (int b = 0; b < kUserBuckets; ++b) {
    Add(b, column, sums[b].n);
    Add(b, column + 1, sums[b].sum);
  }
}

void BucketTable::Merge(const BucketTable& other) {
  for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
}

BucketTable BucketTable::Folded(int buckets) const {
  BucketTable folded(columns_, buckets);
  for (int b = 0; b < buckets_; ++b) {
    for (int c = 0; c < columns_; ++c) folded.Add(b % buckets, c, at(b, c));
  }
  return folded;
}

std::vector<double> BucketTable::Totals() const {
  std::vector<double> totals(static_cast<size_t>(columns_));
  for (int b = 0; b < buckets_; ++b) {
    for (int c = 0; c < columns_; ++c) totals[static_cast<size_t>(c)] += at(b, c);
  }
  return totals;
}

double BucketTable::ActiveUsers() const {
  BucketSums used{};
  for (int b = 0; b < buckets_ && b < kUserBuckets; ++b) {
    for (int c = 0; c < columns_; ++c) used[static_cast<size_t>(b)].n += at(b, c) != 0;
  }
  return EstimateActiveUsers(used);
}

Interval JackknifeEstimate::ConfidenceInterval(double alpha) const {
  const double half = StudentQuantile(buckets - 1, 1 - alpha / 2) * standard_error;
  return {.lower = estimate - half, .upper = estimate + half};
}

std::optional<JackknifeEstimate> Jackknife(const BucketTable& table, SumsFunction function) {
  if (table.buckets() < 2) return std::nullopt;
  const std::vector<double> totals = table.Totals();
  const std::optional<double> estimate = function(totals);
  if (!estimate || !std::isfinite(*estimate)) return std::nullopt;
  std::vector<double> rest(totals.size());
  double mean = 0, m2 = 0;  // Of the estimates with one bucket left out, by Welford's recurrence.
  for (int b = 0; b < table.buckets(); ++b) {
    for (int c = 0; c < table.columns(); ++c) {
      const auto column = static_cast<size_t>(c);
      rest[column] = totals[column] - table.at(b, c);
    }
    const std::optional<double> without = function(rest);
    if (!without || !std::isfinite(*without)) return std::nullopt;
    const double delta = *without - mean;
    mean += delta / (b + 1);
    m2 += delta * (*without - mean);
  }
  const double k = table.buckets();
  return JackknifeEstimate{
      .estimate = *estimate, .standard_error = std::sqrt((k - 1) / k * m2), .buckets = table.buckets()};
}

std::optional<JackknifeEstimate> JackknifeOverUsers(const BucketTable& table, SumsFunction function) {
  constexpr int kFallbackBuckets = 64;
  const double users = table.ActiveUsers();
  if (users < 2 * kFallbackBuckets) return std::nullopt;
  return users < 2 * kUserBuckets ? Jackknife(table.Folded(kFallbackBuckets), function) : Jackknife(table, function);
}

}  // namespace weir::stats
