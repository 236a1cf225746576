#include "stats/jackknife.h"

#include <cmath>

#include "stats/leave_one_out.h"
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
  const std::vector<double> totals = table.Totals();
  const std::optional<double> estimate = function(totals);
  if (!estimate || !std::isfinite(*estimate)) return std::nullopt;
  std::vector<double> rest(totals.size());
  const std::optional<double> variance = LeaveOneOutVariance(table.buckets(), [&](int b) {
    for (int c = 0; c < table.columns(); ++c) {
      const auto column = static_cast<size_t>(c);
      rest[column] = totals[column] - table.at(b, c);
    }
    return function(rest);
  });
  if (!variance) return std::nullopt;
  return JackknifeEstimate{.estimate = *estimate, .standard_error = std::sqrt(*variance), .buckets = table.buckets()};
}

std::optional<JackknifeEstimate> JackknifeOverUsers(const BucketTable& table, SumsFunction function) {
  constexpr int kFallbackBuckets = 64;
  const double users = table.ActiveUsers();
  if (users < 2 * kFallbackBuckets) return std::nullopt;
  return users < 2 * kUserBuckets ? Jackknife(table.Folded(kFallbackBuckets), function) : Jackknife(table, function);
}

}  // namespace weir::stats
