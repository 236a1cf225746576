// Mann and Whitney's rank test (1947): does b tend to be larger than a, whatever their distributions? By the normal
// approximation with the variance corrected for ties and a continuity correction of one half: good from about 8 values
// on either side. With it Hodges and Lehmann's estimate of the shift (1963), the median of all differences b_j - a_i.

#ifndef WEIR_STATS_RANKS_H_
#define WEIR_STATS_RANKS_H_

#include <vector>

namespace weir::stats {

struct MannWhitney {
  double u = 0;               // Of b: how many pairs have b above a; ties count one half.
  double p_value = 1;         // Two-sided; 1 where all values are equal.
  double hodges_lehmann = 0;  // b minus a. Exact to the last digit up to 4 million pairs, else to 1e-13 of the range.
};
// Neither is empty; all are finite.
MannWhitney CompareRanks(std::vector<double> a, std::vector<double> b);

}  // namespace weir::stats

#endif  // WEIR_STATS_RANKS_H_
