#include "router/cli/planning/effects.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace weir::cli {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

stats::TestPlan TestOf(const PlannedMetric& metric, const Assumptions& assumptions, double design_effect) {
  return {.alpha = assumptions.alpha,
          .power = assumptions.power,
          .design_effect = design_effect,
          .comparisons = metric.comparisons};
}

std::optional<double> LeastDifference(const PlannedMetric& metric, const stats::TestPlan& test,
                                      const stats::GroupSizes& n) {
  if (!(n.a > 0 && n.b > 0)) return std::nullopt;
  if (!metric.is_proportion) return stats::DetectableDifferenceOfMeans(test, n, metric.deviation);
  const double p2 = stats::DetectableProportion(test, n, metric.baseline, metric.direction);
  if (p2 <= 0 || p2 >= 1) return std::nullopt;
  return std::abs(p2 - metric.baseline);
}

// All stages before the watch, each by the information that it has: as one comparison of equal groups.
std::optional<double> Together(const PlannedMetric& metric, const config::Experiment& experiment,
                               const Assumptions& assumptions, const std::vector<Stage>& stages) {
  double information = 0, calls = 0;
  for (const Stage& stage : stages) {
    const SharesCompared pair = SharesComparedIn(experiment, stage);
    if (stage.is_watch || !pair.is_compared()) continue;
    const double outcomes = stage.calls(assumptions) * metric.reported;
    information += outcomes / (1 / pair.baseline + 1 / pair.candidate);
    calls += stage.calls(assumptions) * pair.both();
  }
  if (!(information > 0) || !std::isfinite(information)) return std::nullopt;
  const double design_effect = assumptions.DesignEffect(calls * metric.reported, 1);
  return LeastDifference(metric, TestOf(metric, assumptions, design_effect), {2 * information, 2 * information});
}

// Calls of both variants that show a difference, where the candidate has `share` of them.
double CallsOfBoth(const PlannedMetric& metric, const Assumptions& assumptions, double difference, double share,
                   double part) {
  const stats::TestPlan test = TestOf(metric, assumptions, 1);
  const double sign = metric.direction == stats::Direction::kRise ? 1 : -1;
  const double independent = metric.is_proportion ? stats::TotalForProportions(test, share, metric.baseline,
                                                                               metric.baseline + sign * difference)
                                                  : stats::TotalForMeans(test, share, difference, metric.deviation);
  return assumptions.CallsOf(independent, part) / metric.reported;
}

PlannedEffect EffectOf(const PlannedMetric& metric, const config::Experiment& experiment,
                       const Assumptions& assumptions, const std::vector<Stage>& stages, double difference) {
  PlannedEffect effect{.difference = difference,
                       .calls_of_each = CallsOfBoth(metric, assumptions, difference, 0.5, 1) / 2,
                       .seconds = {}};
  for (const Stage& stage : stages) {
    const SharesCompared pair = SharesComparedIn(experiment, stage);
    const double calls = pair.is_compared()
                             ? CallsOfBoth(metric, assumptions, difference, pair.candidate / pair.both(), pair.both())
                             : kNever;
    effect.seconds.push_back(calls / (assumptions.calls_per_second * pair.both()));
  }
  return effect;
}

// Differences that people ask about; those that leave the metric no room are left out.
std::vector<double> DifferencesOf(const PlannedMetric& metric, bool is_outcome) {
  std::vector<double> differences;
  if (metric.is_proportion && is_outcome) {
    differences = {0.005, 0.01, 0.02, 0.05};
  } else if (metric.is_proportion) {
    for (const double part : {0.1, 0.25, 0.5, 1.0}) differences.push_back(part * metric.baseline);
  } else {
    const double unit = metric.baseline != 0 ? std::abs(metric.baseline) : metric.deviation;
    for (const double part : {0.01, 0.02, 0.05, 0.1}) differences.push_back(part * unit);
  }
  if (!metric.is_proportion) return differences;
  const double room = metric.direction == stats::Direction::kRise ? 1 - metric.baseline : metric.baseline;
  std::erase_if(differences, [&](double difference) { return difference >= room; });
  return differences;
}

void Plan(const config::Experiment& experiment, const Assumptions& assumptions, const std::vector<Stage>& stages,
          bool is_outcome, PlannedMetric& metric) {
  for (const Stage& stage : stages) {
    const SharesCompared pair = SharesComparedIn(experiment, stage);
    const double calls = stage.calls(assumptions), outcomes = calls * metric.reported;
    if (!pair.is_compared() || !std::isfinite(calls)) {
      metric.by_stage.push_back(std::nullopt);
      continue;
    }
    const double design_effect = assumptions.DesignEffect(outcomes, 1);
    metric.by_stage.push_back(LeastDifference(metric, TestOf(metric, assumptions, design_effect),
                                              {outcomes * pair.baseline, outcomes * pair.candidate}));
  }
  metric.together = Together(metric, experiment, assumptions, stages);
  for (const double difference : DifferencesOf(metric, is_outcome)) {
    metric.effects.push_back(EffectOf(metric, experiment, assumptions, stages, difference));
  }
}

int ComparisonsOf(const config::Experiment& experiment) {
  const auto primaries = std::count_if(experiment.metrics.begin(), experiment.metrics.end(),
                                       [](const auto& metric) { return metric.role == config::Role::kPrimary; });
  int candidates = 0;
  for (size_t i = 0; i < experiment.variants.size(); ++i) {
    candidates += i != experiment.default_variant && experiment.variants[i].weight > config::Weight();
  }
  return std::max(static_cast<int>(primaries) * candidates, 1);
}

}  // namespace

std::vector<PlannedMetric> MetricsOf(const config::Experiment& experiment, const Assumptions& assumptions,
                                     const std::vector<Stage>& stages) {
  std::vector<PlannedMetric> metrics;
  for (const config::OutcomeMetric& filed : experiment.metrics) {
    const MetricBaseline& baseline = assumptions.metrics.at(filed.name);
    const bool is_primary = filed.role == config::Role::kPrimary;
    PlannedMetric metric{
        .name = filed.name,
        .unit = "",
        .is_proportion = filed.type == config::MetricType::kProportion,
        .is_primary = is_primary,
        .baseline = baseline.mean,
        .deviation = baseline.deviation,
        .direction = filed.goal == config::Goal::kIncrease ? stats::Direction::kRise : stats::Direction::kFall,
        .comparisons = is_primary ? ComparisonsOf(experiment) : 1,
        .reported = assumptions.reported,
        .by_stage = {},
        .together = std::nullopt,
        .effects = {}};
    Plan(experiment, assumptions, stages, true, metric);
    metrics.push_back(std::move(metric));
  }
  std::stable_sort(metrics.begin(), metrics.end(),
                   [](const PlannedMetric& a, const PlannedMetric& b) { return a.is_primary > b.is_primary; });
  PlannedMetric errors{.name = "error_rate", .unit = "", .baseline = assumptions.baseline_error};
  Plan(experiment, assumptions, stages, false, errors);
  metrics.push_back(std::move(errors));
  const double deviation = assumptions.latency_deviation();
  const double mean = absl::ToDoubleMilliseconds(assumptions.median_latency) * std::exp(deviation * deviation / 2);
  PlannedMetric latency{.name = "latency",
                        .unit = "ms",
                        .is_proportion = false,
                        .baseline = mean,
                        .deviation = mean * std::sqrt(std::expm1(deviation * deviation))};
  Plan(experiment, assumptions, stages, false, latency);
  metrics.push_back(std::move(latency));
  return metrics;
}

}  // namespace weir::cli
