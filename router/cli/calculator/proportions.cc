#include "stats/proportions.h"

#include <array>

#include "router/cli/calculator/families.h"
#include "stats/special_functions.h"
#include "stats/stratified.h"

namespace weir::cli {
namespace {

using stats::Proportion;

absl::StatusOr<runtime::Json> ProportionInterval(Inputs& inputs) {
  const double alpha = inputs.Number("alpha");
  const Proportion observed{.successes = inputs.Number("successes"), .trials = inputs.Number("trials")};
  const bool is_wilson = inputs.Choice("method") == "wilson";
  if (inputs.ok() && observed.successes > observed.trials) {
    inputs.RejectInput("successes", "must be at most inputs.trials");
  }
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{
      {"interval",
       JsonOf(is_wilson ? stats::WilsonInterval(observed, alpha) : stats::ClopperPearsonInterval(observed, alpha))}});
}

Proportion ReadProportion(Inputs& inputs, std::string_view name) {
  const Sample sample = inputs.Sample(name, 1);
  if (inputs.ok() && !sample.successes) inputs.RejectInput(name, "must be {n, successes}");
  return {.successes = sample.successes.value_or(0), .trials = sample.summary.n};
}

absl::StatusOr<runtime::Json> ProportionDifference(Inputs& inputs) {
  const double alpha = inputs.Number("alpha");
  (void)inputs.Choice("method");
  const Proportion a = ReadProportion(inputs, "a"), b = ReadProportion(inputs, "b");
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{{"difference", b.rate() - a.rate()},
                                             {"interval", JsonOf(stats::NewcombeInterval(a, b, alpha))}});
}

absl::StatusOr<runtime::Json> ProportionsChiSquare(Inputs& inputs) {
  const std::vector<double> successes = inputs.Numbers("successes"), trials = inputs.Numbers("trials");
  if (inputs.ok() && successes.size() != trials.size()) {
    inputs.RejectInput("trials", "must have as many numbers as inputs.successes");
  }
  if (!inputs.ok()) return inputs.status();
  std::vector<Proportion> groups;
  Proportion all;
  for (size_t i = 0; i < successes.size(); ++i) {
    groups.push_back({successes[i], trials[i]});
    all.successes += successes[i], all.trials += trials[i];
    if (successes[i] > trials[i]) {
      inputs.Reject("inputs.successes[" + std::to_string(i) + "]", "must be at most the group's trials");
    }
  }
  if (inputs.ok() && (all.successes == 0 || all.successes == all.trials)) {
    inputs.RejectInput("successes", "must leave some successes and some failures over all groups");
  }
  if (!inputs.ok()) return inputs.status();
  const stats::ProportionsTest test = stats::TestProportions(groups);
  return runtime::Json(runtime::Json::Object{
      {"chi_square", test.chi_square}, {"degrees_of_freedom", test.degrees_of_freedom}, {"p_value", test.p_value}});
}

absl::StatusOr<runtime::Json> BinomialExact(Inputs& inputs) {
  const double alpha = inputs.Number("alpha"), null = inputs.Number("null");
  const Proportion observed{.successes = inputs.Number("successes"), .trials = inputs.Number("trials")};
  if (inputs.ok() && observed.successes > observed.trials) {
    inputs.RejectInput("successes", "must be at most inputs.trials");
  }
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{{"p_value", stats::BinomialPValue(observed, null)},
                                             {"interval", JsonOf(stats::ClopperPearsonInterval(observed, alpha))}});
}

absl::StatusOr<runtime::Json> RateRatio(Inputs& inputs) {
  const double alpha = inputs.Number("alpha");
  const std::vector<double> events = inputs.Numbers("events"), exposure = inputs.Numbers("exposure");
  if (inputs.ok() && events[0] + events[1] == 0) inputs.RejectInput("events", "must have an event in one of them");
  if (!inputs.ok()) return inputs.status();
  const std::array<double, 2> pair = {events[0], events[1]}, exposures = {exposure[0], exposure[1]};
  const stats::RateRatio ratio = stats::CompareRates(pair, exposures, alpha);
  return runtime::Json(
      runtime::Json::Object{{"ratio", ratio.ratio}, {"p_value", ratio.p_value}, {"interval", JsonOf(ratio.interval)}});
}

// One stratum, [[success, failure], [success, failure]].
stats::Table2x2 ReadTable(Inputs& inputs, const runtime::Json& json, const std::string& path) {
  const auto* rows = json.As<runtime::Json::Array>();
  if (rows == nullptr || rows->size() != 2) {
    inputs.Reject(path, "must be [[success, failure], [success, failure]]");
    return {};
  }
  const std::vector<double> first = inputs.NumbersAt((*rows)[0], path + "[0]", NotNegative(), 2, 2);
  const std::vector<double> second = inputs.NumbersAt((*rows)[1], path + "[1]", NotNegative(), 2, 2);
  if (!inputs.ok()) return {};
  return {first[0], first[1], second[0], second[1]};
}

