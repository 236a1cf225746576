// What an experiment asks of other systems and says to them: metrics with `source: prometheus`, and `notify`.

#include <string>

#include "config/limits.h"
#include "config/parse.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::config {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string With(const std::string& key, const std::string& value) {
  return R"(apiVersion: weir/v1
kind: Experiment
metadata: {name: e}
spec:
  default: a
  candidates: [{name: a, weight: 70}, {name: b, weight: 30}]
  assignment: {key: [{header: x-user}]}
  guardrails: [{name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2}]
  )" + key +
         ": " + value + "\n";
}

Experiment Read(const std::string& key, const std::string& value) {
  const auto parsed = ParseExperiments(With(key, value), "folder/e.yaml");
  EXPECT_TRUE(parsed.value.has_value()) << ToString(parsed.errors);
  EXPECT_THAT(ToString(parsed.warnings), IsEmpty());
  return parsed.value ? parsed.value->at(0) : Experiment();
}

std::string Errors(const std::string& key, const std::string& value) {
  return ToString(ParseExperiments(With(key, value), "folder/e.yaml").errors);
}

std::string QueryWith(const std::string& more) {
  return "[{name: revenue, source: prometheus, address: \"http://prometheus:9090\", query: \"sum(x)\"" + more + "}]";
}

TEST(QueryMetricTest, EveryFieldArrives) {
  const Experiment experiment = Read("metrics", R"(
    - {name: accuracy, source: feedback, field: correct}
    - name: revenue
      source: prometheus
      address: http://prometheus.monitoring:9090/prefix/
      query: sum(rate(checkout_total{path="/pay"}[5m]))
      interval: 30s
      timeout: 2s
      maxAge: 10m)");
  ASSERT_EQ(experiment.queries.size(), 1u);
  EXPECT_EQ(experiment.queries[0], (QueryMetric{.name = "revenue",
                                                .server = {"prometheus.monitoring", 9090, "/prefix"},
                                                .query = "sum(rate(checkout_total{path=\"/pay\"}[5m]))",
                                                .interval = absl::Seconds(30),
                                                .timeout = absl::Seconds(2),
                                                .max_age = absl::Minutes(10)}));
  ASSERT_EQ(experiment.metrics.size(), 1u);
  EXPECT_EQ(experiment.metrics[0].name, "accuracy");
}

TEST(QueryMetricTest, WhatIsNotSaidFitsTheInterval) {
  const auto read = [](const std::string& more) { return Read("metrics", QueryWith(more)).queries.at(0); };
  EXPECT_EQ(read("").interval, absl::Seconds(15));
  EXPECT_EQ(read("").timeout, absl::Seconds(5));
  EXPECT_EQ(read("").max_age, absl::Minutes(2));
  EXPECT_EQ(read(", interval: 1s").timeout, absl::Seconds(1));
  EXPECT_EQ(read(", interval: 1h").max_age, absl::Hours(4));
}

TEST(QueryMetricTest, ErrorsNameTheirPlace) {
  EXPECT_THAT(Errors("metrics", QueryWith(", interval: 1s, timeout: 2s")),
              HasSubstr("spec.metrics[0].timeout: must be at most the interval, 1s, got 2s"));
  EXPECT_THAT(Errors("metrics", QueryWith(", interval: 1m, maxAge: 30s")),
              HasSubstr("spec.metrics[0].maxAge: must be at least the interval, 1m, or no answer would be believed "
                        "until the next, got 30s"));
  EXPECT_THAT(Errors("metrics", QueryWith(", interval: 1us")), HasSubstr("interval: must be from 100ms to 24h"));
  EXPECT_THAT(Errors("metrics", QueryWith(", goal: increase")), HasSubstr("goal: is not supported yet"));
  EXPECT_THAT(Errors("metrics", QueryWith(", field: correct")), HasSubstr("field: is not a known key"));
  EXPECT_THAT(Errors("metrics", "[{name: r, source: prometheus, address: \"p:9090\"}]"),
              HasSubstr("address: must begin with http:// or https://, got the text \"p:9090\""));
  EXPECT_THAT(Errors("metrics", "[{name: r, source: prometheus, query: x}]"), HasSubstr("[0].address: is missing"));
  EXPECT_THAT(Errors("metrics", "[{name: r, source: prometheus, address: \"http://p\", query: \"\"}]"),
              HasSubstr("query: must be an expression of PromQL"));
}

