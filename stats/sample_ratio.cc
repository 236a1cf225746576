#include "stats/sample_ratio.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "stats/special_functions.h"

namespace weir::stats {
namespace {

double SumOf(std::span<const double> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

absl::Status CheckPositive(std::span<const double> values, absl::string_view name) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] > 0) || !std::isfinite(values[i])) {
      return absl::InvalidArgumentError(absl::StrCat(name, "[", i, "]: must be positive, got ", values[i]));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckWeights(std::span<const double> weights) {
  if (weights.size() < 2) return absl::InvalidArgumentError("weights: must be of two variants at least");
  return CheckPositive(weights, "weights");
}

absl::Status CheckCounts(std::span<const double> counts, size_t variants) {
  if (counts.size() != variants) {
    return absl::InvalidArgumentError(
        absl::StrCat("counts: must be as many as the weights, ", variants, ", got ", counts.size()));
  }
  for (size_t i = 0; i < counts.size(); ++i) {
    if (!(counts[i] >= 0) || !std::isfinite(counts[i])) {
      return absl::InvalidArgumentError(absl::StrCat("counts[", i, "]: must be at least 0, got ", counts[i]));
    }
  }
  return absl::OkStatus();
}

// log Gamma(a + n) - log Gamma(a).
double LogRising(double a, double n) { return n == 0 ? 0 : LogGamma(a + n) - LogGamma(a); }

std::vector<double> SharesOf(std::span<const double> weights) {
  const double sum = SumOf(weights);
  std::vector<double> shares(weights.begin(), weights.end());
  for (double& share : shares) share /= sum;
  return shares;
}

}  // namespace

absl::StatusOr<ChiSquareResult> SampleRatioChiSquare(std::span<const double> counts, std::span<const double> weights) {
  if (absl::Status status = CheckWeights(weights); !status.ok()) return status;
  if (absl::Status status = CheckCounts(counts, weights.size()); !status.ok()) return status;
  const double total = SumOf(counts);
  if (!(total > 0)) return absl::InvalidArgumentError("counts: must not all be 0");
  ChiSquareResult result{.degrees_of_freedom = static_cast<int>(counts.size()) - 1};
  const std::vector<double> shares = SharesOf(weights);
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = total * shares[i];
    result.chi_square += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  result.p_value = ChiSquareAbove(result.degrees_of_freedom, result.chi_square);
  return result;
}

SequentialSampleRatio::SequentialSampleRatio(std::vector<double> shares, std::vector<double> prior)
    : log_shares_(std::move(shares)), prior_(std::move(prior)), prior_sum_(SumOf(prior_)) {
  for (double& share : log_shares_) share = std::log(share);
  state_.counts.resize(prior_.size());
}

absl::StatusOr<SequentialSampleRatio> SequentialSampleRatio::Create(std::span<const double> weights,
                                                                    double concentration) {
  if (absl::Status status = CheckWeights(weights); !status.ok()) return status;
  if (absl::Status status = CheckPositive(std::span(&concentration, 1), "concentration"); !status.ok()) return status;
  std::vector<double> prior = SharesOf(weights);
  for (double& parameter : prior) parameter *= concentration;
  return SequentialSampleRatio(SharesOf(weights), std::move(prior));
}

absl::StatusOr<SequentialSampleRatio> SequentialSampleRatio::Create(std::span<const double> weights,
                                                                    std::span<const double> prior) {
  if (absl::Status status = CheckWeights(weights); !status.ok()) return status;
  if (prior.size() != weights.size()) {
    return absl::InvalidArgumentError(absl::StrCat("prior: must be as many as the weights, ", weights.size()));
  }
  if (absl::Status status = CheckPositive(prior, "prior"); !status.ok()) return status;
  return SequentialSampleRatio(SharesOf(weights), std::vector<double>(prior.begin(), prior.end()));
}

double SequentialSampleRatio::LogBayesFactor() const {
  double log = -LogRising(prior_sum_, SumOf(state_.counts));
  for (size_t i = 0; i < prior_.size(); ++i) {
    log += LogRising(prior_[i], state_.counts[i]) - state_.counts[i] * log_shares_[i];
  }
  return log;
}

void SequentialSampleRatio::Add(std::span<const double> counts) {
  for (size_t i = 0; i < counts.size() && i < state_.counts.size(); ++i) state_.counts[i] += counts[i];
  log_bayes_factor_ = LogBayesFactor();
  state_.greatest_log_bayes_factor = std::max(state_.greatest_log_bayes_factor, log_bayes_factor_);
}

absl::Status SequentialSampleRatio::Restore(State state) {
  if (absl::Status status = CheckCounts(state.counts, prior_.size()); !status.ok()) return status;
  if (!(state.greatest_log_bayes_factor >= 0)) {
    return absl::InvalidArgumentError("greatest_log_bayes_factor: must be at least 0");
  }
  state_ = std::move(state);
  log_bayes_factor_ = LogBayesFactor();
  return absl::OkStatus();
}

double SequentialSampleRatio::p_value() const { return std::min(1.0, std::exp(-state_.greatest_log_bayes_factor)); }

}  // namespace weir::stats
