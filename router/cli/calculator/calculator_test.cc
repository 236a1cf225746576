#include "router/cli/calculator/calculator.h"

#include <cmath>
#include <fstream>
#include <random>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;

runtime::Json Parsed(const std::string& text) {
  const auto json = runtime::ParseJson(text);
  EXPECT_TRUE(json.ok()) << json.status() << "\n" << text;
  return json.ok() ? *json : runtime::Json();
}

// The result of a call; fails the test where it is an error.
runtime::Json ResultOf(const std::string& function, const std::string& inputs) {
  const Calculator calculator;
  const absl::StatusOr<runtime::Json> result = calculator.Evaluate(function, Parsed(inputs));
  EXPECT_TRUE(result.ok()) << function << " " << inputs << ": " << result.status();
  return result.ok() ? *result : runtime::Json();
}
double NumberOf(const std::string& function, const std::string& inputs, const std::string& output) {
  const runtime::Json result = ResultOf(function, inputs);
  const runtime::Json* number = result.Find(output);
  EXPECT_NE(number, nullptr) << output;
  return number == nullptr ? 0 : number->ToNumber();
}
std::string ErrorOf(const std::string& function, const std::string& inputs) {
  const Calculator calculator;
  const absl::StatusOr<runtime::Json> result = calculator.Evaluate(function, Parsed(inputs));
  return result.ok() ? "no error: " + runtime::WriteJson(*result) : std::string(result.status().message());
}

// Compares what is expected, and no more: an answer may say more than a case asks for.
void ExpectNear(const runtime::Json& expected, const runtime::Json* actual, double absolute, double relative,
                const std::string& where) {
  ASSERT_NE(actual, nullptr) << where;
  if (const auto* text = expected.As<std::string>()) {
    ASSERT_NE(actual->As<std::string>(), nullptr) << where;
    EXPECT_EQ(*actual->As<std::string>(), *text) << where;
  } else if (const auto* items = expected.As<runtime::Json::Array>()) {
    const auto* others = actual->As<runtime::Json::Array>();
    ASSERT_NE(others, nullptr) << where;
    ASSERT_EQ(others->size(), items->size()) << where;
    for (size_t i = 0; i < items->size(); ++i) {
      ExpectNear((*items)[i], &(*others)[i], absolute, relative, absl::StrCat(where, "[", i, "]"));
    }
  } else {
    const double goal = expected.ToNumber();
    EXPECT_NEAR(actual->ToNumber(), goal, absolute + relative * std::abs(goal)) << where;
  }
}

void ExpectAllCases(const std::string& name, size_t least) {
  std::ifstream file("router/cli/calculator/testdata/" + name);
  std::stringstream text;
  text << file.rdbuf();
  const runtime::Json document = Parsed(text.str());
  const auto* cases = document.Find("cases")->As<runtime::Json::Array>();
  ASSERT_GE(cases->size(), least);
  const Calculator calculator;
  for (const runtime::Json& one : *cases) {
    const std::string id = *one.Find("id")->As<std::string>();
    const auto result = calculator.Evaluate(*one.Find("function")->As<std::string>(), *one.Find("inputs"));
    ASSERT_TRUE(result.ok()) << id << ": " << result.status();
    const runtime::Json answer = Parsed(runtime::WriteJson(*result));  // As a client reads it: infinity is a string.
    const runtime::Json* tolerance = one.Find("tolerance");
    for (const auto& [name, value] : *one.Find("expected")->As<runtime::Json::Object>()) {
      ExpectNear(value, answer.Find(name), tolerance->Find("abs")->ToNumber(), tolerance->Find("rel")->ToNumber(),
                 absl::StrCat(id, ".", name));
    }
  }
}

TEST(CalculatorTest, GivesWhatIsPublished) { ExpectAllCases("statistics.json", 20); }

TEST(CalculatorTest, GivesWhatOtherProgramsGive) { ExpectAllCases("cross_checks.json", 190); }

