#include "stats/planning.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/special_functions.h"

namespace weir::stats {
namespace {

double SumOfQuantiles(const TestPlan& plan) {
  return NormalQuantile(plan.power) - NormalQuantile(plan.alpha_each() / plan.sides);
}

// Where a rising function reaches `goal` between `low` and `high`, to about 1e-12 of the range.
template <typename Function>
double Reach(Function rising, double goal, double low, double high) {
  for (int i = 0; i < 200 && high - low > 1e-12 * high; ++i) {
    const double middle = (low + high) / 2;
    (rising(middle) < goal ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

double PowerOfT(double n, double difference, double standard_deviation, double alpha, int sides) {
  const double degrees_of_freedom = 2 * (n - 1);
  return NoncentralStudentAbove(degrees_of_freedom, difference / standard_deviation * std::sqrt(n / 2),
                                -StudentQuantile(degrees_of_freedom, alpha / sides));
}

double SampleSizeForT(const TestPlan& plan, double difference, double standard_deviation) {
  const auto power = [&](double n) {
    return PowerOfT(n, difference, standard_deviation, plan.alpha_each(), plan.sides);
  };
  constexpr double kMost = 1e12;
  double high = 4;
  while (power(high) < plan.power) {
    if (high > kMost) return std::numeric_limits<double>::infinity();
    high *= 2;
  }
  return plan.design_effect * (power(2) >= plan.power ? 2 : Reach(power, plan.power, 2, high));
}

double SampleSizeForMeans(const TestPlan& plan, double difference, double standard_deviation) {
  const double z = SumOfQuantiles(plan) * standard_deviation / difference;
  return plan.design_effect * 2 * z * z;
}

double SampleSizeForProportions(const TestPlan& plan, double p1, double p2) {
  const double z = SumOfQuantiles(plan) / (p2 - p1);
  return plan.design_effect * (p1 * (1 - p1) + p2 * (1 - p2)) * z * z;
}

double PowerOfProportions(double n, double p1, double p2, double alpha, int sides, NullVariance null_variance) {
  const double error = std::sqrt((p1 * (1 - p1) + p2 * (1 - p2)) / n), mean = (p1 + p2) / 2;
  const double error_of_null = null_variance == NullVariance::kPooled ? std::sqrt(2 * mean * (1 - mean) / n) : error;
  return NormalBelow((std::abs(p2 - p1) + NormalQuantile(alpha / sides) * error_of_null) / error);
}

double DetectableDifferenceOfMeans(const TestPlan& plan, const GroupSizes& n, double standard_deviation) {
  return SumOfQuantiles(plan) * standard_deviation * std::sqrt(plan.design_effect * (1 / n.a + 1 / n.b));
}

double DetectableProportion(const TestPlan& plan, const GroupSizes& n, double p1, Direction direction) {
  if (direction == Direction::kFall) return 1 - DetectableProportion(plan, n, 1 - p1, Direction::kRise);
  const double z = SumOfQuantiles(plan);
  // In how many standard errors p2 is off, which rises with p2 wherever it is of interest.
  const auto distance = [&](double p2) {
    return (p2 - p1) / std::sqrt(plan.design_effect * (p1 * (1 - p1) / n.a + p2 * (1 - p2) / n.b));
  };
  return distance(1) < z ? 1 : Reach(distance, z, p1, 1);
}

double TotalForMeans(const TestPlan& plan, double share, double difference, double standard_deviation) {
  const double z = SumOfQuantiles(plan) * standard_deviation / difference;
  return plan.design_effect * z * z * (1 / (1 - share) + 1 / share);
}

double TotalForProportions(const TestPlan& plan, double share, double p1, double p2) {
  const double z = SumOfQuantiles(plan) / (p2 - p1);
  return plan.design_effect * z * z * (p1 * (1 - p1) / (1 - share) + p2 * (1 - p2) / share);
}

double DeviationOfRatio(const RatioMoments& user) {
  const double covariance = user.correlation * user.numerator_deviation * user.denominator_deviation;
  const double r = user.ratio();
  const double variance = user.numerator_deviation * user.numerator_deviation - 2 * r * covariance +
                          r * r * user.denominator_deviation * user.denominator_deviation;
  return std::sqrt(std::max(variance, 0.0)) / std::abs(user.denominator_mean);
}

double SampleSizeForRatios(const TestPlan& plan, double difference, const RatioMoments& user) {
  return SampleSizeForMeans(plan, difference, DeviationOfRatio(user));
}

double DetectableDifferenceOfRatios(const TestPlan& plan, const GroupSizes& users, const RatioMoments& user) {
  return DetectableDifferenceOfMeans(plan, users, DeviationOfRatio(user));
}

double DesignEffectOfUsers(double calls_per_user, double correlation) {
  return 1 + std::max(calls_per_user - 1, 0.0) * correlation;
}

// From N = independent * (1 + (N / users - 1) correlation), where users come back at all.
double CallsOfUsers(double independent, double users, double correlation) {
  if (independent <= users) return independent;
  const double told = independent * correlation / users;
  return told < 1 ? independent * (1 - correlation) / (1 - told) : std::numeric_limits<double>::infinity();
}

double DaysNeeded(double n, double per_day, double share) { return n / (per_day * share); }

}  // namespace weir::stats
