#include "router/experiment/decision.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "router/experiment/checks.h"

namespace weir::experiment {
namespace {

// In the order of `Check`.
constexpr std::array<std::string_view, kChecks> kCheckNames = {
    "failure-condition", "guardrail", "soft-limit", "sample-ratio", "outcome-ratio",   "data-loss",
    "primary",           "value",     "data",       "duration",     "non-inferiority", "success-condition"};

std::string Describe(const Finding& finding) {
  return absl::StrCat(NameOf(finding.check), finding.subject.empty() ? "" : " ", finding.subject,
                      finding.variant.empty() ? "" : " of ", finding.variant, finding.text.empty() ? "" : ": ",
                      finding.text);
}

const Finding* First(const std::vector<Finding>& findings, std::initializer_list<Check> checks, CheckState state) {
  for (const Check check : checks) {
    for (const Finding& finding : findings) {
      if (finding.check == check && finding.state == state) return &finding;
    }
  }
  return nullptr;
}

}  // namespace

std::string NameOf(Check check) { return std::string(kCheckNames[static_cast<size_t>(check)]); }

std::string NameOf(CheckState state) {
  constexpr const char* kNames[] = {"passed", "failed", "unknown"};
  return kNames[static_cast<size_t>(state)];
}

std::string NameOf(Verdict verdict) {
  constexpr const char* kNames[] = {"success", "failed", "inconclusive", "undecided"};
  return kNames[static_cast<size_t>(verdict)];
}

Criteria CriteriaOf(const config::Experiment& experiment, const config::Analysis& analysis) {
  std::vector<ComparedGuardrail> compared;
  for (const config::Guardrail& guardrail : experiment.guardrails) {
    const bool is_of_errors = std::holds_alternative<config::ErrorRatio>(guardrail.rule);
    if (!is_of_errors && !std::holds_alternative<config::TailRatio>(guardrail.rule)) continue;
    compared.push_back({guardrail.name, is_of_errors});
  }
  const bool has_preview = experiment.rollout && experiment.rollout->preview;
  return {.rules = experiment.decision_rules,
          .weights = experiment.decision,
          .metrics = experiment.metrics,
          .queries = experiment.queries,
          .compared = std::move(compared),
          .analysis = analysis,
          .no_data_after = experiment.rollout ? experiment.rollout->no_data_after : config::Rollout().no_data_after,
          .preview_max_age = has_preview ? std::optional(experiment.rollout->preview->max_age) : std::nullopt};
}

config::Analysis AnalysisToTell(const config::Experiment& experiment) {
  config::Analysis analysis{.needs_non_inferiority = false};
  analysis.needs_primaries =
      std::any_of(experiment.metrics.begin(), experiment.metrics.end(),
                  [](const config::OutcomeMetric& metric) { return metric.role == config::Role::kPrimary; });
  analysis.needs_value = experiment.decision.has_value() || !experiment.decision_rules.criterion.empty();
  return analysis;
}

const VariantFacts* FactsOf(const Evidence& evidence, std::string_view variant) {
  const auto found = std::find_if(evidence.variants.begin(), evidence.variants.end(),
                                  [&](const VariantFacts& facts) { return facts.name == variant; });
  return found == evidence.variants.end() ? nullptr : &*found;
}

Conclusion Conclude(const std::vector<Finding>& findings) {
  using enum Check;
  const auto failed = [&](std::initializer_list<Check> checks) { return First(findings, checks, CheckState::kFailed); };
  if (const Finding* finding = failed({kFailureCondition, kGuardrail})) return {Verdict::kFailed, Describe(*finding)};
  if (const Finding* finding = failed({kSampleRatio, kOutcomeRatio, kDataLoss})) {
    return {Verdict::kInconclusive, absl::StrCat(Describe(*finding), "; `weirctl retry` begins the step anew")};
  }
  if (const Finding* finding = failed({kPrimary, kValue})) return {Verdict::kFailed, Describe(*finding)};
  const auto missing = std::find_if(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.check != kSoftLimit && finding.state != CheckState::kPassed;
  });
  if (missing != findings.end()) return {Verdict::kUndecided, Describe(*missing)};
  // Health alone is no reason to go on: something has to have been shown.
  const bool shows_something = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.check == kFailureCondition || finding.check == kPrimary || finding.check == kValue ||
           finding.check == kNonInferiority || finding.check == kSuccessCondition;
  });
  if (!shows_something) return {Verdict::kUndecided, "nothing was asked to be shown"};
  return {Verdict::kSuccess, "everything that was asked is shown"};
}

Decision Decide(const Criteria& criteria, const Evidence& evidence) {
  std::vector<Finding> findings = CheckConditions(criteria, evidence);
  const auto append = [&](std::vector<Finding> more) {
    findings.insert(findings.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  append(CheckGuardrails(evidence));
  append(CheckHealth(criteria, evidence));
  const bool is_healthy = std::all_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.check == Check::kSuccessCondition || finding.check == Check::kFailureCondition ||
           finding.check == Check::kGuardrail || finding.check == Check::kSoftLimit ||
           finding.state == CheckState::kPassed;
  });
  const bool is_breached = First(findings, {Check::kGuardrail}, CheckState::kFailed) != nullptr;
  append(CheckPrimaries(criteria, evidence));
  Valuation value = CheckValue(criteria, evidence, is_healthy, is_breached);
  append(std::move(value.findings));
  append(CheckNonInferiority(criteria, evidence));
  Conclusion conclusion = Conclude(findings);
  return {.verdict = conclusion.verdict,
          .label = std::move(value.label),
          .point_label = std::move(value.point_label),
          .why = std::move(conclusion.why),
          .findings = std::move(findings),
          .at = evidence.now};
}

}  // namespace weir::experiment
