// What the controller has announced: steps, warnings, a journal that fails; and to Alertmanagers what lasts, and its
// end.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/control/controller.h"

namespace weir::control {

void Controller::Announce(const Governed& governed, Announcement announcement) {
  const std::optional<config::Experiment>& filed = governed.experiment.filed();
  if (!filed || !config_) return;
  announcement.proxy = config_->proxy.name;
  announcement.experiment = governed.experiment.name();
  announcement.audit_head = journal_head_;
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

// All that lasts, of every experiment: who is to hear it may have changed though the experiment did not.
void Controller::AnnounceStanding() {
  Standing standing{.targets = TargetsOf(*config_), .notifications = {}};
  for (const config::Experiment& filed : config_->experiments) {
    const Governed& governed = experiments_.at(filed.name);
    for (const config::NotifyEvent event : LastingIn(governed.experiment.state())) {
      AddStanding(filed, StandingIn(*governed.experiment.state(), event), standing);
    }
    for (const auto& [subject, warning] : governed.warned) AddStanding(filed, warning, standing);
  }
  if (!was_journal_healthy_) {
    Announcement journal = AnnouncementOfJournal(Announcement::Part::kStands, journal_fails_since_);
    std::vector<config::NotifyTarget> targets = WhoHearsOfJournal(journal);
    if (!targets.empty()) standing.notifications.push_back({std::move(journal), std::move(targets)});
  }
  effects_.emplace_back(std::move(standing));
}

void Controller::AddStanding(const config::Experiment& filed, Announcement announcement, Standing& standing) const {
  announcement.part = Announcement::Part::kStands;
  announcement.proxy = config_->proxy.name;
  announcement.experiment = filed.name;
  announcement.audit_head = journal_head_;
  std::vector<config::NotifyTarget> targets;
  for (const config::NotifyTarget& target : filed.notify) {
    if (Wants(target, announcement)) targets.push_back(target);
  }
  if (!targets.empty()) standing.notifications.push_back({std::move(announcement), std::move(targets)});
}

std::map<WarningSubject, Announcement> Controller::WarningsIn(const Governed& governed, bool has_looked,
                                                              absl::Time now) const {
  const experiment::State& state = *governed.experiment.state();
  std::map<WarningSubject, Announcement> warnings;
  const auto add = [&](Announcement warning, bool is_news) {
    warning.part = is_news ? Announcement::Part::kBegins : Announcement::Part::kStands;
    WarningSubject subject = *warning.subject;
    warnings.emplace(std::move(subject), std::move(warning));
  };
  for (const experiment::Judgement& judgement : governed.experiment.judgements()) {
    if (!judgement.breached || judgement.action == config::GuardrailAction::kRollback) continue;
    add(WarningOf(state, judgement, now), has_looked);
  }
  for (const experiment::Warning& warning : governed.experiment.analyst().WarningsAt(now)) {
    add(WarningOf(state, warning), warning.since >= started_at_);
  }
  return warnings;
}

// Each once while it stands, and its end: a guardrail's is that of its run.
void Controller::AnnounceWarnings(Governed& governed, absl::Time now) {
  if (!governed.experiment.filed()) return;
  const bool has_looked = std::exchange(governed.has_looked_at_them, true);
  if (!governed.experiment.state()) return;
  std::map<WarningSubject, Announcement> before = std::exchange(governed.warned, WarningsIn(governed, has_looked, now));
  for (auto& [subject, warning] : governed.warned) {
    if (const auto known = before.find(subject); known != before.end()) {
      warning = std::move(known->second);
      before.erase(known);
      continue;
    }
    if (warning.part == Announcement::Part::kBegins) {
      Say(true, absl::StrCat(subject.name, " of ", subject.variant, " warns"), governed.experiment.name(),
          warning.detail);
    }
    Announce(governed, warning);
  }
  for (const auto& [subject, warning] : before) {
    Announce(governed, EndOf(*governed.experiment.state(), warning, now));
  }
}

void Controller::AnnounceJournal(absl::Time now) {
  if (!config_ || is_journal_healthy_ == was_journal_healthy_) return;
  was_journal_healthy_ = is_journal_healthy_;
  if (!is_journal_healthy_) journal_fails_since_ = now;
  Announcement announcement =
      AnnouncementOfJournal(is_journal_healthy_ ? Announcement::Part::kEnds : Announcement::Part::kBegins, now);
  std::vector<config::NotifyTarget> targets = WhoHearsOfJournal(announcement);
  if (!targets.empty()) effects_.emplace_back(Notification{std::move(announcement), std::move(targets)});
}

Announcement Controller::AnnouncementOfJournal(Announcement::Part part, absl::Time at) const {
  return {.event = config::NotifyEvent::kJournalFails,
          .part = part,
          .proxy = config_->proxy.name,
          .action = is_journal_healthy_ ? "journal-works" : "journal-fails",
          .actor = "weir",
          .detail = journal_error_,
          .audit_head = journal_head_,
          .at = at};
}

// Each receiver that wants it for one of its experiments, once.
std::vector<config::NotifyTarget> Controller::WhoHearsOfJournal(const Announcement& announcement) const {
  std::vector<config::NotifyTarget> targets;
  for (const config::Experiment& experiment : config_->experiments) {
    for (config::NotifyTarget target : experiment.notify) {
      const bool wants = Wants(target, announcement);
      target.events.clear();
      const bool is_known = std::find(targets.begin(), targets.end(), target) != targets.end();
      if (wants && !is_known) targets.push_back(std::move(target));
    }
  }
  return targets;
}

}  // namespace weir::control