TEST(CalculatorTest, EveryExampleOfTheListIsAnsweredWithTheOutputsThatItNames) {
  const Calculator calculator;
  for (const Function& function : calculator.functions()) {
    const runtime::Json result = ResultOf(function.name, function.example);
    ASSERT_NE(result.As<runtime::Json::Object>(), nullptr) << function.name;
    for (const Output& output : function.outputs) {
      EXPECT_NE(result.Find(output.name), nullptr) << function.name << "." << output.name;
    }
    EXPECT_EQ(result.As<runtime::Json::Object>()->size(), function.outputs.size()) << function.name;
  }
}

TEST(CalculatorTest, HasEveryFunctionOfItsContract) {
  const Calculator calculator;
  for (const char* name : {"welch_t",
                           "confidence_sequence",
                           "msprt",
                           "tost",
                           "power_t",
                           "sample_size_t",
                           "sample_size_mean",
                           "sample_size_proportion",
                           "power_proportion",
                           "sample_size_ratio",
                           "minimum_detectable_mean",
                           "minimum_detectable_proportion",
                           "minimum_detectable_ratio",
                           "proportion_interval",
                           "proportion_difference",
                           "proportions_chi_square",
                           "binomial_exact",
                           "rate_ratio",
                           "mann_whitney",
                           "adjust_p_values",
                           "group_sequential",
                           "group_sequential_classic",
                           "sprt",
                           "detection_bound",
                           "sample_ratio",
                           "sequential_sample_ratio",
                           "stratified_2x2",
                           "probability_b_beats_a",
                           "ucb1",
                           "net_business_value",
                           "error_ratio_e_value",
                           "tail_ratio_e_value",
                           "clustered_ratio",
                           "cuped",
                           "moments"}) {
    EXPECT_TRUE(calculator.Find(name).ok()) << name;
  }
}

// --- Far from the middle.

TEST(CalculatorTest, HugeParametersOfBetaDistributionsCostNoMoreThanSmallOnes) {
  for (const char* size : {"1e-3", "1", "1e6", "1e9"}) {
    const std::string same = absl::StrCat("[", size, ", ", size, "]");
    EXPECT_NEAR(
        NumberOf("probability_b_beats_a", absl::StrCat(R"({"a": )", same, R"(, "b": )", same, "}"), "probability"), 0.5,
        1e-7)
        << size;
  }
  const double there = NumberOf("probability_b_beats_a", R"({"a": [0.5, 3000], "b": [40000, 7]})", "probability");
  const double back = NumberOf("probability_b_beats_a", R"({"a": [40000, 7], "b": [0.5, 3000]})", "probability");
  EXPECT_NEAR(there + back, 1, 1e-10);
}

TEST(CalculatorTest, ADifferenceTooSmallToBeShownNeedsInfinitelyMany) {
  const runtime::Json result = ResultOf("sample_size_t", R"({"difference": 1e-200})");
  EXPECT_EQ(runtime::WriteJson(result), R"({"n":"Infinity"})");
}

// --- What a size detects is what needs that size.

TEST(CalculatorTest, MinimumDetectableEffectsInvertSampleSizes) {
  const double mean = NumberOf("minimum_detectable_mean", R"({"n": 500, "standard_deviation": 3})", "difference");
  EXPECT_NEAR(NumberOf("sample_size_mean", absl::StrCat(R"({"standard_deviation": 3, "difference": )", mean, "}"), "n"),
              500, 1e-2);
  const double fallen =
      NumberOf("minimum_detectable_proportion", R"({"n": 4000, "p1": 0.9, "direction": "fall"})", "p2");
  EXPECT_LT(fallen, 0.9);
  EXPECT_NEAR(NumberOf("sample_size_proportion", absl::StrCat(R"({"p1": 0.9, "p2": )", fallen, "}"), "n"), 4000, 1);
  const std::string user = R"("numerator_mean": 0.5, "numerator_standard_deviation": 0.8, "denominator_mean": 10,
      "denominator_standard_deviation": 6, "correlation": 0.4)";
  const double ratio = NumberOf("minimum_detectable_ratio", absl::StrCat(R"({"n": 5000, )", user, "}"), "difference");
  EXPECT_NEAR(NumberOf("sample_size_ratio", absl::StrCat("{", user, R"(, "difference": )", ratio, "}"), "n"), 5000, 1);
}

