// The functions of mathematical statistics that the rest of `stats` needs, as Boost.Math computes them: this is the one
// includer of Boost. Arguments outside a function's domain are a bug of the caller and give NaN; nothing throws.

#ifndef WEIR_STATS_SPECIAL_FUNCTIONS_H_
#define WEIR_STATS_SPECIAL_FUNCTIONS_H_

namespace weir::stats {

// log B(a, b), for a, b > 0.
double LogBeta(double a, double b);

// P(X < x) and P(X > x) of X ~ Beta(a, b): the regularised incomplete beta function and its complement.
double BetaBelow(double a, double b, double x);
double BetaAbove(double a, double b, double x);

// log P(Z < z) of a standard normal Z, exact far into both tails.
double LogNormalBelow(double z);

// The t with P(T < t) = p of Student's distribution.
double StudentQuantile(double degrees_of_freedom, double p);

// P(X > x) of a chi-square distribution. degrees_of_freedom > 0, x >= 0.
double ChiSquareAbove(double degrees_of_freedom, double x);

// log Gamma(x), x > 0.
double LogGamma(double x);

// P(B > A) of independent A ~ Beta(a1, a2) and B ~ Beta(b1, b2), all parameters positive: the integral of A's
// distribution function over B's quantiles, to about 1e-9.
double BetaExceedsBeta(double a1, double a2, double b1, double b2);

}  // namespace weir::stats

#endif  // WEIR_STATS_SPECIAL_FUNCTIONS_H_
