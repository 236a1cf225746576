#include "router/cli/planning/measured_delays.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "router/cli/simulation/simulate_command.h"

namespace weir::cli {
namespace {

constexpr absl::Duration kCutStage = absl::Seconds(1);
constexpr int kUsualUsers = 2000;

struct Cell {
  size_t guardrail, stage, fault;  // Places in the plan.
  absl::Duration span;
};

// The experiment with this guardrail alone, hurrying to the stage, and staying there for `span`.
config::Experiment Hurried(const ExperimentPlan& plan, const Cell& cell) {
  config::Experiment experiment = plan.experiment;
  const PlannedGuardrail& planned = plan.guardrails[cell.guardrail];
  experiment.guardrails = {plan.experiment.guardrails[planned.guardrail]};
  experiment.guardrails[0].action = config::GuardrailAction::kRollback;
  if (!experiment.rollout) return experiment;
  config::Rollout& rollout = *experiment.rollout;
  for (size_t s = 0; s < rollout.steps.size(); ++s) {
    rollout.steps[s].pause = {.duration = s == planned.stages[cell.stage].stage ? cell.span : kCutStage};
    rollout.steps[s].approval.reset();
  }
  rollout.is_started_by_hand = rollout.is_started_by_hand || rollout.start.has_value();
  rollout.start.reset();
  rollout.end.reset();
  rollout.freezes.clear();
  rollout.watch = kCutStage;
  rollout.min_duration = absl::ZeroDuration();
  rollout.max_duration = absl::InfiniteDuration();
  rollout.no_data_after = absl::Hours(24 * 365);
  return experiment;
}

struct FaultOf {
  const ExperimentPlan& plan;
  double size;
  uint32_t stage;

  Fault Errors() const {
    return {
        .kind = Fault::Kind::kErrors, .size = std::min(0.999, size * plan.assumptions.baseline_error), .stage = stage};
  }
  Fault Latency() const { return {.kind = Fault::Kind::kLatency, .size = size, .stage = stage}; }
  Fault operator()(const config::ErrorRatio&) const { return Errors(); }
  Fault operator()(const config::ErrorCeiling&) const { return Errors(); }
  Fault operator()(const config::TailRatio&) const { return Latency(); }
  Fault operator()(const config::TailCeiling&) const { return Latency(); }
  Fault operator()(const config::OutcomeBound& rule) const {
    const MetricBaseline& baseline = plan.assumptions.metrics.at(rule.metric);
    double moved = size * baseline.deviation;
    if (baseline.type == config::MetricType::kProportion) {
      moved = (size - 1) * (rule.min ? 1 - baseline.mean : baseline.mean);
    }
    return {.kind = Fault::Kind::kOutcome, .size = rule.min ? -moved : moved, .stage = stage, .metric = rule.metric};
  }
};

// Those that can be simulated: what ends in time, outside the watch, of the first candidate.
std::vector<Cell> CellsOf(const ExperimentPlan& plan, int runs) {
  std::vector<Cell> cells;
  for (size_t g = 0; g < plan.guardrails.size(); ++g) {
    const PlannedGuardrail& planned = plan.guardrails[g];
    for (size_t s = 0; s < planned.stages.size(); ++s) {
      if (plan.stages[planned.stages[s].stage].is_watch) continue;
      if (s > 0 && planned.stages[s - 1].stage == planned.stages[s].stage) continue;
      for (size_t f = 0; f < planned.faults.size(); ++f) {
        const double seconds = planned.stages[s].faults[f].seconds;
        const double most = kMostSimulatedCalls / runs / plan.assumptions.calls_per_second;
        if (!(2 * seconds <= most)) continue;
        const double span = std::clamp(4 * seconds, std::min(10.0, most), most);
        cells.push_back(
            {.guardrail = g, .stage = s, .fault = f, .span = absl::Ceil(absl::Seconds(span), absl::Seconds(1))});
      }
    }
  }
  return cells;
}

SimulatedTraffic TrafficOf(const Assumptions& assumptions, absl::Duration span) {
  return {.calls_per_second = assumptions.calls_per_second,
          .users = assumptions.users ? static_cast<int>(std::clamp(*assumptions.users, 2.0, 1e6)) : kUsualUsers,
          .error_rate = assumptions.baseline_error,
          .latency_ms = absl::ToDoubleMilliseconds(assumptions.median_latency),
          .latency_deviation = assumptions.latency_deviation(),
          .outcomes = assumptions.metrics,
          .reported = assumptions.reported,
          .longest_pause = span,
          .duration = span};
}

MeasuredDelay Mean(const std::vector<SimulatedOutcome>& outcomes, uint32_t stage) {
  MeasuredDelay measured{.runs = static_cast<int>(outcomes.size())};
  for (const SimulatedOutcome& outcome : outcomes) {
    if (outcome.ending != Ending::kRolledBack || !outcome.delay || outcome.stage != stage) continue;
    ++measured.shut;
    measured.requests += static_cast<double>(outcome.delay_requests);
    measured.seconds += absl::ToDoubleSeconds(*outcome.delay);
  }
  if (measured.shut == 0) return measured;
  measured.requests /= measured.shut;
  measured.seconds /= measured.shut;
  return measured;
}

}  // namespace

void MeasureDelays(ExperimentPlan& plan, int runs, uint64_t seed, int threads,
                   const std::function<void(int64_t done, int64_t all)>& progress) {
  const std::vector<Cell> cells = CellsOf(plan, runs);
  const int64_t all = runs * static_cast<int64_t>(cells.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    const Cell& cell = cells[i];
    PlannedGuardrail& planned = plan.guardrails[cell.guardrail];
    const auto number = static_cast<uint32_t>(planned.stages[cell.stage].stage + 1);
    const config::GuardrailRule& rule = plan.experiment.guardrails[planned.guardrail].rule;
    const Fault fault = std::visit(FaultOf{plan, planned.faults[cell.fault].size, number}, rule);
    const std::vector<SimulatedOutcome> outcomes =
        Simulate(Hurried(plan, cell), TrafficOf(plan.assumptions, cell.span), {fault}, runs, seed, threads,
                 [&](int done) { progress(runs * static_cast<int64_t>(i) + done, all); });
    planned.stages[cell.stage].faults[cell.fault].measured = Mean(outcomes, plan.experiment.rollout ? number : 0);
  }
}

}  // namespace weir::cli
