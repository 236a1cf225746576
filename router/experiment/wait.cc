#include "router/experiment/wait.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weir::experiment {
namespace {

absl::Duration Until(absl::Time then, absl::Time now) { return std::max(then - now, absl::ZeroDuration()); }

StepSamples SamplesOf(const TimePassed& known, const std::string& variant) {
  for (const StepSamples& samples : known.samples) {
    if (samples.variant == variant) return samples;
  }
  return {.variant = variant};
}

Wait WaitToStart(const config::Rollout& rollout, const Waiting& waiting, absl::Time now) {
  Wait wait;
  wait.is_for_person = waiting.held_by.has_value() || rollout.is_started_by_hand;
  if (rollout.start) wait.time = Until(*rollout.start, now);
  return wait;
}

// A dry run has nothing to analyse.
bool NeedsAnalysis(const config::Rollout& rollout, const Stepping& stepping) {
  return rollout.steps[stepping.step].analysis.has_value() && !rollout.is_dry_run;
}

absl::Duration TimeLeft(const config::Rollout& rollout, const Stepping& stepping, const TimePassed& known,
                        absl::Time now) {
  absl::Duration pause = Until(stepping.entered + rollout.steps[stepping.step].pause.duration, now);
  const bool ends_by_itself = config::EndOf(rollout.strategy) == config::RolloutEnd::kDecision;
  // Inference that may stop whenever it likes: a test may end before its planned length.
  if (ends_by_itself && NeedsAnalysis(rollout, stepping) && known.analysed.verdict == Verdict::kSuccess) {
    return Until(stepping.begun + rollout.min_duration, now);
  }
  if (ends_by_itself && rollout.end) pause = std::max(pause, Until(*rollout.end, now));
  if (stepping.step + 1 < rollout.steps.size()) return pause;
  return std::max(pause, Until(stepping.begun + rollout.min_duration, now));
}

// Missing or stale data never promotes. What came before a restart counts, and is as old as it is.
bool IsHeard(const config::Rollout& rollout, const StepSamples& known, absl::Time now) {
  return known.last_call == absl::InfiniteFuture() || known.last_call + rollout.no_data_after > now;
}

Wait WaitInStep(const Plan& plan, const State& state, const Stepping& stepping, const TimePassed& known,
                absl::Time now) {
  Wait wait;
  const config::Rollout& rollout = *plan.rollout;
  const config::RolloutStep& step = rollout.steps[stepping.step];
  wait.time = TimeLeft(rollout, stepping, known, now);
  if (NeedsAnalysis(rollout, stepping) && known.analysed.verdict != Verdict::kSuccess) {
    wait.analysis = known.analysed.why.empty() ? "nothing is analysed yet" : known.analysed.why;
  }
  const Split& split = state.epoch.split;
  const std::string previewed = rollout.is_dry_run ? "" : PreviewedBy(plan);
  for (const config::Variant& variant : split.variants) {
    const StepSamples of = SamplesOf(known, variant.name);
    const bool has_share = variant.weight > config::Weight();
    const bool is_asked = variant.name != split.default_name() && (has_share || variant.name == previewed);
    const bool is_stale =
        !has_share && variant.name == previewed && of.samples > 0 && of.previewed_at + rollout.preview->max_age <= now;
    const int64_t samples = is_stale ? 0 : of.samples;
    if (is_asked && samples < step.pause.min_samples) {
      wait.samples.push_back({variant.name, samples, step.pause.min_samples, has_share, is_stale});
    }
    if (!has_share) continue;
    // A step that is new, or went on just now, has had no time yet.
    if (std::max(of.newest, state.phase_since) + rollout.no_data_after <= now) wait.silent.push_back(variant.name);
    if (!IsHeard(rollout, of, now)) wait.unheard.push_back(variant.name);
  }
  // Whoever takes everything away does not want the next step.
  wait.is_for_person = stepping.by_hand == config::Percent();
  if (rollout.schedule) {
    const config::Percent all = config::LessHoldback(config::Percent::All(), rollout.holdback);
    if (CandidateShareOf(split) < all) wait.share = all;
  }
  const int given = static_cast<int>(stepping.approvals.size());
  if (step.approval) wait.approvals = std::max(0, step.approval->required - given);
  return wait;
}

Wait WaitInWatch(const config::Rollout& rollout, const State& state, const Watching& watching, const TimePassed& known,
                 absl::Time now) {
  Wait wait;
  wait.time = Until(watching.since + rollout.watch, now);
  wait.is_for_person = watching.by_hand.has_value();
  for (const config::Variant& variant : state.epoch.split.variants) {
    if (variant.weight == config::Weight() || IsHeard(rollout, SamplesOf(known, variant.name), now)) continue;
    wait.unheard.push_back(variant.name);
  }
  return wait;
}

// Without a freeze.
Wait WaitThawed(const Plan& plan, const State& state, const TimePassed& known, absl::Time now) {
  const config::Rollout& rollout = *plan.rollout;
  if (const auto* waiting = std::get_if<Waiting>(&state.phase)) return WaitToStart(rollout, *waiting, now);
  if (const auto* watching = std::get_if<Watching>(&state.phase)) {
    return WaitInWatch(rollout, state, *watching, known, now);
  }
  const Stepping* stepping = StepOf(state);
  if (stepping == nullptr) return {};
  if (!std::holds_alternative<Stepping>(state.phase)) {
    Wait wait;
    wait.is_for_person = true;
    return wait;
  }
  if (stepping->step >= rollout.steps.size()) return {};
  return WaitInStep(plan, state, *stepping, known, now);
}

}  // namespace

Wait WaitOf(const Plan& plan, const State& state, const TimePassed& known, absl::Time now) {
  if (!plan.rollout) return {};
  Wait wait = WaitThawed(plan, state, known, now);
  const bool goes_forward = std::holds_alternative<Waiting>(state.phase) || StepOf(state) != nullptr ||
                            std::holds_alternative<Watching>(state.phase);
  if (goes_forward) wait.frozen_until = FrozenUntil(*plan.rollout, now);
  return wait;
}

std::string Describe(const Wait& wait) {
  std::vector<std::string> parts;
  if (wait.is_for_person) parts.push_back("a person goes on");
  if (wait.frozen_until) {
    parts.push_back(
        absl::StrCat("frozen until ", absl::FormatTime(absl::RFC3339_sec, *wait.frozen_until, absl::UTCTimeZone())));
  }
  if (wait.time > absl::ZeroDuration()) {
    const absl::Duration unit = wait.time < absl::Seconds(10) ? absl::Milliseconds(100) : absl::Seconds(1);
    parts.push_back(absl::StrCat(absl::FormatDuration(absl::Ceil(wait.time, unit)), " left"));
  }
  for (const Wait::Missing& missing : wait.samples) {
    parts.push_back(absl::StrCat(missing.variant, " has ", missing.samples, " of ", missing.wanted,
                                 missing.has_share ? " samples" : " previewed calls",
                                 missing.is_stale ? ", since those before are too old" : ""));
  }
  if (!wait.analysis.empty()) parts.push_back(absl::StrCat("analysis: ", wait.analysis));
  if (!wait.unheard.empty()) parts.push_back(absl::StrCat("no calls of ", absl::StrJoin(wait.unheard, ", ")));
  if (wait.share) parts.push_back(absl::StrCat("the share grows to ", wait.share->ToString()));
  if (wait.approvals > 0) {
    parts.push_back(absl::StrCat(wait.approvals, wait.approvals == 1 ? " approval" : " approvals", " missing"));
  }
  return absl::StrJoin(parts, ", ");
}

}  // namespace weir::experiment