TEST(CalculatorTest, UnequalGroupsComparisonsAndADesignEffectDetectLess) {
  const double plain = NumberOf("minimum_detectable_mean", R"({"n": 500})", "difference");
  for (const char* worse : {R"("n_b": 100)", R"("comparisons": 4)", R"("design_effect": 2)"}) {
    EXPECT_GT(NumberOf("minimum_detectable_mean", absl::StrCat(R"({"n": 500, )", worse, "}"), "difference"), plain)
        << worse;
  }
  EXPECT_THAT(ErrorOf("minimum_detectable_mean", R"({"n": 500, "power": 0.01})"), HasSubstr("inputs.power"));
}

// --- Other published values.

TEST(PublishedValuesTest, OfTests) {
  // GrowthBook's gbstats, relative difference of the same samples.
  const char kRelative[] = R"({"a": {"n": 3407, "sum": 1396.87, "sum_squares": 52377.9767},
      "b": {"n": 3461, "sum": 2422.7, "sum_squares": 134698.29}, "difference": "relative"})";
  EXPECT_NEAR(NumberOf("welch_t", kRelative, "difference"), 0.70732, 6e-6);
  // R's help pages: wilcox.test(depression), chisq.test and prop.test of smokers, binom.test of Mendel's peas.
  const char kSmokers[] = R"({"successes": [83, 90, 129, 70], "trials": [86, 93, 136, 82]})";
  EXPECT_NEAR(NumberOf("proportions_chi_square", kSmokers, "chi_square"), 12.6004, 6e-5);
  EXPECT_NEAR(NumberOf("proportions_chi_square", kSmokers, "p_value"), 0.005585, 6e-7);
  const char kMendel[] = R"({"successes": 682, "trials": 925, "null": 0.75})";
  EXPECT_NEAR(NumberOf("binomial_exact", kMendel, "p_value"), 0.3825, 6e-5);
  // The noncentral t's own tail (scipy's nct.sf), one-sided.
  EXPECT_NEAR(NumberOf("power_t", R"({"n": 20, "difference": 1, "sided": 1})", "power"), 0.927902, 1e-6);
}

TEST(PublishedValuesTest, OfGroupSequentialDesigns) {
  // Jennison and Turnbull (2000), tables 2.1 and 2.3, alpha .05.
  const double pocock[] = {1.960, 2.178, 2.289, 2.361, 2.413, 2.453, 2.485, 2.512, 2.535, 2.555};
  const double obrien[] = {1.960, 1.977, 2.004, 2.024, 2.040, 2.053, 2.063, 2.072, 2.080, 2.087};
  for (int looks = 1; looks <= 10; ++looks) {
    EXPECT_NEAR(
        NumberOf("group_sequential_classic", absl::StrCat(R"({"shape": "pocock", "looks": )", looks, "}"), "constant"),
        pocock[looks - 1], 6e-4)
        << looks;
    EXPECT_NEAR(NumberOf("group_sequential_classic",
                         absl::StrCat(R"({"shape": "obrien_fleming", "looks": )", looks, "}"), "constant"),
                obrien[looks - 1], 6e-4)
        << looks;
  }
}

TEST(PublishedValuesTest, OfVeryUnequalLooks) {
  // By another integration, of 3,000 Gauss-Legendre points a look.
  const double bounds[] = {2.65511005, 2.86988629, 2.26261472, 2.33793197, 2.26337307, 2.38987154};
  const runtime::Json result =
      ResultOf("group_sequential", R"({"information": [0.1, 0.11, 0.5, 0.501, 0.9, 1], "alpha": 0.05,
      "sided": 2, "spending": {"family": "pocock"}})");
  const auto* given = result.Find("bounds")->As<runtime::Json::Array>();
  for (size_t i = 0; i < given->size(); ++i) EXPECT_NEAR((*given)[i].ToNumber(), bounds[i], 2e-8) << i;
}

