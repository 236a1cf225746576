#include "stats/cuped.h"

#include <cmath>

namespace weir::stats {
namespace {

// Columns of one variant.
enum Column { kCalls, kOutcome, kCovariateCalls, kCovariate, kColumns };

std::optional<double> RatioOf(std::span<const double> sums, Column above) {
  const double below = sums[above - 1];
  if (!(below > 0)) return std::nullopt;
  return sums[above] / below;
}

// Residuals of both ratios by bucket: their moments give theta as if each bucket were one user.
PairMoments Residuals(const CupedSums& sums) {
  PairMoments totals;
  double n = 0, y = 0, m = 0, x = 0;
  for (int b = 0; b < kUserBuckets; ++b) {
    n += sums.outcome[b].n, y += sums.outcome[b].sum;
    m += sums.covariate[b].n, x += sums.covariate[b].sum;
  }
  if (!(n > 0) || !(m > 0)) return totals;
  for (int b = 0; b < kUserBuckets; ++b) {
    const double residual_y = (sums.outcome[b].sum - y / n * sums.outcome[b].n) / n;
    const double residual_x = (sums.covariate[b].sum - x / m * sums.covariate[b].n) / m;
    totals.Add(residual_y, residual_x);
  }
  return totals;
}

// The part of the difference that is (candidate's ratio - default's), of two variants' columns in a row.
std::optional<double> DifferenceOf(std::span<const double> sums, Column column) {
  const auto a = RatioOf(sums.first(kColumns), column), b = RatioOf(sums.last(kColumns), column);
  if (!a || !b) return std::nullopt;
  return *b - *a;
}

double VarianceOfAdjustedMean(const PairMoments& pairs, double theta) {
  const double n = static_cast<double>(pairs.n);
  const double m2 = pairs.m2_y - 2 * theta * pairs.c_yx + theta * theta * pairs.m2_x;
  return std::max(0.0, m2) / (n - 1) / n;
}

}  // namespace

void PairMoments::Add(double y, double x) {
  ++n;
  const double count = static_cast<double>(n);
  const double delta_y = y - mean_y, delta_x = x - mean_x;
  mean_y += delta_y / count;
  mean_x += delta_x / count;
  m2_y += delta_y * (y - mean_y);
  m2_x += delta_x * (x - mean_x);
  c_yx += delta_y * (x - mean_x);
}

void PairMoments::Merge(const PairMoments& other) {
  if (other.n == 0) return;
  const double n_a = static_cast<double>(n), n_b = static_cast<double>(other.n);
  const double delta_y = other.mean_y - mean_y, delta_x = other.mean_x - mean_x;
  const double part = n_b / (n_a + n_b);
  n += other.n;
  mean_y += delta_y * part;
  mean_x += delta_x * part;
  m2_y += other.m2_y + delta_y * delta_y * n_a * part;
  m2_x += other.m2_x + delta_x * delta_x * n_a * part;
  c_yx += other.c_yx + delta_y * delta_x * n_a * part;
}

std::optional<CupedFit> FitCuped(const PairMoments& pairs) {
  if (!(pairs.m2_x > 0) || !(pairs.m2_y > 0)) return std::nullopt;
  const double theta = pairs.c_yx / pairs.m2_x;
  return CupedFit{.theta = theta, .variance_reduction = theta * (pairs.c_yx / pairs.m2_y)};
}

std::optional<CupedDifference> AdjustedDifference(const PairMoments& baseline, const PairMoments& candidate) {
  const double m2_x = baseline.m2_x + candidate.m2_x;
  if (baseline.n < 2 || candidate.n < 2 || !(m2_x > 0)) return std::nullopt;
  const double theta = (baseline.c_yx + candidate.c_yx) / m2_x;
  const double plain = candidate.mean_y - baseline.mean_y;
  const auto error = [&](double t) {
    return std::sqrt(VarianceOfAdjustedMean(baseline, t) + VarianceOfAdjustedMean(candidate, t));
  };
  return CupedDifference{.difference = plain - theta * (candidate.mean_x - baseline.mean_x),
                         .standard_error = error(theta),
                         .plain_difference = plain,
                         .plain_standard_error = error(0),
                         .theta = theta};
}

std::optional<CupedDifference> AdjustedDifferenceOverUsers(const CupedSums& baseline, const CupedSums& candidate) {
  const PairMoments a = Residuals(baseline), b = Residuals(candidate);
  if (!(a.m2_x + b.m2_x > 0)) return std::nullopt;
  const double theta = (a.c_yx + b.c_yx) / (a.m2_x + b.m2_x);
  BucketTable table(2 * kColumns);
  table.Add(kCalls, baseline.outcome);
  table.Add(kCovariateCalls, baseline.covariate);
  table.Add(kColumns + kCalls, candidate.outcome);
  table.Add(kColumns + kCovariateCalls, candidate.covariate);
  const auto estimate = [&](double t) {
    return JackknifeOverUsers(table, [t](std::span<const double> sums) -> std::optional<double> {
      const auto y = DifferenceOf(sums, kOutcome), x = DifferenceOf(sums, kCovariate);
      if (!y || !x) return std::nullopt;
      return *y - t * *x;
    });
  };
  const auto plain = estimate(0), adjusted = estimate(theta);
  if (!plain || !adjusted) return std::nullopt;
  return CupedDifference{.difference = adjusted->estimate,
                         .standard_error = adjusted->standard_error,
                         .plain_difference = plain->estimate,
                         .plain_standard_error = plain->standard_error,
                         .theta = theta};
}

}  // namespace weir::stats
