#include "stats/ranks.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr size_t kPairsInMemory = 4'000'000;

// Of sorted samples: how many pairs have b - a <= shift.
double PairsUpTo(const std::vector<double>& a, const std::vector<double>& b, double shift) {
  double pairs = 0;
  size_t j = 0;
  for (const double value : a) {
    while (j < b.size() && b[j] - value <= shift) ++j;
    pairs += static_cast<double>(j);
  }
  return pairs;
}

double MedianOfAll(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> differences;
  differences.reserve(a.size() * b.size());
  for (const double x : a) {
    for (const double y : b) differences.push_back(y - x);
  }
  const auto middle = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2);
  std::nth_element(differences.begin(), middle, differences.end());
  if (differences.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(differences.begin(), middle)) / 2;
}

// The least shift that `rank` of all pairs do not exceed, by halving the range.
double ShiftOfRank(const std::vector<double>& a, const std::vector<double>& b, double rank) {
  double low = b.front() - a.back(), high = b.back() - a.front();
  for (int i = 0; i < 100 && low < high; ++i) {
    const double middle = low + (high - low) / 2;
    (PairsUpTo(a, b, middle) >= rank ? high : low) = middle;
  }
  return high;
}

double MedianShift(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() <= kPairsInMemory / b.size()) return MedianOfAll(a, b);
  const double pairs = static_cast<double>(a.size()) * static_cast<double>(b.size());
  return (ShiftOfRank(a, b, std::floor((pairs + 1) / 2)) + ShiftOfRank(a, b, std::ceil((pairs + 1) / 2))) / 2;
}

// Sum of t^3 - t over groups of equal values in both sorted samples together.
double TieTerm(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> all(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), all.begin());
  double sum = 0;
  for (size_t from = 0, to = 0; from < all.size(); from = to) {
    while (to < all.size() && all[to] == all[from]) ++to;
    const double t = static_cast<double>(to - from);
    sum += t * t * t - t;
  }
  return sum;
}

}  // namespace

MannWhitney CompareRanks(std::vector<double> a, std::vector<double> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  MannWhitney result;
  for (const double value : b) {
    const auto [first, last] = std::equal_range(a.begin(), a.end(), value);
    result.u += static_cast<double>(first - a.begin()) + 0.5 * static_cast<double>(last - first);
  }
  result.hodges_lehmann = MedianShift(a, b);
  const double n = static_cast<double>(a.size()), m = static_cast<double>(b.size()), all = n + m;
  const double variance = n * m / 12 * (all + 1 - TieTerm(a, b) / (all * (all - 1)));
  if (variance <= 0) return result;
  const double excess = result.u - n * m / 2;
  const double corrected = std::max(std::abs(excess) - 0.5, 0.0);
  result.p_value = std::min(1.0, 2 * NormalAbove(corrected / std::sqrt(variance)));
  return result;
}

}  // namespace weir::stats
