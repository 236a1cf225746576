#include <algorithm>
#include <cmath>

#include "router/cli/calculator/families.h"
#include "stats/clustered.h"
#include "stats/cuped.h"
#include "stats/moments.h"
#include "stats/ranks.h"
#include "stats/two_samples.h"

namespace weir::cli {
namespace {

using stats::DifferenceKind;

Input DifferenceInput() {
  return Choice("difference", "b - a, or (b - a) / a", {"absolute", "relative"}).Default("\"absolute\"");
}

// Reads a and b, and their difference; an error is in `inputs`.
stats::MeanDifference ReadDifference(Inputs& inputs, DifferenceKind kind, bool has_equal_variances,
                                     double* n = nullptr) {
  const Sample a = inputs.Sample("a"), b = inputs.Sample("b");
  if (!inputs.ok()) return {};
  if (a.summary.variance == 0 && b.summary.variance == 0) inputs.RejectInput("a", "must vary, or b must");
  if (kind == DifferenceKind::kRelative && a.summary.mean == 0) {
    inputs.RejectInput("a", "must have a mean other than 0 for a relative difference");
  }
  if (n != nullptr) *n = a.summary.n + b.summary.n;
  return stats::DifferenceOfMeans(a.summary, b.summary, kind, has_equal_variances);
}

DifferenceKind ReadKind(Inputs& inputs) {
  return inputs.Choice("difference") == "relative" ? DifferenceKind::kRelative : DifferenceKind::kAbsolute;
}

absl::StatusOr<runtime::Json> WelchT(Inputs& inputs) {
  const double alpha = inputs.Number("alpha");
  const DifferenceKind kind = ReadKind(inputs);
  const stats::MeanDifference difference = ReadDifference(inputs, kind, inputs.Flag("equal_variances"));
  if (!inputs.ok()) return inputs.status();
  const stats::TTest test = stats::TestDifference(difference, alpha);
  return runtime::Json(runtime::Json::Object{{"difference", difference.difference},
                                             {"standard_error", difference.standard_error},
                                             {"t", test.t},
                                             {"degrees_of_freedom", difference.degrees_of_freedom},
                                             {"p_value", test.p_value},
                                             {"interval", JsonOf(test.interval)}});
}

absl::StatusOr<runtime::Json> ConfidenceSequence(Inputs& inputs) {
  const double alpha = inputs.Number("alpha"), tuning_n = inputs.Number("tuning_n");
  double n = 0;
  const stats::MeanDifference difference = ReadDifference(inputs, ReadKind(inputs), false, &n);
  if (!inputs.ok()) return inputs.status();
  const stats::SequentialInterval sequence = stats::ConfidenceSequence(difference, n, alpha, tuning_n);
  return runtime::Json(runtime::Json::Object{{"difference", difference.difference},
                                             {"standard_error", difference.standard_error},
                                             {"interval", JsonOf(sequence.interval)},
                                             {"log_e_value", sequence.log_e_value}});
}

absl::StatusOr<runtime::Json> Msprt(Inputs& inputs) {
  const double difference = inputs.Number("difference"), variance = inputs.Number("variance");
  const double prior = inputs.Number("prior_variance");
  if (!inputs.ok()) return inputs.status();
  const double log_e = stats::LogMixtureSprt(difference, variance, prior);
  return runtime::Json(runtime::Json::Object{{"log_e_value", log_e}, {"p_value", std::min(1.0, std::exp(-log_e))}});
}

absl::StatusOr<runtime::Json> Tost(Inputs& inputs) {
  const double bound = inputs.Number("bound");
  const stats::MeanDifference difference =
      ReadDifference(inputs, DifferenceKind::kAbsolute, inputs.Flag("equal_variances"));
  if (!inputs.ok()) return inputs.status();
  const stats::EquivalenceTest test = stats::TestEquivalence(difference, bound);
  return runtime::Json(runtime::Json::Object{{"t_lower", test.t_lower},
                                             {"t_upper", test.t_upper},
                                             {"degrees_of_freedom", difference.degrees_of_freedom},
                                             {"p_value", test.p_value}});
}

// `a` as an array, or as {"values": [...]}.
std::vector<double> ReadValues(Inputs& inputs, std::string_view name) {
  const runtime::Json* json = inputs.Structure(name);
  if (json == nullptr) return {};
  const std::string path = "inputs." + std::string(name);
  if (json->As<runtime::Json::Array>() != nullptr) return inputs.NumbersAt(*json, path, Finite());
  const runtime::Json* values = inputs.MemberAt(*json, path, "values");
  return values == nullptr ? std::vector<double>() : inputs.NumbersAt(*values, path + ".values", Finite());
}

absl::StatusOr<runtime::Json> MannWhitney(Inputs& inputs) {
  std::vector<double> a = ReadValues(inputs, "a"), b = ReadValues(inputs, "b");
  if (!inputs.ok()) return inputs.status();
  const stats::MannWhitney test = stats::CompareRanks(std::move(a), std::move(b));
  return runtime::Json(
      runtime::Json::Object{{"u", test.u}, {"p_value", test.p_value}, {"hodges_lehmann", test.hodges_lehmann}});
}

absl::StatusOr<runtime::Json> ClusteredRatio(Inputs& inputs) {
  const std::vector<double> numerator = inputs.Numbers("numerator"), denominator = inputs.Numbers("denominator");
  if (inputs.ok() && numerator.size() != denominator.size()) {
    inputs.RejectInput("denominator", "must have as many numbers as inputs.numerator");
  }
  if (!inputs.ok()) return inputs.status();
  const auto ratio = stats::RatioOverBuckets(numerator, denominator);
  if (!ratio) inputs.RejectInput("denominator", "must not sum to 0");
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{
      {"ratio", ratio->ratio},
      {"variance", ratio->variance},
      {"design_effect", ratio->design_effect ? runtime::Json(*ratio->design_effect) : runtime::Json()}});
}

absl::StatusOr<runtime::Json> Cuped(Inputs& inputs) {
  const std::vector<double> y = inputs.Numbers("y"), x = inputs.Numbers("x");
  if (inputs.ok() && y.size() != x.size()) inputs.RejectInput("x", "must have as many numbers as inputs.y");
  if (!inputs.ok()) return inputs.status();
  stats::PairMoments pairs;
  for (size_t i = 0; i < y.size(); ++i) pairs.Add(y[i], x[i]);
  const auto fit = stats::FitCuped(pairs);
  if (!fit) return absl::InvalidArgumentError("inputs.x: must vary, and inputs.y must");
  return runtime::Json(runtime::Json::Object{{"theta", fit->theta}, {"variance_reduction", fit->variance_reduction}});
}

absl::StatusOr<runtime::Json> MomentsOfValues(Inputs& inputs) {
  const std::vector<double> values = inputs.Numbers("values");
  if (!inputs.ok()) return inputs.status();
  const stats::Moments moments = stats::MomentsOf(values);
  return runtime::Json(runtime::Json::Object{
      {"n", moments.n()},
      {"mean", moments.mean()},
      {"standard_deviation", moments.n() < 2 ? runtime::Json() : runtime::Json(std::sqrt(moments.variance()))}});
}

const Output kInterval{"interval", "[lower, upper], 1 - alpha"};
const Output kPValue{"p_value", "two-sided"};
const Output kDegrees{"degrees_of_freedom", "of Student's t"};
const Output kDifference{"difference", "b minus a"};
const Output kError{"standard_error", "of the difference"};

}  // namespace

