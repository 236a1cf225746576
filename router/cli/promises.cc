#include "router/cli/promises.h"

#include <cmath>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "router/cli/text_table.h"
#include "router/experiment/plan.h"
#include "stats/detection_bound.h"

namespace weir::cli {
namespace {

constexpr double kRises[] = {1.5, 2, 3, 10};
constexpr double kUsualErrors = 0.01;

std::string Requests(double requests) {
  if (!std::isfinite(requests)) return "never";
  return absl::StrFormat(requests < 9.5 ? "%.1f" : "%.0f", requests);
}

// Of the calls of this candidate and the default.
double ShareBesideDefault(const config::Experiment& experiment, const config::Variant& candidate) {
  const double weight = candidate.weight.value();
  return weight / (weight + experiment.variants[experiment.default_variant].weight.value());
}

// With the shares that are promised about: the file's, or those of the first step that gives candidates any.
config::Experiment AtItsFirstShares(const config::Experiment& experiment) {
  config::Experiment at = experiment;
  const experiment::Plan plan = experiment::PlanOf(experiment);
  for (uint32_t step = 0; plan.rollout && step < plan.rollout->steps.size(); ++step) {
    at.variants = experiment::SplitOfStep(plan, step).variants;
    if (at.variants != experiment::SplitBeforeStart(plan).variants) break;
  }
  return at;
}

// The least candidate requests to prove that a rate rose `rise` times; nullopt for a rule without a ratio.
std::optional<double> LeastRequests(const config::Guardrail& guardrail, double share, double rise) {
  if (const auto* errors = std::get_if<config::ErrorRatio>(&guardrail.rule)) {
    stats::ErrorRatioChange change;
    change.baseline_error = kUsualErrors;
    change.candidate_error = kUsualErrors * rise;
    change.share = share;
    change.max_ratio = errors->max_ratio;
    change.alpha = guardrail.alpha;
    return stats::LeastDelayOfErrorRatio(change).candidate_requests;
  }
  if (const auto* tail = std::get_if<config::TailRatio>(&guardrail.rule)) {
    const double slow = 1 - tail->quantile;
    return stats::LeastRequestsOfErrorCeiling(slow, slow * rise, guardrail.alpha);
  }
  return std::nullopt;
}

std::string WhatRises(const config::Guardrail& guardrail) {
  if (const auto* tail = std::get_if<config::TailRatio>(&guardrail.rule)) {
    return absl::StrFormat("share of calls slower than %g x the default's p%g, from %g %%", tail->max_ratio,
                           tail->quantile * 100, 100 - tail->quantile * 100);
  }
  return absl::StrFormat("error rate, from %g %%", kUsualErrors * 100);
}

}  // namespace

std::string PromisesText(const config::Experiment& filed) {
  const config::Experiment experiment = AtItsFirstShares(filed);
  double sum = 0;
  std::vector<std::string> alphas;
  TextTable table({{"guardrail"},
                   {"candidate"},
                   {"x 1.5", TextTable::Align::kRight},
                   {"x 2", TextTable::Align::kRight},
                   {"x 3", TextTable::Align::kRight},
                   {"x 10", TextTable::Align::kRight},
                   {"rise of"}});
  bool has_rows = false;
  for (const config::Guardrail& guardrail : experiment.guardrails) {
    alphas.push_back(absl::StrFormat("%s %g", guardrail.name, guardrail.alpha));
    if (guardrail.action == config::GuardrailAction::kRollback) sum += guardrail.alpha;
    for (size_t i = 0; i < experiment.variants.size(); ++i) {
      const config::Variant& candidate = experiment.variants[i];
      if (i == experiment.default_variant || candidate.weight == config::Weight()) continue;
      const double share = ShareBesideDefault(experiment, candidate);
      if (share >= 1 || !LeastRequests(guardrail, share, 2).has_value()) continue;
      std::vector<std::string> cells = {guardrail.name, candidate.name};
      for (const double rise : kRises) cells.push_back(Requests(*LeastRequests(guardrail, share, rise)));
      cells.push_back(WhatRises(guardrail));
      table.AddRow(std::move(cells));
      has_rows = true;
    }
  }
  if (experiment.guardrails.empty()) return "  no guardrails: nothing ever shuts its gate\n";
  std::string text = absl::StrFormat("  a run is rolled back falsely with probability %g at most (alpha: %s)\n", sum,
                                     absl::StrJoin(alphas, ", "));
  if (has_rows) {
    absl::StrAppend(&text, "  least candidate requests, on average, until any method can prove a rise:\n",
                    table.ToString(4));
  }
  return text;
}

}  // namespace weir::cli
