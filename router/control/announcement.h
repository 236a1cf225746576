// What is told to people and other systems: a value, made of what the controller decides. notifications.md says what
// receivers get of it.

#ifndef WEIR_ROUTER_CONTROL_ANNOUNCEMENT_H_
#define WEIR_ROUTER_CONTROL_ANNOUNCEMENT_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "config/notify.h"
#include "router/experiment/analyst.h"
#include "router/experiment/guardrails.h"
#include "router/experiment/machine.h"

namespace weir::control {

// What a warning is of.
struct WarningSubject {
  // Of a guardrail's test, of its detector of late rises, of a trend.
  enum class Kind { kGuardrail, kDetector, kTrend };
  Kind kind = Kind::kGuardrail;
  std::string name{};  // The guardrail's, or the trend's.
  std::string variant{};
  auto operator<=>(const WarningSubject&) const = default;
};

struct Announcement {
  config::NotifyEvent event = config::NotifyEvent::kStepEntered;
  // Of what lasts (config::Lasts): it has begun just now, was so before already, or is over.
  enum class Part { kBegins, kStands, kEnds };
  Part part = Part::kBegins;
  std::string proxy{};
  std::string experiment{};                 // Empty: of the proxy as a whole.
  std::optional<WarningSubject> subject{};  // Of a warning.
  uint32_t run = 0;
  uint32_t epoch = 0;
  std::string action{};  // "rolled-back", "step-entered", ... (router/experiment/machine.md)
  std::string actor{};
  std::string detail{};
  std::optional<experiment::Breach> breach{};
  std::string audit_head{};  // Of the audit journal's chain, hex: all that the journal had taken by then.
  absl::Time at{};           // When it was decided; of what lasts, when it began, but where it ends.
  bool operator==(const Announcement&) const = default;
};

// To whom it goes: those that want it.
struct Notification {
  Announcement announcement;
  std::vector<config::NotifyTarget> targets;
};

// What stands as of the files that were taken up, to those that are to hear it now. An Alertmanager is repeated this
// and nothing else of before: whatever it was told and is not here is over for it.
struct Standing {
  std::vector<config::NotifyTarget> targets;  // Of the files, each receiver once.
  std::vector<Notification> notifications;    // To Alertmanagers.
};

// All targets of a configuration, each receiver once.
std::vector<config::NotifyTarget> TargetsOf(const config::Config& config);

// Of the step that leads from `before` to its next state.
Announcement AnnouncementOf(const std::optional<experiment::State>& before, const experiment::Step& step,
                            absl::Time now);

// What lasts in a state.
std::set<config::NotifyEvent> LastingIn(const std::optional<experiment::State>& state);

// Of an event of LastingIn(state).
Announcement StandingIn(const experiment::State& state, config::NotifyEvent event);

// Of a guardrail that only warns, or pauses.
Announcement WarningOf(const experiment::State& state, const experiment::Judgement& judgement, absl::Time now);
// Of a detector or a trend.
Announcement WarningOf(const experiment::State& state, const experiment::Warning& warning);
// That a warning is over.
Announcement EndOf(const experiment::State& state, const Announcement& warning, absl::Time now);

// Whether a target is told of it. A webhook and a chat are told when something happens; an Alertmanager of what lasts,
// again while it stands, and of its end.
bool Wants(const config::NotifyTarget& target, const Announcement& announcement);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_ANNOUNCEMENT_H_
