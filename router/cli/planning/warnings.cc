#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/cli/planning/experiment_plan.h"
#include "router/cli/quantities.h"
#include "stats/special_functions.h"

namespace weir::cli {
namespace {

double SecondsOf(absl::Duration span) { return absl::ToDoubleSeconds(span); }

// The fault that every guardrail should see before its stage is over.
bool IsDoubling(const PlannedFault& fault) { return fault.size == 2; }

class Warnings {
 public:
  explicit Warnings(const ExperimentPlan& plan) : plan_(plan) {}

  std::vector<std::string> All() {
    Guards();
    Baselines();
    Rollout();
    Stages();
    ShortStages();
    Comparisons();
    return std::move(warnings_);
  }

 private:
  template <typename... Parts>
  void Warn(const Parts&... parts) {
    warnings_.push_back(absl::StrCat(parts...));
  }

  void Guards() {
    const auto& guardrails = plan_.experiment.guardrails;
    const bool shuts = std::any_of(guardrails.begin(), guardrails.end(), [](const config::Guardrail& guardrail) {
      return guardrail.action == config::GuardrailAction::kRollback;
    });
    if (!shuts) Warn("no guardrail rolls back: nothing ever shuts the gate by itself");
    const double rate = plan_.assumptions.calls_per_second;
    for (const config::Guardrail& guardrail : guardrails) {
      if (guardrail.when && guardrail.when->min_rate_per_second > rate) {
        Warn(guardrail.name, " is judged from ", guardrail.when->min_rate_per_second, " calls/s on, and there are ",
             rate, ": it sees nothing");
      }
      if (guardrail.detector_acts) {
        Warn(guardrail.name, "'s detector acts, too: alpha does not bound its false alarms, only how rare they are");
      }
    }
  }

  // A healthy candidate must not be what a guardrail is for.
  void Baselines() {
    const Assumptions& known = plan_.assumptions;
    for (const config::Guardrail& guardrail : plan_.experiment.guardrails) {
      if (const auto* errors = std::get_if<config::ErrorCeiling>(&guardrail.rule);
          errors != nullptr && known.baseline_error >= errors->max) {
        Warn(guardrail.name, ": a healthy variant's errors, ", PercentText(known.baseline_error),
             ", are not below its max: it would roll back what is well");
      }
      if (const auto* tail = std::get_if<config::TailCeiling>(&guardrail.rule)) {
        const double deviations = stats::NormalQuantile(tail->quantile);
        const absl::Duration usual = known.median_latency * std::exp(deviations * known.latency_deviation());
        if (usual < tail->max) continue;
        Warn(guardrail.name, ": a healthy variant's p", 100 * tail->quantile,
             " is not below its max: it would roll back what is well");
      }
      if (const auto* bound = std::get_if<config::OutcomeBound>(&guardrail.rule)) {
        const double mean = known.metrics.at(bound->metric).mean;
        if (mean < bound->min.value_or(mean) || mean > bound->max.value_or(mean)) {
          Warn(guardrail.name, ": a healthy variant's ", bound->metric, ", ", ToString(known.metrics.at(bound->metric)),
               ", is beyond its bound");
        }
      }
    }
  }

  void Rollout() {
    if (!plan_.experiment.rollout) return;
    const config::Rollout& rollout = *plan_.experiment.rollout;
    if (rollout.bandit) Warn("a bandit's shares follow the outcomes: here they are the file's weights");
    if (rollout.schedule) Warn("schedule: risk chooses its own shares: the stages here are those of its steps");
    if (rollout.is_dry_run) Warn("dryRun: candidates get nothing, so nothing is shown or guarded");
    if (plan_.length > rollout.max_duration) {
      Warn("the steps take ", SpanText(SecondsOf(plan_.length)), " at this traffic, and maxDuration is ",
           SpanText(SecondsOf(rollout.max_duration)), ": the rollout would end inconclusive");
    }
    for (const PlannedGuardrail& planned : plan_.guardrails) {
      for (const size_t stage : planned.blind) {
        Warn(plan_.experiment.guardrails[planned.guardrail].name, " compares with the default, which has no share in ",
             plan_.stages[stage].name, ": give a holdback");
      }
    }
    const bool is_promoted = config::EndOf(rollout.strategy) == config::RolloutEnd::kPromotion;
    if (is_promoted && rollout.watch == absl::ZeroDuration()) {
      Warn("watch: 0 leaves nothing that watches after the promotion");
    }
    if (!rollout.freezes.empty()) Warn("freezes come on top: nothing goes forward in them");
  }

