#include "router/cli/simulation/simulated_calls.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "absl/strings/str_cat.h"
#include "stats/special_functions.h"

namespace weir::cli {
namespace {

bool IsJudgedAsAWhole(const config::Experiment& experiment) {
  if (!experiment.rollout) return false;
  const config::Rollout& rollout = *experiment.rollout;
  return rollout.bandit || rollout.schedule ||
         std::any_of(rollout.steps.begin(), rollout.steps.end(), [](const auto& step) { return step.analysis; });
}

// Outcomes that nothing looks at change nothing.
bool IsRead(const config::Experiment& experiment, const std::string& metric) {
  if (IsJudgedAsAWhole(experiment)) return true;
  const auto is_bounded = [&](const config::Guardrail& guardrail) {
    const auto* bound = std::get_if<config::OutcomeBound>(&guardrail.rule);
    return bound != nullptr && bound->metric == metric;
  };
  const auto has_trend = [&](const config::TrendLimit& trend) { return trend.metric == metric; };
  return std::any_of(experiment.guardrails.begin(), experiment.guardrails.end(), is_bounded) ||
         std::any_of(experiment.trends.begin(), experiment.trends.end(), has_trend);
}

// In [0, 1), of the upper 53 bits.
double ToUniform(uint64_t random) { return static_cast<double>(random >> 11) * 0x1p-53; }

}  // namespace

SimulatedCalls::SimulatedCalls(const config::Experiment& experiment, const SimulatedTraffic& traffic, uint64_t seed)
    : traffic_(traffic), rng_(seed) {
  for (const config::OutcomeMetric& metric : experiment.metrics) {
    const auto baseline = traffic.outcomes.find(metric.name);
    if (baseline == traffic.outcomes.end() || !IsRead(experiment, metric.name)) continue;
    metrics_.push_back(metric.name);
    outcomes_.push_back({.baseline = baseline->second});
  }
  DrawUsers(experiment.salt);
  for (Quality* quality : {&default_, &candidates_}) {
    SetErrors(*quality, traffic.error_rate);
    SetLatencies(*quality, 1);
  }
}

void SimulatedCalls::DrawUsers(const std::string& salt) {
  const uint64_t salt_seed = routing::SaltSeed(salt), first = rng_();
  std::vector<double> weights;
  for (int i = 0; i < traffic_.users; ++i) {
    const std::string key = absl::StrCat("user-", first + static_cast<uint64_t>(i));
    users_.push_back({routing::HashUser(key, salt_seed), 0, routing::UserBucket(key)});
    weights.push_back(std::pow(i + 1, -traffic_.zipf));
  }
  std::discrete_distribution<uint32_t> distribution(weights.begin(), weights.end());
  for (uint32_t& drawn : draws_) drawn = distribution(rng_);
}

void SimulatedCalls::SetErrors(Quality& quality, double rate) {
  quality.errors = static_cast<uint64_t>(std::ldexp(rate, kErrorBits));
}

void SimulatedCalls::SetLatencies(Quality& quality, double slowdown) {
  const auto n = static_cast<double>(quality.latencies.size());
  for (size_t i = 0; i < quality.latencies.size(); ++i) {
    const double z = stats::NormalQuantile((static_cast<double>(i) + 0.5) / n);
    const double ms = traffic_.latency_ms * slowdown * std::exp(traffic_.latency_deviation * z);
    quality.latencies[i] = absl::Milliseconds(ms);
  }
}

void SimulatedCalls::Assign(const experiment::Split& split) {
  std::vector<routing::WeightedVariant> variants;
  for (const config::Variant& variant : split.variants) {
    variants.push_back({variant.name, static_cast<uint32_t>(variant.weight.hundredths())});
  }
  for (User& user : users_) user.variant = static_cast<uint16_t>(routing::Assign(user.hash, variants));
  default_variant_ = split.default_variant;
  batch_.resize(variants.size());
}

void SimulatedCalls::Apply(const Fault& fault) {
  switch (fault.kind) {
    case Fault::Kind::kErrors:
      return SetErrors(candidates_, fault.size);
    case Fault::Kind::kLatency:
      return SetLatencies(candidates_, fault.size);
    case Fault::Kind::kOutcome:
      for (size_t m = 0; m < metrics_.size(); ++m) {
        if (metrics_[m] == fault.metric) outcomes_[m].shift = fault.size;
      }
  }
}

stats::VariantCounts SimulatedCalls::DrawPreviews(stats::Tick tick, absl::Duration length) {
  constexpr double kPerSecond = 1;
  stats::VariantCounts counts;
  const auto calls = std::poisson_distribution<int64_t>(kPerSecond * absl::ToDoubleSeconds(length))(rng_);
  for (int64_t i = 0; i < calls; ++i) {
    const bool is_error = (rng_() >> (kUserBits + kLatencyBits)) < candidates_.errors;
    counts.CountPreviewStart(tick);
    counts.CountPreviewEnd(is_error ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess);
  }
  return counts;
}

double SimulatedCalls::DrawOutcome(const Outcome& outcome, bool is_candidate) {
  const double mean = outcome.baseline.mean + (is_candidate ? outcome.shift : 0);
  if (outcome.baseline.type == config::MetricType::kProportion) return ToUniform(rng_()) < mean ? 1 : 0;
  return mean + outcome.baseline.deviation * normal_(rng_);
}

const std::vector<CallBatch>& SimulatedCalls::Draw(stats::Tick tick, absl::Duration length) {
  for (CallBatch& of_variant : batch_) {
    of_variant.counts = stats::VariantCounts();
    of_variant.outcomes.assign(outcomes_.size(), stats::OutcomeCounts());
  }
  const double mean = traffic_.calls_per_second * absl::ToDoubleSeconds(length);
  const int64_t calls = std::poisson_distribution<int64_t>(mean)(rng_);
  for (int64_t i = 0; i < calls; ++i) {
    // One number a call: who, how long, and whether it fails.
    uint64_t random = rng_();
    const User& user = users_[draws_[random % draws_.size()]];
    random >>= kUserBits;
    const bool is_candidate = user.variant != default_variant_;
    const Quality& quality = is_candidate ? candidates_ : default_;
    const absl::Duration latency = quality.latencies[random % quality.latencies.size()];
    const bool is_error = (random >> kLatencyBits) < quality.errors;
    CallBatch& of_variant = batch_[user.variant];
    of_variant.counts.CountStart(tick, user.bucket);
    of_variant.counts.CountEnd({.started = tick,
                                .user_bucket = user.bucket,
                                .outcome = is_error ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                                .latency = latency});
    if (outcomes_.empty() || is_error) continue;
    if (traffic_.reported < 1 && ToUniform(rng_()) >= traffic_.reported) continue;
    for (size_t m = 0; m < outcomes_.size(); ++m) {
      of_variant.outcomes[m].Add(user.bucket, DrawOutcome(outcomes_[m], is_candidate));
    }
  }
  return batch_;
}

}  // namespace weir::cli
