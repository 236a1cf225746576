// Who hears of what happens to an experiment (`spec.notify`), and what is written down of its assignments.

#ifndef WEIR_CONFIG_NOTIFY_H_
#define WEIR_CONFIG_NOTIFY_H_

#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "config/units.h"
#include "config/url.h"

namespace weir::config {

enum class NotifyKind { kWebhook, kSlack, kAlertmanager };
enum class NotifyEvent {
  kRolledBack,
  kWarned,        // A guardrail with `action: warn` or `pause` was breached, or a trend limit.
  kInconclusive,  // Or paused by a person.
  kApprovalAsked,
  kStepEntered,   // Also runs, epochs and restarts of steps.
  kPromoted,      // And completed.
  kJournalFails,  // What happens is in force, and would not outlive a crash.
};
// As they are written.
inline constexpr std::array<std::pair<NotifyEvent, const char*>, 7> kNotifyEvents = {{
    {NotifyEvent::kRolledBack, "rolledBack"},
    {NotifyEvent::kWarned, "warned"},
    {NotifyEvent::kInconclusive, "inconclusive"},
    {NotifyEvent::kApprovalAsked, "approvalAsked"},
    {NotifyEvent::kStepEntered, "stepEntered"},
    {NotifyEvent::kPromoted, "promoted"},
    {NotifyEvent::kJournalFails, "journalFails"},
}};
// A condition that lasts until something ends it, and no mere news.
constexpr bool Lasts(NotifyEvent event) {
  return event != NotifyEvent::kStepEntered && event != NotifyEvent::kPromoted;
}

struct NotifyTarget {
  NotifyKind kind = NotifyKind::kWebhook;
  HttpUrl url{};                   // Of Alertmanager its base.
  std::string ca_file{};           // Of an https url: the certificates to trust; empty: the system's.
  std::string secret_file{};       // Whose content signs each message (HMAC-SHA256); empty: unsigned.
  std::set<NotifyEvent> events{};  // Empty: all; of Alertmanager all that last.
  bool operator==(const NotifyTarget&) const = default;
};

// JSON lines of assignments and outcomes for analysis elsewhere: `spec.assignmentLog` of a proxy.
struct AssignmentLog {
  std::string file;                       // In the state directory unless absolute.
  Percent sample = Percent::All();        // Of users, by hash: all calls of a user or none.
  int64_t file_bytes = 64 * 1024 * 1024;  // It is rotated before it grows beyond.
  int files = 8;                          // Kept, the one being written included.
  bool operator==(const AssignmentLog&) const = default;
};

}  // namespace weir::config

#endif  // WEIR_CONFIG_NOTIFY_H_
