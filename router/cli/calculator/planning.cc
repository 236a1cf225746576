#include "stats/planning.h"

#include <cmath>

#include "router/cli/calculator/families.h"
#include "stats/detection_bound.h"

namespace weir::cli {
namespace {

stats::TestPlan ReadPlan(Inputs& inputs) {
  stats::TestPlan plan;
  plan.alpha = inputs.Number("alpha");
  plan.power = inputs.Number("power");
  plan.sides = static_cast<int>(inputs.Number("sided"));
  if (inputs.ok() && plan.power <= plan.alpha / plan.sides) {
    inputs.RejectInput("power", "must be above alpha / sided: no observation at all gives that much");
  }
  return plan;
}

absl::StatusOr<runtime::Json> PowerT(Inputs& inputs) {
  const double n = inputs.Number("n"), difference = inputs.Number("difference");
  const double deviation = inputs.Number("standard_deviation"), alpha = inputs.Number("alpha");
  const int sides = static_cast<int>(inputs.Number("sided"));
  if (!inputs.ok()) return inputs.status();
  const double size = sides == 2 ? std::abs(difference) : difference;
  return runtime::Json(runtime::Json::Object{{"power", stats::PowerOfT(n, size, deviation, alpha, sides)}});
}

absl::StatusOr<runtime::Json> SampleSizeT(Inputs& inputs) {
  const stats::TestPlan plan = ReadPlan(inputs);
  const double difference = inputs.Number("difference"), deviation = inputs.Number("standard_deviation");
  if (inputs.ok() && difference == 0) inputs.RejectInput("difference", "must not be 0");
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{{"n", stats::SampleSizeForT(plan, std::abs(difference), deviation)}});
}

absl::StatusOr<runtime::Json> SampleSizeMean(Inputs& inputs) {
  const stats::TestPlan plan = ReadPlan(inputs);
  const double difference = inputs.Number("difference"), deviation = inputs.Number("standard_deviation");
  if (inputs.ok() && difference == 0) inputs.RejectInput("difference", "must not be 0");
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{{"n", stats::SampleSizeForMeans(plan, difference, deviation)}});
}

absl::StatusOr<runtime::Json> SampleSizeProportion(Inputs& inputs) {
  const stats::TestPlan plan = ReadPlan(inputs);
  const double p1 = inputs.Number("p1"), p2 = inputs.Number("p2");
  if (inputs.ok() && p1 == p2) inputs.RejectInput("p2", "must differ from inputs.p1");
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{{"n", stats::SampleSizeForProportions(plan, p1, p2)}});
}

absl::StatusOr<runtime::Json> PowerProportion(Inputs& inputs) {
  const double n = inputs.Number("n"), p1 = inputs.Number("p1"), p2 = inputs.Number("p2");
  const double alpha = inputs.Number("alpha");
  const int sides = static_cast<int>(inputs.Number("sided"));
  const stats::NullVariance variance =
      inputs.Choice("variance") == "pooled" ? stats::NullVariance::kPooled : stats::NullVariance::kUnpooled;
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{{"power", stats::PowerOfProportions(n, p1, p2, alpha, sides, variance)}});
}

// What one user adds to both sums of a ratio.
stats::RatioMoments ReadMoments(Inputs& inputs) {
  return {.numerator_mean = inputs.Number("numerator_mean"),
          .numerator_deviation = inputs.Number("numerator_standard_deviation"),
          .denominator_mean = inputs.Number("denominator_mean"),
          .denominator_deviation = inputs.Number("denominator_standard_deviation"),
          .correlation = inputs.Number("correlation")};
}

absl::StatusOr<runtime::Json> SampleSizeRatio(Inputs& inputs) {
  const stats::TestPlan plan = ReadPlan(inputs);
  const double difference = inputs.Number("difference");
  const stats::RatioMoments user = ReadMoments(inputs);
  if (inputs.ok() && difference == 0) inputs.RejectInput("difference", "must not be 0");
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{{"n", stats::SampleSizeForRatios(plan, difference, user)},
                                             {"ratio", user.ratio()},
                                             {"standard_deviation", stats::DeviationOfRatio(user)}});
}