std::vector<Function> MeansFunctions() {
  const Input a = SampleOf("a", "the baseline"), b = SampleOf("b", "the candidate");
  const Input equal = Flag("equal_variances", "pool both variances");
  const std::string samples = R"("a": {"n": 89, "mean": 5.22, "standard_deviation": 0.83}, )"
                              R"("b": {"n": 95, "mean": 5.25, "standard_deviation": 0.95})";
  return {
      {"welch_t",
       "difference of two means at one planned look",
       {a, b, Alpha(), DifferenceInput(), equal},
       {kDifference, kError, {"t", "difference / standard_error"}, kDegrees, kPValue, kInterval},
       "Welch (1947), Satterthwaite (1946); relative by the delta method",
       "{" + samples + "}",
       WelchT},
      {"confidence_sequence",
       "difference of two means that may be looked at after every observation",
       {a, b, Alpha(),
        Number("tuning_n", "the number of observations at which it is tightest", Positive()).Default("5000"),
        DifferenceInput()},
       {kDifference,
        kError,
        {"interval", "covers at all n together with probability 1 - alpha"},
        {"log_e_value", "evidence of any difference: log(1/alpha) just when the interval leaves 0"}},
       "Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas (2021): asymptotic confidence sequences",
       "{" + samples + "}",
       ConfidenceSequence},
      {"msprt",
       "mixture sequential probability ratio test of a normal estimate",
       {Number("difference", "the estimate"), Number("variance", "of the estimate", Positive()),
        Number("prior_variance", "of the effect, around 0", Positive())},
       {{"log_e_value", "evidence against no effect"},
        {"p_value", "min(1, 1 / E): always valid at its minimum so far"}},
       "Johari, Pekelis, Walsh (2017): always valid inference",
       R"({"difference": 0.02, "variance": 5e-05, "prior_variance": 0.0004})",
       Msprt},
      {"tost",
       "equivalence: are two means within a bound of each other?",
       {a, b, Number("bound", "of the absolute difference", Positive()), equal},
       {{"t_lower", "against difference <= -bound"},
        {"t_upper", "against difference >= bound"},
        kDegrees,
        {"p_value", "the larger of the two one-sided ones"}},
       "Schuirmann (1987)",
       "{" + samples + R"(, "bound": 0.384})",
       Tost},
      {"mann_whitney",
       "rank test of two samples, with ties and continuity",
       {Structure("a", "[numbers] or {\"values\": [numbers]}", "the baseline"),
        Structure("b", "[numbers] or {\"values\": [numbers]}", "the candidate")},
       {{"u", "pairs in which b is above a; ties count a half"},
        kPValue,
        {"hodges_lehmann", "median of all differences b - a"}},
       "Mann, Whitney (1947); Hodges, Lehmann (1963); normal approximation",
       R"({"a": {"values": [0.8, 0.83, 1.89, 1.04, 1.45]}, "b": {"values": [1.15, 0.88, 0.9, 0.74, 1.21]}})",
       MannWhitney},
      {"clustered_ratio",
       "a ratio over buckets of users, whose requests are not independent",
       {Numbers("numerator", "sums by bucket").Sized(2),
        Numbers("denominator", "calls by bucket", NotNegative()).Sized(2)},
       {{"ratio", "sum of numerators over sum of denominators"},
        {"variance", "by the delta method over buckets"},
        {"design_effect", "variance over that of independent calls; null unless the ratio is in (0, 1)"}},
       "Deng, Knoblich, Lu (2018)",
       R"({"numerator": [12, 7, 9, 14, 10, 8], "denominator": [100, 80, 95, 120, 90, 85]})",
       ClusteredRatio},
      {"cuped",
       "how much a covariate from before the experiment explains",
       {Numbers("y", "outcomes").Sized(2), Numbers("x", "the covariate of the same users").Sized(2)},
       {{"theta", "cov(y, x) / var(x)"}, {"variance_reduction", "squared correlation"}},
       "Deng, Xu, Kohavi, Walker (2013)",
       R"({"y": [3, 5, 7, 9], "x": [1, 2, 2, 4]})",
       Cuped},
      {"moments",
       "mean and deviation in one pass",
       {Numbers("values", "any")},
       {{"n", "how many"}, {"mean", ""}, {"standard_deviation", "over n - 1; null of one value"}},
       "Welford (1962), Chan, Golub, LeVeque (1979)",
       R"({"values": [1, 2, 4]})",
       MomentsOfValues},
  };
}

}  // namespace weir::cli
