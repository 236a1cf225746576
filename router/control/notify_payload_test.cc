#include "router/control/notify_payload.h"

#include <string>

#include "config/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/runtime/json.h"

namespace weir::control {
namespace {

using config::NotifyEvent;
using config::NotifyKind;
using runtime::Json;
using ::testing::HasSubstr;
using ::testing::Pair;

const absl::Time kAt = absl::FromUnixMillis(1'700'000'000'123);

Announcement ARollback() {
  return {.event = NotifyEvent::kRolledBack,
          .proxy = "edge",
          .experiment = "income",
          .run = 2,
          .epoch = 5,
          .action = "rolled-back",
          .actor = "weir",
          .detail = "errors: candidate: error rate > 1.2 x default's & <more>",
          .breach = experiment::Breach{.guardrail = "errors",
                                       .variant = "candidate",
                                       .judged_at = kAt,
                                       .candidate_calls = 100,
                                       .candidate_errors = 30,
                                       .default_calls = 200,
                                       .default_errors = 2,
                                       .log10_evidence = 3.5,
                                       .log10_threshold = 3,
                                       .summary = "errors: candidate"},
          .at = kAt};
}

TEST(WebhookBodyTest, IsTheDocumentedJson) {
  EXPECT_EQ(WebhookBody(ARollback(), "id-1"),
            R"({"version":1,"id":"id-1","event":"rolledBack","at":"2023-11-14T22:13:20.123Z","proxy":"edge",)"
            R"("experiment":"income","run":2,"epoch":5,"action":"rolled-back","actor":"weir",)"
            R"("detail":"errors: candidate: error rate > 1.2 x default's & <more>",)"
            R"("breach":{"guardrail":"errors","variant":"candidate","judgedAt":"2023-11-14T22:13:20.123Z",)"
            R"("candidateCalls":100,"candidateErrors":30,"defaultCalls":200,"defaultErrors":2,)"
            R"("log10Evidence":3.5,"log10Threshold":3.0,"summary":"errors: candidate"}})");
}

TEST(WebhookBodyTest, OfTheJournalItSaysWhetherItIsOver) {
  const Announcement works{.event = NotifyEvent::kJournalFails,
                           .part = Announcement::Part::kEnds,
                           .proxy = "edge",
                           .action = "journal-works",
                           .actor = "weir",
                           .at = kAt};
  EXPECT_EQ(WebhookBody(works, "id-2"),
            R"({"version":1,"id":"id-2","event":"journalFails","at":"2023-11-14T22:13:20.123Z","proxy":"edge",)"
            R"("resolved":true,"action":"journal-works","actor":"weir","detail":""})");
}

// Vectors of Python's: hmac.new(b"secret", b"1700000000." + b'{"a":1}', "sha256").hexdigest()
TEST(SignatureTest, IsTheHmacOfTimeAndBody) {
  using Headers = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(SignatureHeaders("secret", "{\"a\":1}", kAt),
            (Headers{{"X-Weir-Timestamp", "1700000000"},
                     {"X-Weir-Signature", "sha256=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"}}));
}

TEST(SlackBodyTest, IsOneTextInWhichNothingIsMarkup) {
  EXPECT_EQ(SlackBody(ARollback()), R"({"text":"*income: rolled-back* (proxy edge, run 2, epoch 5, by weir)\n)"
                                    R"(errors: candidate: error rate &gt; 1.2 x default's &amp; &lt;more&gt;"})");
}

