#include <iterator>

#include "router/cli/calculator/families.h"
#include "stats/bandits.h"
#include "stats/business_value.h"
#include "stats/multiplicity.h"
#include "stats/sample_ratio.h"

namespace weir::cli {
namespace {

absl::StatusOr<runtime::Json> SampleRatio(Inputs& inputs) {
  const std::vector<double> counts = inputs.Numbers("counts"), weights = inputs.Numbers("weights");
  if (inputs.ok() && counts.size() != weights.size()) {
    inputs.RejectInput("weights", "must have as many numbers as inputs.counts");
  }
  if (!inputs.ok()) return inputs.status();
  const auto test = stats::SampleRatioChiSquare(counts, weights);
  if (!test.ok()) return absl::InvalidArgumentError("inputs.counts: " + std::string(test.status().message()));
  return runtime::Json(runtime::Json::Object{
      {"chi_square", test->chi_square}, {"degrees_of_freedom", test->degrees_of_freedom}, {"p_value", test->p_value}});
}

// The batches in order: `batches`, or `counts` as the only one.
std::vector<std::vector<double>> ReadBatches(Inputs& inputs, size_t variants) {
  std::vector<std::vector<double>> batches;
  if (inputs.Has("batches") == inputs.Has("counts")) {
    inputs.RejectInput("counts", "is required, or inputs.batches, and not both");
  } else if (inputs.Has("batches")) {
    batches = inputs.Matrix("batches");
  } else {
    batches.push_back(inputs.Numbers("counts"));
  }
  for (size_t i = 0; inputs.ok() && i < batches.size(); ++i) {
    if (batches[i].size() == variants) continue;
    inputs.Reject(inputs.Has("batches") ? "inputs.batches[" + std::to_string(i) + "]" : "inputs.counts",
                  "must have as many numbers as inputs.weights");
  }
  return batches;
}

absl::StatusOr<runtime::Json> SequentialSampleRatio(Inputs& inputs) {
  const std::vector<double> weights = inputs.Numbers("weights");
  const std::vector<std::vector<double>> batches = ReadBatches(inputs, weights.size());
  const double concentration = inputs.Number("concentration");
  const std::vector<double> prior = inputs.Has("prior") ? inputs.Numbers("prior") : std::vector<double>();
  if (inputs.ok() && inputs.Has("prior") && prior.size() != weights.size()) {
    inputs.RejectInput("prior", "must have as many numbers as inputs.weights");
  }
  if (!inputs.ok()) return inputs.status();
  auto test = prior.empty() ? stats::SequentialSampleRatio::Create(weights, concentration)
                            : stats::SequentialSampleRatio::Create(weights, prior);
  if (!test.ok()) return absl::InvalidArgumentError("inputs.weights: " + std::string(test.status().message()));
  for (const std::vector<double>& batch : batches) test->Add(batch);
  return runtime::Json(
      runtime::Json::Object{{"log_bayes_factor", test->log_bayes_factor()}, {"p_value", test->p_value()}});
}

absl::StatusOr<runtime::Json> AdjustPValues(Inputs& inputs) {
  const std::vector<double> p_values = inputs.Numbers("p_values");
  const std::string method = inputs.Choice("method");
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{
      {"adjusted", runtime::Json(method == "bonferroni" ? stats::AdjustBonferroni(p_values)
                                 : method == "holm"     ? stats::AdjustHolm(p_values)
                                                        : stats::AdjustBenjaminiHochberg(p_values))}});
}

absl::StatusOr<runtime::Json> Ucb1(Inputs& inputs) {
  const double mean = inputs.Number("mean"), n = inputs.Number("n"), total = inputs.Number("total");
  if (inputs.ok() && total < n) inputs.RejectInput("total", "must be at least inputs.n");
  if (!inputs.ok()) return inputs.status();
  return runtime::Json(runtime::Json::Object{{"bound", stats::Ucb1Bound(mean, n, total)}});
}

stats::BusinessWeights ReadWeights(Inputs& inputs) {
  stats::BusinessWeights weights;
  const runtime::Json* json = inputs.Structure("weights");
  if (json == nullptr) return weights;
  const std::string names[] = {"revenue_per_accuracy_point", "cost_per_millisecond", "risk_per_error_point"};
  double* const values[] = {&weights.revenue_per_accuracy_point, &weights.cost_per_millisecond,
                            &weights.risk_per_error_point};
  inputs.ExpectMembers(*json, "inputs.weights", names);
  for (size_t i = 0; i < std::size(names); ++i) {
    if (const runtime::Json* value = json->Find(names[i]))
      *values[i] = inputs.NumberAt(*value, "inputs.weights." + names[i], Finite());
  }
  return weights;
}

absl::StatusOr<runtime::Json> NetBusinessValue(Inputs& inputs) {
  const std::vector<double> accuracy = inputs.Numbers("accuracy"), latency = inputs.Numbers("latency_ms");
  const std::vector<double> errors = inputs.Numbers("error_percent");
  const stats::BusinessWeights weights = ReadWeights(inputs);
  if (!inputs.ok()) return inputs.status();
  const double net =
      stats::NetBusinessValue(weights, {accuracy[0], latency[0], errors[0]}, {accuracy[1], latency[1], errors[1]});
  return runtime::Json(runtime::Json::Object{{"net", net}, {"label", stats::BusinessLabel(net)}});
}

}  // namespace