// The plan and the groups of the functions that ask what given observations show.
struct Known {
  stats::TestPlan plan;
  stats::GroupSizes n;
};
Known ReadKnown(Inputs& inputs) {
  Known known{.plan = ReadPlan(inputs), .n = {.a = inputs.Number("n"), .b = 0}};
  known.n.b = inputs.OptionalNumber("n_b").value_or(known.n.a);
  known.plan.design_effect = inputs.Number("design_effect");
  known.plan.comparisons = static_cast<int>(inputs.Number("comparisons"));
  if (inputs.ok() && known.plan.power <= known.plan.alpha_each() / known.plan.sides) {
    inputs.RejectInput("power", "must be above alpha / comparisons / sided");
  }
  return known;
}

absl::StatusOr<runtime::Json> MinimumDetectableMean(Inputs& inputs) {
  const Known known = ReadKnown(inputs);
  const double deviation = inputs.Number("standard_deviation");
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(
      runtime::Json::Object{{"difference", stats::DetectableDifferenceOfMeans(known.plan, known.n, deviation)}});
}

absl::StatusOr<runtime::Json> MinimumDetectableProportion(Inputs& inputs) {
  const Known known = ReadKnown(inputs);
  const double p1 = inputs.Number("p1");
  const auto direction = inputs.Choice("direction") == "rise" ? stats::Direction::kRise : stats::Direction::kFall;
  if (!inputs.ok()) return inputs.status();
  const double p2 = stats::DetectableProportion(known.plan, known.n, p1, direction);
  return runtime::Json(runtime::Json::Object{{"p2", p2}, {"difference", p2 - p1}});
}

absl::StatusOr<runtime::Json> MinimumDetectableRatio(Inputs& inputs) {
  const Known known = ReadKnown(inputs);
  const stats::RatioMoments user = ReadMoments(inputs);
  if (!inputs.ok()) return inputs.status();
  const double difference = stats::DetectableDifferenceOfRatios(known.plan, known.n, user);
  return runtime::Json(runtime::Json::Object{
      {"difference", difference}, {"ratio", user.ratio()}, {"standard_deviation", stats::DeviationOfRatio(user)}});
}

absl::StatusOr<runtime::Json> DetectionBound(Inputs& inputs) {
  const double null = inputs.Number("null"), alternative = inputs.Number("alternative");
  const double alpha = inputs.Number("alpha");
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{{"kl_divergence", stats::KlBernoulli(alternative, null)},
                                             {"samples", stats::DetectionBound(null, alternative, alpha)}});
}

}  // namespace