TEST(PublishedValuesTest, OneLookSpendsAllOfAlphaWhateverTheFamily) {
  for (const char* spending :
       {R"({"family": "obrien_fleming"})", R"({"family": "pocock"})",
        R"({"family": "hwang_shih_decani", "parameter": -4})", R"({"family": "hwang_shih_decani", "parameter": 0})",
        R"({"family": "power", "parameter": 3})"}) {
    const runtime::Json result = ResultOf(
        "group_sequential", absl::StrCat(R"({"information": [1], "alpha": 0.05, "spending": )", spending, "}"));
    EXPECT_NEAR((*result.Find("bounds")->As<runtime::Json::Array>())[0].ToNumber(), 1.959964, 1e-6) << spending;
  }
}

TEST(PublishedValuesTest, OfRanks) {
  // Hollander and Wolfe's permeability of membranes (R's wilcox.test): W = 35 of the first sample, of 50 pairs.
  const char kMembranes[] = R"({"a": [1.15, 0.88, 0.90, 0.74, 1.21],
      "b": [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]})";
  EXPECT_EQ(NumberOf("mann_whitney", kMembranes, "u"), 35);
  EXPECT_NEAR(NumberOf("mann_whitney", kMembranes, "p_value"), 0.2445, 6e-4);
  EXPECT_NEAR(NumberOf("mann_whitney", kMembranes, "hodges_lehmann"), 0.305, 1e-9);
}

// --- Rules that hold for any numbers.

TEST(PropertyTest, ExchangingTheSamplesChangesTheSignAndNoPValue) {
  constexpr unsigned kSeed = 7;
  std::mt19937 rng(kSeed);
  std::normal_distribution<double> normal;
  for (int round = 0; round < 50; ++round) {
    const auto sample = [&](int n, double mean) {
      std::string values;
      for (int i = 0; i < n; ++i) absl::StrAppend(&values, i == 0 ? "" : ", ", mean + normal(rng));
      return absl::StrCat("{\"values\": [", values, "]}");
    };
    const std::string a = sample(5 + round, 0), b = sample(12, 0.5);
    for (const char* function : {"welch_t", "mann_whitney"}) {
      const runtime::Json there = ResultOf(function, absl::StrCat("{\"a\": ", a, ", \"b\": ", b, "}"));
      const runtime::Json back = ResultOf(function, absl::StrCat("{\"a\": ", b, ", \"b\": ", a, "}"));
      EXPECT_NEAR(there.Find("p_value")->ToNumber(), back.Find("p_value")->ToNumber(), 1e-12) << "seed " << kSeed;
      const char* effect = std::string(function) == "welch_t" ? "difference" : "hodges_lehmann";
      EXPECT_NEAR(there.Find(effect)->ToNumber(), -back.Find(effect)->ToNumber(), 1e-12) << "seed " << kSeed;
    }
  }
}

TEST(PropertyTest, MoreErrorsOfTheCandidateAreMoreEvidence) {
  double last = -1e9;
  for (int errors = 0; errors <= 40; ++errors) {
    const double now = NumberOf(
        "error_ratio_e_value",
        absl::StrCat(R"({"share": 0.3, "ratio": 1.2, "errors": 40, "candidate_errors": )", errors, "}"), "log_e_value");
    EXPECT_GT(now, last) << errors;
    last = now;
  }
}

TEST(PropertyTest, AnExactPValueIsAProbabilityAndAgreesWithItsSumOverOutcomes) {
  for (int n = 1; n <= 12; ++n) {
    for (const double null : {0.1, 0.25, 0.5, 0.9}) {
      for (int k = 0; k <= n; ++k) {
        const auto probability = [&](int x) {
          return std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1)) * std::pow(null, x) *
                 std::pow(1 - null, n - x);
        };
        double sum = 0;
        for (int x = 0; x <= n; ++x) sum += probability(x) <= probability(k) * (1 + 1e-7) ? probability(x) : 0;
        const double p =
            NumberOf("binomial_exact",
                     absl::StrCat(R"({"successes": )", k, R"(, "trials": )", n, R"(, "null": )", null, "}"), "p_value");
        EXPECT_NEAR(p, std::min(sum, 1.0), 1e-9) << k << " of " << n << " at " << null;
      }
    }
  }
}

