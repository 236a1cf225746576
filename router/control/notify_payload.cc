#include "router/control/notify_payload.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "config/limits.h"
#include "router/runtime/crypto.h"
#include "router/runtime/json.h"

namespace weir::control {
namespace {

using config::NotifyEvent;
using config::NotifyKind;
using runtime::Json;

constexpr int kSchema = 1;

std::string Timestamp(absl::Time time) { return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E3SZ", time, absl::UTCTimeZone()); }

const char* WordOf(NotifyEvent event) {
  const auto found = std::find_if(config::kNotifyEvents.begin(), config::kNotifyEvents.end(),
                                  [&](const auto& known) { return known.first == event; });
  return found->second;
}

Json BreachOf(const experiment::Breach& breach) {
  return Json::Object{{"guardrail", breach.guardrail},
                      {"variant", breach.variant},
                      {"judgedAt", Timestamp(breach.judged_at)},
                      {"candidateCalls", breach.candidate_calls},
                      {"candidateErrors", breach.candidate_errors},
                      {"defaultCalls", breach.default_calls},
                      {"defaultErrors", breach.default_errors},
                      {"log10Evidence", breach.log10_evidence},
                      {"log10Threshold", breach.log10_threshold},
                      {"summary", breach.summary}};
}

struct AlertName {
  const char* name;
  const char* severity;
};

AlertName AlertNameOf(const Announcement& announcement) {
  switch (announcement.event) {
    case NotifyEvent::kRolledBack:
      return {"WeirRolledBack", "critical"};
    case NotifyEvent::kJournalFails:
      return {"WeirJournalFails", "critical"};
    case NotifyEvent::kApprovalAsked:
      return {"WeirApprovalAsked", "info"};
    case NotifyEvent::kInconclusive:
      return {"WeirNeedsPerson", "warning"};
    default:
      break;
  }
  switch (announcement.subject.value_or(WarningSubject()).kind) {
    case WarningSubject::Kind::kDetector:
      return {"WeirLateRiseWarned", "warning"};
    case WarningSubject::Kind::kTrend:
      return {"WeirTrendWarned", "warning"};
    case WarningSubject::Kind::kGuardrail:
      break;
  }
  return {"WeirGuardrailWarned", "warning"};
}

const char* WordOf(WarningSubject::Kind kind) {
  constexpr const char* kWords[] = {"guardrail", "detector", "trend"};
  return kWords[static_cast<size_t>(kind)];
}

Json::Object LabelsOf(const Announcement& announcement) {
  const AlertName alert = AlertNameOf(announcement);
  Json::Object labels = {{"alertname", alert.name}, {"severity", alert.severity}, {"proxy", announcement.proxy}};
  if (!announcement.experiment.empty()) labels.emplace_back("experiment", announcement.experiment);
  if (announcement.subject) {
    const bool is_trend = announcement.subject->kind == WarningSubject::Kind::kTrend;
    labels.emplace_back(is_trend ? "trend" : "guardrail", announcement.subject->name);
    labels.emplace_back("variant", announcement.subject->variant);
  }
  return labels;
}

std::string Headline(const Announcement& announcement) {
  if (announcement.event == NotifyEvent::kJournalFails) {
    return announcement.part == Announcement::Part::kEnds ? "the journal works again" : "the journal fails";
  }
  return absl::StrCat(announcement.experiment, ": ", announcement.action);
}

std::string WithoutMarkup(const std::string& text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

}  // namespace

std::string WebhookBody(const Announcement& announcement, const std::string& id) {
  Json::Object body = {{"version", kSchema},
                       {"id", id},
                       {"event", WordOf(announcement.event)},
                       {"at", Timestamp(announcement.at)},
                       {"proxy", announcement.proxy}};
  if (announcement.event == NotifyEvent::kJournalFails) {
    body.emplace_back("resolved", announcement.part == Announcement::Part::kEnds);
  }
  if (!announcement.experiment.empty()) {
    body.emplace_back("experiment", announcement.experiment);
    body.emplace_back("run", int64_t{announcement.run});
    body.emplace_back("epoch", int64_t{announcement.epoch});
  }
  body.emplace_back("action", announcement.action);
  body.emplace_back("actor", announcement.actor);
  body.emplace_back("detail", announcement.detail);
  if (announcement.subject) {
    body.emplace_back("warning", Json::Object{{"of", WordOf(announcement.subject->kind)},
                                              {"name", announcement.subject->name},
                                              {"variant", announcement.subject->variant}});
  }
  if (!announcement.audit_head.empty()) body.emplace_back("auditHead", announcement.audit_head);
  if (announcement.breach) body.emplace_back("breach", BreachOf(*announcement.breach));
  return runtime::WriteJson(Json(std::move(body)));
}

std::string SlackBody(const Announcement& announcement) {
  std::string text =
      absl::StrCat("*", WithoutMarkup(Headline(announcement)), "* (proxy ", WithoutMarkup(announcement.proxy));
  if (!announcement.experiment.empty()) {
    absl::StrAppend(&text, ", run ", announcement.run, ", epoch ", announcement.epoch);
  }
  absl::StrAppend(&text, ", by ", WithoutMarkup(announcement.actor), ")");
  if (!announcement.detail.empty()) absl::StrAppend(&text, "\n", WithoutMarkup(announcement.detail));
  return runtime::WriteJson(Json(Json::Object{{"text", text}}));
}

std::string AlertKey(const Announcement& announcement) { return runtime::WriteJson(Json(LabelsOf(announcement))); }

std::string AlertBody(const Announcement& announcement, absl::Time now) {
  const bool is_over = announcement.part == Announcement::Part::kEnds;
  Json::Object annotations = {
      {"summary", Headline(announcement)}, {"description", announcement.detail}, {"actor", announcement.actor}};
  if (!announcement.experiment.empty()) annotations.emplace_back("run", absl::StrCat(announcement.run));
  Json::Object alert = {{"labels", LabelsOf(announcement)}, {"annotations", std::move(annotations)}};
  // Of what is over Alertmanager knows the start.
  if (!is_over) alert.emplace_back("startsAt", Timestamp(announcement.at));
  alert.emplace_back("endsAt", Timestamp(is_over ? announcement.at : now + config::limits::kAlertLife));
  return runtime::WriteJson(Json(Json::Array{Json(std::move(alert))}));
}

std::vector<std::pair<std::string, std::string>> SignatureHeaders(const std::string& secret, const std::string& body,
                                                                  absl::Time now) {
  const std::string timestamp = absl::StrCat(absl::ToUnixSeconds(now));
  const runtime::HmacKey::Mac mac = runtime::HmacKey(secret).Sign(absl::StrCat(timestamp, ".", body));
  const std::string bytes(mac.begin(), mac.end());
  return {{"X-Weir-Timestamp", timestamp},
          {"X-Weir-Signature", absl::StrCat("sha256=", absl::BytesToHexString(bytes))}};
}

runtime::HttpRequest RequestOf(const config::NotifyTarget& target, const Announcement& announcement,
                               const std::string& id, const std::string& secret, absl::Time now) {
  runtime::HttpRequest request{.host = target.url.host,
                               .port = target.url.port,
                               .is_tls = target.url.is_tls,
                               .ca_file = target.ca_file,
                               .method = "POST",
                               .target = target.url.path,
                               .headers = {{"Content-Type", "application/json"}, {"User-Agent", "weir"}}};
  switch (target.kind) {
    case NotifyKind::kWebhook:
      request.body = WebhookBody(announcement, id);
      request.headers.emplace_back("X-Weir-Id", id);
      if (secret.empty()) break;
      for (auto& header : SignatureHeaders(secret, request.body, now)) request.headers.push_back(std::move(header));
      break;
    case NotifyKind::kSlack:
      request.body = SlackBody(announcement);
      break;
    case NotifyKind::kAlertmanager:
      while (!request.target.empty() && request.target.back() == '/') request.target.pop_back();
      request.target += "/api/v2/alerts";
      request.body = AlertBody(announcement, now);
      break;
  }
  return request;
}

std::string NameOf(const config::NotifyTarget& target) {
  const char* kind = target.kind == NotifyKind::kWebhook ? "webhook"
                     : target.kind == NotifyKind::kSlack ? "slack"
                                                         : "alertmanager";
  return absl::StrCat(kind, " ", target.url.Origin());
}

}  // namespace weir::control
