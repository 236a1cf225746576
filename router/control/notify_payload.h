// What a receiver gets of an announcement. notifications.md is its documentation.

#ifndef WEIR_ROUTER_CONTROL_NOTIFY_PAYLOAD_H_
#define WEIR_ROUTER_CONTROL_NOTIFY_PAYLOAD_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "router/control/announcement.h"
#include "router/runtime/http_client.h"

namespace weir::control {

// One line of JSON. `id`: the same in every attempt, and no other message's.
std::string WebhookBody(const Announcement& announcement, const std::string& id);
// {"text": ...}, as incoming webhooks of Slack and of those that speak its language take it.
std::string SlackBody(const Announcement& announcement);
// One alert of Alertmanager's API, version 2. What stands is to be repeated within config::limits::kAlertLife of `now`,
// or Alertmanager ends it.
std::string AlertBody(const Announcement& announcement, absl::Time now);
// What Alertmanager tells alerts apart by: their labels.
std::string AlertKey(const Announcement& announcement);

// X-Weir-Timestamp, and X-Weir-Signature over it and the body.
std::vector<std::pair<std::string, std::string>> SignatureHeaders(const std::string& secret, const std::string& body,
                                                                  absl::Time now);

// The whole request to a target. `secret`: empty where the target has none.
runtime::HttpRequest RequestOf(const config::NotifyTarget& target, const Announcement& announcement,
                               const std::string& id, const std::string& secret, absl::Time now);

// "webhook http://host:port": for people and labels, without what may be secret.
std::string NameOf(const config::NotifyTarget& target);

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_NOTIFY_PAYLOAD_H_
