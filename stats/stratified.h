// One effect over several strata (countries, devices, weeks): beside the crude comparison, which mixes them and may
// even have the other sign (Simpson's paradox) when variants' users are spread unequally over strata.
//
// Cochran-Mantel-Haenszel over 2x2 tables ((a, b), (c, d)) with n = a + b + c + d:
//   chi^2 = (|sum (a - E)| - 1/2)^2 / sum V,  E = (a+b)(a+c)/n,  V = (a+b)(c+d)(a+c)(b+d) / (n^2 (n-1)),
//   common odds ratio = sum(a d / n) / sum(b c / n)                    (Mantel, Haenszel 1959).
// The continuity correction is left out while |sum (a - E)| < 1/2, as R's mantelhaen.test does. It assumes that calls
// are independent and the odds ratio is alike in all strata; p-values are for one planned look.

#ifndef WEIR_STATS_STRATIFIED_H_
#define WEIR_STATS_STRATIFIED_H_

#include <array>
#include <optional>
#include <span>

#include "stats/clustered.h"
#include "stats/jackknife.h"

namespace weir::stats {

// One stratum: successes and failures of two arms. Counts add.
struct Table2x2 {
  double first_success = 0, first_failure = 0;
  double second_success = 0, second_failure = 0;
  double total() const { return first_success + first_failure + second_success + second_failure; }
  void Merge(const Table2x2& other);
  bool operator==(const Table2x2&) const = default;
};

struct CochranMantelHaenszel {
  double chi_square = 0;  // One degree of freedom.
  double p_value = 1;
  // Odds of the first arm over the second's. Nothing where no stratum, or not even all together, has what stands below
  // the line.
  std::optional<double> common_odds_ratio;
  std::optional<double> crude_odds_ratio;
};
// Nothing where no stratum says anything: each lacks an arm, successes or failures.
std::optional<CochranMantelHaenszel> CmhTest(std::span<const Table2x2> strata);

// Crude and stratified differences of the success rates, second less first.
struct StratifiedDifference {
  double crude = 0;
  double post_stratified = 0;  // sum_s w_s (second_s - first_s), w_s the stratum's part of both arms' calls.
  double standard_error = 0;   // Of post_stratified, weights as given.
  int strata = 0;              // How many had calls of both arms; the others are left out of both numbers.
  bool signs_differ = false;   // Simpson's paradox: crude and post_stratified have opposite signs.
};
// Of independent calls. Nothing where no stratum has calls of both arms.
std::optional<StratifiedDifference> DifferenceOverStrata(std::span<const Table2x2> strata);

// One stratum of both variants by user bucket.
struct StratumSums {
  BucketSums baseline{};
  BucketSums candidate{};
};
struct PostStratified {
  JackknifeEstimate adjusted;  // sum_s w_s (B_s - A_s), with the weights' own chance in its error.
  JackknifeEstimate crude;
  bool signs_differ = false;
};
// The same of any outcome when calls of one user belong together; candidate less default, over the strata that have
// calls of both. Nothing without such a stratum, below 128 active users, or where one bucket holds all of a stratum.
std::optional<PostStratified> PostStratify(std::span<const StratumSums> strata);

}  // namespace weir::stats

#endif  // WEIR_STATS_STRATIFIED_H_
