#include "router/cli/planning/delays.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/guardrail_spec.h"
#include "router/cli/quantities.h"
#include "stats/counts.h"
#include "stats/detection_bound.h"
#include "stats/expected_delay.h"
#include "stats/special_functions.h"

namespace weir::cli {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();
constexpr double kMostErrors = 0.999;  // A rate has no room above 1.

constexpr PlannedDelay kNeverSeen = {
    .bound_requests = kNever, .requests = kNever, .bound_seconds = kNever, .seconds = kNever, .measured = std::nullopt};

// Independent candidate requests (or outcomes).
struct Delay {
  double bound = kNever, expected = kNever;
};

// Of what a fault of some size does to one rule.
struct DelayOfRule {
  const Assumptions& assumptions;
  double size, share, alpha;  // The candidate's share of the calls of both.

  Delay operator()(const config::ErrorRatio& rule) const {
    const stats::ErrorRatioChange change{.baseline_error = assumptions.baseline_error,
                                         .candidate_error = std::min(kMostErrors, size * assumptions.baseline_error),
                                         .share = share,
                                         .max_ratio = rule.max_ratio,
                                         .alpha = alpha};
    return {stats::LeastDelayOfErrorRatio(change).candidate_requests, stats::ExpectedDelayOfErrorRatio(change, 1)};
  }
  Delay operator()(const config::ErrorCeiling& rule) const {
    return Ceiling(rule.max, std::min(kMostErrors, size * assumptions.baseline_error), alpha);
  }
  Delay operator()(const config::TailRatio& rule) const {
    const stats::TailRatioChange change{.slowdown = size,
                                        .log_deviation = assumptions.latency_deviation(),
                                        .quantile = rule.quantile,
                                        .max_ratio = rule.max_ratio,
                                        .share = share,
                                        .alpha = alpha};
    return {stats::LeastDelayOfTailRatio(change), stats::ExpectedDelayOfTailRatio(change, 1)};
  }
  Delay operator()(const config::TailCeiling& rule) const {
    const double above = std::log(absl::FDivDuration(rule.max, size * assumptions.median_latency));
    const double slow = stats::NormalAbove(above / assumptions.latency_deviation());
    return {stats::LeastRequestsOfErrorCeiling(1 - rule.quantile, slow, alpha),
            stats::ExpectedDelayOfTailCeiling(rule.quantile, slow, alpha, 1)};
  }
  Delay operator()(const config::OutcomeBound& rule) const {
    const MetricBaseline& baseline = assumptions.metrics.at(rule.metric);
    // With two bounds the evidence is the mean of both tests'.
    const double own = rule.min && rule.max ? alpha / 2 : alpha;
    Delay outcomes;
    if (baseline.type == config::MetricType::kProportion) {
      outcomes = rule.min ? Ceiling(1 - *rule.min, std::min(kMostErrors, size * (1 - baseline.mean)), own)
                          : Ceiling(*rule.max, std::min(kMostErrors, size * baseline.mean), own);
    } else {
      const double moved = size * baseline.deviation;
      const double excess = rule.min ? *rule.min - (baseline.mean - moved) : baseline.mean + moved - *rule.max;
      outcomes = {stats::LeastOutcomesOfMeanBound(excess, baseline.deviation, own),
                  stats::ExpectedDelayOfMeanBound(excess, baseline.deviation, own, own)};
    }
    return {outcomes.bound / assumptions.reported, outcomes.expected / assumptions.reported};
  }

  static Delay Ceiling(double max, double rate, double alpha) {
    return {stats::LeastRequestsOfErrorCeiling(max, rate, alpha),
            stats::ExpectedDelayOfErrorCeiling(max, rate, alpha, 1)};
  }
};

// --- The faults that a rule is asked about.

PlannedFault ErrorFault(const Assumptions& assumptions, double size) {
  return {.name = absl::StrFormat("errors x%g", size),
          .size = size,
          .text = absl::StrCat(PercentText(assumptions.baseline_error), " to ",
                               PercentText(std::min(kMostErrors, size * assumptions.baseline_error)))};
}

PlannedFault LatencyFault(const Assumptions& assumptions, double size) {
  const double ms = absl::ToDoubleMilliseconds(assumptions.p99_latency);
  return {.name = absl::StrFormat("latency x%g", size),
          .size = size,
          .text = absl::StrFormat("p99 %.4g ms to %.4g ms", ms, size * ms)};
}

PlannedFault OutcomeFault(const config::OutcomeBound& rule, const MetricBaseline& baseline, double size) {
  const bool falls = rule.min.has_value();
  if (baseline.type == config::MetricType::kMean) {
    const double moved = (falls ? -1 : 1) * size * baseline.deviation;
    return {.name = absl::StrFormat("%s by %g deviation%s", falls ? "falls" : "rises", size, size == 1 ? "" : "s"),
            .size = size,
            .text = absl::StrFormat("%.4g to %.4g", baseline.mean, baseline.mean + moved)};
  }
  const double rate = std::min(kMostErrors, size * (falls ? 1 - baseline.mean : baseline.mean));
  return {.name = absl::StrFormat("%s x%g", falls ? "failures" : "rate", size),
          .size = size,
          .text = absl::StrCat(PercentText(baseline.mean), " to ", PercentText(falls ? 1 - rate : rate))};
}

struct FaultsOfRule {
  const Assumptions& assumptions;

