// Two independent samples, the candidate's mean less the default's, at one planned look.
//
// Welch: t = (mean_b - mean_a) / se, se^2 = var_a / n_a + var_b / n_b, degrees of freedom by Welch and Satterthwaite
// (1947); with equal variances the pooled t of n_a + n_b - 2. Relative: (mean_b - mean_a) / mean_a with the delta
// method's variance, var_b / (n_b mean_a^2) + var_a mean_b^2 / (n_a mean_a^4), and the degrees of freedom of the
// absolute difference. Equivalence: two one-sided tests (Schuirmann 1987) of |difference| < bound.
// Assumes that observations are independent: over requests of sticky users take stats/clustered.h's variances instead.
// Errors of the distributions: below 1e-12 relative.

#ifndef WEIR_STATS_TWO_SAMPLES_H_
#define WEIR_STATS_TWO_SAMPLES_H_

#include "stats/clustered.h"
#include "stats/moments.h"

namespace weir::stats {

enum class DifferenceKind { kAbsolute, kRelative };

struct MeanDifference {
  double difference = 0;
  double standard_error = 0;
  double degrees_of_freedom = 0;
};
// n of both is 2 at least, one variance is positive, and for a relative difference a.mean is not 0.
MeanDifference DifferenceOfMeans(const Summary& a, const Summary& b, DifferenceKind kind, bool has_equal_variances);

struct TTest {
  double t = 0;
  double p_value = 1;  // Two-sided.
  Interval interval;   // 1 - alpha.
};
TTest TestDifference(const MeanDifference& difference, double alpha);

struct EquivalenceTest {
  double t_lower = 0;  // Against difference <= -bound.
  double t_upper = 0;  // Against difference >= bound.
  double p_value = 1;  // The larger of the two one-sided ones.
};
EquivalenceTest TestEquivalence(const MeanDifference& difference, double bound);

struct SequentialInterval {
  Interval interval;       // Covers the truth at all n together with probability 1 - alpha.
  double log_e_value = 0;  // Of "there is a difference", two-sided: crosses log(1/alpha) just as 0 leaves the interval.
};
// The asymptotic confidence sequence of outcomes.h, of n = n_a + n_b observations, tightest near `tuning_n`.
SequentialInterval ConfidenceSequence(const MeanDifference& difference, double n, double alpha, double tuning_n);

// The mixture sequential probability ratio test of a normal estimate (Johari, Pekelis, Walsh 2017) with a normal prior
// on the effect: log E = log(V / (V + tau)) / 2 + tau d^2 / (2 V (V + tau)).
double LogMixtureSprt(double difference, double variance, double prior_variance);

}  // namespace weir::stats

#endif  // WEIR_STATS_TWO_SAMPLES_H_