  // Samples that take longer than anybody wants, and variants that look silent.
  void Stages() {
    for (size_t s = 0; s < plan_.stages.size(); ++s) {
      const Stage& stage = plan_.stages[s];
      if (stage.is_passing() && s + 1 < plan_.stages.size() && !plan_.stages[s + 1].is_watch) {
        Warn(stage.name, " has no pause: nothing can be seen in it before the next one");
      }
      if (stage.waits_for_samples && std::isfinite(SecondsOf(stage.length))) {
        Warn(stage.name, " waits ", SpanText(SecondsOf(stage.length)), " for its ", stage.because,
             ", longer than its pause");
      }
      if (!plan_.experiment.rollout) continue;
      const absl::Duration silence = plan_.experiment.rollout->no_data_after;
      constexpr double kLikely = 7;  // Calls of which none comes once in a thousand times.
      for (size_t i = 0; i < stage.shares.size(); ++i) {
        const double rate = plan_.assumptions.calls_per_second * stage.shares[i];
        if (rate <= 0 || rate * SecondsOf(silence) >= kLikely) continue;
        Warn(plan_.experiment.variants[i].name, " gets a call every ", SpanText(1 / rate), " in ", stage.name,
             ": noDataAfter, ", SpanText(SecondsOf(silence)), ", would take it for silent");
      }
    }
  }

  // A guardrail that cannot prove a doubling before its stage is over lets it go on to a larger share.
  void ShortStages() {
    for (const PlannedGuardrail& planned : plan_.guardrails) {
      const config::Guardrail& guardrail = plan_.experiment.guardrails[planned.guardrail];
      if (guardrail.action != config::GuardrailAction::kRollback) continue;
      const auto doubling = std::find_if(planned.faults.begin(), planned.faults.end(), IsDoubling);
      if (doubling == planned.faults.end()) continue;
      const auto place = static_cast<size_t>(doubling - planned.faults.begin());
      for (const DelaysAtStage& at : planned.stages) {
        const Stage& stage = plan_.stages[at.stage];
        if (stage.is_passing()) continue;
        const double seconds = at.faults[place].seconds, length = SecondsOf(stage.length);
        if (!std::isfinite(seconds) || seconds <= length) continue;
        const std::string instead = stage.is_watch ? "a longer watch, or a larger holdback"
                                                   : absl::StrFormat("a longer pause, or minSamples: %.0f",
                                                                     std::ceil(at.faults[place].requests));
        Warn(stage.name, " lasts ", SpanText(length), ", and ", guardrail.name, " takes ", SpanText(seconds),
             " there to prove ", doubling->name, ": ", instead);
      }
    }
  }

  void Comparisons() {
    const bool has_primary = std::any_of(plan_.metrics.begin(), plan_.metrics.end(),
                                         [](const PlannedMetric& metric) { return metric.is_primary; });
    if (!has_primary) Warn("no metric is primary: nothing says whether the candidate is better");
    constexpr double kLeastUsers = 128;  // stats/clustered.h: below it there is no interval.
    if (!plan_.assumptions.users) return;
    for (const Stage& stage : plan_.stages) {
      for (size_t i = 0; i < stage.shares.size(); ++i) {
        const double users = *plan_.assumptions.users * stage.shares[i];
        if (users <= 0 || users >= kLeastUsers) continue;
        Warn(plan_.experiment.variants[i].name, " has about ", CountText(users), " users in ", stage.name,
             ": below 128 there is no interval, since nobody knows how they differ");
      }
    }
  }

  const ExperimentPlan& plan_;
  std::vector<std::string> warnings_;
};

}  // namespace

std::vector<std::string> WarningsOf(const ExperimentPlan& plan) { return Warnings(plan).All(); }

}  // namespace weir::cli
