// Many tests at once. Adjusted p-values, to be compared with alpha itself: Bonferroni's and Holm's (1979) bound the
// chance of any false rejection; Benjamini and Hochberg's (1995) bounds the expected share of false ones among those
// rejected, for independent or positively dependent tests. e-BH (Wang, Ramdas 2022) does the same of e-values, however
// they depend on each other.

#ifndef WEIR_STATS_MULTIPLICITY_H_
#define WEIR_STATS_MULTIPLICITY_H_

#include <cstddef>
#include <span>
#include <vector>

namespace weir::stats {

// In the order of the p-values, each in [0, 1].
std::vector<double> AdjustBonferroni(std::span<const double> p_values);
std::vector<double> AdjustHolm(std::span<const double> p_values);
std::vector<double> AdjustBenjaminiHochberg(std::span<const double> p_values);

// The places of the hypotheses that e-BH rejects at a false discovery rate of alpha, ascending.
std::vector<size_t> RejectByEValues(std::span<const double> log_e_values, double alpha);

}  // namespace weir::stats

#endif  // WEIR_STATS_MULTIPLICITY_H_
