#include "router/cli/planning/experiment_plan.h"

namespace weir::cli {

std::string ToString(config::GuardrailAction action) {
  switch (action) {
    case config::GuardrailAction::kRollback:
      return "rollback";
    case config::GuardrailAction::kPause:
      return "pause";
    case config::GuardrailAction::kWarn:
      return "warn";
  }
  return "";
}

ExperimentPlan PlanExperiment(const config::Experiment& experiment, const Assumptions& assumptions) {
  ExperimentPlan plan{.experiment = experiment, .assumptions = assumptions};
  plan.stages = StagesOf(experiment, assumptions);
  plan.length = LengthOf(plan.stages);
  plan.false_rollback = experiment::FalseRollbackOf(experiment);
  plan.metrics = MetricsOf(experiment, assumptions, plan.stages);
  plan.analyses = AnalysesOf(experiment, assumptions, plan.stages, plan.metrics);
  plan.guardrails = GuardrailsOf(experiment, assumptions, plan.stages);
  plan.warnings = WarningsOf(plan);
  return plan;
}

}  // namespace weir::cli