absl::StatusOr<runtime::Json> Stratified(Inputs& inputs) {
  const runtime::Json* tables = inputs.Structure("tables");
  if (tables == nullptr) return inputs.status();
  const auto* strata = tables->As<runtime::Json::Array>();
  if (strata == nullptr || strata->empty()) inputs.RejectInput("tables", "must be an array of strata, not empty");
  if (!inputs.ok()) return inputs.status();
  std::vector<stats::Table2x2> read;
  for (size_t i = 0; i < strata->size(); ++i) {
    read.push_back(ReadTable(inputs, (*strata)[i], "inputs.tables[" + std::to_string(i) + "]"));
  }
  if (!inputs.ok()) return inputs.status();
  const auto test = stats::CmhTest(read);
  if (!test) {
    return absl::InvalidArgumentError("inputs.tables: must have a stratum with both arms, successes and failures");
  }
  const auto json = [](const std::optional<double>& value) { return value ? runtime::Json(*value) : runtime::Json(); };
  return runtime::Json(runtime::Json::Object{{"cmh_chi_square", test->chi_square},
                                             {"p_value", test->p_value},
                                             {"common_odds_ratio", json(test->common_odds_ratio)},
                                             {"crude_odds_ratio", json(test->crude_odds_ratio)}});
}

absl::StatusOr<runtime::Json> ProbabilityBBeatsA(Inputs& inputs) {
  const std::vector<double> a = inputs.Numbers("a"), b = inputs.Numbers("b");
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{{"probability", stats::BetaExceedsBeta(a[0], a[1], b[0], b[1])}});
}

}  // namespace

std::vector<Function> ProportionsFunctions() {
  const Input successes = Number("successes", "out of the trials", Whole(NotNegative()));
  const Input trials = Number("trials", "at least 1", Whole(AtLeast(1)));
  const Output interval{"interval", "[lower, upper], 1 - alpha"}, p_value{"p_value", "two-sided"};
  return {
      {"proportion_interval",
       "of one proportion",
       {successes, trials, Alpha(), Choice("method", "", {"wilson", "clopper_pearson"}).Default("\"wilson\"")},
       {interval},
       "Wilson (1927); Clopper, Pearson (1934)",
       R"({"successes": 81, "trials": 263})",
       ProportionInterval},
      {"proportion_difference",
       "of two proportions",
       {SampleOf("a", "the baseline, {n, successes}"), SampleOf("b", "the candidate, {n, successes}"), Alpha(),
        Choice("method", "", {"newcombe"}).Default("\"newcombe\"")},
       {{"difference", "b minus a"}, interval},
       "Newcombe (1998), method 10",
       R"({"a": {"n": 80, "successes": 48}, "b": {"n": 70, "successes": 56}})",
       ProportionDifference},
      {"proportions_chi_square",
       "are the proportions of several groups alike?",
       {Numbers("successes", "by group", NotNegative()).Sized(2), Numbers("trials", "by group", Positive()).Sized(2)},
       {{"chi_square", "without continuity correction"}, {"degrees_of_freedom", "groups - 1"}, {"p_value", ""}},
       "Pearson (1900)",
       R"({"successes": [83, 90, 129, 70], "trials": [86, 93, 136, 82]})",
       ProportionsChiSquare},
      {"binomial_exact",
       "is a proportion what it should be?",
       {successes, trials, Number("null", "what it should be", Within(0, 1)).Default("0.5"), Alpha()},
       {{"p_value", "of all outcomes no likelier than the one observed"}, {"interval", "Clopper and Pearson's"}},
       "Clopper, Pearson (1934)",
       R"({"successes": 682, "trials": 925, "null": 0.75})",
       BinomialExact},
      {"rate_ratio",
       "of two Poisson rates, exact given their sum",
       {Numbers("events", "of both", Whole(NotNegative())).Sized(2, 2),
        Numbers("exposure", "calls or time of both", Positive()).Sized(2, 2), Alpha()},
       {{"ratio", "the first rate over the second"}, p_value, interval},
       "Przyborowski, Wilenski (1940)",
       R"({"events": [11, 21], "exposure": [800, 3011]})",
       RateRatio},
      {"stratified_2x2",
       "one effect over several strata",
       {Structure("tables", "[[[success, failure], [success, failure]], ...]", "one table a stratum, two arms each")},
       {{"cmh_chi_square", "with continuity correction, one degree of freedom"},
        {"p_value", ""},
        {"common_odds_ratio", "of the first arm over the second; null where nothing stands below the line"},
        {"crude_odds_ratio", "of all strata together"}},
       "Cochran (1954), Mantel, Haenszel (1959)",
       R"({"tables": [[[2, 5], [3, 6]], [[4, 1], [2, 7]]]})",
       Stratified},
      {"probability_b_beats_a",
       "of two proportions with Beta posteriors",
       {Numbers("a", "[alpha, beta]", Positive()).Sized(2, 2), Numbers("b", "[alpha, beta]", Positive()).Sized(2, 2)},
       {{"probability", "that b's proportion is above a's"}},
       "numerical integration, to 1e-9",
       R"({"a": [11, 91], "b": [14, 88]})",
       ProbabilityBBeatsA},
  };
}

}  // namespace weir::cli