TEST(AlertBodyTest, AnAlertIsFiringForAWhile) {
  const Json alerts = runtime::ParseJson(AlertBody(ARollback(), kAt + absl::Minutes(1))).value();
  const Json& alert = alerts.As<Json::Array>()->at(0);
  EXPECT_EQ(runtime::WriteJson(*alert.Find("labels")),
            R"({"alertname":"WeirRolledBack","severity":"critical","proxy":"edge","experiment":"income"})");
  EXPECT_EQ(*alert.Find("startsAt")->As<std::string>(), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(*alert.Find("endsAt")->As<std::string>(), "2023-11-14T22:19:20.123Z");
  EXPECT_EQ(*alert.Find("annotations")->Find("description")->As<std::string>(), ARollback().detail);
}

TEST(AlertBodyTest, ItsEndHasTheSameLabelsAndAnEndThatIsPast) {
  Announcement end = ARollback();
  end.part = Announcement::Part::kEnds;
  end.at = kAt + absl::Hours(1);
  end.run = 3;
  EXPECT_EQ(AlertKey(end), AlertKey(ARollback()));
  const Json alerts = runtime::ParseJson(AlertBody(end, kAt + absl::Hours(2))).value();
  const Json& alert = alerts.As<Json::Array>()->at(0);
  EXPECT_EQ(*alert.Find("endsAt")->As<std::string>(), "2023-11-14T23:13:20.123Z");
  EXPECT_EQ(alert.Find("startsAt"), nullptr);
}

TEST(AlertKeyTest, WarningsAreToldApartByGuardrailAndVariant) {
  Announcement warning = ARollback();
  warning.event = NotifyEvent::kWarned;
  warning.subject = WarningSubject{WarningSubject::Kind::kGuardrail, "tail", "candidate"};
  EXPECT_THAT(AlertKey(warning), HasSubstr(R"("guardrail":"tail","variant":"candidate")"));
  Announcement other = warning;
  other.subject->variant = "other";
  EXPECT_NE(AlertKey(warning), AlertKey(other));
}

TEST(AlertKeyTest, AGuardrailsTestItsDetectorAndATrendOfOneNameAreDifferentAlerts) {
  Announcement warning = ARollback();
  warning.event = NotifyEvent::kWarned;
  warning.subject = WarningSubject{WarningSubject::Kind::kGuardrail, "errors", "candidate"};
  EXPECT_THAT(AlertKey(warning), HasSubstr(R"("alertname":"WeirGuardrailWarned","severity":"warning")"));
  warning.subject->kind = WarningSubject::Kind::kDetector;
  EXPECT_THAT(AlertKey(warning), HasSubstr(R"("alertname":"WeirLateRiseWarned","severity":"warning")"));
  warning.subject->kind = WarningSubject::Kind::kTrend;
  EXPECT_THAT(AlertKey(warning), HasSubstr(R"("alertname":"WeirTrendWarned","severity":"warning")"));
  EXPECT_THAT(AlertKey(warning), HasSubstr(R"("trend":"errors","variant":"candidate")"));
}

TEST(WebhookBodyTest, OfAWarningItSaysWhatItIsOf) {
  const Announcement warning{.event = NotifyEvent::kWarned,
                             .proxy = "edge",
                             .experiment = "income",
                             .subject = WarningSubject{WarningSubject::Kind::kTrend, "drift", "candidate"},
                             .run = 2,
                             .epoch = 5,
                             .action = "trend-warned",
                             .actor = "weir",
                             .detail = "accuracy moves",
                             .at = kAt};
  EXPECT_THAT(WebhookBody(warning, "id-3"),
              HasSubstr(R"("warning":{"of":"trend","name":"drift","variant":"candidate"})"));
}

TEST(WebhookBodyTest, HoldsTheHeadOfTheAuditChain) {
  Announcement announcement = ARollback();
  announcement.audit_head = "c0ffee";
  EXPECT_THAT(WebhookBody(announcement, "id-1"), HasSubstr(R"("auditHead":"c0ffee")"));
}

TEST(RequestOfAnnouncementTest, GoesWhereTheTargetSays) {
  const auto request_to = [](NotifyKind kind, const std::string& path, const std::string& secret) {
    return RequestOf({.kind = kind, .url = {"receiver", 81, path}}, ARollback(), "id-1", secret, kAt);
  };
  const runtime::HttpRequest webhook = request_to(NotifyKind::kWebhook, "/hook?x=1", "secret");
  EXPECT_EQ(webhook.host, "receiver");
  EXPECT_EQ(webhook.port, 81);
  EXPECT_EQ(webhook.target, "/hook?x=1");
  EXPECT_EQ(webhook.body, WebhookBody(ARollback(), "id-1"));
  EXPECT_FALSE(webhook.is_tls);
  const auto header = [](const char* name, const auto& value) { return ::testing::Contains(Pair(name, value)); };
  EXPECT_THAT(webhook.headers, header("X-Weir-Id", "id-1"));
  EXPECT_THAT(webhook.headers, header("X-Weir-Signature", ::testing::StartsWith("sha256=")));
  EXPECT_THAT(request_to(NotifyKind::kWebhook, "/", "").headers,
              ::testing::Not(header("X-Weir-Signature", ::testing::_)));
  EXPECT_EQ(request_to(NotifyKind::kSlack, "/services/T0", "").target, "/services/T0");
  EXPECT_EQ(request_to(NotifyKind::kAlertmanager, "/prefix/", "").target, "/prefix/api/v2/alerts");
  EXPECT_EQ(request_to(NotifyKind::kAlertmanager, "/", "").target, "/api/v2/alerts");
}

TEST(RequestOfAnnouncementTest, OverTlsItTrustsTheCertificatesThatTheTargetNames) {
  config::NotifyTarget target{.kind = NotifyKind::kSlack, .url = {"chat", 443, "/x", true}, .ca_file = "/ca.pem"};
  const runtime::HttpRequest request = RequestOf(target, ARollback(), "id-1", "", kAt);
  EXPECT_TRUE(request.is_tls);
  EXPECT_EQ(request.ca_file, "/ca.pem");
}

TEST(NameOfTargetTest, LeavesOutWhatMayBeSecret) {
  EXPECT_EQ(NameOf({.kind = NotifyKind::kSlack, .url = {"slack.internal", 80, "/services/T0/hush"}}),
            "slack http://slack.internal:80");
}

}  // namespace
}  // namespace weir::control