  std::vector<PlannedFault> Errors() const {
    std::vector<PlannedFault> faults;
    for (const double size : {1.5, 2.0, 3.0, 10.0}) faults.push_back(ErrorFault(assumptions, size));
    return faults;
  }
  std::vector<PlannedFault> Latencies() const {
    std::vector<PlannedFault> faults;
    for (const double size : {1.5, 2.0, 3.0}) faults.push_back(LatencyFault(assumptions, size));
    return faults;
  }
  std::vector<PlannedFault> operator()(const config::ErrorRatio&) const { return Errors(); }
  std::vector<PlannedFault> operator()(const config::ErrorCeiling&) const { return Errors(); }
  std::vector<PlannedFault> operator()(const config::TailRatio&) const { return Latencies(); }
  std::vector<PlannedFault> operator()(const config::TailCeiling&) const { return Latencies(); }
  std::vector<PlannedFault> operator()(const config::OutcomeBound& rule) const {
    const MetricBaseline& baseline = assumptions.metrics.at(rule.metric);
    const bool is_mean = baseline.type == config::MetricType::kMean;
    std::vector<PlannedFault> faults;
    for (const double size : is_mean ? std::vector{0.5, 1.0, 2.0} : std::vector{1.5, 2.0, 3.0}) {
      faults.push_back(OutcomeFault(rule, baseline, size));
    }
    return faults;
  }
};

}  // namespace

PlannedDelay DelayOf(const config::GuardrailRule& rule, const Assumptions& assumptions, double fault_size,
                     double candidate_share, double default_share, double alpha) {
  const double share = candidate_share / (candidate_share + default_share);
  const Delay independent = std::visit(DelayOfRule{assumptions, fault_size, share, alpha}, rule);
  // What users have in common delays the bound and the test alike.
  const double bound = assumptions.CallsOf(independent.bound, candidate_share);
  const double requests = assumptions.CallsOf(independent.expected, candidate_share);
  const double rate = assumptions.calls_per_second * candidate_share;
  // A cohort is looked at when it is older than the baseline's p99.
  const double matures = absl::ToDoubleSeconds(std::max(assumptions.p99_latency, stats::kTick));
  return {.bound_requests = bound,
          .requests = requests,
          .bound_seconds = bound / rate,
          .seconds = requests / rate + matures,
          .measured = std::nullopt};
}

std::vector<PlannedGuardrail> GuardrailsOf(const config::Experiment& experiment, const Assumptions& assumptions,
                                           const std::vector<Stage>& stages) {
  std::vector<PlannedGuardrail> planned;
  for (size_t g = 0; g < experiment.guardrails.size(); ++g) {
    const config::Guardrail& guardrail = experiment.guardrails[g];
    PlannedGuardrail plan{
        .guardrail = g, .faults = std::visit(FaultsOfRule{assumptions}, guardrail.rule), .stages = {}, .blind = {}};
    for (size_t s = 0; s < stages.size(); ++s) {
      const double default_share = stages[s].shares[experiment.default_variant];
      for (size_t c = 0; c < experiment.variants.size(); ++c) {
        const double share = stages[s].shares[c];
        if (c == experiment.default_variant || share <= 0) continue;
        if (default_share <= 0 && config::ComparesWithDefault(guardrail.rule)) {
          if (plan.blind.empty() || plan.blind.back() != s) plan.blind.push_back(s);
          continue;
        }
        DelaysAtStage at{
            .stage = s, .candidate = c, .alpha = AlphaOfTest(experiment, guardrail, stages[s].restart), .faults = {}};
        // One that waits for more traffic than there is sees nothing.
        const bool is_asleep = guardrail.when && guardrail.when->min_rate_per_second > assumptions.calls_per_second;
        for (const PlannedFault& fault : plan.faults) {
          if (is_asleep) {
            at.faults.push_back(kNeverSeen);
            continue;
          }
          at.faults.push_back(DelayOf(guardrail.rule, assumptions, fault.size, share, default_share, at.alpha));
        }
        plan.stages.push_back(std::move(at));
      }
    }
    planned.push_back(std::move(plan));
  }
  return planned;
}

}  // namespace weir::cli
