#include "stats/special_functions.h"

#include <cmath>

#include "boost/math/distributions/students_t.hpp"
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

}  // namespace weir::stats
