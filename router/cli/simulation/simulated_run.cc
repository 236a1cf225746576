#include "router/cli/simulation/simulated_run.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <random>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "router/control/governed_experiment.h"
#include "router/control/ticket_ledger.h"
#include "router/experiment/machine.h"
#include "router/routing/assignment.h"
#include "stats/counts.h"
#include "stats/special_functions.h"
#include "stats/ticket.h"

namespace weir::cli {
namespace {

constexpr absl::Duration kFineBatch = absl::Seconds(1), kCoarseBatch = absl::Seconds(10);
constexpr absl::Duration kFineFor = absl::Minutes(2);      // After a step began.
constexpr absl::Duration kGivenUp = absl::Hours(24 * 90);  // A rollout that nobody ends.
constexpr size_t kLatencies = 4096;                        // Quantiles to draw from.
constexpr size_t kDraws = 1 << 14;                         // Users in proportion to their weights.

config::Experiment WithPausesCut(config::Experiment experiment, absl::Duration longest) {
  if (!experiment.rollout) return experiment;
  config::Rollout& rollout = *experiment.rollout;
  for (config::RolloutStep& step : rollout.steps) step.pause.duration = std::min(step.pause.duration, longest);
  rollout.watch = std::min(rollout.watch, longest);
  rollout.min_duration = std::min(rollout.min_duration, longest);
  rollout.start.reset();
  return experiment;
}

class SimulatedRun {
 public:
  SimulatedRun(const config::Experiment& experiment, const SimulatedTraffic& traffic, const std::vector<Fault>& faults,
               uint64_t seed)
      : traffic_(traffic), faults_(faults), rng_(seed), governed_(experiment.name) {
    config::Experiment cut = WithPausesCut(experiment, traffic.longest_pause);
    has_rollout_ = cut.rollout.has_value();
    salt_ = routing::SaltSeed(cut.salt);
    DrawOutcomes(cut);
    governed_.SetFile(std::move(cut), now_);
    DrawUsers();
    DrawLatencies();
  }

  SimulatedOutcome Run() {
    Follow();
    if (has_rollout_) Ask(experiment::CommandKind::kStart);
    while (!ended_) {
      NoteFaults();
      Batch();
      Judge();
      Follow();
      GoOn();
      CheckEnd();
    }
    for (const experiment::Judgement& judgement : governed_.judgements()) {
      if (judgement.breached && judgement.action == config::GuardrailAction::kWarn) {
        outcome_.warned.push_back(judgement.guardrail);
      }
    }
    outcome_.took = now_ - began_;
    return outcome_;
  }

 private:
  struct User {
    routing::UserHash hash;
    uint8_t bucket = 0;
    size_t variant = 0;
  };

  struct Outcome {
    std::string name, field;
    MetricBaseline baseline;
    double shift = 0;  // Of the candidates.
  };

  double Uniform() { return std::uniform_real_distribution<double>()(rng_); }

  // A table of users in which each stands as often as she calls.
  void DrawUsers() {
    const uint64_t first = rng_();
    std::vector<double> weights;
    for (int i = 0; i < traffic_.users; ++i) {
      const std::string key = absl::StrCat("user-", first + static_cast<uint64_t>(i));
      users_.push_back({routing::HashUser(key, salt_), routing::UserBucket(key), 0});
      weights.push_back(std::pow(i + 1, -traffic_.zipf));
    }
    std::discrete_distribution<uint32_t> distribution(weights.begin(), weights.end());
    for (uint32_t& drawn : draws_) drawn = distribution(rng_);
  }

  void DrawLatencies() {
    for (size_t i = 0; i < kLatencies; ++i) {
      const double z = stats::NormalQuantile((static_cast<double>(i) + 0.5) / kLatencies);
      latencies_ms_[i] = traffic_.latency_ms * std::exp(traffic_.latency_deviation * z);
    }
  }

  // Outcomes that no guardrail looks at change nothing, and are not drawn.
  void DrawOutcomes(const config::Experiment& experiment) {
    for (const config::OutcomeMetric& metric : experiment.metrics) {
      const auto baseline = traffic_.outcomes.find(metric.name);
      const bool is_judged =
          std::any_of(experiment.guardrails.begin(), experiment.guardrails.end(), [&](const auto& g) {
            const auto* bound = std::get_if<config::OutcomeBound>(&g.rule);
            return bound != nullptr && bound->metric == metric.name;
          });
      if (is_judged && baseline != traffic_.outcomes.end()) {
        outcomes_.push_back({.name = metric.name, .field = metric.field, .baseline = baseline->second});
      }
    }
  }

