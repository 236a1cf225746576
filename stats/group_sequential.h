// Group sequential tests: a few planned looks that share one alpha. Bounds are on the z-statistic of each look; the
// test stops at the first look whose z is beyond its bound.
//
// Spending (Lan, DeMets 1983): by the information fraction t a function f(t) of alpha may be spent, f(1) = alpha:
//   O'Brien-Fleming-like    2 (1 - Phi(z_{alpha/2} / sqrt t))
//   Pocock-like             alpha ln(1 + (e - 1) t)
//   Hwang-Shih-DeCani       alpha (1 - exp(-gamma t)) / (1 - exp(-gamma)),  alpha t for gamma 0
//   power                   alpha t^rho
// A two-sided test spends each half of alpha so on one side. Bounds follow by numerical integration over the path of
// the statistic (Armitage, McPherson, Rowe 1969), here by Gauss and Legendre's rule on panels no wider than a quarter
// and than 1.5 standard deviations of an increment. Error: below 1e-6 in a bound where increments are at least a
// thousandth of the information; agrees with published tables to their last digit.

#ifndef WEIR_STATS_GROUP_SEQUENTIAL_H_
#define WEIR_STATS_GROUP_SEQUENTIAL_H_

#include <span>
#include <vector>

namespace weir::stats {

enum class SpendingFamily { kObrienFleming, kPocock, kHwangShihDeCani, kPower };

struct Spending {
  SpendingFamily family = SpendingFamily::kObrienFleming;
  double parameter = 1;  // gamma, or rho > 0.
};

// What may be spent of `alpha`, one-sided, up to the fraction `t` in [0, 1].
double SpentAlpha(const Spending& spending, double alpha, double t);

// `information`: fractions, positive, ascending, the last at most 1. `sides` is 1 or 2. A look at which nothing may be
// spent has an infinite bound.
std::vector<double> SpendingBounds(std::span<const double> information, double alpha, int sides,
                                   const Spending& spending);

enum class ClassicShape { kPocock, kObrienFleming };

struct ClassicDesign {
  double constant = 0;  // C(looks, alpha) of Jennison and Turnbull (2000), tables 2.1 and 2.3.
  std::vector<double> bounds;
};
// Two-sided, of equally spaced looks: every bound C (Pocock 1977), or C sqrt(K / k) (O'Brien, Fleming 1979).
ClassicDesign ClassicBounds(int looks, double alpha, ClassicShape shape);

}  // namespace weir::stats

#endif  // WEIR_STATS_GROUP_SEQUENTIAL_H_
