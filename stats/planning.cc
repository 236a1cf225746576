#include "stats/planning.h"

#include <cmath>

#include "stats/special_functions.h"

namespace weir::stats {
namespace {

double SumOfQuantiles(const TestPlan& plan) {
  return NormalQuantile(1 - plan.alpha_each() / plan.sides) + NormalQuantile(plan.power);
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
                                StudentQuantile(degrees_of_freedom, 1 - alpha / sides));
}

double SampleSizeForT(const TestPlan& plan, double difference, double standard_deviation) {
  const auto power = [&](double n) {
    return PowerOfT(n, difference, standard_deviation, plan.alpha_each(), plan.sides);
  };
  double high = 4;
  while (power(high) < plan.power && high < 1e12) high *= 2;
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

double PowerOfProportions(double n, double p1, double p2, double alpha, int sides) {
  const double error = std::sqrt((p1 * (1 - p1) + p2 * (1 - p2)) / n);
  return NormalBelow(std::abs(p2 - p1) / error - NormalQuantile(1 - alpha / sides));
}

double DetectableDifferenceOfMeans(const TestPlan& plan, double n, double standard_deviation) {
  return SumOfQuantiles(plan) * standard_deviation * std::sqrt(2 * plan.design_effect / n);
}

double DetectableProportion(const TestPlan& plan, double n, double p1) {
  const auto power = [&](double p2) {
    return PowerOfProportions(n / plan.design_effect, p1, p2, plan.alpha_each(), plan.sides);
  };
  return power(1) < plan.power ? 1 : Reach(power, plan.power, p1, 1);
}

double DaysNeeded(double n, double per_day, double share) { return n / (per_day * share); }

}  // namespace weir::stats
