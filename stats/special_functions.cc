#include "stats/special_functions.h"

#include <cmath>

#include "boost/math/distributions/binomial.hpp"
#include "boost/math/distributions/non_central_t.hpp"
#include "boost/math/distributions/students_t.hpp"
#include "boost/math/quadrature/gauss_kronrod.hpp"
#include "boost/math/special_functions/beta.hpp"
#include "boost/math/special_functions/erf.hpp"
#include "boost/math/special_functions/gamma.hpp"

namespace weir::stats {
namespace {

namespace policies = boost::math::policies;

// Double precision throughout, which is what the tests need and three times as fast, and no exceptions.
using Quiet =
    policies::policy<policies::promote_double<false>, policies::domain_error<policies::ignore_error>,
                     policies::pole_error<policies::ignore_error>, policies::overflow_error<policies::ignore_error>,
                     policies::underflow_error<policies::ignore_error>, policies::denorm_error<policies::ignore_error>,
                     policies::evaluation_error<policies::ignore_error>,
                     policies::rounding_error<policies::ignore_error>>;

}  // namespace

double LogBeta(double a, double b) {
  return boost::math::lgamma(a, Quiet()) + boost::math::lgamma(b, Quiet()) - boost::math::lgamma(a + b, Quiet());
}

double BetaBelow(double a, double b, double x) { return boost::math::ibeta(a, b, x, Quiet()); }

double BetaAbove(double a, double b, double x) { return boost::math::ibetac(a, b, x, Quiet()); }

double LogNormalBelow(double z) {
  // Beyond -30 the complementary error function underflows soon; there the first terms of Mills' ratio are exact to
  // 1e-9.
  if (z < -30)
    return -0.5 * z * z - std::log(-z) - 0.91893853320467274178 + std::log1p(-1 / (z * z) + 3 / (z * z * z * z));
  return std::log(0.5 * boost::math::erfc(-z / std::sqrt(2.0), Quiet()));
}

double StudentQuantile(double degrees_of_freedom, double p) {
  return boost::math::quantile(boost::math::students_t_distribution<double, Quiet>(degrees_of_freedom), p);
}

double StudentBelow(double degrees_of_freedom, double t) {
  return boost::math::cdf(boost::math::students_t_distribution<double, Quiet>(degrees_of_freedom), t);
}

double StudentAbove(double degrees_of_freedom, double t) { return StudentBelow(degrees_of_freedom, -t); }

double NoncentralStudentAbove(double degrees_of_freedom, double noncentrality, double t) {
  return boost::math::cdf(boost::math::complement(
      boost::math::non_central_t_distribution<double, Quiet>(degrees_of_freedom, noncentrality), t));
}

double NormalBelow(double z) { return 0.5 * boost::math::erfc(-z / std::sqrt(2.0), Quiet()); }

double NormalAbove(double z) { return NormalBelow(-z); }

double NormalQuantile(double p) { return -std::sqrt(2.0) * boost::math::erfc_inv(2 * p, Quiet()); }

double BetaQuantile(double a, double b, double p) { return boost::math::ibeta_inv(a, b, p, Quiet()); }

double BinomialProbability(double trials, double p, double successes) {
  if (p <= 0) return successes == 0 ? 1 : 0;
  if (p >= 1) return successes == trials ? 1 : 0;
  return boost::math::pdf(boost::math::binomial_distribution<double, Quiet>(trials, p), successes);
}

double ChiSquareAbove(double degrees_of_freedom, double x) {
  return boost::math::gamma_q(degrees_of_freedom / 2, x / 2, Quiet());
}

double LogGamma(double x) { return boost::math::lgamma(x, Quiet()); }

double BetaExceedsBeta(double a1, double a2, double b1, double b2) {
  // Quantiles may leave every interval but a narrow one flat: adaptive halves find it.
  constexpr unsigned kHalvings = 15;
  constexpr double kRelativeError = 1e-10;
  const auto a_below = [&](double u) {
    return boost::math::ibeta(a1, a2, boost::math::ibeta_inv(b1, b2, u, Quiet()), Quiet());
  };
  return boost::math::quadrature::gauss_kronrod<double, 31>::integrate(a_below, 0.0, 1.0, kHalvings, kRelativeError);
}

}  // namespace weir::stats
