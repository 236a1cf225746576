#include "router/cli/planning/stages.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "router/cli/quantities.h"
#include "router/experiment/guardrails.h"
#include "router/experiment/plan.h"
#include "stats/guardrails.h"

namespace weir::cli {
namespace {

std::vector<double> SharesOf(const experiment::Split& split) {
  std::vector<double> shares;
  for (const config::Variant& variant : split.variants) shares.push_back(experiment::ShareOf(split, variant.name));
  return shares;
}

// Lengthens the stage until each candidate with a share has its samples. How soon somebody sends the calls of a preview
// nobody knows: they are named, and take no time.
void WaitForSamples(const config::Experiment& experiment, int64_t samples, double calls_per_second, Stage& stage) {
  if (samples == 0) return;
  if (const std::string previewed = experiment::PreviewedBy(experiment::PlanOf(experiment)); !previewed.empty()) {
    absl::StrAppend(&stage.because, stage.length > absl::ZeroDuration() ? ", and " : ", but ",
                    CountText(static_cast<double>(samples)), " previewed calls of ", previewed);
  }
  for (size_t i = 0; i < stage.shares.size(); ++i) {
    if (i == experiment.default_variant || stage.shares[i] <= 0) continue;
    const absl::Duration takes = absl::Seconds(static_cast<double>(samples) / (calls_per_second * stage.shares[i]));
    if (takes <= stage.length) continue;
    stage.length = takes;
    stage.waits_for_samples = true;
    stage.because = absl::StrCat(CountText(static_cast<double>(samples)), " samples of ", experiment.variants[i].name);
  }
}

Stage StepOf(const config::Experiment& experiment, const experiment::Plan& plan, uint32_t step,
             const Assumptions& assumptions) {
  const config::RolloutStep& filed = plan.rollout->steps[step];
  Stage stage{.name = absl::StrCat("step ", step + 1),
              .shares = SharesOf(experiment::SplitOfStep(plan, step)),
              .starts = {},
              .length = filed.pause.duration,
              .because = filed.pause.duration > absl::ZeroDuration() ? "pause" : "no pause",
              .approvals = filed.approval ? filed.approval->required : 0};
  WaitForSamples(experiment, filed.pause.min_samples, assumptions.calls_per_second, stage);
  return stage;
}

}  // namespace

double Stage::calls(const Assumptions& assumptions) const {
  return assumptions.calls_per_second * absl::ToDoubleSeconds(length);
}

SharesCompared SharesComparedIn(const config::Experiment& experiment, const Stage& stage) {
  SharesCompared shares{.baseline = stage.shares[experiment.default_variant], .candidate = 1};
  bool has_candidate = false;
  for (size_t i = 0; i < stage.shares.size(); ++i) {
    if (i == experiment.default_variant || experiment.variants[i].weight == config::Weight()) continue;
    shares.candidate = std::min(shares.candidate, stage.shares[i]);
    has_candidate = true;
  }
  if (!has_candidate) shares.candidate = 0;
  return shares;
}

std::vector<Stage> StagesOf(const config::Experiment& experiment, const Assumptions& assumptions) {
  const experiment::Plan plan = experiment::PlanOf(experiment);
  std::vector<Stage> stages;
  if (!plan.rollout) {
    stages.push_back({.name = "weights",
                      .shares = SharesOf(plan.split),
                      .starts = {},
                      .length = assumptions.length,
                      .because = "--days"});
    return stages;
  }
  const config::Rollout& rollout = *plan.rollout;
  uint32_t restart = RestartOfStep(rollout, 0);
  absl::Duration passed;
  const auto add = [&](Stage stage) {
    stage.starts = passed;
    stage.restart = restart++;
    passed += stage.length;
    stages.push_back(std::move(stage));
  };
  for (uint32_t step = 0; step < rollout.steps.size(); ++step) {
    Stage stage = StepOf(experiment, plan, step, assumptions);
    const bool is_last = step + 1 == rollout.steps.size();
    if (is_last && passed + stage.length < rollout.min_duration) {
      stage.length = rollout.min_duration - passed;
      stage.because = "minDuration";
    }
    add(std::move(stage));
  }
  if (config::EndOf(rollout.strategy) == config::RolloutEnd::kCompletion || rollout.watch == absl::ZeroDuration()) {
    return stages;
  }
  add({.name = "watch",
       .shares = SharesOf(experiment::SplitPromoted(plan)),
       .starts = {},
       .length = rollout.watch,
       .because = "watch",
       .is_watch = true});
  return stages;
}

absl::Duration LengthOf(const std::vector<Stage>& stages) {
  absl::Duration length;
  for (const Stage& stage : stages) {
    if (!stage.is_watch) length += stage.length;
  }
  return length;
}

uint32_t RestartOfStep(const config::Rollout& rollout, uint32_t step) {
  return step + (rollout.start.has_value() || rollout.is_started_by_hand ? 1 : 0);
}

double AlphaOfTest(const config::Experiment& experiment, const config::Guardrail& guardrail, uint32_t restart) {
  constexpr double kOfTheRunsTest = 0.5;
  const size_t candidates = std::max<size_t>(experiment.variants.size() - 1, 1);
  const uint32_t planned = experiment::PlannedRestarts(experiment::PlanOf(experiment));
  return guardrail.alpha * experiment::AlphaShare(candidates, 0) *
         (restart == 0 ? kOfTheRunsTest : stats::RestartShare(planned, restart));
}

}  // namespace weir::cli
