// Evidence that an error rate is too high, as the logarithm of an e-value: of a martingale that starts at 1 and, while
// the null hypothesis holds, reaches 1/alpha with probability alpha at most, however often it is looked at (Ville's
// inequality).
//
// Error ratio, "candidate > r x baseline". Given the errors of a cohort, each is the candidate's with probability
// theta(l) = rho l / (rho l + 1 - rho), where rho is the candidate's share of the cohort's calls and l the true ratio.
// The e-value is the likelihood ratio of l against r, mixed over a grid of l = r x {1.15 .. 50}. For k candidate errors
// of m:
//   L_j += k log(theta(l_j) / theta(r)) + (m - k) log((1 - theta(l_j)) / (1 - theta(r)))
//        = k log(l_j / r) - m log((rho l_j + 1 - rho) / (rho r + 1 - rho)),       log E = log mean_j exp(L_j / D).
// Valid for every true ratio up to r, and whatever moves both variants' errors together. D, the design effect of the
// users' unequal rates, is an estimate put in: approximate (measured false alarms with sticky Zipf users: under 1 % at
// alpha 0.01).
//
// Error ceiling, "candidate > p0": the same with rho = p0, r = 1, m calls and k errors.

#ifndef WEIR_STATS_ERROR_EVIDENCE_H_
#define WEIR_STATS_ERROR_EVIDENCE_H_

#include <array>
#include <cstdint>

namespace weir::stats {

inline constexpr std::array<double, 12> kErrorGrid = {1.15, 1.3, 1.5, 1.75, 2, 2.5, 3, 4, 6, 10, 20, 50};

// L_j at each point of the grid. Additive over cohorts, epochs and replicas.
using GridLog = std::array<double, kErrorGrid.size()>;

void AddTo(GridLog& sum, const GridLog& term);

// log mean_j exp(L_j / D).
double LogMixture(const GridLog& grid, double design_effect);

class ErrorRatioGrid {
 public:
  explicit ErrorRatioGrid(double max_ratio) : max_ratio_(max_ratio) {}

  // One cohort's term. All zero unless both variants have calls. `errors` are both variants'; `candidate_errors` of
  // them are the candidate's.
  struct Cohort {
    int64_t baseline_calls = 0;
    int64_t candidate_calls = 0;
    int64_t candidate_errors = 0;
    int64_t errors = 0;
    bool operator==(const Cohort&) const = default;
  };
  GridLog Term(const Cohort& cohort) const;

 private:
  double max_ratio_;
};

// The grid of one cohort whose share of the candidate's calls, in (0, 1), is known as a fraction.
GridLog RatioGrid(double share, double max_ratio, double candidate_errors, double errors);

// The grid of `failures` among `calls` against the ceiling `max`, a fraction above 0 and below 1. Failures need not be
// whole: values between 0 and 1 may be summed, since by convexity the mixture is an e-value for their mean as well.
GridLog CeilingGrid(double max, double failures, double calls);

}  // namespace weir::stats

#endif  // WEIR_STATS_ERROR_EVIDENCE_H_
