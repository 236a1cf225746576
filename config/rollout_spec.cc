#include "config/rollout_spec.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "config/allocation_spec.h"
#include "config/analysis_spec.h"
#include "config/condition_names.h"
#include "config/guardrail_spec.h"
#include "config/limits.h"

namespace weir::config {
namespace {

// Where the specification says nothing.
constexpr int kUsualHoldback = 100;  // Basis points: enough to see a breach in a day's traffic, and nobody misses it.
constexpr absl::Duration kUsualWatch = absl::Hours(24);

std::optional<absl::Duration> ReadSpan(const Field& field, absl::Duration least = limits::kShortestRolloutSpan) {
  return field.ReadDuration(least, limits::kLongestRolloutSpan);
}

Pause ReadPause(const Field& field) {
  Mapping mapping(field);
  Pause pause;
  const Field duration = mapping.Optional("duration");
  const Field samples = mapping.Optional("minSamples");
  if (duration) pause.duration = ReadSpan(duration).value_or(pause.duration);
  if (samples) pause.min_samples = samples.ReadInteger(1, limits::kMostSamples).value_or(0);
  if (mapping.is_mapping() && !duration && !samples && field.node().children.empty()) {
    field.Report("must have duration or minSamples; a step that waits for a person has approval: {required: 1}");
  }
  mapping.Finish();
  return pause;
}

Approval ReadApproval(const Field& field) {
  Mapping mapping(field);
  Approval approval;
  if (Field f = mapping.Optional("required")) {
    approval.required = f.ReadInteger(1, limits::kMostApprovals).value_or(approval.required);
  }
  if (Field f = mapping.Optional("roles")) {
    for (const Field& item : f.ReadList(1, limits::kApprovalRoles)) {
      const std::optional<std::string> role = item.ReadName();
      if (role.has_value() && !approval.roles.insert(*role).second) item.ReportGot("must be given once");
    }
  }
  if (Field f = mapping.Optional("expires")) approval.expires = ReadSpan(f).value_or(approval.expires);
  mapping.Finish({"users", "notify"});
  return approval;
}

// Samples that would never come.
void CheckSamples(const Field& pause, const RolloutStep& step) {
  if (step.pause.min_samples == 0 || step.weight != Percent()) return;
  pause.Report("minSamples would wait for ever: the step gives candidates no share");
}

void ReadStepAnalysis(const Field& field, RolloutStep& step) {
  step.analysis = ReadAnalysis(field, /*gives_share=*/step.weight != Percent());
  if (step.analysis->timeout < step.pause.duration) {
    field.Report(absl::StrCat("timeout: must be at least the pause, ", absl::FormatDuration(step.pause.duration),
                              ": no step is left before it"));
  }
}

// `before`: the weight of the step before; a step that names none keeps it.
RolloutStep ReadStep(const Field& field, Percent before) {
  Mapping mapping(field);
  RolloutStep step{.weight = before};
  const Field weight = mapping.Optional("setWeight");
  const Field pause = mapping.Optional("pause");
  const Field analysis = mapping.Optional("analysis");
  const Field approval = mapping.Optional("approval");
  if (weight) step.weight = weight.ReadPercent().value_or(before);
  if (pause) step.pause = ReadPause(pause);
  if (analysis) ReadStepAnalysis(analysis, step);
  if (approval) step.approval = ReadApproval(approval);
  const size_t errors = field.reading().findings.errors.size();
  mapping.Finish({"experiment", "setMirrorRoute", "setHeaderRoute", "setCanaryScale", "plugin"});
  const bool says_nothing = mapping.is_mapping() && !weight && !pause && !analysis && !approval;
  if (says_nothing && errors == field.reading().findings.errors.size()) {
    field.Report("must have setWeight, pause, analysis or approval");
  }
  CheckSamples(pause, step);
  if (weight && *step.weight < before) {
    weight.Warn(absl::StrCat("is below the step before, which has ", before.ToString(),
                             ": the users between move back to the default"));
  }
  return step;
}

void ReadSteps(const Field& field, Rollout& rollout) {
  Percent before;
  for (const Field& item : field.ReadList(1, limits::kRolloutSteps)) {
    rollout.steps.push_back(ReadStep(item, before));
    before = *rollout.steps.back().weight;
  }
}

// The one step of a strategy that has no `steps`: its parts stand in the rollout itself.
void ReadOnlyStep(Mapping& mapping, std::optional<Percent> weight, Rollout& rollout) {
  RolloutStep step{.weight = weight};
  if (Field f = mapping.Optional("pause")) {
    step.pause = ReadPause(f);
    const bool may_be_previewed = rollout.strategy == Strategy::kBlueGreen;
    if (may_be_previewed && !rollout.preview && step.pause.min_samples > 0) {
      f.Report(
          "minSamples would wait for ever: before the switch only the calls of a preview are counted, and there is "
          "none");
    } else if (!rollout.preview) {
      CheckSamples(f, step);
    }
  }
  if (Field f = mapping.Optional("analysis")) ReadStepAnalysis(f, step);
  if (Field f = mapping.Optional("approval")) step.approval = ReadApproval(f);
  rollout.steps.push_back(std::move(step));
}

std::optional<absl::Time> ReadTime(const Field& field, const char* expectation) {
  const std::optional<std::string> text = field.ReadText();
  if (!text.has_value()) return std::nullopt;
  absl::Time time;
  std::string why;
  if (absl::ParseTime(absl::RFC3339_full, *text, &time, &why)) return time;
  field.ReportGot(expectation);
  return std::nullopt;
}

Preview ReadPreview(const Field& field) {
  Mapping mapping(field);
  Preview preview;
  if (Field f = mapping.Required("header")) {
    preview.header = f.ReadHeaderName().value_or("");
    if (preview.header.starts_with("x-weir-")) f.ReportGot("must not be one of Weir's own headers (x-weir-...)");
  }
  if (Field f = mapping.Optional("value")) {
    preview.value = f.ReadText().value_or("");
    if (preview.value.empty() || preview.value.size() > limits::kHeaderValueBytes) {
      f.ReportGot(absl::StrCat("must be a text of 1 to ", limits::kHeaderValueBytes, " bytes (leave it out for any)"));
    }
  }
  if (Field f = mapping.Optional("maxAge")) preview.max_age = ReadSpan(f).value_or(preview.max_age);
  mapping.Finish({"from"});
  return preview;
}

constexpr char kTime[] = "must be a time such as 2030-01-31T09:00:00Z";

void ReadStart(const Field& field, Rollout& rollout) {
  rollout.is_started_by_hand = field.node().text == "manual";
  if (rollout.is_started_by_hand) return;
  rollout.start = ReadTime(field, "must be manual or a time such as 2030-01-31T09:00:00Z");
}

void ReadEnd(const Field& field, Rollout& rollout) {
  rollout.end = ReadTime(field, kTime);
  if (rollout.end && rollout.start && *rollout.end <= *rollout.start) field.ReportGot("must be after start");
}

void ReadFreezes(const Field& field, Rollout& rollout) {
  for (const Field& item : field.ReadList(1, limits::kFreezes)) {
    Mapping mapping(item);
    std::optional<absl::Time> from, to;
    if (Field f = mapping.Required("from")) from = ReadTime(f, kTime);
    if (Field f = mapping.Required("to")) {
      to = ReadTime(f, kTime);
      if (from && to && *to <= *from) f.ReportGot("must be after from");
    }
    mapping.Finish({"cron", "timezone"});
    if (from && to) rollout.freezes.push_back({*from, *to});
  }
}

// Days of the week differ, so a comparison that ends within one is of unequal days.
void RoundUpToWeeks(Rollout& rollout) {
  constexpr absl::Duration kWeek = absl::Hours(7 * 24);
  if (EndOf(rollout.strategy) == RolloutEnd::kDecision) {
    absl::Duration& length = rollout.steps[0].pause.duration;
    length = absl::Ceil(std::max(length, kWeek), kWeek);
  }
  rollout.min_duration = absl::Ceil(std::max(rollout.min_duration, kWeek), kWeek);
}

void ReadHoldback(Mapping& mapping, Rollout& rollout) {
  const bool has_promotion = EndOf(rollout.strategy) != RolloutEnd::kCompletion;
  // The old version of a blue-green rollout is kept warm, but has no share: it is switched back to in a moment.
  if (rollout.strategy != Strategy::kBlueGreen && has_promotion) {
    rollout.holdback = Percent::FromBasisPoints(kUsualHoldback).value_or(Percent());
  }
  if (has_promotion) rollout.watch = kUsualWatch;
  if (Field f = mapping.Optional("holdback")) {
    rollout.holdback = f.ReadPercent().value_or(rollout.holdback);
    if (rollout.holdback.basis_points() > limits::kMostHoldback) {
      f.ReportGot(absl::StrCat("must be from 0 to ", limits::kMostHoldback / 100));
    } else if (!has_promotion) {
      f.Report("is for what is promoted: a shadow never is");
    }
  }
  if (Field f = mapping.Optional("watch")) {
    rollout.watch = ReadSpan(f, absl::ZeroDuration()).value_or(rollout.watch);
    if (!has_promotion) f.Report("is for what is promoted: a shadow never is");
  }
}

void ReadLimits(Mapping& mapping, Rollout& rollout) {
  if (Field f = mapping.Optional("minDuration")) rollout.min_duration = ReadSpan(f).value_or(rollout.min_duration);
  if (Field f = mapping.Optional("wholeWeeks"); f && f.ReadBool().value_or(false)) RoundUpToWeeks(rollout);
  if (Field f = mapping.Optional("maxDuration")) rollout.max_duration = ReadSpan(f).value_or(rollout.max_duration);
}

void ReadTroubles(Mapping& mapping, Rollout& rollout) {
  if (Field f = mapping.Optional("onInconclusive")) {
    rollout.on_inconclusive =
        f.ReadChoice<OnInconclusive>({{"pause", OnInconclusive::kPause}, {"rollback", OnInconclusive::kRollback}},
                                     {"promote", "continue"})
            .value_or(rollout.on_inconclusive);
  }
  if (Field f = mapping.Optional("onNoData")) {
    rollout.on_no_data =
        f.ReadChoice<OnNoData>(
             {{"wait", OnNoData::kWait}, {"pause", OnNoData::kPause}, {"rollback", OnNoData::kRollback}})
            .value_or(rollout.on_no_data);
  }
  if (Field f = mapping.Optional("noDataAfter")) rollout.no_data_after = ReadSpan(f).value_or(rollout.no_data_after);
}

// From the first step to a success that nobody hurries, at least.
absl::Duration LeastDuration(const Rollout& rollout) {
  absl::Duration pauses;
  for (const RolloutStep& step : rollout.steps) pauses += step.pause.duration;
  return std::max(rollout.min_duration, pauses);
}

// Whether a verdict may end it before its planned length, which is then no least.
bool MayEndEarly(const Rollout& rollout) {
  return EndOf(rollout.strategy) == RolloutEnd::kDecision && rollout.steps[0].analysis && !rollout.is_dry_run &&
         rollout.min_duration < rollout.steps[0].pause.duration;
}

// The first time from `at` on that is in no freeze.
absl::Time Thawed(const Rollout& rollout, absl::Time at) {
  for (bool moves = true; moves;) {
    moves = false;
    for (const Freeze& freeze : rollout.freezes) {
      if (freeze.from <= at && at < freeze.to) at = freeze.to, moves = true;
    }
  }
  return at;
}

// Bounds within which no success can come, whatever the models do. A bound that is reached at the same time comes
// first.
void CheckWindow(Mapping& mapping, const Rollout& rollout) {
  if (rollout.steps.empty()) return;
  const absl::Duration least = LeastDuration(rollout);
  const bool may_end_early = MayEndEarly(rollout);
  const bool is_too_short = may_end_early ? rollout.max_duration < least : rollout.max_duration <= least;
  if (Field f = mapping.Optional("maxDuration"); f && is_too_short) {
    f.ReportGot(absl::StrCat("must be ", may_end_early ? "at least" : "more than",
                             " minDuration and the pauses of all steps, ", absl::FormatDuration(least),
                             ", or it can never succeed"));
  }
  // The end of a test is its planned length; of others, what has to be over by then.
  if (!rollout.start || !rollout.end || EndOf(rollout.strategy) == RolloutEnd::kDecision) return;
  const absl::Time earliest = Thawed(rollout, *rollout.start + least);
  if (*rollout.end <= *rollout.start || *rollout.end > earliest) return;
  mapping.Optional("end").ReportGot(
      absl::StrCat("must be after ", absl::FormatTime(absl::RFC3339_sec, earliest, absl::UTCTimeZone()),
                   ", the earliest that start, minDuration, the pauses of all steps and the freezes leave, or it can "
                   "never succeed"));
}

// `schedule: risk`: one step, whose share grows until it is all.
void ReadScheduled(Mapping& mapping, Rollout& rollout) {
  rollout.schedule = ReadRiskSchedule(mapping);
  ReadOnlyStep(mapping, rollout.schedule->first, rollout);
  if (Field f = mapping.Optional("steps")) f.Report("excludes schedule: risk, which chooses the shares itself");
}

void ReadStepsOfStrategy(Mapping& mapping, Rollout& rollout) {
  switch (rollout.strategy) {
    case Strategy::kCanary:
      if (Field f = mapping.Optional("schedule"); f && f.ReadChoice<bool>({{"steps", false}, {"risk", true}}) == true) {
        return ReadScheduled(mapping, rollout);
      }
      if (Field f = mapping.Required("steps")) ReadSteps(f, rollout);
      return;
    case Strategy::kBlueGreen:
      if (Field f = mapping.Optional("preview")) rollout.preview = ReadPreview(f);
      ReadOnlyStep(mapping, Percent(), rollout);
      if (rollout.steps[0].pause == Pause() && !rollout.steps[0].analysis && !rollout.steps[0].approval) {
        mapping.field().Report("a blueGreen needs pause, analysis or approval: what is to be there before the switch");
      }
      return;
    case Strategy::kAbTest:
      ReadOnlyStep(mapping, std::nullopt, rollout);
      if (rollout.steps[0].pause == Pause() && !mapping.Optional("end")) {
        mapping.field().Report("an abTest needs pause: {duration: ..., minSamples: ...}, its planned length, or end");
      }
      return;
    case Strategy::kShadow:
      ReadOnlyStep(mapping, Percent(), rollout);
      if (rollout.steps[0].pause.duration == absl::ZeroDuration()) {
        mapping.field().Report("a shadow needs pause: {duration: ...}, its planned length");
      }
      return;
    case Strategy::kBandit:
      if (Field f = mapping.Required("bandit")) rollout.bandit = ReadBandit(f);
      ReadOnlyStep(mapping, std::nullopt, rollout);
      if (rollout.steps[0].pause == Pause() && !mapping.Optional("end")) {
        mapping.field().Report("a bandit needs pause: {duration: ..., minSamples: ...}, its planned length, or end");
      }
      return;
  }
}

// Whether anything, or anybody, has to find the previewed calls good.
bool IsPreviewJudged(const RolloutStep& step) {
  const auto names_errors = [](const std::optional<Condition>& condition) {
    if (!condition) return false;
    const std::set<std::string> names = condition->names();
    return std::any_of(names.begin(), names.end(),
                       [](const std::string& name) { return name.starts_with(kPreviewErrorRateName); });
  };
  return step.approval ||
         (step.analysis && (names_errors(step.analysis->success) || names_errors(step.analysis->failure)));
}

// Of one candidate with a weight.
void CheckPreview(const Field& field, const Experiment& experiment) {
  const auto refuse = [&](const std::string& metric) {
    if (IsOfPreview(metric)) field.Report(absl::StrCat("preview: its calls have the name of the metric ", metric));
  };
  for (const OutcomeMetric& metric : experiment.metrics) refuse(metric.name);
  for (const QueryMetric& query : experiment.queries) refuse(query.name);
  const std::vector<RolloutStep>& steps = experiment.rollout->steps;
  if (steps.empty() || IsPreviewJudged(steps[0])) return;
  for (const Variant& variant : experiment.variants) {
    if (&variant == &experiment.variants[experiment.default_variant] || variant.weight == Weight()) continue;
    return field.Warn(
        absl::StrCat("preview: the switch comes however its calls end: give it approval, or minSamples and an analysis "
                     "with successCondition: ",
                     kPreviewErrorRateName, ".", variant.name, " < 0.01"));
  }
}

bool CanCompareAtTheEnd(const Rollout& rollout) {
  if (rollout.holdback > Percent() || EndOf(rollout.strategy) == RolloutEnd::kCompletion) return true;
  const bool reaches_all =
      rollout.schedule || std::any_of(rollout.steps.begin(), rollout.steps.end(),
                                      [](const RolloutStep& step) { return step.weight == Percent::All(); });
  return !reaches_all && rollout.watch == absl::ZeroDuration();
}

}  // namespace

Rollout ReadRollout(const Field& field) {
  Mapping mapping(field);
  Rollout rollout;
  if (Field f = mapping.Required("strategy")) {
    rollout.strategy = f.ReadChoice<Strategy>({{"canary", Strategy::kCanary},
                                               {"blueGreen", Strategy::kBlueGreen},
                                               {"abTest", Strategy::kAbTest},
                                               {"shadow", Strategy::kShadow},
                                               {"bandit", Strategy::kBandit}})
                           .value_or(rollout.strategy);
  }
  ReadStepsOfStrategy(mapping, rollout);
  ReadHoldback(mapping, rollout);
  ReadLimits(mapping, rollout);
  ReadTroubles(mapping, rollout);
  if (Field f = mapping.Optional("start")) ReadStart(f, rollout);
  if (Field f = mapping.Optional("end")) ReadEnd(f, rollout);
  if (Field f = mapping.Optional("freeze")) ReadFreezes(f, rollout);
  if (Field f = mapping.Optional("dryRun")) rollout.is_dry_run = f.ReadBool().value_or(false);
  CheckWindow(mapping, rollout);
  if (Field f = mapping.Optional("preview"); f && rollout.strategy != Strategy::kBlueGreen) {
    f.Report("is for a blueGreen, which has a switch to look before");
  }
  if (Field f = mapping.Optional("drainTimeout")) f.Report("stands beside the rollout: spec.drainTimeout");
  mapping.Finish();
  return rollout;
}

void CheckRollout(const Field& field, const Experiment& experiment) {
  if (!experiment.rollout || experiment.variants.empty()) return;
  const Rollout& rollout = *experiment.rollout;
  const auto has_share = [&](const Variant& v) {
    return &v != &experiment.variants[experiment.default_variant] && v.weight > Weight();
  };
  const std::vector<ConfigError>& errors = field.reading().findings.errors;
  const bool are_candidates_read = std::none_of(
      errors.begin(), errors.end(), [](const ConfigError& error) { return error.path.starts_with("spec.candidates"); });
  if (are_candidates_read && rollout.strategy != Strategy::kShadow &&
      std::none_of(experiment.variants.begin(), experiment.variants.end(), has_share)) {
    field.Report("needs a candidate beside the default with a weight above 0: the steps' shares are divided by it");
  }
  if (rollout.preview && are_candidates_read &&
      std::count_if(experiment.variants.begin(), experiment.variants.end(), has_share) > 1) {
    field.Report("preview: must have one candidate with a weight above 0 to go to, got several");
  }
  if (rollout.preview) CheckPreview(field, experiment);
  CheckAllocation(field, experiment);
  if (rollout.strategy == Strategy::kShadow && experiment.mirrors.empty()) {
    field.Report("a shadow needs spec.mirror: there is none that would hear of the calls");
  }
  const bool compares = std::any_of(experiment.guardrails.begin(), experiment.guardrails.end(),
                                    [](const Guardrail& g) { return ComparesWithDefault(g.rule); });
  if (compares && !CanCompareAtTheEnd(rollout)) {
    field.Warn(
        "with holdback 0 the default has nothing at the end, and nothing can be compared with it: from then on only "
        "absolute guardrails watch");
  }
}

}  // namespace weir::config
