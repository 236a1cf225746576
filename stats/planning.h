// How many observations a comparison of two groups needs, what it can show with those it has, and how long that takes.
// The groups are equal, and n is one group's, except where GroupSizes or a share says otherwise. `sides` is 1 or 2.
//
// The t test is exact: power = P(T' > t_{1-alpha/sides}) of the noncentral t with 2 (n - 1) degrees of freedom and
// noncentrality (difference / sd) sqrt(n / 2), without the other tail's chance of a rejection in the wrong direction
// (R's power.t.test does the same unless strict). The others are normal approximations, with z = z_{1-alpha/sides}:
//   means        n = 2 sd^2 (z + z_power)^2 / difference^2
//   proportions  n = (p1 (1-p1) + p2 (1-p2)) (z + z_power)^2 / (p2 - p1)^2      (variances not pooled)
// Unequal groups: with the candidate's part s of N observations together, N takes the place of n where 1/(1-s) and 1/s
// weigh the two groups' variances; s = 1/2 is 2 n.
//   ratios       R = sum Y / sum N over users: those of means, with users for observations, and for sd the delta
//   method's
//                sqrt(var Y - 2 R cov(Y, N) + R^2 var N) / mean N  (Deng, Knoblich, Lu 2018)
// A design effect (stats/clustered.h) multiplies n; several comparisons divide alpha (Bonferroni), which is also what
// Holm's first step asks. Errors: those of the normal approximation, a few percent of n where each group has ten
// successes and ten failures or more, and outcomes are not skewed beyond that.

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

// What two groups have.
struct GroupSizes {
  double a = 0;  // The baseline's.
  double b = 0;  // The candidate's.
};

// The least difference that the groups show with the plan's power.
double DetectableDifferenceOfMeans(const TestPlan& plan, const GroupSizes& n, double standard_deviation);
// The p2 nearest to p1, on that side of it, of which the same holds; 1 or 0 where there is none before.
enum class Direction { kRise, kFall };
double DetectableProportion(const TestPlan& plan, const GroupSizes& n, double p1, Direction direction);

// Observations of both groups together, of which the candidate has `share`, in (0, 1).
double TotalForMeans(const TestPlan& plan, double share, double difference, double standard_deviation);
double TotalForProportions(const TestPlan& plan, double share, double p1, double p2);

// --- Ratios over users.

// What one user adds to both sums of a ratio: her errors and her calls, say.
struct RatioMoments {
  double numerator_mean = 0;
  double numerator_deviation = 0;
  double denominator_mean = 1;  // Not 0.
  double denominator_deviation = 0;
  double correlation = 0;  // Of the two, in [-1, 1].
  double ratio() const { return numerator_mean / denominator_mean; }
};
// What stands for the standard deviation of one user's observation.
double DeviationOfRatio(const RatioMoments& user);
// Users of each group that show a difference of two ratios.
double SampleSizeForRatios(const TestPlan& plan, double difference, const RatioMoments& user);
// The least difference of two ratios that so many users show.
double DetectableDifferenceOfRatios(const TestPlan& plan, const GroupSizes& users, const RatioMoments& user);

// --- Calls of users who make many each.

// Kish's design effect (1965) where a call's user makes `calls_per_user` calls, in the mean over calls, of which any
// two correlate by `correlation`, in [0, 1]; at least 1.
double DesignEffectOfUsers(double calls_per_user, double correlation);
// Calls of a fixed number of users that say as much as `independent` ones: more calls of the same users say less and
// less, and infinity is where no number is enough. `users` and `independent` are of both groups together.
double CallsOfUsers(double independent, double users, double correlation);

// Days until the rarer group, which gets `share` of `per_day` observations, has n of them.
double DaysNeeded(double n, double per_day, double share);

}  // namespace weir::stats

#endif  // WEIR_STATS_PLANNING_H_