  void Enter(experiment::Step step) {
    governed_.Enter(std::move(step.next), now_);
    std::vector<routing::WeightedVariant> variants;
    for (const config::Variant& variant : experiment::SplitInForce(*governed_.state()).variants) {
      variants.push_back({variant.name, static_cast<uint32_t>(variant.weight.hundredths())});
    }
    for (User& user : users_) user.variant = routing::Assign(user.hash, variants);
    changed_ = now_;
  }

  void Follow() {
    for (int i = 0; i < 4; ++i) {
      auto step = experiment::Advance(governed_.plan(), governed_.state(), experiment::Filed{}, now_);
      if (!step.ok() || !*step) return;
      Enter(**std::move(step));
    }
  }

  void Ask(experiment::CommandKind kind, const std::string& actor = "simulation") {
    experiment::Command command{.kind = kind, .actor = actor};
    if (const experiment::Stepping* stepping = experiment::StepOf(*governed_.state())) {
      const auto& approval = governed_.filed()->rollout->steps[stepping->step].approval;
      if (approval) command.roles.assign(approval->roles.begin(), approval->roles.end());
    }
    auto step = experiment::Advance(governed_.plan(), governed_.state(), command, now_);
    if (step.ok() && *step) Enter(**std::move(step));
  }

  void GoOn() {
    auto step = experiment::Advance(governed_.plan(), governed_.state(), governed_.Known(), now_);
    if (step.ok() && *step) Enter(**std::move(step));
    if (const auto known = governed_.Weigh(now_)) {
      step = experiment::Advance(governed_.plan(), governed_.state(), *known, now_);
      if (step.ok() && *step) Enter(**std::move(step));
    }
    for (int i = 0; IsAsking() && i < 16; ++i) Ask(experiment::CommandKind::kApprove, absl::StrCat("approver ", i));
  }
  bool IsAsking() const {
    const auto* stepping = std::get_if<experiment::Stepping>(&governed_.state()->phase);
    return stepping != nullptr && stepping->asked_at.has_value();
  }

  uint32_t Stage() const {
    const experiment::Stepping* stepping = experiment::StepOf(*governed_.state());
    if (stepping != nullptr) return stepping->step + 1;
    const bool is_after = std::holds_alternative<experiment::Watching>(governed_.state()->phase);
    return is_after ? static_cast<uint32_t>(governed_.filed()->rollout->steps.size()) : has_rollout_ ? 0 : 1;
  }

  void NoteFaults() {
    const uint32_t stage = Stage();
    for (const Fault& fault : faults_) {
      if (stage < fault.stage) continue;
      if (!fault_began_) fault_began_ = now_;
      if (fault.kind == Fault::Kind::kErrors) candidate_errors_ = fault.size;
      if (fault.kind == Fault::Kind::kLatency) slowdown_ = fault.size;
      for (Outcome& outcome : outcomes_) {
        if (fault.kind == Fault::Kind::kOutcome && fault.metric == outcome.name) outcome.shift = fault.size;
      }
    }
  }

  void Batch() {
    const bool is_fine = now_ - changed_ < kFineFor || (fault_began_ && now_ - *fault_began_ < kFineFor);
    const absl::Duration length = is_fine ? kFineBatch : kCoarseBatch;
    const experiment::State& state = *governed_.state();
    const experiment::Split split = experiment::SplitInForce(state);
    std::vector<stats::VariantCounts> deltas(split.variants.size());
    const stats::Tick tick = stats::TickOf(now_);
    const int64_t calls =
        std::poisson_distribution<int64_t>(traffic_.calls_per_second * absl::ToDoubleSeconds(length))(rng_);
    for (int64_t i = 0; i < calls; ++i) {
      const User& user = users_[draws_[rng_() % kDraws]];
      const bool is_candidate = user.variant != split.default_variant;
      const bool is_error =
          Uniform() < (is_candidate ? candidate_errors_.value_or(traffic_.error_rate) : traffic_.error_rate);
      const double ms = latencies_ms_[rng_() % kLatencies] * (is_candidate ? slowdown_ : 1);
      deltas[user.variant].CountStart(tick, user.bucket);
      deltas[user.variant].CountEnd({.started = tick,
                                     .user_bucket = user.bucket,
                                     .outcome = is_error ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                                     .latency = absl::Milliseconds(ms)});
      if (is_candidate && fault_began_) ++outcome_.delay_requests;
      if (!outcomes_.empty() && !is_error) Report(state, user, is_candidate);
    }
    for (size_t i = 0; i < deltas.size(); ++i) {
      if (deltas[i].started() == 0) continue;
      governed_.Merge(state.run.ordinal, state.epoch.ordinal, split.variants[i].name, deltas[i]);
    }
    now_ += length;
    if (!outcomes_.empty()) tickets_.Forget(now_, governed_.filed()->join_window);
  }