std::vector<Function> PlanningFunctions() {
  const Input difference = Number("difference", "that is to be shown");
  const Input deviation = Number("standard_deviation", "of one observation", Positive()).Default("1");
  const Input power = Number("power", "the chance to show it", Between(0, 1)).Default("0.8");
  const Input n = Number("n", "observations of each group", AtLeast(2));
  const Input p1 = Number("p1", "the baseline's proportion", Between(0, 1));
  const Input p2 = Number("p2", "the candidate's", Between(0, 1));
  const Output size{"n", "observations of each group, not rounded"}, chance{"power", "of a test at alpha"};
  const Input n_b = Number("n_b", "observations of the candidate, where not as many as n", AtLeast(1)).Optional();
  const Input design_effect = Number("design_effect", "of calls of the same users", AtLeast(1)).Default("1");
  const Input comparisons =
      Number("comparisons", "that divide alpha (Bonferroni; Holm's first step)", Whole(AtLeast(1))).Default("1");
  const std::vector<Input> user = {Number("numerator_mean", "of what a user adds above the line"),
                                   Number("numerator_standard_deviation", "of the same", NotNegative()),
                                   Number("denominator_mean", "of what she adds below it", Positive()).Default("1"),
                                   Number("denominator_standard_deviation", "of the same", NotNegative()).Default("0"),
                                   Number("correlation", "of the two over users", Within(-1, 1)).Default("0")};
  const auto with_user = [&](std::vector<Input> inputs) {
    inputs.insert(inputs.end(), user.begin(), user.end());
    return inputs;
  };
  const Output ratio{"ratio", "sum above over sum below the line"};
  const Output deviation_of_ratio{"standard_deviation", "that stands for one user's, by the delta method"};
  return {
      {"power_t",
       "of a t test of two equal groups",
       {n, difference, deviation, Alpha(), Sided()},
       {chance},
       "noncentral t; the wrong tail does not count, as in R's power.t.test",
       R"({"n": 20, "difference": 1})",
       PowerT},
      {"sample_size_t",
       "of a t test of two equal groups",
       {power, difference, deviation, Alpha(), Sided()},
       {size},
       "noncentral t, solved for n",
       R"({"difference": 1, "power": 0.9})",
       SampleSizeT},
      {"sample_size_mean",
       "of a comparison of two means",
       {difference, deviation, Alpha(), power, Sided()},
       {size},
       "normal approximation: 2 sd^2 (z + z_power)^2 / difference^2",
       R"({"difference": 0.5})",
       SampleSizeMean},
      {"sample_size_proportion",
       "of a comparison of two proportions",
       {p1, p2, Alpha(), power, Sided()},
       {size},
       "normal approximation, variances not pooled",
       R"({"p1": 0.1, "p2": 0.12})",
       SampleSizeProportion},
      {"power_proportion",
       "of a comparison of two proportions",
       {Number("n", "observations of each group", AtLeast(1)), p1, p2, Alpha(), Sided(),
        Choice("variance", "of the null hypothesis; unpooled inverts sample_size_proportion", {"pooled", "unpooled"})
            .Default("\"pooled\"")},
       {chance},
       "normal approximation, as R's power.prop.test",
       R"({"n": 3839, "p1": 0.1, "p2": 0.12})",
       PowerProportion},
      {"sample_size_ratio",
       "of a comparison of two ratios over users, such as errors per call",
       with_user({difference, Alpha(), power, Sided()}),
       {{"n", "users of each group, not rounded"}, ratio, deviation_of_ratio},
       "delta method: sd = sqrt(var Y - 2 R cov + R^2 var N) / mean N, then as sample_size_mean",
       R"({"difference": 0.01, "numerator_mean": 0.5, "numerator_standard_deviation": 0.8, "denominator_mean": 10,)"
       R"( "denominator_standard_deviation": 6, "correlation": 0.4})",
       SampleSizeRatio},
      {"minimum_detectable_mean",
       "the least difference of two means that groups of a given size show",
       {Number("n", "observations of the baseline", AtLeast(1)), n_b, deviation, Alpha(), power, Sided(), design_effect,
        comparisons},
       {{"difference", "that is shown with the given power"}},
       "normal approximation, inverts sample_size_mean",
       R"({"n": 500})",
       MinimumDetectableMean},
      {"minimum_detectable_proportion",
       "the nearest proportion that groups of a given size tell from p1",
       {Number("n", "observations of the baseline", AtLeast(1)), n_b, p1, Alpha(), power, Sided(), design_effect,
        comparisons, Choice("direction", "on which side of p1", {"rise", "fall"}).Default("\"rise\"")},
       {{"p2", "the candidate's; 1 or 0 where no other is told"}, {"difference", "p2 - p1"}},
       "normal approximation, variances not pooled; inverts sample_size_proportion",
       R"({"n": 3839, "p1": 0.1})",
       MinimumDetectableProportion},
      {"minimum_detectable_ratio",
       "the least difference of two ratios over users that so many users show",
       with_user({Number("n", "users of the baseline", AtLeast(1)), n_b, Alpha(), power, Sided(), design_effect,
                  comparisons}),
       {{"difference", "that is shown with the given power"}, ratio, deviation_of_ratio},
       "delta method, inverts sample_size_ratio",
       R"({"n": 5000, "numerator_mean": 0.5, "numerator_standard_deviation": 0.8, "denominator_mean": 10,)"
       R"( "denominator_standard_deviation": 6, "correlation": 0.4})",
       MinimumDetectableRatio},
      {"detection_bound",
       "the fewest observations with which any test can tell two proportions apart, in the mean",
       {Number("null", "the proportion while all is well", Between(0, 1)),
        Number("alternative", "the proportion to be noticed", Between(0, 1)), Alpha("the false alarm rate")},
       {{"kl_divergence", "of the alternative from the null, in nats"}, {"samples", "log(1/alpha) / KL"}},
       "Wald (1945); Lorden (1971)",
       R"({"null": 0.01, "alternative": 0.05, "alpha": 0.001})",
       DetectionBound},
  };
}

}  // namespace weir::cli
