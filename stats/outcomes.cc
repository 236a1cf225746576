#include "stats/outcomes.h"

#include <algorithm>
#include <cmath>

#include "stats/error_evidence.h"
#include "stats/special_functions.h"
#include "stats/two_arms.h"

namespace weir::stats {
namespace {

constexpr int64_t kLeastOutcomes = 30;  // Fewer, and the normal approximation is not one.
constexpr double kUsersToCluster = 128;
// How well the spread of outcomes must be known before a bound on their mean is judged, as a part of their variance.
constexpr double kSpreadKnownTo = 0.1;

double SquaredRho(double alpha, double planned_n) {
  const double log_alpha = std::log(alpha);
  return (-2 * log_alpha + std::log1p(-2 * log_alpha)) / planned_n;
}

// Over user buckets, as any ratio: a few large outcomes among many small ones leave the spread unknown for long.
bool IsSpreadKnown(const OutcomeCounts& counts) {
  BucketSums squares;
  for (size_t b = 0; b < squares.size(); ++b) {
    const OutcomeBucket& user = counts.users[b];
    const double n = static_cast<double>(user.n);
    squares[b] = {.n = n, .sum = user.sum_squares - 2 * counts.mean * user.sum + counts.mean * counts.mean * n};
  }
  const std::optional<ClusteredRatio> variance = RatioOverUsers(squares);
  return variance && variance->ratio > 0 && std::sqrt(variance->variance) <= kSpreadKnownTo * variance->ratio;
}

double LogMeanBeyond(const OutcomeCounts& counts, double bound, double sign, double alpha, double planned_n) {
  const std::optional<MeanEstimate> estimate = EstimateMean(counts, alpha, planned_n);
  if (!estimate || !IsSpreadKnown(counts)) return 0;
  const double excess = sign * (estimate->mean - bound);
  return LogMeanExcess(excess, estimate->standard_error, static_cast<double>(counts.n), alpha, planned_n);
}

}  // namespace

double LogMeanDiffers(double difference, double standard_error, double n, double alpha, double planned_n) {
  const double s = difference * std::sqrt(n) / standard_error;
  const double rho_squared = SquaredRho(alpha, planned_n);
  const double scale = n * rho_squared + 1;
  return rho_squared * s * s / (2 * scale) - 0.5 * std::log(scale);
}

double LogMeanExcess(double excess, double standard_error, double n, double alpha, double planned_n) {
  const double s = excess * std::sqrt(n) / standard_error;
  const double rho_squared = SquaredRho(alpha, planned_n);
  const double on_this_side = LogNormalBelow(s * std::sqrt(rho_squared / (n * rho_squared + 1)));
  return LogMeanDiffers(excess, standard_error, n, alpha, planned_n) + std::log(2.0) + on_this_side;
}

void OutcomeCounts::Add(uint8_t user_bucket, double value) {
  ++n;
  const double delta = value - mean;
  mean += delta / static_cast<double>(n);
  m2 += delta * (value - mean);
  OutcomeBucket& user = users[user_bucket];
  ++user.n;
  user.sum += value;
  user.sum_squares += value * value;
}

void OutcomeCounts::Merge(const OutcomeCounts& other) {
  if (other.n == 0) return;
  const double n_a = static_cast<double>(n), n_b = static_cast<double>(other.n);
  const double delta = other.mean - mean;
  n += other.n;
  mean += delta * (n_b / (n_a + n_b));
  m2 += other.m2 + delta * delta * (n_a * n_b / (n_a + n_b));
  for (int b = 0; b < kUserBuckets; ++b) {
    users[b].n += other.users[b].n;
    users[b].sum += other.users[b].sum;
    users[b].sum_squares += other.users[b].sum_squares;
  }
}

BucketSums OutcomeSums(const OutcomeCounts& counts) {
  BucketSums sums;
  for (int b = 0; b < kUserBuckets; ++b)
    sums[b] = {.n = static_cast<double>(counts.users[b].n), .sum = counts.users[b].sum};
  return sums;
}

std::optional<double> StandardErrorOfMean(const OutcomeCounts& counts) {
  if (counts.n < 2) return std::nullopt;
  const BucketSums sums = OutcomeSums(counts);
  if (EstimateActiveUsers(sums) >= kUsersToCluster) return std::sqrt(RatioOverUsers(sums)->variance);
  const double n = static_cast<double>(counts.n);
  return std::sqrt(counts.m2 / (n - 1) / n);
}

double OutcomeDesignEffect(const OutcomeCounts& counts) { return DesignEffect(OutcomeSums(counts)); }

double ConfidenceSequenceHalfWidth(double standard_error, double n, double alpha, double planned_n) {
  const double rho_squared = SquaredRho(alpha, planned_n);
  const double scale = n * rho_squared + 1;
  return standard_error * std::sqrt(2 * scale / (n * rho_squared) * std::log(std::sqrt(scale) / alpha));
}

std::optional<MeanEstimate> EstimateMean(const OutcomeCounts& counts, double alpha, double planned_n) {
  const std::optional<double> error = StandardErrorOfMean(counts);
  if (counts.n < kLeastOutcomes || !error || !(*error > 0)) return std::nullopt;
  if (HasTooFewUsers(OutcomeSums(counts), static_cast<double>(counts.n))) return std::nullopt;
  const double half = ConfidenceSequenceHalfWidth(*error, static_cast<double>(counts.n), alpha, planned_n);
  return MeanEstimate{counts.mean, *error, {.lower = counts.mean - half, .upper = counts.mean + half}};
}

std::optional<MeanComparison> CompareMeans(const OutcomeCounts& baseline, const OutcomeCounts& candidate, double alpha,
                                           double planned_n) {
  const std::optional<TwoArms> arms = CompareArms(OutcomeSums(baseline), OutcomeSums(candidate));
  if (!arms) return std::nullopt;
  const double error = std::sqrt(arms->baseline.variance + arms->candidate.variance);
  const double n = static_cast<double>(baseline.n + candidate.n);
  const double difference = candidate.mean - baseline.mean;
  const double half = ConfidenceSequenceHalfWidth(error, n, alpha, planned_n);
  return MeanComparison{.baseline = baseline.mean,
                        .candidate = candidate.mean,
                        .standard_error = error,
                        .difference = {.lower = difference - half, .upper = difference + half},
                        .log_e_higher = LogMeanExcess(difference, error, n, alpha, planned_n),
                        .log_e_lower = LogMeanExcess(-difference, error, n, alpha, planned_n)};
}

double LogMeanBelow(const OutcomeCounts& counts, double bound, double alpha, double planned_n) {
  return LogMeanBeyond(counts, bound, -1, alpha, planned_n);
}

double LogMeanAbove(const OutcomeCounts& counts, double bound, double alpha, double planned_n) {
  return LogMeanBeyond(counts, bound, 1, alpha, planned_n);
}

double LogProportionBelow(const OutcomeCounts& counts, double bound) {
  const double n = static_cast<double>(counts.n);
  return LogMixture(CeilingGrid(1 - bound, std::clamp(n - counts.sum(), 0.0, n), n), OutcomeDesignEffect(counts));
}

double LogProportionAbove(const OutcomeCounts& counts, double bound) {
  const double n = static_cast<double>(counts.n);
  return LogMixture(CeilingGrid(bound, std::clamp(counts.sum(), 0.0, n), n), OutcomeDesignEffect(counts));
}

}  // namespace weir::stats
