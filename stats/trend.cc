#include "stats/trend.h"

#include <algorithm>
#include <cmath>

namespace weir::stats {

int64_t TrendWindowOf(absl::Time time) { return absl::ToUnixSeconds(time) / absl::ToInt64Seconds(kTrendWindow); }

double StandardisedWindow(const TrendReference& reference, int64_t n, double mean_of_window) {
  return (mean_of_window - reference.mean) * std::sqrt(static_cast<double>(n)) / reference.standard_deviation;
}

void TrendWindows::Add(int64_t window, const Window& values) {
  if (!windows_.empty() && window <= windows_.rbegin()->first - kWindows) return;
  Window& sums = windows_[window];
  sums.n += values.n;
  sums.sum += values.sum;
  windows_.erase(windows_.begin(), windows_.upper_bound(windows_.rbegin()->first - kWindows));
}

void TrendWindows::Merge(const TrendWindows& other) {
  for (const auto& [number, window] : other.windows_) Add(number, window);
}

std::vector<TrendWindows::Window> TrendWindows::TakeBefore(int64_t window) {
  std::vector<Window> taken;
  const auto end = windows_.lower_bound(window);
  for (auto it = windows_.begin(); it != end; ++it) taken.push_back(it->second);
  windows_.erase(windows_.begin(), end);
  return taken;
}

bool Ewma::Add(double z) {
  if (std::isfinite(z)) value = kLambda * z + (1 - kLambda) * value;
  return std::abs(value) > kWidth * std::sqrt(kLambda / (2 - kLambda));
}

bool Cusum::Add(double z) {
  if (std::isfinite(z)) {
    up = std::max(0.0, up + z - kSlack);
    down = std::max(0.0, down - z - kSlack);
  }
  return up > kLimit || down > kLimit;
}

bool PageHinkley::Add(double z) {
  if (std::isfinite(z)) {
    ++n;
    mean += (z - mean) / static_cast<double>(n);
    up = std::max(0.0, up + (z - mean) - kSlack);
    down = std::max(0.0, down - (z - mean) - kSlack);
  }
  return up > kLimit || down > kLimit;
}

TrendCharts::Alarms TrendCharts::Add(double z) {
  return {.three_sigma = three_sigma.Add(z),
          .ewma = ewma.Add(z),
          .cusum = cusum.Add(z),
          .page_hinkley = page_hinkley.Add(z)};
}

}  // namespace weir::stats