std::vector<Function> TrustFunctions() {
  const Input weights = Numbers("weights", "configured shares, of any scale", Positive()).Sized(2);
  return {
      {"sample_ratio",
       "did the variants get the shares that were configured? At one planned look",
       {Numbers("counts", "users by variant", NotNegative()).Sized(2), weights},
       {{"chi_square", ""}, {"degrees_of_freedom", "variants - 1"}, {"p_value", "a mismatch below 0.001, say"}},
       "Pearson (1900)",
       R"({"counts": [4980, 5120], "weights": [1, 1]})",
       SampleRatio},
      {"sequential_sample_ratio",
       "the same, looked at after every batch",
       {Numbers("counts", "users by variant, as one batch", NotNegative()).Sized(2).Optional(),
        Matrix("batches", "users by variant, batch by batch", NotNegative()).Sized(2).Optional(), weights,
        Numbers("prior", "the Dirichlet's own parameters, instead of concentration", Positive()).Sized(2).Optional(),
        Number("concentration", "their sum, spread by the weights", Positive()).Default("10000")},
       {{"log_bayes_factor", "of a mismatch over none, after the last batch"},
        {"p_value", "min(1, 1 / the greatest Bayes factor so far): always valid"}},
       "Lindon, Malek (2020)",
       R"({"counts": [4980, 5320], "weights": [1, 1]})",
       SequentialSampleRatio},
      {"adjust_p_values",
       "of many tests at once",
       {Numbers("p_values", "of each test", Within(0, 1)),
        Choice("method", "", {"bonferroni", "holm", "benjamini_hochberg"})},
       {{"adjusted", "to be compared with alpha itself"}},
       "Holm (1979); Benjamini, Hochberg (1995)",
       R"({"p_values": [0.01, 0.02, 0.03], "method": "holm"})",
       AdjustPValues},
      {"ucb1",
       "upper confidence bound of a bandit's arm",
       {Number("mean", "reward of the arm so far"), Number("n", "pulls of the arm", AtLeast(1)),
        Number("total", "pulls of all arms", AtLeast(1))},
       {{"bound", "mean + sqrt(2 ln total / n)"}},
       "Auer, Cesa-Bianchi, Fischer (2002)",
       R"({"mean": 0.42, "n": 100, "total": 1000})",
       Ucb1},
      {"net_business_value",
       "revenue - cost + risk of the candidate over the default",
       {Numbers("accuracy", "percent: default, candidate").Sized(2, 2),
        Numbers("latency_ms", "default, candidate", NotNegative()).Sized(2, 2),
        Numbers("error_percent", "default, candidate", Within(0, 100)).Sized(2, 2),
        Structure("weights", "{revenue_per_accuracy_point, cost_per_millisecond, risk_per_error_point}",
                  "what a point and a millisecond are worth; 0 where left out")},
       {{"net", "in the unit of the weights"},
        {"label",
         "of the point estimate: STRONG_RECOMMEND above 2, RECOMMEND above 0.5, REJECT below -0.5, else "
         "CONTINUE_TESTING"}},
       "the specification's `decision` weights",
       R"({"accuracy": [78.5, 82.1], "latency_ms": [45, 62], "error_percent": [1.2, 0.8],)"
       R"( "weights": {"revenue_per_accuracy_point": 0.5, "cost_per_millisecond": 0.1, "risk_per_error_point": 10}})",
       NetBusinessValue},
  };
}

}  // namespace weir::cli
