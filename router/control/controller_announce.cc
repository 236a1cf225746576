// What the controller has announced: steps, warnings, a journal that fails; and to Alertmanagers what lasts, and its
// end.

#include <algorithm>
#include <utility>

#include "router/control/controller.h"

namespace weir::control {

void Controller::Announce(const Governed& governed, Announcement announcement) {
  const std::optional<config::Experiment>& filed = governed.experiment.filed();
  if (!filed || !config_) return;
  announcement.proxy = config_->proxy.name;
  announcement.experiment = governed.experiment.name();
  std::vector<config::NotifyTarget> targets;
  for (const config::NotifyTarget& target : filed->notify) {
    if (Wants(target, announcement)) targets.push_back(target);
  }
  if (!targets.empty()) effects_.emplace_back(Notification{std::move(announcement), std::move(targets)});
}

void Controller::AnnounceStep(const Governed& governed, const std::optional<experiment::State>& before,
                              const experiment::Step& step, absl::Time now) {
  const std::set<config::NotifyEvent> lasting = LastingIn(step.next);
  for (const config::NotifyEvent event : LastingIn(before)) {
    if (lasting.contains(event)) continue;
    Announcement end = StandingIn(*before, event);
    end.part = Announcement::Part::kEnds;
    end.at = now;
    Announce(governed, std::move(end));
  }
  Announce(governed, AnnouncementOf(before, step, now));
}

void Controller::AnnounceStanding(const Governed& governed) {
  for (const config::NotifyEvent event : LastingIn(governed.experiment.state())) {
    Announce(governed, StandingIn(*governed.experiment.state(), event));
  }
}

// The file does not name the experiment any more: nobody is to be called for it.
void Controller::AnnounceEnds(const Governed& governed, absl::Time now) {
  for (const config::NotifyEvent event : LastingIn(governed.experiment.state())) {
    Announcement end = StandingIn(*governed.experiment.state(), event);
    end.part = Announcement::Part::kEnds;
    end.at = now;
    Announce(governed, std::move(end));
  }
}

void Controller::AnnounceWarnings(Governed& governed, absl::Time now) {
  const experiment::State& state = *governed.experiment.state();
  const auto part = governed.has_looked_at_them ? Announcement::Part::kBegins : Announcement::Part::kStands;
  governed.has_looked_at_them = true;
  std::set<std::string> before = std::exchange(governed.warned, {});
  for (const experiment::Judgement& judgement : governed.experiment.judgements()) {
    if (!judgement.breached || judgement.action == config::GuardrailAction::kRollback) continue;
    Announcement warning = WarningOf(state, judgement, now);
    warning.part = part;
    governed.warned.insert(warning.subject);
    if (before.erase(warning.subject) == 0) Announce(governed, std::move(warning));
  }
  // Those of an earlier run, or of a guardrail that is gone.
  for (const std::string& subject : before) {
    Announce(governed, {.event = config::NotifyEvent::kWarned,
                        .part = Announcement::Part::kEnds,
                        .subject = subject,
                        .run = state.run.ordinal,
                        .epoch = state.epoch.ordinal,
                        .action = "warning-over",
                        .actor = "weir",
                        .at = now});
  }
}

void Controller::AnnounceJournal(absl::Time now) {
  if (!config_ || is_journal_healthy_ == was_journal_healthy_) return;
  was_journal_healthy_ = is_journal_healthy_;
  Announcement announcement{.event = config::NotifyEvent::kJournalFails,
                            .part = is_journal_healthy_ ? Announcement::Part::kEnds : Announcement::Part::kBegins,
                            .proxy = config_->proxy.name,
                            .action = is_journal_healthy_ ? "journal-works" : "journal-fails",
                            .actor = "weir",
                            .detail = journal_error_,
                            .at = now};
  std::vector<config::NotifyTarget> targets;
  for (const config::Experiment& experiment : config_->experiments) {
    for (config::NotifyTarget target : experiment.notify) {
      const bool wants = Wants(target, announcement);
      target.events.clear();
      const bool is_known = std::find(targets.begin(), targets.end(), target) != targets.end();
      if (wants && !is_known) targets.push_back(std::move(target));
    }
  }
  if (!targets.empty()) effects_.emplace_back(Notification{std::move(announcement), std::move(targets)});
}

}  // namespace weir::control
