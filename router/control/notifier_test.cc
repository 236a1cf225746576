#include "router/control/notifier.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "config/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/control/notify_payload.h"
#include "router/runtime/lock.h"
#include "router/runtime/scripted_http_server.h"

namespace weir::control {
namespace {

using config::NotifyEvent;
using config::NotifyKind;
using runtime::ScriptedHttpServer;
using ::testing::HasSubstr;
using ::testing::Not;

ScriptedHttpServer::Reply Taken() { return ScriptedHttpServer::Answer(200, ""); }

config::NotifyTarget To(const ScriptedHttpServer& server, NotifyKind kind = NotifyKind::kWebhook,
                        const std::string& path = "/hook") {
  return {.kind = kind, .url = {"127.0.0.1", server.port(), path}};
}

Announcement Event(NotifyEvent event, const std::string& detail = "") {
  return {.event = event,
          .proxy = "p",
          .experiment = "income",
          .action = "did",
          .actor = "weir",
          .detail = detail,
          .at = absl::FromUnixSeconds(1'700'000'000)};
}

std::string HeaderOf(const std::string& request, const std::string& name) {
  const size_t begin = request.find("\r\n" + name + ": ");
  if (begin == std::string::npos) return "";
  const size_t value = begin + name.size() + 4;
  return request.substr(value, request.find("\r\n", value) - value);
}

// Of an alert: what is over has no start.
bool IsEnd(const std::string& request) { return request.find("startsAt") == std::string::npos; }

std::string BodyOf(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }

// Lives as long as the process: spdlog's own end, compiled without it, looks like a race to ThreadSanitizer.
const runtime::Log& TestLog() {
  static const auto* log = new runtime::Log(runtime::Severity::kInfo, std::cerr);
  return *log;
}

class NotifierTest : public ::testing::Test {
 protected:
  void Start(std::vector<config::NotifyTarget> targets) {
    notifier_ = Notifier::Start(runtime::Clock(), &TestLog(), [this](std::vector<TargetReport> report) {
                  runtime::Lock lock(&mutex_);
                  report_ = std::move(report);
                  has_changed_.SignalAll();
                }).value();
    Follow(std::move(targets));
  }
  void Follow(std::vector<config::NotifyTarget> targets, std::vector<Notification> standing = {}) {
    notifier_->Follow({std::move(targets), std::move(standing)});
  }
  void TearDown() override { notifier_.reset(); }

  // The report on the target, once it is so. What never comes true ends the test by its time.
  TargetReport WaitFor(const config::NotifyTarget& target, std::function<bool(const TargetReport&)> is_so) {
    runtime::Lock lock(&mutex_);
    for (;;) {
      for (const TargetReport& report : report_) {
        if (report.name == NameOf(target) && is_so(report)) return report;
      }
      lock.Wait(has_changed_);
    }
  }
  TargetReport WaitForSent(const config::NotifyTarget& target, int64_t count) {
    return WaitFor(target, [count](const TargetReport& report) { return report.counts.sent >= count; });
  }

  absl::Mutex mutex_;
  absl::CondVar has_changed_;
  std::vector<TargetReport> report_;
  std::unique_ptr<Notifier> notifier_;
};

TEST_F(NotifierTest, TellsEveryTargetThatIsNamed) {
  ScriptedHttpServer hook([](const std::string&) { return Taken(); });
  ScriptedHttpServer chat([](const std::string&) { return Taken(); });
  const std::vector<config::NotifyTarget> targets = {To(hook), To(chat, NotifyKind::kSlack)};
  Start(targets);
  notifier_->Post({Event(NotifyEvent::kRolledBack, "why"), targets});
  WaitForSent(targets[0], 1);
  WaitForSent(targets[1], 1);
  EXPECT_THAT(hook.Requests().at(0), HasSubstr("\"event\":\"rolledBack\""));
  EXPECT_THAT(chat.Requests().at(0), HasSubstr("{\"text\":\"*income: did*"));
}

TEST_F(NotifierTest, WhatFailsIsTriedAgainWithTheSameIdUntilItIsTaken) {
  std::atomic<int> count = 0;
  ScriptedHttpServer server([&](const std::string&) -> ScriptedHttpServer::Reply {
    switch (++count) {
      case 1:
        return ScriptedHttpServer::Answer(500, "not now");
      case 2:
        return {.bytes = "", .is_reset = true};
      default:
        return Taken();
    }
  });
  Start({To(server)});
  notifier_->Post({Event(NotifyEvent::kRolledBack), {To(server)}});
  const TargetReport report = WaitForSent(To(server), 1);
  EXPECT_EQ(report.counts.failed, 2);
  EXPECT_EQ(report.counts.dropped, 0);
  EXPECT_EQ(report.counts.last_error, "");
  const std::vector<std::string> requests = server.Requests();
  const std::string id = HeaderOf(requests.at(0), "X-Weir-Id");
  EXPECT_THAT(BodyOf(requests.at(0)), HasSubstr(id));
  EXPECT_EQ(BodyOf(requests.at(0)), BodyOf(requests.at(2)));
}

TEST_F(NotifierTest, WhatIsRefusedForGoodIsDropped) {
  ScriptedHttpServer server([](const std::string& request) {
    return request.find("first") == std::string::npos ? Taken() : ScriptedHttpServer::Answer(400, "no");
  });
  Start({To(server)});
  notifier_->Post({Event(NotifyEvent::kRolledBack, "first"), {To(server)}});
  notifier_->Post({Event(NotifyEvent::kRolledBack, "second"), {To(server)}});
  const TargetReport report = WaitForSent(To(server), 1);
  EXPECT_EQ(report.counts.dropped, 1);
  EXPECT_EQ(server.Requests().size(), 2u);
}

TEST_F(NotifierTest, AReceiverThatHangsDelaysNoOther) {
  ScriptedHttpServer hangs([](const std::string&) { return ScriptedHttpServer::Hang(); });
  ScriptedHttpServer well([](const std::string&) { return Taken(); });
  const std::vector<config::NotifyTarget> targets = {To(hangs), To(well)};
  Start(targets);
  for (int i = 0; i < 5; ++i) notifier_->Post({Event(NotifyEvent::kStepEntered), targets});
  EXPECT_EQ(WaitForSent(To(well), 5).queued, 0);
  EXPECT_EQ(WaitFor(To(hangs), [](const TargetReport& r) { return r.queued == 5; }).counts.sent, 0);
}

TEST_F(NotifierTest, AFloodIsBoundedAndKeepsTheRollback) {
  ScriptedHttpServer hangs([](const std::string&) { return ScriptedHttpServer::Hang(); });
  Start({To(hangs)});
  notifier_->Post({Event(NotifyEvent::kStepEntered), {To(hangs)}});
  hangs.WaitForRequests(1);
  for (size_t i = 0; i < 3 * config::limits::kNotifyQueue; ++i) {
    notifier_->Post({Event(NotifyEvent::kStepEntered), {To(hangs)}});
  }
  const TargetReport report = WaitFor(To(hangs), [](const TargetReport& r) {
    return r.counts.dropped == static_cast<int64_t>(2 * config::limits::kNotifyQueue) + 1;
  });
  EXPECT_EQ(report.queued, static_cast<int64_t>(config::limits::kNotifyQueue));
}

TEST_F(NotifierTest, TheSecretIsReadEachTimeSoThatItRotates) {
  const std::string file = absl::StrCat(std::getenv("TEST_TMPDIR"), "/secret");
  std::filesystem::remove(file);
  ScriptedHttpServer server([](const std::string&) { return Taken(); });
  config::NotifyTarget target = To(server);
  target.secret_file = file;
  Start({target});
  notifier_->Post({Event(NotifyEvent::kRolledBack, "one"), {target}});
  // Never unsigned: it waits for the secret.
  const TargetReport report = WaitFor(target, [](const TargetReport& r) { return r.counts.failed > 0; });
  EXPECT_THAT(report.counts.last_error, HasSubstr("no secret: " + file));
  std::ofstream(file) << "too short\n";
  WaitFor(target, [](const TargetReport& r) { return r.counts.last_error.ends_with("has 9 bytes, less than 16"); });
  EXPECT_EQ(server.Requests().size(), 0u);
  const auto signed_by = [&](size_t request, const std::string& secret) {
    const std::string text = server.Requests().at(request);
    int64_t seconds = 0;
    EXPECT_TRUE(absl::SimpleAtoi(HeaderOf(text, "X-Weir-Timestamp"), &seconds));
    return HeaderOf(text, "X-Weir-Signature") ==
           SignatureHeaders(secret, BodyOf(text), absl::FromUnixSeconds(seconds)).at(1).second;
  };
  std::ofstream(file) << "the first secret of all\n";
  WaitForSent(target, 1);
  EXPECT_TRUE(signed_by(0, "the first secret of all"));
  std::ofstream(file) << "the second secret of all\n";
  notifier_->Post({Event(NotifyEvent::kRolledBack, "two"), {target}});
  WaitForSent(target, 2);
  EXPECT_TRUE(signed_by(1, "the second secret of all"));
}

TEST_F(NotifierTest, WhatIsQueuedAtTheEndIsStillSent) {
  std::atomic<int> count = 0;
  ScriptedHttpServer server(
      [&](const std::string&) { return ++count == 1 ? ScriptedHttpServer::Answer(503, "") : Taken(); });
  Start({To(server)});
  notifier_->Post({Event(NotifyEvent::kRolledBack, "last words"), {To(server)}});
  notifier_.reset();
  ASSERT_EQ(server.Requests().size(), 2u);
  EXPECT_THAT(server.Requests().at(1), HasSubstr("last words"));
}

TEST_F(NotifierTest, AReceiverThatTheFilesNoLongerNameIsToldWhatWaitsAndThenForgotten) {
  std::atomic<bool> is_well = false;
  ScriptedHttpServer leaves(
      [&](const std::string&) { return is_well ? Taken() : ScriptedHttpServer::Answer(503, ""); });
  ScriptedHttpServer stays([](const std::string&) { return Taken(); });
  const config::NotifyTarget leaving = To(leaves, NotifyKind::kAlertmanager, "/");
  Start({leaving, To(stays)});
  Announcement rollback = Event(NotifyEvent::kRolledBack, "begins");
  notifier_->Post({rollback, {leaving}});
  leaves.WaitForRequests(1);
  // As when an experiment is taken out of the files: the end of what lasts comes after.
  Follow({To(stays)});
  rollback.part = Announcement::Part::kEnds;
  rollback.detail = "ends";
  notifier_->Post({rollback, {leaving, To(stays)}});
  WaitForSent(To(stays), 1);
  is_well = true;
  {
    runtime::Lock lock(&mutex_);
    while (report_.size() != 1) lock.Wait(has_changed_);
  }
  EXPECT_THAT(leaves.Requests().back(), HasSubstr("\"description\":\"ends\""));
}

// A webhook is told last, of which the test knows that it has happened.
TEST_F(NotifierTest, WhatNoFileSaysAnyMoreEndsAtAnAlertmanagerThatOthersStillName) {
  ScriptedHttpServer server([](const std::string&) { return Taken(); });
  ScriptedHttpServer hook([](const std::string&) { return Taken(); });
  const config::NotifyTarget alerts = To(server, NotifyKind::kAlertmanager, "/");
  Start({alerts, To(hook)});
  Announcement income = Event(NotifyEvent::kRolledBack, "of income"),
               churn = Event(NotifyEvent::kRolledBack, "of churn");
  churn.experiment = "churn";
  notifier_->Post({income, {alerts}});
  notifier_->Post({churn, {alerts}});
  WaitForSent(alerts, 2);
  churn.part = Announcement::Part::kStands;
  Follow({alerts, To(hook)}, {{churn, {alerts}}});
  WaitForSent(alerts, 3);
  EXPECT_TRUE(IsEnd(server.Requests().at(2)));
  EXPECT_THAT(server.Requests().at(2), HasSubstr("\"experiment\":\"income\""));
  Follow({alerts, To(hook)}, {{churn, {alerts}}});
  notifier_->Post({Event(NotifyEvent::kRolledBack), {To(hook)}});
  WaitForSent(To(hook), 1);
  EXPECT_EQ(WaitForSent(alerts, 3).queued, 0) << "what it was told is not told again with every file";
  EXPECT_EQ(server.Requests().size(), 3u);
}

TEST_F(NotifierTest, WhatWasPostedBeforeTheFilesCannotRaiseWhatTheyEnd) {
  ScriptedHttpServer server([](const std::string&) { return Taken(); });
  ScriptedHttpServer hook([](const std::string&) { return Taken(); });
  const config::NotifyTarget alerts = To(server, NotifyKind::kAlertmanager, "/");
  Start({alerts, To(hook)});
  for (int i = 0; i < 50; ++i) {
    notifier_->Post({Event(NotifyEvent::kRolledBack, "begins"), {alerts}});
    Follow({alerts, To(hook)});
  }
  notifier_->Post({Event(NotifyEvent::kRolledBack), {To(hook)}});
  WaitForSent(To(hook), 1);
  WaitFor(alerts, [](const TargetReport& r) { return r.queued == 0; });
  const std::vector<std::string> requests = server.Requests();
  EXPECT_TRUE(requests.empty() || IsEnd(requests.back())) << requests.back();
}

TEST_F(NotifierTest, AReceiverThatIsMovedToTlsHearsNothingInClearTextAnyMore) {
  ScriptedHttpServer server([](const std::string&) { return Taken(); });
  const config::NotifyTarget clear = To(server);
  config::NotifyTarget sealed = clear;
  sealed.url.is_tls = true;
  Start({clear});
  notifier_->Post({Event(NotifyEvent::kRolledBack, "in clear text"), {clear}});
  WaitForSent(clear, 1);
  Follow({sealed});
  notifier_->Post({Event(NotifyEvent::kRolledBack, "confidential"), {sealed}});
  WaitFor(sealed, [](const TargetReport& r) { return r.counts.failed > 0; });
  for (const std::string& request : server.Requests()) EXPECT_THAT(request, Not(HasSubstr("confidential")));
}

TEST_F(NotifierTest, OtherCertificatesToTrustAreTakenUpAtOnce) {
  ScriptedHttpServer server([](const std::string&) { return Taken(); });
  config::NotifyTarget target = To(server);
  target.url.is_tls = true;
  Start({target});
  notifier_->Post({Event(NotifyEvent::kRolledBack, "one"), {target}});
  WaitFor(target, [](const TargetReport& r) { return r.counts.failed > 0; });
  target.ca_file = absl::StrCat(std::getenv("TEST_TMPDIR"), "/no such certificates");
  Follow({target});
  notifier_->Post({Event(NotifyEvent::kRolledBack, "two"), {target}});
  WaitFor(target, [](const TargetReport& r) { return r.counts.last_error.find("CA cert") != std::string::npos; });
}

TEST_F(NotifierTest, AnAlertmanagerHearsOfTheEndOnceItIsBack) {
  std::atomic<bool> is_back = false;
  ScriptedHttpServer server(
      [&](const std::string&) { return is_back ? Taken() : ScriptedHttpServer::Answer(503, ""); });
  const config::NotifyTarget target = To(server, NotifyKind::kAlertmanager, "/");
  Start({target});
  Announcement rollback = Event(NotifyEvent::kRolledBack, "begins");
  notifier_->Post({rollback, {target}});
  server.WaitForRequests(1);
  rollback.part = Announcement::Part::kEnds;
  rollback.detail = "ends";
  notifier_->Post({rollback, {target}});
  is_back = true;
  WaitFor(target, [](const TargetReport& r) { return r.queued == 0 && r.counts.sent > 0; });
  EXPECT_THAT(server.Requests().back(), HasSubstr("\"description\":\"ends\""));
  EXPECT_THAT(server.Requests().front(), HasSubstr("POST /api/v2/alerts HTTP/1.1"));
}

}  // namespace
}  // namespace weir::control
