#include "stats/planning.h"

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

double DetectableDifferenceOfMeans(const TestPlan& plan, double n, double standard_deviation) {
  return SumOfQuantiles(plan) * standard_deviation * std::sqrt(2 * plan.design_effect / n);
}

double DetectableProportion(const TestPlan& plan, double n, double p1) {
  const auto power = [&](double p2) {
    return PowerOfProportions(n / plan.design_effect, p1, p2, plan.alpha_each(), plan.sides, NullVariance::kUnpooled);
  };
  return power(1) < plan.power ? 1 : Reach(power, plan.power, p1, 1);
}

double DaysNeeded(double n, double per_day, double share) { return n / (per_day * share); }

}  // namespace weir::stats
