#include "config/notify_spec.h"

#include <algorithm>
#include <string>
#include <utility>

#include "config/limits.h"
#include "config/url_spec.h"

namespace weir::config {
namespace {

constexpr std::pair<const char*, NotifyKind> kKinds[] = {
    {"webhook", NotifyKind::kWebhook}, {"slack", NotifyKind::kSlack}, {"alertmanager", NotifyKind::kAlertmanager}};

std::set<NotifyEvent> ReadEvents(const Field& field, NotifyKind kind) {
  std::set<NotifyEvent> events;
  for (const Field& item : field.ReadList(1, kNotifyEvents.size())) {
    const std::optional<std::string> word = item.ReadText();
    if (!word.has_value()) continue;
    const auto found = std::find_if(kNotifyEvents.begin(), kNotifyEvents.end(),
                                    [&](const auto& event) { return *word == event.second; });
    if (found == kNotifyEvents.end()) {
      std::string words;
      for (const auto& [event, name] : kNotifyEvents) absl::StrAppend(&words, words.empty() ? "" : ", ", name);
      item.ReportGot(absl::StrCat("must be one of ", words));
    } else if (!events.insert(found->first).second) {
      item.ReportGot("must be given once");
    } else if (kind == NotifyKind::kAlertmanager && !Lasts(found->first)) {
      item.ReportGot("must be what lasts until it is resolved, since an Alertmanager hears of nothing else");
    }
  }
  return events;
}

NotifyTarget ReadTarget(const Field& field) {
  Mapping mapping(field);
  NotifyTarget target;
  int kinds = 0;
  for (const auto& [key, kind] : kKinds) {
    const Field f = mapping.Optional(key);
    if (!f) continue;
    target.kind = kind;
    target.url = ReadHttpUrl(f, UrlMay::kBeSecret);
    if (++kinds > 1) f.Report("must stand alone: write an item for each target");
  }
  if (kinds == 0 && mapping.is_mapping()) field.Report("must have webhook, slack or alertmanager");
  if (Field f = mapping.Optional("secretFile")) {
    target.secret_file = ReadPath(f);
    if (target.kind != NotifyKind::kWebhook) f.Report("is for webhooks: nothing else looks at a signature");
  }
  if (Field f = mapping.Optional("caFile")) target.ca_file = ReadCaFile(f, target.url);
  if (Field f = mapping.Optional("events")) target.events = ReadEvents(f, target.kind);
  mapping.Finish({"headers", "template", "tls", "token", "severity"});
  return target;
}

}  // namespace

std::vector<NotifyTarget> ReadNotify(const Field& field) {
  std::vector<NotifyTarget> targets;
  for (const Field& item : field.ReadList(1, limits::kNotifyTargets)) {
    NotifyTarget target = ReadTarget(item);
    const bool is_known = std::any_of(targets.begin(), targets.end(), [&](const NotifyTarget& other) {
      return other.kind == target.kind && other.url == target.url && !target.url.host.empty();
    });
    if (is_known) item.Report("must differ from the targets before it: the events of one stand in one item");
    targets.push_back(std::move(target));
  }
  return targets;
}

}  // namespace weir::config
