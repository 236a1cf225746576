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

absl::StatusOr<Json> PowerT(Inputs& inputs) {
  const double n = inputs.Number("n"), difference = inputs.Number("difference");
  const double deviation = inputs.Number("standard_deviation"), alpha = inputs.Number("alpha");
  const int sides = static_cast<int>(inputs.Number("sided"));
  if (!inputs.ok()) return inputs.status();
  const double size = sides == 2 ? std::abs(difference) : difference;
  return Json(Json::Object{{"power", stats::PowerOfT(n, size, deviation, alpha, sides)}});
}

absl::StatusOr<Json> SampleSizeT(Inputs& inputs) {
  const stats::TestPlan plan = ReadPlan(inputs);
  const double difference = inputs.Number("difference"), deviation = inputs.Number("standard_deviation");
  if (inputs.ok() && difference == 0) inputs.RejectInput("difference", "must not be 0");
  if (!inputs.ok()) return inputs.status();
  return Json(Json::Object{{"n", stats::SampleSizeForT(plan, std::abs(difference), deviation)}});
}

absl::StatusOr<Json> SampleSizeMean(Inputs& inputs) {
  const stats::TestPlan plan = ReadPlan(inputs);
  const double difference = inputs.Number("difference"), deviation = inputs.Number("standard_deviation");
  if (inputs.ok() && difference == 0) inputs.RejectInput("difference", "must not be 0");
  if (!inputs.ok()) return inputs.status();
  return Json(Json::Object{{"n", stats::SampleSizeForMeans(plan, difference, deviation)}});
}

absl::StatusOr<Json> SampleSizeProportion(Inputs& inputs) {
  const stats::TestPlan plan = ReadPlan(inputs);
  const double p1 = inputs.Number("p1"), p2 = inputs.Number("p2");
  if (inputs.ok() && p1 == p2) inputs.RejectInput("p2", "must differ from inputs.p1");
  if (!inputs.ok()) return inputs.status();
  return Json(Json::Object{{"n", stats::SampleSizeForProportions(plan, p1, p2)}});
}

absl::StatusOr<Json> PowerProportion(Inputs& inputs) {
  const double n = inputs.Number("n"), p1 = inputs.Number("p1"), p2 = inputs.Number("p2");
  const double alpha = inputs.Number("alpha");
  const int sides = static_cast<int>(inputs.Number("sided"));
  const stats::NullVariance variance =
      inputs.Choice("variance") == "pooled" ? stats::NullVariance::kPooled : stats::NullVariance::kUnpooled;
  if (!inputs.ok()) return inputs.status();
  return Json(Json::Object{{"power", stats::PowerOfProportions(n, p1, p2, alpha, sides, variance)}});
}

absl::StatusOr<Json> DetectionBound(Inputs& inputs) {
  const double null = inputs.Number("null"), alternative = inputs.Number("alternative");
  const double alpha = inputs.Number("alpha");
  if (!inputs.ok()) return inputs.status();
  return Json(Json::Object{{"kl_divergence", stats::KlBernoulli(alternative, null)},
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
