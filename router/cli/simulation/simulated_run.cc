#include "router/cli/simulation/simulated_run.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "router/control/governed_experiment.h"
#include "router/experiment/machine.h"
#include "stats/counts.h"

namespace weir::cli {
namespace {

// A batch is a twelfth of the time since the step or the fault began, so that a delay is known to 8 %.
constexpr absl::Duration kShortestBatch = absl::Seconds(1), kLongestBatch = absl::Seconds(30);
constexpr absl::Duration kLongestWindow = absl::Seconds(10);  // Of what looks at the calls of ten seconds.
constexpr int kBatchesSinceThen = 12;
constexpr absl::Duration kGivenUp = absl::Hours(24 * 90);  // A rollout that nobody ends.

bool HasWindows(const config::Experiment& experiment) {
  return !experiment.trends.empty() || std::any_of(experiment.guardrails.begin(), experiment.guardrails.end(),
                                                   [](const config::Guardrail& guardrail) { return guardrail.when; });
}

config::Experiment WithPausesCut(config::Experiment experiment, absl::Duration longest) {
  if (!experiment.rollout) return experiment;
  config::Rollout& rollout = *experiment.rollout;
  for (config::RolloutStep& step : rollout.steps) step.pause.duration = std::min(step.pause.duration, longest);
  rollout.watch = std::min(rollout.watch, longest);
  rollout.min_duration = std::min(rollout.min_duration, longest);
  rollout.start.reset();
  experiment.decision_rules.min_duration = std::min(experiment.decision_rules.min_duration, longest);
  experiment.decision_rules.needs_whole_weeks = false;
  return experiment;
}

class SimulatedRun {
 public:
  SimulatedRun(const config::Experiment& experiment, const SimulatedTraffic& traffic, const std::vector<Fault>& faults,
               uint64_t seed)
      : longest_(experiment.rollout ? kGivenUp : traffic.duration),
        longest_batch_(HasWindows(experiment) ? kLongestWindow : kLongestBatch),
        faults_(faults),
        calls_(experiment, traffic, seed),
        has_rollout_(experiment.rollout.has_value()),
        governed_(experiment.name, stats::Issuer{.replica = 1, .boot = 1}) {
    governed_.SetFile(WithPausesCut(experiment, traffic.longest_pause), now_);
  }

  SimulatedOutcome Run() {
    Follow();
    if (has_rollout_) Ask(experiment::CommandKind::kStart);
    while (!ended_) {
      NoteFaults();
      Batch();
      Judge();
      Analyse();
      Follow();
      GoOn();
      CheckEnd();
    }
    for (const experiment::Judgement& judgement : governed_.judgements()) {
      if (judgement.breached && judgement.action == config::GuardrailAction::kWarn) {
        outcome_.warned.push_back(judgement.guardrail);
      }
    }
    if (experiment::ChoosesShares(governed_.plan())) outcome_.chosen_percent = CandidatesPercent();
    return outcome_;
  }

 private:
  void Enter(experiment::Step step) {
    governed_.Enter(std::move(step.next), now_);
    calls_.Assign(experiment::SplitInForce(*governed_.state()));
    changed_ = now_;
    const bool is_promoted = std::holds_alternative<experiment::Watching>(governed_.state()->phase) ||
                             std::holds_alternative<experiment::Completed>(governed_.state()->phase);
    if (is_promoted && !outcome_.promoted_after) outcome_.promoted_after = now_ - began_;
  }

  double CandidatesPercent() const {
    return 100 * experiment::CandidateShareOf(experiment::SplitInForce(*governed_.state())).fraction();
  }

  void Tell(const experiment::Event& event) {
    auto step = experiment::Advance(governed_.plan(), governed_.state(), event, now_);
    if (step.ok() && *step) Enter(**std::move(step));
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
    Tell(command);
  }

