#include "router/experiment/false_rollback.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace weir::experiment {

FalseRollback FalseRollbackOf(const config::Experiment& experiment) {
  FalseRollback rollback;
  for (const config::Guardrail& guardrail : experiment.guardrails) {
    if (guardrail.action != config::GuardrailAction::kRollback) continue;
    rollback.parts.push_back({guardrail.name, guardrail.alpha});
    if (guardrail.detector_acts) rollback.beside.push_back(absl::StrCat("the detector of ", guardrail.name));
  }
  const auto steps = experiment.rollout ? experiment.rollout->steps : std::vector<config::RolloutStep>();
  for (size_t s = 0; s < steps.size(); ++s) {
    const std::optional<config::Analysis>& analysis = steps[s].analysis;
    if (!analysis) continue;
    const int ways = analysis->needs_primaries + analysis->needs_value;
    if (ways > 0) {
      rollback.parts.push_back({absl::StrCat("analysis of step ", s + 1), ways * experiment.decision_rules.alpha});
    }
    if (analysis->failure) rollback.beside.push_back(absl::StrCat("the failureCondition of step ", s + 1));
  }
  for (const FalseRollback::Part& part : rollback.parts) rollback.at_most += part.alpha;
  return rollback;
}

std::string Describe(const FalseRollback& rollback) {
  std::vector<std::string> parts;
  for (const FalseRollback::Part& part : rollback.parts) {
    parts.push_back(absl::StrFormat("%s %g", part.name, part.alpha));
  }
  std::string text = absl::StrFormat("%.6g at most", rollback.at_most);
  if (!parts.empty()) absl::StrAppend(&text, " (", absl::StrJoin(parts, ", "), ")");
  if (!rollback.beside.empty()) absl::StrAppend(&text, ", beside ", absl::StrJoin(rollback.beside, " and "));
  return text;
}

}  // namespace weir::experiment
