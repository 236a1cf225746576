#include "absl/time/time.h"
#include "router/cli/planning/experiment_plan.h"
#include "router/runtime/json.h"

namespace weir::cli {
namespace {

double SecondsOf(absl::Duration span) { return absl::ToDoubleSeconds(span); }

runtime::Json JsonOf(const Assumed& said) {
  return runtime::Json(runtime::Json::Object{{"option", said.option}, {"value", said.value}, {"source", said.source}});
}

runtime::Json JsonOf(const ExperimentPlan& plan, const Stage& stage) {
  runtime::Json::Object shares;
  for (size_t i = 0; i < stage.shares.size(); ++i)
    shares.emplace_back(plan.experiment.variants[i].name, stage.shares[i]);
  return runtime::Json(runtime::Json::Object{{"name", stage.name},
                                             {"shares", runtime::Json(std::move(shares))},
                                             {"begins_seconds", SecondsOf(stage.starts)},
                                             {"seconds", SecondsOf(stage.length)},
                                             {"because_of", stage.because},
                                             {"approvals", stage.approvals},
                                             {"calls", stage.calls(plan.assumptions)}});
}

runtime::Json JsonOf(const std::optional<double>& number) { return number ? runtime::Json(*number) : runtime::Json(); }

runtime::Json JsonOf(const PlannedMetric& metric) {
  runtime::Json::Array by_stage, effects;
  for (const auto& least : metric.by_stage) by_stage.push_back(JsonOf(least));
  for (const PlannedEffect& effect : metric.effects) {
    effects.push_back(runtime::Json::Object{{"difference", effect.difference},
                                            {"calls_of_each_at_half", effect.calls_of_each},
                                            {"seconds_at_stage", runtime::Json(effect.seconds)}});
  }
  return runtime::Json(runtime::Json::Object{
      {"metric", metric.name},
      {"is_primary", metric.is_primary},
      {"type", metric.is_proportion ? "proportion" : "mean"},
      {"unit", metric.unit},
      {"baseline", metric.baseline},
      {"standard_deviation", metric.is_proportion ? runtime::Json() : runtime::Json(metric.deviation)},
      {"direction", metric.direction == stats::Direction::kRise ? "rise" : "fall"},
      {"comparisons", metric.comparisons},
      {"minimum_detectable_by_stage", runtime::Json(std::move(by_stage))},
      {"minimum_detectable_by_all_steps", JsonOf(metric.together)},
      {"sample_sizes", runtime::Json(std::move(effects))}});
}

runtime::Json JsonOf(const ExperimentPlan& plan, const PlannedAnalysis& analysis) {
  return runtime::Json(runtime::Json::Object{
      {"stage", plan.stages[analysis.stage].name},
      {"metric", plan.metrics[analysis.metric].name},
      {"pause_seconds", SecondsOf(analysis.pause)},
      {"shown_by_pause", JsonOf(analysis.by_pause)},
      {"timeout_seconds",
       analysis.timeout == absl::InfiniteDuration() ? runtime::Json() : runtime::Json(SecondsOf(analysis.timeout))},
      {"shown_by_timeout", JsonOf(analysis.by_timeout)}});
}

runtime::Json JsonOf(const PlannedDelay& delay, const PlannedFault& fault) {
  runtime::Json::Object members{{"fault", fault.name},
                                {"size", fault.size},
                                {"change", fault.text},
                                {"expected_candidate_requests", delay.requests},
                                {"bound_candidate_requests", delay.bound_requests},
                                {"expected_seconds", delay.seconds},
                                {"bound_seconds", delay.bound_seconds}};
  if (const auto& measured = delay.measured) {
    members.emplace_back("simulated",
                         runtime::Json(runtime::Json::Object{{"runs", measured->runs},
                                                             {"shut", measured->shut},
                                                             {"mean_candidate_requests", measured->requests},
                                                             {"mean_seconds", measured->seconds}}));
  }
  return runtime::Json(std::move(members));
}

runtime::Json JsonOf(const ExperimentPlan& plan, const PlannedGuardrail& planned) {
  const config::Guardrail& guardrail = plan.experiment.guardrails[planned.guardrail];
  runtime::Json::Array stages;
  for (const DelaysAtStage& at : planned.stages) {
    runtime::Json::Array faults;
    for (size_t f = 0; f < at.faults.size(); ++f) faults.push_back(JsonOf(at.faults[f], planned.faults[f]));
    stages.push_back(runtime::Json::Object{{"stage", plan.stages[at.stage].name},
                                           {"candidate", plan.experiment.variants[at.candidate].name},
                                           {"share", plan.stages[at.stage].shares[at.candidate]},
                                           {"alpha", at.alpha},
                                           {"faults", runtime::Json(std::move(faults))}});
  }
  return runtime::Json(runtime::Json::Object{{"guardrail", guardrail.name},
                                             {"rule", config::ToString(guardrail.rule)},
                                             {"alpha", guardrail.alpha},
                                             {"action", ToString(guardrail.action)},
                                             {"stages", runtime::Json(std::move(stages))}});
}

}  // namespace

std::string PlanJson(const ExperimentPlan& plan) {
  runtime::Json::Array assumed, stages, metrics, analyses, guardrails, warnings;
  for (const Assumed& said : plan.assumptions.said) assumed.push_back(JsonOf(said));
  for (const Stage& stage : plan.stages) stages.push_back(JsonOf(plan, stage));
  for (const PlannedMetric& metric : plan.metrics) metrics.push_back(JsonOf(metric));
  for (const PlannedAnalysis& analysis : plan.analyses) analyses.push_back(JsonOf(plan, analysis));
  for (const PlannedGuardrail& guardrail : plan.guardrails) guardrails.push_back(JsonOf(plan, guardrail));
  for (const std::string& warning : plan.warnings) warnings.push_back(warning);
  const config::Experiment& experiment = plan.experiment;
  return runtime::WriteJson(runtime::Json(runtime::Json::Object{
             {"experiment", experiment.name},
             {"strategy",
              experiment.rollout ? runtime::Json(config::ToString(experiment.rollout->strategy)) : runtime::Json()},
             {"calls_per_second", plan.assumptions.calls_per_second},
             {"assumptions", runtime::Json(std::move(assumed))},
             {"stages", runtime::Json(std::move(stages))},
             {"days_without_watch", absl::FDivDuration(plan.length, absl::Hours(24))},
             {"false_rollback_at_most", plan.false_rollback},
             {"metrics", runtime::Json(std::move(metrics))},
             {"analyses", runtime::Json(std::move(analyses))},
             {"guardrails", runtime::Json(std::move(guardrails))},
             {"warnings", runtime::Json(std::move(warnings))}})) +
         "\n";
}

}  // namespace weir::cli