  void GoOn() {
    Tell(governed_.Known());
    if (const auto known = governed_.Weigh(now_)) Tell(*known);
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
    for (const Fault& fault : std::exchange(faults_, {})) {
      if (stage < fault.stage) {
        faults_.push_back(fault);
        continue;
      }
      if (!fault_began_) fault_began_ = now_;
      calls_.Apply(fault);
    }
  }

  void Batch() {
    const absl::Duration since = now_ - std::max(changed_, fault_began_.value_or(changed_));
    const absl::Duration length =
        std::clamp(absl::Floor(since / kBatchesSinceThen, stats::kTick), kShortestBatch, longest_batch_);
    const experiment::State& state = *governed_.state();
    const experiment::Split split = experiment::SplitInForce(state);
    const std::vector<CallBatch>& batch = calls_.Draw(stats::TickOf(now_), length);
    now_ += length;
    if (const std::string previewed = governed_.Previewed(); !previewed.empty()) {
      governed_.Merge(state.run.ordinal, state.epoch.ordinal, previewed,
                      calls_.DrawPreviews(stats::TickOf(now_), length));
    }
    for (size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].counts.started() == 0) continue;
      if (fault_began_ && i != split.default_variant) outcome_.delay_requests += batch[i].counts.started();
      const std::string& variant = split.variants[i].name;
      governed_.Merge(state.run.ordinal, state.epoch.ordinal, variant, batch[i].counts);
      for (size_t m = 0; m < batch[i].outcomes.size(); ++m) {
        governed_.MergeOutcomes(state.epoch.ordinal, variant, calls_.metrics()[m], batch[i].outcomes[m], now_);
      }
    }
  }

  void Judge() {
    if (!governed_.is_open()) return;
    if (std::optional<experiment::Breach> breach = governed_.Judge(now_)) Stop(experiment::Breached{*breach});
  }

  void Analyse() {
    if (!governed_.is_open()) return;
    if (const std::optional<experiment::Event> event = governed_.Analyse(now_)) Stop(*event);
  }

  // A breach, or a verdict against going on.
  void Stop(const experiment::Event& event) {
    if (const auto* breached = std::get_if<experiment::Breached>(&event)) {
      outcome_.guardrail = breached->breach.guardrail;
    } else {
      outcome_.guardrail = kByAnalysis;
    }
    outcome_.stage = has_rollout_ ? Stage() : 0;
    if (fault_began_) outcome_.delay = now_ - *fault_began_;
    Tell(event);
  }

  void CheckEnd() {
    const experiment::Phase& phase = governed_.state()->phase;
    const auto end = [&](Ending ending) { outcome_.ending = ending, ended_ = true; };
    if (std::holds_alternative<experiment::RolledBack>(phase)) return end(Ending::kRolledBack);
    if (const auto* done = std::get_if<experiment::Completed>(&phase)) {
      if (!done->is_promoted) outcome_.promoted_after.reset();
      return end(done->is_promoted ? Ending::kPromoted : Ending::kCompleted);
    }
    if (std::holds_alternative<experiment::Inconclusive>(phase)) return end(Ending::kInconclusive);
    if (now_ - began_ >= longest_) end(Ending::kStillRunning);
  }

  const absl::Duration longest_, longest_batch_;
  std::vector<Fault> faults_;  // Still to come.
  SimulatedCalls calls_;
  const bool has_rollout_;
  const absl::Time began_ = absl::FromUnixSeconds(1'700'000'000);
  absl::Time now_ = began_, changed_ = began_;
  control::GovernedExperiment governed_;
  std::optional<absl::Time> fault_began_;
  bool ended_ = false;
  SimulatedOutcome outcome_;
};

}  // namespace

SimulatedOutcome RunOnce(const config::Experiment& experiment, const SimulatedTraffic& traffic,
                         const std::vector<Fault>& faults, uint64_t seed) {
  return SimulatedRun(experiment, traffic, faults, seed).Run();
}

}  // namespace weir::cli
