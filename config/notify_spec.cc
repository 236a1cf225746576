#include "config/notify_spec.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>

#include "config/limits.h"
#include "config/network.h"

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

// Of the folder of the file that names it.
std::string Resolved(const std::string& path, const Field& field) {
  const std::filesystem::path folder = std::filesystem::path(field.reading().places.file()).parent_path();
  return (folder / path).lexically_normal().string();
}

HttpUrl ReadUrl(const Field& field) {
  const std::optional<std::string> text = field.ReadText();
  if (!text.has_value()) return {};
  absl::StatusOr<HttpUrl> url = ParseHttpUrl(*text);
  // What was written is not repeated: it may be a secret.
  if (!url.ok()) field.Report(std::string(url.status().message()));
  return url.ok() ? *std::move(url) : HttpUrl();
}

NotifyTarget ReadTarget(const Field& field) {
  Mapping mapping(field);
  NotifyTarget target;
  int kinds = 0;
  for (const auto& [key, kind] : kKinds) {
    const Field f = mapping.Optional(key);
    if (!f) continue;
    target.kind = kind;
    target.url = ReadUrl(f);
    if (++kinds > 1) f.Report("must stand alone: write an item for each target");
  }
  if (kinds == 0 && mapping.is_mapping()) field.Report("must have webhook, slack or alertmanager");
  if (Field f = mapping.Optional("secretFile")) {
    const std::optional<std::string> path = f.ReadText();
    if (path.has_value() && path->empty()) f.ReportGot("must be the path of a file");
    if (path.has_value() && !path->empty()) target.secret_file = Resolved(*path, f);
    if (target.kind != NotifyKind::kWebhook) f.Report("is for webhooks: nothing else looks at a signature");
  }
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
