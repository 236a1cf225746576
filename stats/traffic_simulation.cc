#include "stats/traffic_simulation.h"

#include <algorithm>
#include <cmath>

namespace weir::stats {
namespace {

const int64_t kNsPerTick = absl::ToInt64Nanoseconds(kTick);

// Whole nanoseconds of so many milliseconds.
absl::Duration Milliseconds(double ms) { return absl::Nanoseconds(static_cast<int64_t>(ms * 1e6)); }

}  // namespace

TrafficSimulation::TrafficSimulation(const Traffic& traffic, uint64_t seed) : traffic_(traffic), rng_(seed) {
  double weights = 0;
  for (int i = 0; i < traffic.users; ++i) {
    weights += std::pow(i + 1, -traffic.zipf);
    cumulative_.push_back(weights);
    const double factor = traffic.users_fail_unequally ? std::exp(normal_(rng_) - 0.5) : 1;
    users_.push_back({.is_candidate = false, .bucket = static_cast<uint8_t>(rng_()), .error_factor = factor});
    user_draws_.push_back(Uniform());
  }
  AssignUsers();
}

void TrafficSimulation::AssignUsers() {
  for (size_t i = 0; i < users_.size(); ++i) users_[i].is_candidate = user_draws_[i] < traffic_.share;
}

void TrafficSimulation::Change(const Traffic& traffic) {
  traffic_ = traffic;
  AssignUsers();
}

void TrafficSimulation::BeginEpoch() { epochs_.emplace_back(); }

TrafficSimulation::User TrafficSimulation::NextUser() {
  if (users_.empty())
    return {.is_candidate = Uniform() < traffic_.share, .bucket = static_cast<uint8_t>(rng_()), .error_factor = 1};
  const double at = Uniform() * cumulative_.back();
  return users_[static_cast<size_t>(std::lower_bound(cumulative_.begin(), cumulative_.end(), at) -
                                    cumulative_.begin())];
}

double TrafficSimulation::LatencyMs(bool is_candidate) {
  double ms = traffic_.latency_ms;
  switch (traffic_.shape) {
    case LatencyShape::kLognormal:
      ms *= std::exp(0.5 * normal_(rng_));
      break;
    case LatencyShape::kPareto:
      ms *= 0.7 * std::pow(Uniform(), -1 / 2.0);
      break;
    case LatencyShape::kBimodal:
      ms *= (Uniform() < 0.97 ? 1 : 8) * std::exp(0.2 * normal_(rng_));
      break;
  }
  if (traffic_.slower_from_tick >= 0 && tick_ - first_tick_ >= traffic_.slower_from_tick) ms *= traffic_.slower;
  if (!is_candidate) return ms;
  if (traffic_.candidate_slow_calls > 0 && Uniform() < traffic_.candidate_slow_calls) ms *= 10;
  return ms * traffic_.candidate_slowdown;
}

void TrafficSimulation::StartCall() {
  const User user = NextUser();
  Epoch& epoch = epochs_.back();
  (user.is_candidate ? epoch.candidate : epoch.baseline).CountStart(tick_, user.bucket);
  const double latency_ms = LatencyMs(user.is_candidate);
  const double error = (user.is_candidate ? traffic_.candidate_error : traffic_.baseline_error) * user.error_factor;
  CallEnd end{.started = tick_,
              .user_bucket = user.bucket,
              .outcome = CallOutcome::kSuccess,
              .latency = Milliseconds(latency_ms)};
  if (Uniform() < error) end.outcome = CallOutcome::kError;
  const double patience_ms =
      traffic_.cancel_rate > 0 ? -1000 * std::log1p(-Uniform()) / traffic_.cancel_rate : latency_ms;
  if (patience_ms < latency_ms) {
    end.outcome = CallOutcome::kCancelled;
    end.latency = Milliseconds(patience_ms);
  }
  const auto began_after = static_cast<int64_t>(Uniform() * static_cast<double>(kNsPerTick));
  const Tick ends_at = tick_ + (began_after + absl::ToInt64Nanoseconds(end.latency)) / kNsPerTick;
  endings_[ends_at].push_back({.epoch = epochs_.size() - 1, .is_candidate = user.is_candidate, .end = end});
}

void TrafficSimulation::Step() {
  const int calls = std::poisson_distribution<int>(traffic_.calls_per_tick)(rng_);
  for (int i = 0; i < calls; ++i) StartCall();
  while (!endings_.empty() && endings_.begin()->first <= tick_) {
    for (const Ending& ending : endings_.begin()->second) {
      Epoch& epoch = epochs_[ending.epoch];
      (ending.is_candidate ? epoch.candidate : epoch.baseline).CountEnd(ending.end);
    }
    endings_.erase(endings_.begin());
  }
  ++tick_;
}

}  // namespace weir::stats
