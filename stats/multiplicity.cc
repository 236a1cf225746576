#include "stats/multiplicity.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace weir::stats {
namespace {

// Places in ascending order of the values.
std::vector<size_t> Order(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t i, size_t j) { return values[i] < values[j]; });
  return order;
}

}  // namespace

std::vector<double> AdjustBonferroni(std::span<const double> p_values) {
  std::vector<double> adjusted;
  for (const double p : p_values) adjusted.push_back(std::min(1.0, p * static_cast<double>(p_values.size())));
  return adjusted;
}

std::vector<double> AdjustHolm(std::span<const double> p_values) {
  std::vector<double> adjusted(p_values.size());
  double greatest = 0, left = static_cast<double>(p_values.size());
  for (const size_t place : Order(p_values)) {
    greatest = std::max(greatest, std::min(1.0, p_values[place] * left--));
    adjusted[place] = greatest;
  }
  return adjusted;
}

std::vector<double> AdjustBenjaminiHochberg(std::span<const double> p_values) {
  std::vector<double> adjusted(p_values.size());
  const std::vector<size_t> order = Order(p_values);
  const double n = static_cast<double>(p_values.size());
  double least = 1;
  for (size_t rank = order.size(); rank > 0; --rank) {
    least = std::min(least, p_values[order[rank - 1]] * n / static_cast<double>(rank));
    adjusted[order[rank - 1]] = least;
  }
  return adjusted;
}

std::vector<size_t> RejectByEValues(std::span<const double> log_e_values, double alpha) {
  const std::vector<size_t> order = Order(log_e_values);
  const double log_n = std::log(static_cast<double>(order.size()));
  // The most hypotheses k of which the k-th largest e-value is at least n / (alpha k).
  size_t rejected = 0;
  for (size_t k = 1; k <= order.size(); ++k) {
    const double needed = log_n - std::log(alpha) - std::log(static_cast<double>(k));
    if (log_e_values[order[order.size() - k]] >= needed) rejected = k;
  }
  std::vector<size_t> places(order.end() - static_cast<std::ptrdiff_t>(rejected), order.end());
  std::sort(places.begin(), places.end());
  return places;
}

}  // namespace weir::stats
