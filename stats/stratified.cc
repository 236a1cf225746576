#include "stats/stratified.h"

#include <cmath>
#include <vector>

#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr int kColumns = 4;  // Of each stratum: n and sum of the default, n and sum of the candidate.

std::optional<double> Quotient(double above, double below) {
  if (!(below > 0)) return std::nullopt;
  return above / below;
}

struct Arms {
  double n_first, n_second, rate_first, rate_second;
};
std::optional<Arms> ArmsOf(const Table2x2& t) {
  const double n1 = t.first_success + t.first_failure, n2 = t.second_success + t.second_failure;
  if (!(n1 > 0) || !(n2 > 0)) return std::nullopt;
  return Arms{n1, n2, t.first_success / n1, t.second_success / n2};
}

std::optional<double> AdjustedOf(std::span<const double> sums) {
  double calls = 0, total = 0;
  for (size_t s = 0; s < sums.size(); s += kColumns) {
    const double n = sums[s] + sums[s + 2];
    if (!(sums[s] > 0) || !(sums[s + 2] > 0)) return std::nullopt;
    calls += n;
    total += n * (sums[s + 3] / sums[s + 2] - sums[s + 1] / sums[s]);
  }
  return Quotient(total, calls);
}

std::optional<double> CrudeOf(std::span<const double> sums) {
  std::array<double, kColumns> all{};
  for (size_t i = 0; i < sums.size(); ++i) all[i % kColumns] += sums[i];
  if (!(all[0] > 0) || !(all[2] > 0)) return std::nullopt;
  return all[3] / all[2] - all[1] / all[0];
}

bool HasCalls(const BucketSums& sums) {
  for (const BucketSum& bucket : sums) {
    if (bucket.n > 0) return true;
  }
  return false;
}

}  // namespace

void Table2x2::Merge(const Table2x2& other) {
  first_success += other.first_success;
  first_failure += other.first_failure;
  second_success += other.second_success;
  second_failure += other.second_failure;
}

std::optional<CochranMantelHaenszel> CmhTest(std::span<const Table2x2> strata) {
  double excess = 0, variance = 0, with = 0, against = 0;
  Table2x2 crude;
  for (const Table2x2& t : strata) {
    const double n = t.total();
    crude.Merge(t);
    if (!(n > 0)) continue;
    with += t.first_success * t.second_failure / n;
    against += t.first_failure * t.second_success / n;
    if (!(n > 1)) continue;
    const double first = t.first_success + t.first_failure, successes = t.first_success + t.second_success;
    excess += t.first_success - first * successes / n;
    variance += first * (n - first) * successes * (n - successes) / (n * n * (n - 1));
  }
  if (!(variance > 0)) return std::nullopt;
  const double distance = std::abs(excess) - (std::abs(excess) >= 0.5 ? 0.5 : 0);
  const double chi_square = distance * distance / variance;
  return CochranMantelHaenszel{.chi_square = chi_square,
                               .p_value = ChiSquareAbove(1, chi_square),
                               .common_odds_ratio = Quotient(with, against),
                               .crude_odds_ratio = Quotient(crude.first_success * crude.second_failure,
                                                            crude.first_failure * crude.second_success)};
}

std::optional<StratifiedDifference> DifferenceOverStrata(std::span<const Table2x2> strata) {
  StratifiedDifference result;
  Table2x2 pooled;
  double calls = 0, total = 0, variance = 0;
  for (const Table2x2& table : strata) {
    const std::optional<Arms> arms = ArmsOf(table);
    if (!arms) continue;
    const double n = table.total();
    ++result.strata;
    pooled.Merge(table);
    calls += n;
    total += n * (arms->rate_second - arms->rate_first);
    variance += n * n *
                (arms->rate_first * (1 - arms->rate_first) / arms->n_first +
                 arms->rate_second * (1 - arms->rate_second) / arms->n_second);
  }
  if (result.strata == 0) return std::nullopt;
  const Arms all = *ArmsOf(pooled);
  result.crude = all.rate_second - all.rate_first;
  result.post_stratified = total / calls;
  result.standard_error = std::sqrt(variance) / calls;
  result.signs_differ = result.crude * result.post_stratified < 0;
  return result;
}

std::optional<PostStratified> PostStratify(std::span<const StratumSums> strata) {
  std::vector<const StratumSums*> used;
  for (const StratumSums& stratum : strata) {
    if (HasCalls(stratum.baseline) && HasCalls(stratum.candidate)) used.push_back(&stratum);
  }
  if (used.empty()) return std::nullopt;
  BucketTable table(kColumns * static_cast<int>(used.size()));
  for (size_t s = 0; s < used.size(); ++s) {
    table.Add(kColumns * static_cast<int>(s), used[s]->baseline);
    table.Add(kColumns * static_cast<int>(s) + 2, used[s]->candidate);
  }
  const auto adjusted = JackknifeOverUsers(table, AdjustedOf), crude = JackknifeOverUsers(table, CrudeOf);
  if (!adjusted || !crude) return std::nullopt;
  return PostStratified{
      .adjusted = *adjusted, .crude = *crude, .signs_differ = adjusted->estimate * crude->estimate < 0};
}

}  // namespace weir::stats
