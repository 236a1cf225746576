// The whole plan of an experiment at some traffic, as one value: `weirctl plan` only shows it.

#ifndef WEIR_ROUTER_CLI_PLANNING_EXPERIMENT_PLAN_H_
#define WEIR_ROUTER_CLI_PLANNING_EXPERIMENT_PLAN_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "router/cli/planning/analyses.h"
#include "router/cli/planning/assumptions.h"
#include "router/cli/planning/delays.h"
#include "router/cli/planning/effects.h"
#include "router/cli/planning/stages.h"
#include "router/experiment/false_rollback.h"

namespace weir::cli {

struct ExperimentPlan {
  config::Experiment experiment;
  Assumptions assumptions;
  std::vector<Stage> stages{};
  absl::Duration length{};  // To the promotion or the end, without the watch and without approvals.
  experiment::FalseRollback false_rollback{};
  std::vector<PlannedMetric> metrics{};
  std::vector<PlannedAnalysis> analyses{};
  std::vector<PlannedGuardrail> guardrails{};  // In the order of the experiment.
  std::vector<std::string> warnings{};         // Beside those of the file itself (config/parse.h).
};

// Pure: the same inputs give the same plan.
ExperimentPlan PlanExperiment(const config::Experiment& experiment, const Assumptions& assumptions);

// What a person should change or know, of a plan that is otherwise filled in.
std::vector<std::string> WarningsOf(const ExperimentPlan& plan);

// "rollback", as it is written.
std::string ToString(config::GuardrailAction action);

// --- As people, programs and eyes take it.

std::string PlanText(const ExperimentPlan& plan);
std::string PlanJson(const ExperimentPlan& plan);
// The stages over time, and the delays over the size of a fault. A whole SVG document.
std::string PlanSvg(const ExperimentPlan& plan);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_PLANNING_EXPERIMENT_PLAN_H_
