#include "stats/special_functions.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "boost/math/distributions/binomial.hpp"
#include "boost/math/distributions/non_central_t.hpp"
#include "boost/math/distributions/students_t.hpp"
#include "boost/math/quadrature/gauss.hpp"
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

double BetaQuantileAbove(double a, double b, double p) { return boost::math::ibetac_inv(a, b, p, Quiet()); }

double BinomialProbability(double trials, double p, double successes) {
  if (p <= 0) return successes == 0 ? 1 : 0;
  if (p >= 1) return successes == trials ? 1 : 0;
  return boost::math::pdf(boost::math::binomial_distribution<double, Quiet>(trials, p), successes);
}

double ChiSquareAbove(double degrees_of_freedom, double x) {
  return boost::math::gamma_q(degrees_of_freedom / 2, x / 2, Quiet());
}

double LogGamma(double x) { return boost::math::lgamma(x, Quiet()); }

namespace {

// The logit of X ~ Beta(a, b): its density, x^a (1-x)^b / B(a, b), is log-concave, and smooth even where X's own is
// infinite at 0 or 1.
class LogitBeta {
 public:
  LogitBeta(double a, double b)
      : a_(a),
        b_(b),
        share_(a / (a + b)),
        mode_(std::log(a / b)),
        spread_(std::sqrt(1 / a + 1 / b)),
        log_beta_(LogBeta(a, b)),
        peak_(boost::math::ibeta_derivative(a, b, share_, Quiet()) * share_ * (b / (a + b))) {
    low_ = mode_ - Reach(-1);
    high_ = mode_ + Reach(1);
  }

  double mode() const { return mode_; }
  double spread() const { return spread_; }  // About a standard deviation.
  // Beyond these there is less than 1e-17 of the mass.
  double low() const { return low_; }
  double high() const { return high_; }

  double Density(double y) const { return peak_ * std::exp(LogToPeak(y - mode_)); }
  double Above(double y) const { return y > 0 ? Lower(b_, a_, -y) : 1 - Lower(a_, b_, y); }
  double Below(double y) const { return y > 0 ? 1 - Lower(b_, a_, -y) : Lower(a_, b_, y); }

 private:
  // With x = share e^d / (1 + share (e^d - 1)); nothing large cancels.
  double LogToPeak(double d) const {
    const double log_scale = d > 700 ? d + std::log(share_) : std::log1p(share_ * std::expm1(d));
    return a_ * d - (a_ + b_) * log_scale;
  }

  double Reach(double side) const {
    constexpr double kNegligible = -45;
    double far = spread_;
    while (LogToPeak(side * far) > kNegligible) far *= 1.25;
    return far;
  }

  // P(logit < y), y <= 0, of the first parameter's side. Beyond what x can hold, the first term of the series is all.
  double Lower(double a, double b, double y) const {
    constexpr double kLeastLogit = -690;
    if (y < kLeastLogit) return std::min(1.0, std::exp(a * y - std::log(a) - log_beta_));
    const double odds = std::exp(y);
    return boost::math::ibeta(a, b, odds / (1 + odds), Quiet());
  }

  double a_, b_, share_, mode_, spread_, log_beta_, peak_, low_ = 0, high_ = 0;
};

// Between `low` and `high`: narrow panels around both modes, wider ones farther off, where all is smooth.
std::vector<double> PanelEdges(const LogitBeta& a, const LogitBeta& b, double low, double high) {
  constexpr int kNarrow = 24;
  constexpr double kGrowth = 1.3;
  const double width = 0.75 * std::min({a.spread(), b.spread(), 1.0});
  std::vector<double> edges = {low, high};
  for (const double mode : {a.mode(), b.mode()}) {
    double step = width, offset = 0;
    for (int i = 0; mode - offset > low || mode + offset < high; ++i) {
      for (const double edge : {mode - offset, mode + offset})
        if (edge > low && edge < high) edges.push_back(edge);
      if (i >= kNarrow) step *= kGrowth;
      offset += step;
    }
  }
  std::sort(edges.begin(), edges.end());
  return edges;
}

}  // namespace

double BetaExceedsBeta(double a1, double a2, double b1, double b2) {
  const LogitBeta a(a1, a2), b(b1, b2);
  const double low = std::max(a.low(), b.low()), high = std::min(a.high(), b.high());
  // Below its window B is certainly larger, above it certainly not.
  if (low >= high) return a.mode() < b.mode() ? 1 : 0;
  double sum = b.low() > a.low() ? a.Below(low) : 0;
  const std::vector<double> edges = PanelEdges(a, b, low, high);
  for (size_t i = 0; i + 1 < edges.size(); ++i) {
    sum += boost::math::quadrature::gauss<double, 20>::integrate([&](double y) { return a.Density(y) * b.Above(y); },
                                                                 edges[i], edges[i + 1]);
  }
  return std::clamp(sum, 0.0, 1.0);
}

}  // namespace weir::stats
