// Proportions and rates at one planned look; observations are independent.
//
//   Wilson's score interval (1927) and Clopper and Pearson's exact one (1934) of one proportion; Newcombe's hybrid
//   score interval (1998, method 10) of a difference; Pearson's chi-square over k groups, without continuity
//   correction; the exact binomial test, whose two-sided p-value sums the outcomes that are no likelier than the one
//   observed (with a relative slack of 1e-7 for ties); two Poisson rates given their sum, which is that binomial test.
// Errors: below 1e-10 relative, for counts up to 1e9.

#ifndef WEIR_STATS_PROPORTIONS_H_
#define WEIR_STATS_PROPORTIONS_H_

#include <span>

#include "stats/clustered.h"

namespace weir::stats {

// 0 <= successes <= trials, trials > 0.
struct Proportion {
  double successes = 0;
  double trials = 0;
  double rate() const { return successes / trials; }
};

Interval WilsonInterval(const Proportion& proportion, double alpha);
Interval ClopperPearsonInterval(const Proportion& proportion, double alpha);
// Of b's rate less a's.
Interval NewcombeInterval(const Proportion& a, const Proportion& b, double alpha);

struct ProportionsTest {
  double chi_square = 0;
  double degrees_of_freedom = 0;
  double p_value = 1;
};
// Two groups at least, with successes and failures among all of them together.
ProportionsTest TestProportions(std::span<const Proportion> groups);

// Two-sided, of the null hypothesis that the rate is `null`. Whole successes and trials.
double BinomialPValue(const Proportion& observed, double null);

struct RateRatio {
  double ratio = 0;  // The first rate over the second; infinite where the second has no events.
  double p_value = 1;
  Interval interval;
};
// Whole events, one at least in both together; exposures > 0.
RateRatio CompareRates(std::span<const double, 2> events, std::span<const double, 2> exposures, double alpha);

}  // namespace weir::stats

#endif  // WEIR_STATS_PROPORTIONS_H_