TEST(PropertyTest, AdjustedPValuesKeepTheirOrderAndFallFromBonferroniOverHolmToBenjaminiHochberg) {
  std::mt19937 rng(3);
  std::uniform_real_distribution<double> uniform;
  std::string p_values = "0.5";
  for (int i = 0; i < 30; ++i) absl::StrAppend(&p_values, ", ", uniform(rng) * uniform(rng));
  const auto adjusted = [&](const char* method) {
    const runtime::Json result =
        ResultOf("adjust_p_values", absl::StrCat("{\"p_values\": [", p_values, "], \"method\": \"", method, "\"}"));
    return *result.Find("adjusted")->As<runtime::Json::Array>();
  };
  const auto bonferroni = adjusted("bonferroni"), holm = adjusted("holm"), hochberg = adjusted("benjamini_hochberg");
  for (size_t i = 0; i < holm.size(); ++i) {
    EXPECT_LE(holm[i].ToNumber(), bonferroni[i].ToNumber());
    EXPECT_LE(hochberg[i].ToNumber(), holm[i].ToNumber() + 1e-15);
  }
}

TEST(PropertyTest, ChoppingBatchesLeavesTheBayesFactor) {
  const double whole =
      NumberOf("sequential_sample_ratio", R"({"weights": [1, 3], "counts": [120, 310]})", "log_bayes_factor");
  const double parts = NumberOf("sequential_sample_ratio", R"({"weights": [1, 3], "batches": [[20, 10], [100, 300]]})",
                                "log_bayes_factor");
  EXPECT_NEAR(whole, parts, 1e-9);
}

// --- Bad input.

TEST(BadInputTest, IsNamedByItsPath) {
  EXPECT_EQ(ErrorOf("detection_bound", R"({"null": 0.01, "alternative": 0.05, "alpha": 2})"),
            "inputs.alpha: must be in (0, 1), got 2");
  EXPECT_EQ(ErrorOf("moments", R"({"values": []})"), "inputs.values: must not be empty");
  EXPECT_EQ(ErrorOf("moments", R"({"values": [1, NaN]})"), "inputs.values[1]: must be finite, got NaN");
  EXPECT_EQ(ErrorOf("moments", R"({"values": 3})"), "inputs.values: must be an array of numbers, got 3");
  EXPECT_THAT(ErrorOf("welch_t", R"({"a": {"n": 1, "mean": 0, "standard_deviation": 1}, "b": {"values": [1, 2]}})"),
              HasSubstr("inputs.a.n: must be at least 2, got 1"));
  EXPECT_THAT(ErrorOf("welch_t", R"({"a": {"values": [1, 1]}, "b": {"values": [2, 2]}})"), HasSubstr("must vary"));
  EXPECT_THAT(ErrorOf("rate_ratio", R"({"events": [-1, 2], "exposure": [1, 1]})"),
              HasSubstr("inputs.events[0]: must be"));
  EXPECT_THAT(ErrorOf("proportion_interval", R"({"successes": 5, "trials": 4})"),
              HasSubstr("inputs.successes: must be at most"));
  EXPECT_THAT(ErrorOf("adjust_p_values", R"({"p_values": [0.5], "method": "hom"})"),
              HasSubstr("inputs.method: must be one of"));
  EXPECT_THAT(ErrorOf("power_t", R"({"n": 20, "diference": 1})"), HasSubstr("did you mean difference?"));
  EXPECT_THAT(ErrorOf("power_t", R"({"n": 20})"), HasSubstr("inputs.difference: is required"));
  EXPECT_THAT(ErrorOf("welch_test", "{}"), HasSubstr("did you mean welch_t?"));
}

TEST(BadInputTest, AllErrorsOfACallAreToldAtOnce) {
  const std::string error = ErrorOf("msprt", R"({"difference": "x", "variance": -1, "prior_variance": 0})");
  for (const char* part : {"inputs.difference: must be a number", "inputs.variance: must be positive",
                           "inputs.prior_variance: must be positive"}) {
    EXPECT_THAT(error, HasSubstr(part));
  }
}

}  // namespace
}  // namespace weir::cli
