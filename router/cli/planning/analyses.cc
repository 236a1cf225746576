#include "router/cli/planning/analyses.h"

#include <cmath>

#include "stats/outcomes.h"

namespace weir::cli {
namespace {

std::optional<double> ShownAfter(absl::Duration time, const config::Experiment& experiment,
                                 const Assumptions& assumptions, const Stage& stage, const PlannedMetric& metric) {
  const SharesCompared shares = SharesComparedIn(experiment, stage);
  const double outcomes = assumptions.calls_per_second * absl::ToDoubleSeconds(time) * metric.reported;
  if (!shares.is_compared() || !(outcomes > 0) || !std::isfinite(outcomes)) return std::nullopt;
  const double a = outcomes * shares.baseline, b = outcomes * shares.candidate;
  const double variance = metric.deviation * metric.deviation * assumptions.DesignEffect(outcomes, 1);
  const double error = std::sqrt(variance * (1 / a + 1 / b));
  const double alpha = experiment.decision_rules.alpha / metric.comparisons;
  const auto is_shown = [&](double change) {
    return stats::LogMeanExcess(change, error, a + b, alpha, experiment.decision_rules.planned_users) >=
           -std::log(alpha);
  };
  // The evidence grows with the change.
  double too_little = 0, enough = error;
  while (!is_shown(enough)) enough *= 2;
  for (int i = 0; i < 60; ++i) {
    const double middle = (too_little + enough) / 2;
    (is_shown(middle) ? enough : too_little) = middle;
  }
  const double room = metric.direction == stats::Direction::kRise ? 1 - metric.baseline : metric.baseline;
  if (metric.is_proportion && enough > room) return std::nullopt;
  return enough;
}

}  // namespace

std::vector<PlannedAnalysis> AnalysesOf(const config::Experiment& experiment, const Assumptions& assumptions,
                                        const std::vector<Stage>& stages, const std::vector<PlannedMetric>& metrics) {
  std::vector<PlannedAnalysis> planned;
  if (!experiment.rollout) return planned;
  const std::vector<config::RolloutStep>& steps = experiment.rollout->steps;
  for (size_t s = 0; s < steps.size() && s < stages.size(); ++s) {
    if (!steps[s].analysis || !steps[s].analysis->needs_primaries) continue;
    const absl::Duration timeout = steps[s].analysis->timeout;
    for (size_t m = 0; m < metrics.size(); ++m) {
      if (!metrics[m].is_primary) continue;
      const auto shown_after = [&](absl::Duration time) {
        return ShownAfter(time, experiment, assumptions, stages[s], metrics[m]);
      };
      planned.push_back({.stage = s,
                         .metric = m,
                         .pause = stages[s].length,
                         .by_pause = shown_after(stages[s].length),
                         .timeout = timeout,
                         .by_timeout = shown_after(timeout)});
    }
  }
  return planned;
}

}  // namespace weir::cli