TEST(QueryMetricTest, NoTwoMetricsHaveOneName) {
  EXPECT_THAT(
      Errors("metrics", "[{name: revenue}, {name: revenue, source: prometheus, address: \"http://p\", query: x}]"),
      HasSubstr("spec.metrics[1]: name: must differ from that of spec.metrics[0], got revenue"));
  EXPECT_THAT(Errors("metrics", "[{name: error_rate, source: prometheus, address: \"http://p\", query: x}]"),
              HasSubstr("must not be a metric that Weir measures itself"));
}

TEST(NotifyTest, EveryFieldArrives) {
  const Experiment experiment = Read("notify", R"(
    - {webhook: "http://alerts.internal/hook?team=a", secretFile: secrets/hook, events: [rolledBack, warned]}
    - {slack: "http://slack.internal:8065/hooks/x"}
    - {alertmanager: "http://[::1]:9093/prefix"})");
  ASSERT_EQ(experiment.notify.size(), 3u);
  EXPECT_EQ(experiment.notify[0], (NotifyTarget{.kind = NotifyKind::kWebhook,
                                                .url = {"alerts.internal", 80, "/hook?team=a"},
                                                .secret_file = "folder/secrets/hook",
                                                .events = {NotifyEvent::kRolledBack, NotifyEvent::kWarned}}));
  EXPECT_EQ(experiment.notify[1],
            (NotifyTarget{.kind = NotifyKind::kSlack, .url = {"slack.internal", 8065, "/hooks/x"}}));
  EXPECT_EQ(experiment.notify[2], (NotifyTarget{.kind = NotifyKind::kAlertmanager, .url = {"::1", 9093, "/prefix"}}));
  EXPECT_EQ(Read("notify", "[{webhook: \"http://a\", secretFile: /run/s}]").notify[0].secret_file, "/run/s");
}

TEST(NotifyTest, ATargetOverTlsMayHaveCertificatesOfItsOwn) {
  const NotifyTarget target = Read("notify", "[{slack: \"https://chat.internal/x\", caFile: ca.pem}]").notify[0];
  EXPECT_EQ(target.url, (HttpUrl{"chat.internal", 443, "/x", true}));
  EXPECT_EQ(target.ca_file, "folder/ca.pem");
  EXPECT_THAT(Errors("notify", "[{slack: \"http://chat.internal/x\", caFile: ca.pem}]"),
              HasSubstr("spec.notify[0].caFile: is for an https url"));
}

TEST(NotifyTest, ErrorsNameTheirPlace) {
  const std::pair<const char*, const char*> kWrong[] = {
      {"[{}]", "spec.notify[0]: must have webhook, slack or alertmanager"},
      {"[{webhook: \"http://a\", slack: \"http://b\"}]", "slack: must stand alone"},
      {"[{slack: \"http://a\", secretFile: x}]", "secretFile: is for webhooks"},
      {"[{webhook: \"http://a\", secretFile: \"\"}]", "secretFile: must be the path of a file"},
      {"[{webhook: \"http://a\", events: [rollback]}]", "events[0]: must be one of rolledBack, warned, inconclusive"},
      {"[{webhook: \"http://a\", events: [warned, warned]}]", "events[1]: must be given once"},
      {"[{webhook: \"http://a\", events: []}]", "must have at least 1 item"},
      {"[{alertmanager: \"http://a\", events: [stepEntered]}]", "must be what lasts until it is resolved"},
      {"[{webhook: \"http://a\"}, {webhook: \"http://a:80/\"}]", "spec.notify[1]: must differ from the targets before"},
      {"[{webhook: \"http://a\", template: x}]", "template: is not supported yet"},
      {"[{mail: ann}]", "mail: is not a known key"},
  };
  for (const auto& [value, error] : kWrong) EXPECT_THAT(Errors("notify", value), HasSubstr(error)) << value;
}

TEST(NotifyTest, AnUrlIsASecretThatNoErrorRepeats) {
  const std::string errors = Errors("notify", "[{slack: \"hooks.slack.com/services/T0/B0/hush\"}]");
  EXPECT_THAT(errors, HasSubstr("spec.notify[0].slack: must begin with http:// or https://"));
  EXPECT_THAT(errors, ::testing::Not(HasSubstr("hush")));
}

}  // namespace
}  // namespace weir::config
