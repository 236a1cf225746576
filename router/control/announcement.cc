#include "router/control/announcement.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weir::control {
namespace {

using config::NotifyEvent;
using experiment::State;

NotifyEvent EventOf(const std::optional<State>& before, const experiment::Step& step) {
  const std::set<NotifyEvent> lasted = LastingIn(before);
  for (const NotifyEvent event : LastingIn(step.next)) {
    if (!lasted.contains(event)) return event;
  }
  const bool is_same_phase = before && before->phase.index() == step.next.phase.index();
  const bool is_last = std::holds_alternative<experiment::Watching>(step.next.phase) ||
                       std::holds_alternative<experiment::Completed>(step.next.phase);
  return is_last && !is_same_phase ? NotifyEvent::kPromoted : NotifyEvent::kStepEntered;
}

}  // namespace

std::vector<config::NotifyTarget> TargetsOf(const config::Config& config) {
  std::vector<config::NotifyTarget> targets;
  for (const config::Experiment& experiment : config.experiments) {
    for (config::NotifyTarget target : experiment.notify) {
      target.events.clear();
      if (std::find(targets.begin(), targets.end(), target) == targets.end()) targets.push_back(std::move(target));
    }
  }
  return targets;
}

std::set<NotifyEvent> LastingIn(const std::optional<State>& state) {
  if (!state) return {};
  if (std::holds_alternative<experiment::RolledBack>(state->phase)) return {NotifyEvent::kRolledBack};
  if (std::holds_alternative<experiment::Paused>(state->phase)) return {NotifyEvent::kInconclusive};
  if (std::holds_alternative<experiment::Inconclusive>(state->phase)) return {NotifyEvent::kInconclusive};
  const auto* stepping = std::get_if<experiment::Stepping>(&state->phase);
  if (stepping != nullptr && stepping->asked_at) return {NotifyEvent::kApprovalAsked};
  return {};
}

Announcement AnnouncementOf(const std::optional<State>& before, const experiment::Step& step, absl::Time now) {
  Announcement announcement{.event = EventOf(before, step),
                            .run = step.next.run.ordinal,
                            .epoch = step.next.epoch.ordinal,
                            .action = step.action,
                            .actor = step.actor,
                            .detail = step.detail,
                            .at = now};
  if (const auto* rolled_back = std::get_if<experiment::RolledBack>(&step.next.phase)) {
    announcement.breach = rolled_back->breach;
  }
  return announcement;
}

Announcement StandingIn(const State& state, NotifyEvent event) {
  Announcement announcement{.event = event,
                            .part = Announcement::Part::kStands,
                            .run = state.run.ordinal,
                            .epoch = state.epoch.ordinal,
                            .actor = "weir",
                            .at = state.phase_since};
  if (const auto* rolled_back = std::get_if<experiment::RolledBack>(&state.phase)) {
    announcement.action = "rolled-back";
    announcement.breach = rolled_back->breach;
    announcement.actor = rolled_back->by;
    announcement.detail = rolled_back->breach ? rolled_back->breach->summary : rolled_back->why;
  } else if (const auto* paused = std::get_if<experiment::Paused>(&state.phase)) {
    announcement.action = "paused";
    announcement.actor = paused->by;
    announcement.detail = paused->why;
  } else if (const auto* inconclusive = std::get_if<experiment::Inconclusive>(&state.phase)) {
    announcement.action = "inconclusive";
    announcement.detail = inconclusive->why;
  } else {
    announcement.action = "approval-asked";
    announcement.at = experiment::StepOf(state)->asked_at.value_or(state.phase_since);
  }
  return announcement;
}

Announcement WarningOf(const State& state, const experiment::Judgement& judgement, absl::Time now) {
  return {.event = NotifyEvent::kWarned,
          .subject = WarningSubject{WarningSubject::Kind::kGuardrail, judgement.guardrail, judgement.candidate},
          .run = state.run.ordinal,
          .epoch = state.epoch.ordinal,
          .action = "warned",
          .actor = "weir",
          .detail =
              absl::StrFormat("%s: %s: %s; evidence 10^%.2f, needed 10^%.2f", judgement.guardrail, judgement.candidate,
                              judgement.rule, judgement.log10_evidence, judgement.log10_threshold),
          .at = now};
}

Announcement WarningOf(const State& state, const experiment::Warning& warning) {
  const bool is_trend = warning.kind == experiment::Warning::Kind::kTrend;
  const WarningSubject::Kind kind = is_trend ? WarningSubject::Kind::kTrend : WarningSubject::Kind::kDetector;
  return {.event = NotifyEvent::kWarned,
          .subject = WarningSubject{kind, warning.name, warning.candidate},
          .run = state.run.ordinal,
          .epoch = state.epoch.ordinal,
          .action = is_trend ? "trend-warned" : "late-rise-warned",
          .actor = "weir",
          .detail = absl::StrCat(warning.name, ": ", warning.candidate, ": ", warning.text),
          .at = warning.since};
}

Announcement EndOf(const State& state, const Announcement& warning, absl::Time now) {
  return {.event = NotifyEvent::kWarned,
          .part = Announcement::Part::kEnds,
          .subject = warning.subject,
          .run = state.run.ordinal,
          .epoch = state.epoch.ordinal,
          .action = "warning-over",
          .actor = "weir",
          .at = now};
}

bool Wants(const config::NotifyTarget& target, const Announcement& announcement) {
  if (!target.events.empty() && !target.events.contains(announcement.event)) return false;
  if (target.kind == config::NotifyKind::kAlertmanager) return config::Lasts(announcement.event);
  // The end of what lasts is told by the step that ends it, but of a journal there is none.
  return announcement.part == Announcement::Part::kBegins ||
         (announcement.part == Announcement::Part::kEnds && announcement.event == NotifyEvent::kJournalFails);
}

}  // namespace weir::control
