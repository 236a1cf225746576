// How many observations a comparison of two equal groups needs, what it can show with those it has, and how long that
// takes. All n are of one group. `sides` is 1 or 2.
//
// The t test is exact: power = P(T' > t_{1-alpha/sides}) of the noncentral t with 2 (n - 1) degrees of freedom and
// noncentrality (difference / sd) sqrt(n / 2), without the other tail's chance of a rejection in the wrong direction
// (R's power.t.test does the same unless strict). The others are normal approximations, with z = z_{1-alpha/sides}:
//   means        n = 2 sd^2 (z + z_power)^2 / difference^2
//   proportions  n = (p1 (1-p1) + p2 (1-p2)) (z + z_power)^2 / (p2 - p1)^2      (variances not pooled)
// A design effect (stats/clustered.h) multiplies n; several comparisons divide alpha (Bonferroni).

#ifndef WEIR_STATS_PLANNING_H_
#define WEIR_STATS_PLANNING_H_

namespace weir::stats {

struct TestPlan {
  double alpha = 0.05;  // In (0, 1).
  double power = 0.8;   // In (0, 1).
  int sides = 2;
  double design_effect = 1;
  int comparisons = 1;
  double alpha_each() const { return alpha / comparisons; }
};

// n >= 2, difference >= 0.
double PowerOfT(double n, double difference, double standard_deviation, double alpha, int sides);
// Not rounded; `power` above alpha / sides, difference > 0. At least 2; infinite beyond 1e12.
double SampleSizeForT(const TestPlan& plan, double difference, double standard_deviation);

double SampleSizeForMeans(const TestPlan& plan, double difference, double standard_deviation);
double SampleSizeForProportions(const TestPlan& plan, double p1, double p2);
// Which standard error the test divides by: that of one proportion for both groups, as tests of equality do and R's
// power.prop.test assumes, or that of two, which SampleSizeForProportions and DetectableProportion solve for.
enum class NullVariance { kPooled, kUnpooled };
double PowerOfProportions(double n, double p1, double p2, double alpha, int sides, NullVariance null_variance);

// The least difference that n observations of each group show with the plan's power.
double DetectableDifferenceOfMeans(const TestPlan& plan, double n, double standard_deviation);
// The least p2 above p1 of which that holds; 1 where there is none below.
double DetectableProportion(const TestPlan& plan, double n, double p1);

// Days until the rarer group, which gets `share` of `per_day` observations, has n of them.
double DaysNeeded(double n, double per_day, double share);

}  // namespace weir::stats

#endif  // WEIR_STATS_PLANNING_H_