  // What a call was worth, by the way that reports take.
  void Report(const experiment::State& state, const User& user, bool is_candidate) {
    if (traffic_.reported < 1 && Uniform() >= traffic_.reported) return;
    stats::OutcomeReport report;
    report.ticket.run = state.run.ordinal;
    report.ticket.epoch = state.epoch.ordinal;
    report.ticket.variant = static_cast<uint16_t>(user.variant);
    report.ticket.user_bucket = user.bucket;
    report.ticket.start = now_;
    report.ticket.sequence = reports_++;
    for (const Outcome& outcome : outcomes_) {
      const double mean = outcome.baseline.mean + (is_candidate ? outcome.shift : 0);
      const bool is_proportion = outcome.baseline.type == config::MetricType::kProportion;
      report.metrics[outcome.field] =
          is_proportion ? (Uniform() < mean ? 1 : 0) : mean + outcome.baseline.deviation * normal_(rng_);
    }
    // Refused only where the report does not fit its run, which these do.
    (void)governed_.Count(report, tickets_, now_);
  }

  void Judge() {
    if (!governed_.is_open()) return;
    std::optional<experiment::Breach> breach = governed_.Judge(now_);
    if (!breach) return;
    outcome_.guardrail = breach->guardrail;
    outcome_.stage = has_rollout_ ? Stage() : 0;
    if (fault_began_) outcome_.delay = now_ - *fault_began_;
    auto step =
        experiment::Advance(governed_.plan(), governed_.state(), experiment::Breached{*std::move(breach)}, now_);
    if (step.ok() && *step) Enter(**std::move(step));
  }

  void CheckEnd() {
    const experiment::Phase& phase = governed_.state()->phase;
    const auto end = [&](Ending ending) { outcome_.ending = ending, ended_ = true; };
    if (std::holds_alternative<experiment::RolledBack>(phase)) return end(Ending::kRolledBack);
    if (const auto* done = std::get_if<experiment::Completed>(&phase)) {
      return end(done->is_promoted ? Ending::kPromoted : Ending::kInconclusive);
    }
    if (std::holds_alternative<experiment::Inconclusive>(phase)) return end(Ending::kInconclusive);
    const absl::Duration most = has_rollout_ ? kGivenUp : traffic_.duration;
    if (now_ - began_ >= most) end(Ending::kStillRunning);
  }

  const SimulatedTraffic traffic_;
  const std::vector<Fault>& faults_;
  std::mt19937_64 rng_;
  const absl::Time began_ = absl::FromUnixSeconds(1'700'000'000);
  absl::Time now_ = began_, changed_ = began_;
  control::GovernedExperiment governed_;
  uint64_t salt_ = 0;
  bool has_rollout_ = false;
  std::vector<User> users_;
  std::array<uint32_t, kDraws> draws_{};
  std::array<double, kLatencies> latencies_ms_{};
  std::optional<absl::Time> fault_began_;
  std::optional<double> candidate_errors_;
  double slowdown_ = 1;
  std::vector<Outcome> outcomes_;  // That guardrails look at.
  control::TicketLedger tickets_;
  uint64_t reports_ = 0;
  std::normal_distribution<double> normal_;
  bool ended_ = false;
  SimulatedOutcome outcome_;
};

}  // namespace

SimulatedOutcome RunOnce(const config::Experiment& experiment, const SimulatedTraffic& traffic,
                         const std::vector<Fault>& faults, uint64_t seed) {
  return SimulatedRun(experiment, traffic, faults, seed).Run();
}

}  // namespace weir::cli
