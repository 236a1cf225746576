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

// P(T < t) and P(T > t) of Student's distribution.
double StudentBelow(double degrees_of_freedom, double t);
double StudentAbove(double degrees_of_freedom, double t);

// P(T > t) of the noncentral t distribution.
double NoncentralStudentAbove(double degrees_of_freedom, double noncentrality, double t);

// P(Z < z) and P(Z > z) of a standard normal Z, and the z with P(Z < z) = p.
double NormalBelow(double z);
double NormalAbove(double z);
double NormalQuantile(double p);

// The x with P(X < x) = p, and the one with P(X > x) = p, of X ~ Beta(a, b).
double BetaQuantile(double a, double b, double p);
double BetaQuantileAbove(double a, double b, double p);

// P(X = successes) of X ~ Binomial(trials, p).
double BinomialProbability(double trials, double p, double successes);

// P(X > x) of a chi-square distribution. degrees_of_freedom > 0, x >= 0.
double ChiSquareAbove(double degrees_of_freedom, double x);

// log Gamma(x), x > 0.
double LogGamma(double x);

// P(B > A) of independent A ~ Beta(a1, a2) and B ~ Beta(b1, b2), all parameters positive: Gauss and Legendre's rule
// over the logits, whose densities are smooth. Error below 1e-10 for parameters from 1e-3 to 1e6, below 1e-7 to 1e9.
double BetaExceedsBeta(double a1, double a2, double b1, double b2);

}  // namespace weir::stats

#endif  // WEIR_STATS_SPECIAL_FUNCTIONS_H_
