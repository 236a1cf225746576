#include "stats/statistical/measurement.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <thread>

namespace weir::stats {
namespace {

constexpr double kZ = 1.645;

double WilsonLimit(double hits, double n, double sign) {
  const double p = hits / n;
  return (p + kZ * kZ / (2 * n) + sign * kZ * std::sqrt(p * (1 - p) / n + kZ * kZ / (4 * n * n))) / (1 + kZ * kZ / n);
}

}  // namespace

Result ResultOf(const Measurement& m) {
  if (m.judged >= m.least && m.judged <= m.most) return Result::kPass;
  // Of some eighty cells a few are beyond their 95 % limits by chance alone, and hardly one beyond twice those.
  const bool may_be_chance = 2 * m.high - m.value >= m.least && 2 * m.low - m.value <= m.most && m.high > m.low;
  return may_be_chance ? Result::kOpen : Result::kFail;
}

const char* ResultName(Result result) {
  switch (result) {
    case Result::kPass:
      return "PASS";
    case Result::kOpen:
      return "OPEN";
    case Result::kFail:
      return "FAIL";
  }
  return "";
}

std::vector<double> OverStreams(const Settings& settings, int streams,
                                const std::function<double(uint64_t seed)>& run) {
  std::vector<double> results(static_cast<size_t>(streams));
  std::atomic<int> next = 0;
  const auto work = [&] {
    for (int i = next++; i < streams; i = next++) {
      results[static_cast<size_t>(i)] = run(settings.seed + static_cast<uint64_t>(i));
    }
  };
  std::vector<std::thread> others;
  for (int t = 1; t < settings.threads; ++t) others.emplace_back(work);
  work();
  for (std::thread& thread : others) thread.join();
  return results;
}

double LowerLimit(double hits, double n) { return std::max(0.0, WilsonLimit(hits, n, -1)); }

double UpperLimit(double hits, double n) { return std::min(1.0, WilsonLimit(hits, n, 1)); }

MeanOfStreams MeanOf(const std::vector<double>& values) {
  const double n = static_cast<double>(values.size());
  MeanOfStreams result;
  for (const double value : values) result.mean += value / n;
  double m2 = 0;
  for (const double value : values) m2 += (value - result.mean) * (value - result.mean);
  if (n > 1) result.standard_error = std::sqrt(m2 / (n - 1) / n);
  return result;
}

}  // namespace weir::stats
