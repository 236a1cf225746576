#include "stats/error_evidence.h"

#include <algorithm>
#include <cmath>

namespace weir::stats {
namespace {

// log(l_j / r) is the same for every r: one table serves all.
const std::array<double, kErrorGrid.size()>& LogGrid() {
  static const std::array<double, kErrorGrid.size()> logs = [] {
    std::array<double, kErrorGrid.size()> result{};
    for (size_t j = 0; j < result.size(); ++j) result[j] = std::log(kErrorGrid[j]);
    return result;
  }();
  return logs;
}

// With share rho and ratio r: (rho l + 1 - rho) / (rho r + 1 - rho) = 1 + rho (l - r) / (1 + rho (r - 1)).
GridLog Likelihood(double share, double ratio, double k, double m) {
  const auto& log_grid = LogGrid();
  const double step = share * ratio / (1 + share * (ratio - 1));
  GridLog term;
  for (size_t j = 0; j < term.size(); ++j) term[j] = k * log_grid[j] - m * std::log1p(step * (kErrorGrid[j] - 1));
  return term;
}

}  // namespace

void AddTo(GridLog& sum, const GridLog& term) {
  for (size_t j = 0; j < sum.size(); ++j) sum[j] += term[j];
}

double LogMixture(const GridLog& grid, double design_effect) {
  const double highest = *std::max_element(grid.begin(), grid.end());
  double sum = 0;
  for (const double log : grid) sum += std::exp((log - highest) / design_effect);
  return highest / design_effect + std::log(sum / static_cast<double>(grid.size()));
}

GridLog ErrorRatioGrid::Term(const Cohort& cohort) const {
  if (cohort.baseline_calls <= 0 || cohort.candidate_calls <= 0 || cohort.errors == 0) return GridLog{};
  const double candidate_calls = static_cast<double>(cohort.candidate_calls);
  const double share = candidate_calls / (candidate_calls + static_cast<double>(cohort.baseline_calls));
  return Likelihood(share, max_ratio_, static_cast<double>(cohort.candidate_errors),
                    static_cast<double>(cohort.errors));
}

GridLog RatioGrid(double share, double max_ratio, double candidate_errors, double errors) {
  return Likelihood(share, max_ratio, candidate_errors, errors);
}

GridLog CeilingGrid(double max, double failures, double calls) { return Likelihood(max, 1, failures, calls); }

}  // namespace weir::stats
