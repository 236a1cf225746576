#include <algorithm>
#include <iterator>

#include "router/cli/calculator/families.h"
#include "stats/error_evidence.h"
#include "stats/group_sequential.h"
#include "stats/sprt.h"
#include "stats/tail_evidence.h"

namespace weir::cli {
namespace {

// In the order of stats::SpendingFamily.
constexpr std::string_view kFamilies[] = {"obrien_fleming", "pocock", "hwang_shih_decani", "power"};

stats::Spending ReadSpending(Inputs& inputs) {
  stats::Spending spending;
  const runtime::Json* json = inputs.Structure("spending");
  if (json == nullptr) return spending;
  const std::string members[] = {"family", "parameter"};
  inputs.ExpectMembers(*json, "inputs.spending", members);
  const runtime::Json* family = json->Find("family");
  const auto* name = family == nullptr ? nullptr : family->As<std::string>();
  const auto place =
      name == nullptr ? std::end(kFamilies) : std::find(std::begin(kFamilies), std::end(kFamilies), *name);
  if (place == std::end(kFamilies)) {
    inputs.Reject("inputs.spending.family", "must be one of obrien_fleming, pocock, hwang_shih_decani, power");
    return spending;
  }
  spending.family = static_cast<stats::SpendingFamily>(place - std::begin(kFamilies));
  const bool takes_parameter =
      spending.family == stats::SpendingFamily::kHwangShihDeCani || spending.family == stats::SpendingFamily::kPower;
  if (!takes_parameter) return spending;
  if (const runtime::Json* parameter = inputs.MemberAt(*json, "inputs.spending", "parameter")) {
    const bool is_power = spending.family == stats::SpendingFamily::kPower;
    spending.parameter =
        inputs.NumberAt(*parameter, "inputs.spending.parameter", is_power ? Positive() : Within(-50, 50));
  }
  return spending;
}

absl::StatusOr<runtime::Json> GroupSequential(Inputs& inputs) {
  const std::vector<double> information = inputs.Numbers("information");
  const double alpha = inputs.Number("alpha");
  const int sides = static_cast<int>(inputs.Number("sided"));
  const stats::Spending spending = ReadSpending(inputs);
  for (size_t i = 1; i < information.size(); ++i) {
    if (information[i] > information[i - 1]) continue;
    inputs.Reject("inputs.information[" + std::to_string(i) + "]", "must be above the one before it");
    break;
  }
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(
      runtime::Json::Object{{"bounds", runtime::Json(stats::SpendingBounds(information, alpha, sides, spending))}});
}

absl::StatusOr<runtime::Json> GroupSequentialClassic(Inputs& inputs) {
  const int looks = static_cast<int>(inputs.Number("looks"));
  const double alpha = inputs.Number("alpha");
  const bool is_pocock = inputs.Choice("shape") == "pocock";
  if (!inputs.ok()) return inputs.status();
  const stats::ClassicDesign design = stats::ClassicBounds(
      looks, alpha, is_pocock ? stats::ClassicShape::kPocock : stats::ClassicShape::kObrienFleming);
  return runtime::Json(runtime::Json::Object{{"constant", design.constant}, {"bounds", runtime::Json(design.bounds)}});
}

absl::StatusOr<runtime::Json> Sprt(Inputs& inputs) {
  const double alpha = inputs.Number("alpha"), beta = inputs.Number("beta");
  const auto p0 = inputs.OptionalNumber("p0"), p1 = inputs.OptionalNumber("p1");
  if (inputs.ok() && alpha + beta >= 1) inputs.RejectInput("beta", "must be below 1 - alpha");
  if (inputs.ok() && p0.has_value() != p1.has_value())
    inputs.RejectInput(p0 ? "p1" : "p0", "is required with the other");
  if (inputs.ok() && p0 && *p0 == *p1) inputs.RejectInput("p1", "must differ from inputs.p0");
  if (!inputs.ok()) return inputs.status();
  const stats::SprtBounds bounds = stats::WaldBounds(alpha, beta);
  runtime::Json::Object result{{"log_upper", bounds.log_upper}, {"log_lower", bounds.log_lower}};
  if (p0) {
    const stats::SprtLines lines = stats::BinomialLines(bounds, *p0, *p1);
    result.emplace_back("accept_intercept", lines.accept_intercept);
    result.emplace_back("reject_intercept", lines.reject_intercept);
    result.emplace_back("slope", lines.slope);
  }
  return runtime::Json(std::move(result));
}

absl::StatusOr<runtime::Json> ErrorRatio(Inputs& inputs) {
  const double share = inputs.Number("share"), ratio = inputs.Number("ratio");
  const double candidate_errors = inputs.Number("candidate_errors"), errors = inputs.Number("errors");
  if (inputs.ok() && candidate_errors > errors) {
    inputs.RejectInput("candidate_errors", "must be at most inputs.errors, which counts both variants'");
  }
  if (!inputs.ok()) return inputs.status();
  const stats::GridLog grid = stats::RatioGrid(share, ratio, candidate_errors, errors);
  return runtime::Json(runtime::Json::Object{{"log_e_value", stats::LogMixture(grid, 1)}});
}

stats::TailCounts TailOf(const std::vector<double>& milliseconds) {
  stats::TailCounts tail{.calls = static_cast<int64_t>(milliseconds.size())};
  for (const double ms : milliseconds) ++tail.from[stats::LatencyHistogram::BucketOf(absl::Milliseconds(ms))];
  for (size_t i = tail.from.size() - 1; i > 0; --i) tail.from[i - 1] += tail.from[i];
  return tail;
}

absl::StatusOr<runtime::Json> TailRatio(Inputs& inputs) {
  const std::vector<double> a = inputs.Numbers("a"), b = inputs.Numbers("b");
  const double quantile = inputs.Number("quantile"), ratio = inputs.Number("ratio");
  if (!inputs.ok()) return inputs.status();
  const int shift = stats::LatencyHistogram::BucketsForRatio(ratio);
  return runtime::Json(runtime::Json::Object{
      {"log_e_value", stats::LogTailRatio(stats::TailMixture(quantile), shift, TailOf(a), TailOf(b), 1)}});
}

}  // namespace

std::vector<Function> SequentialFunctions() {
  const Output log_e{"log_e_value", "evidence that the rule is broken; a breach at log(1/alpha)"};
  return {
      {"group_sequential",
       "bounds of a few planned looks that share one alpha",
       {Numbers("information", "fractions at the looks, ascending, at most 1",
                {.least = 0, .most = 1, .is_open_below = true})
            .Sized(1, 50),
        Alpha(), Sided(),
        Structure("spending",
                  "{\"family\": obrien_fleming | pocock | hwang_shih_decani | power, \"parameter\": number}",
                  "how alpha is spent over information")
            .Default(R"({"family": "obrien_fleming"})")},
       {{"bounds", "on |z| at each look (two-sided), or on z (one-sided)"}},
       "Lan, DeMets (1983); Armitage, McPherson, Rowe (1969)",
       R"({"information": [0.5, 1], "alpha": 0.025, "sided": 1, "spending": {"family": "pocock"}})",
       GroupSequential},
      {"group_sequential_classic",
       "two-sided bounds of equally spaced looks",
       {Number("looks", "how many", Whole(Within(1, 50))), Alpha(), Choice("shape", "", {"pocock", "obrien_fleming"})},
       {{"constant", "C(K, alpha)"}, {"bounds", "on |z| at each look"}},
       "Pocock (1977); O'Brien, Fleming (1979); constants as in Jennison, Turnbull (2000)",
       R"({"looks": 3, "shape": "pocock"})",
       GroupSequentialClassic},
      {"sprt",
       "Wald's sequential probability ratio test",
       {Alpha(), Number("beta", "the other error", Between(0, 1)).Default("0.2"),
        Number("p0", "a proportion", Between(0, 1)).Optional(), Number("p1", "against it", Between(0, 1)).Optional()},
       {{"log_upper", "reject H0 at or above"},
        {"log_lower", "accept H0 at or below"},
        {"accept_intercept", "with p0 and p1: of the line slope n + intercept over trials; negative for p1 > p0"},
        {"reject_intercept", ""},
        {"slope", ""}},
       "Wald (1945)",
       R"({"alpha": 0.05, "beta": 0.2, "p0": 0.01, "p1": 0.05})",
       Sprt},
      {"error_ratio_e_value",
       "has the candidate more than ratio times the default's errors?",
       {Number("share", "the candidate's share of all calls", Between(0, 1)),
        Number("ratio", "the guardrail's maxRatio", Positive()),
        Number("candidate_errors", "of them the candidate's", NotNegative()),
        Number("errors", "of both variants", NotNegative())},
       {log_e},
       "mixture over a grid of ratios of the likelihood of which variant's each error is",
       R"({"share": 0.5, "ratio": 2, "candidate_errors": 10, "errors": 12})",
       ErrorRatio},
      {"tail_ratio_e_value",
       "is the candidate's latency quantile more than ratio times the default's?",
       {Numbers("a", "the default's latencies in ms", NotNegative()), Numbers("b", "the candidate's", NotNegative()),
        Number("quantile", "", Between(0, 1)).Default("0.99"),
        Number("ratio", "rounded up to a bucket of 1.5^(1/40)", Within(1, 1e6)).Default("1.5")},
       {log_e},
       "distribution-free, on a histogram of 1.02 % wide buckets",
       R"({"a": [10, 12, 11, 13], "b": [40, 42, 45, 50], "quantile": 0.5, "ratio": 1.5})",
       TailRatio},
  };
}

}  // namespace weir::cli
