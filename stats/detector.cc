#include "stats/detector.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir::stats {
namespace {

constexpr double kLogZero = -std::numeric_limits<double>::infinity();

double LogSum(double a, double b) {
  const double high = std::max(a, b), low = std::min(a, b);
  return low == kLogZero ? high : high + std::log1p(std::exp(low - high));
}

// Where all are 0 there is no greatest to scale by.
double LogMean(const GridLog& logs) {
  return *std::max_element(logs.begin(), logs.end()) == kLogZero ? kLogZero : LogMixture(logs, 1);
}

}  // namespace

ShiryaevRoberts::ShiryaevRoberts(double mean_calls_to_false_alarm)
    : log_threshold_(std::log(mean_calls_to_false_alarm)) {
  Reset();
}

void ShiryaevRoberts::Update(double calls, const GridLog& term, double design_effect) {
  if (!(calls > 0)) return;
  const double log_calls = std::log(calls);
  for (size_t j = 0; j < log_r_.size(); ++j) log_r_[j] = LogSum(log_r_[j], log_calls) + term[j] / design_effect;
  log_statistic_ = LogMean(log_r_);
}

void ShiryaevRoberts::Reset() {
  log_r_.fill(kLogZero);
  log_statistic_ = kLogZero;
}

absl::Status ShiryaevRoberts::Restore(const State& state) {
  for (const double log_r : state) {
    if (std::isnan(log_r) || log_r == -kLogZero) {
      return absl::InvalidArgumentError("detector: a statistic is not a number below infinity");
    }
  }
  log_r_ = state;
  log_statistic_ = LogMean(log_r_);
  return absl::OkStatus();
}

}  // namespace weir::stats
