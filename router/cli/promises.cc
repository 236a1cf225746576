#include "router/cli/promises.h"

#include <cmath>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/cli/planning/stages.h"
#include "router/cli/text_table.h"
#include "router/experiment/false_rollback.h"
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
double ShareBesideDefault(const config::Variant& candidate, const config::Variant& default_variant) {
  return candidate.weight.value() / (candidate.weight.value() + default_variant.weight.value());
}

// What is promised about: the file's shares, or those of the first step that gives candidates any, and which of the
// ledger's tests begins with them.
struct FirstShares {
  std::vector<config::Variant> variants;
  uint32_t restart = 0;
};
FirstShares FirstSharesOf(const config::Experiment& experiment) {
  FirstShares first{.variants = experiment.variants};
  const experiment::Plan plan = experiment::PlanOf(experiment);
  for (uint32_t step = 0; plan.rollout && step < plan.rollout->steps.size(); ++step) {
    first = {.variants = experiment::SplitOfStep(plan, step).variants, .restart = RestartOfStep(*plan.rollout, step)};
    if (first.variants != experiment::SplitBeforeStart(plan).variants) break;
  }
  return first;
}

// The least candidate requests to prove that a rate rose `rise` times, for a test with that alpha; nullopt for a rule
// without a ratio.
std::optional<double> LeastRequests(const config::Guardrail& guardrail, double alpha, double share, double rise) {
  if (const auto* errors = std::get_if<config::ErrorRatio>(&guardrail.rule)) {
    stats::ErrorRatioChange change;
    change.baseline_error = kUsualErrors;
    change.candidate_error = kUsualErrors * rise;
    change.share = share;
    change.max_ratio = errors->max_ratio;
    change.alpha = alpha;
    return stats::LeastDelayOfErrorRatio(change).candidate_requests;
  }
  if (const auto* tail = std::get_if<config::TailRatio>(&guardrail.rule)) {
    const double slow = 1 - tail->quantile;
    return stats::LeastRequestsOfErrorCeiling(slow, slow * rise, alpha);
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

std::string PromisesText(const config::Experiment& experiment) {
  const FirstShares first = FirstSharesOf(experiment);
  const config::Variant& default_variant = first.variants[experiment.default_variant];
  TextTable table({{"guardrail"},
                   {"candidate"},
                   {"x 1.5", TextTable::Align::kRight},
                   {"x 2", TextTable::Align::kRight},
                   {"x 3", TextTable::Align::kRight},
                   {"x 10", TextTable::Align::kRight},
                   {"rise of"}});
  bool has_rows = false;
  for (const config::Guardrail& guardrail : experiment.guardrails) {
    const double alpha = AlphaOfTest(experiment, guardrail, first.restart);
    for (size_t i = 0; i < first.variants.size(); ++i) {
      const config::Variant& candidate = first.variants[i];
      if (i == experiment.default_variant || candidate.weight == config::Weight()) continue;
      const double share = ShareBesideDefault(candidate, default_variant);
      if (share >= 1 || !LeastRequests(guardrail, alpha, share, 2).has_value()) continue;
      std::vector<std::string> cells = {guardrail.name, candidate.name};
      for (const double rise : kRises) cells.push_back(Requests(*LeastRequests(guardrail, alpha, share, rise)));
      cells.push_back(WhatRises(guardrail));
      table.AddRow(std::move(cells));
      has_rows = true;
    }
  }
  if (experiment.guardrails.empty()) return "  no guardrails: nothing ever shuts its gate\n";
  const experiment::FalseRollback rollback = experiment::FalseRollbackOf(experiment);
  std::string text = rollback.parts.empty()
                         ? "  nothing that rolls back has a bound on doing so falsely\n"
                         : absl::StrCat("  a run is rolled back falsely with probability ", Describe(rollback), "\n");
  if (has_rows) {
    absl::StrAppend(
        &text,
        "  least candidate requests, on average, until any method can prove a rise with the alpha that a test has:\n",
        table.ToString(4));
  }
  return text;
}

}  // namespace weir::cli
