#include "stats/export/prometheus.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <set>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::stats {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ServedCounts SomeCounts() {
  ServedCounts served;
  served.by_code[0] = 7;
  served.by_code[14] = 3;
  served.by_reason[static_cast<int>(Reason::kAssigned)] = 9;
  served.by_reason[static_cast<int>(Reason::kDiverted)] = 1;
  served.by_response_time[0] = 2;                          // Up to 1 ms.
  served.by_response_time[9] = 7;                          // 150 to 200 ms.
  served.by_response_time[kResponseTimeEdges.size()] = 1;  // Beyond 30 s.
  served.response_seconds = 41.25;
  served.errors = 3;
  served.assigned = 12;
  served.keyless = 2;
  served.diverted = 1;
  served.cancelled = 4;
  served.dropped = 5;
  return served;
}

MetricsSnapshot SomeSnapshot() {
  MetricsSnapshot snapshot;
  ModelMetrics baseline;
  baseline.experiment = "income";
  baseline.model = "baseline-predictor";
  baseline.served = SomeCounts();
  baseline.traffic_fraction = 0.7;
  baseline.accuracy = 0.7525;
  baseline.outcomes_counted = 400;
  baseline.configured_endpoints = 2;
  baseline.healthy_endpoints = 1;
  ModelMetrics enhanced = baseline;
  enhanced.model = "enhanced \"x\"\n\\predictor";
  enhanced.traffic_fraction = 0.3;
  enhanced.accuracy = std::nullopt;
  enhanced.business_impact = -1.5;
  ModelMetrics outside = baseline;
  outside.experiment = "none";
  outside.traffic_fraction = std::nullopt;
  outside.accuracy = std::nullopt;
  snapshot.models = {baseline, enhanced, outside};
  snapshot.mirrors = {{"income", "shadow", SomeCounts()}};
  snapshot.guardrails = {{"income", "errors", "enhanced", 2.5, 3.301, false, 4.25, 2},
                         {"income", "tail", "enhanced", 0, 3.301, false}};
  snapshot.trends = {{"income", "slower", "enhanced", 1.5, 5, 3}};
  snapshot.queries = {
      {.experiment = "income", .metric = "revenue", .value = 42.5, .age_seconds = 3, .answers = 9, .failures = 2},
      {.experiment = "income", .metric = "unanswered"}};
  snapshot.notify = {{.target = "webhook http://hook:80", .queued = 1, .sent = 8, .failed = 4, .dropped = 2}};
  snapshot.experiments = {{"income", "rolled_back", 2, 5, {{"repeated", 6}}, "failed", -1.25}};
  snapshot.control.reloads_refused = 1;
  snapshot.control.configuration_valid = false;
  snapshot.control.journal_head = "00ff";
  snapshot.connections = 3;
  snapshot.ready = true;
  return snapshot;
}

std::string Text() { return RenderMetrics(SomeSnapshot(), "1.2.3"); }

TEST(RenderMetricsTest, TheNamesOfPublishedDashboardsStandByModelAndExperiment) {
  const std::string labels = "{experiment=\"income\",model_name=\"baseline-predictor\"}";
  EXPECT_THAT(Text(), HasSubstr("\nab_test_requests_total" + labels + " 10\n"));
  EXPECT_THAT(Text(), HasSubstr("\nab_test_errors_total" + labels + " 3\n"));
  EXPECT_THAT(Text(), HasSubstr("\nab_test_model_accuracy" + labels + " 75.25"));
  EXPECT_THAT(Text(), HasSubstr("\nab_test_traffic_percentage" + labels + " 70\n"));
  EXPECT_THAT(Text(),
              HasSubstr("\nab_test_requests_total{experiment=\"none\",model_name=\"baseline-predictor\"} 10\n"));
}

TEST(RenderMetricsTest, ResponseTimesAreCumulativeAndEndWithInfinity) {
  const std::string prefix =
      "ab_test_response_time_seconds_bucket{experiment=\"income\",model_name=\"baseline-predictor\"";
  EXPECT_THAT(Text(), HasSubstr(prefix + ",le=\"0.001\"} 2\n"));
  EXPECT_THAT(Text(), HasSubstr(prefix + ",le=\"0.15\"} 2\n"));
  EXPECT_THAT(Text(), HasSubstr(prefix + ",le=\"0.2\"} 9\n"));
  EXPECT_THAT(Text(), HasSubstr(prefix + ",le=\"30\"} 9\n"));
  EXPECT_THAT(Text(), HasSubstr(prefix + ",le=\"+Inf\"} 10\n"));
  EXPECT_THAT(Text(),
              HasSubstr("ab_test_response_time_seconds_sum{experiment=\"income\",model_name=\"baseline-predictor\"} "
                        "41.25\n"));
}

TEST(RenderMetricsTest, LengthsOfStreamsAreAFamilyOfTheirOwn) {
  MetricsSnapshot metrics;
  metrics.models.resize(1);
  metrics.models[0].experiment = "income";
  metrics.models[0].model = "baseline";
  metrics.models[0].served.CountStream(absl::Seconds(60));
  metrics.models[0].served.CountStream(absl::Hours(2));
  const std::string text = RenderMetrics(metrics, "1");
  const std::string labels = "{experiment=\"income\",variant=\"baseline\"";
  EXPECT_THAT(text, HasSubstr("weir_stream_seconds_bucket" + labels + ",le=\"15\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("weir_stream_seconds_bucket" + labels + ",le=\"60\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("weir_stream_seconds_bucket" + labels + ",le=\"+Inf\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("weir_stream_seconds_sum" + labels + "} 7260\n"));
}

TEST(RenderMetricsTest, WhatIsNotKnownIsAbsentAndNeverZero) {
  EXPECT_THAT(Text(), Not(HasSubstr("ab_test_model_accuracy{experiment=\"income\",model_name=\"enhanced")));
  EXPECT_THAT(Text(), Not(HasSubstr("ab_test_business_impact{experiment=\"income\",model_name=\"baseline")));
  EXPECT_THAT(RenderMetrics(MetricsSnapshot(), "1"), Not(HasSubstr("ab_test_")));
}

TEST(RenderMetricsTest, LabelValuesAreEscaped) {
  EXPECT_THAT(Text(), HasSubstr("ab_test_business_impact{experiment=\"income\",model_name=\"enhanced "
                                "\\\"x\\\"\\n\\\\predictor\"} -1.5\n"));
}

TEST(RenderMetricsTest, CallsAreToldApartByCodeReasonAndAssignment) {
  const std::string variant = "{experiment=\"income\",variant=\"baseline-predictor\"";
  EXPECT_THAT(Text(), HasSubstr("weir_requests_total" + variant + ",code=\"UNAVAILABLE\"} 3\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_requests_total" + variant + ",code=\"INTERNAL\"} 0\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_served_total" + variant + ",reason=\"assigned\"} 9\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_assigned_total" + variant + "} 12\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_diverted_total" + variant + "} 1\n"));
}

TEST(RenderMetricsTest, MirroredTrafficHasItsOwnFamilies) {
  EXPECT_THAT(Text(),
              HasSubstr("weir_mirror_requests_total{experiment=\"income\",model_name=\"shadow\",code=\"OK\"} 7\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_mirror_dropped_total{experiment=\"income\",model_name=\"shadow\"} 5\n"));
  EXPECT_THAT(Text(), Not(HasSubstr("ab_test_requests_total{experiment=\"income\",model_name=\"shadow\"")));
}

TEST(RenderMetricsTest, WhatIsConcludedOfAnExperimentCanBeWatched) {
  EXPECT_THAT(Text(), HasSubstr("weir_analysis_verdict{experiment=\"income\",verdict=\"failed\"} 1\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_analysis_verdict{experiment=\"income\",verdict=\"success\"} 0\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_sample_ratio_log10_bayes_factor{experiment=\"income\"} -1.25\n"));
  const std::string trend = "{experiment=\"income\",trend=\"slower\",variant=\"enhanced\"}";
  EXPECT_THAT(Text(), HasSubstr("weir_trend_statistic" + trend + " 1.5\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_trend_alarms" + trend + " 3\n"));
  const std::string guardrail = "{experiment=\"income\",guardrail=\"errors\",variant=\"enhanced\"}";
  EXPECT_THAT(Text(), HasSubstr("weir_detector_log10_statistic" + guardrail + " 4.25\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_detector_alarms" + guardrail + " 2\n"));
  EXPECT_THAT(Text(), Not(HasSubstr("weir_detector_alarms{experiment=\"income\",guardrail=\"tail\"")));
}

TEST(RenderMetricsTest, WhatSharesAreChosenByCanBeWatched) {
  MetricsSnapshot metrics;
  metrics.allocations = {{"income", "baseline", 0.25, std::nullopt}, {"risky", "enhanced", std::nullopt, 0.125}};
  const std::string text = RenderMetrics(metrics, "1");
  EXPECT_THAT(text, HasSubstr("\nweir_probability_best{experiment=\"income\",variant=\"baseline\"} 0.25\n"));
  EXPECT_THAT(text, HasSubstr("\nweir_harm_bound{experiment=\"risky\",variant=\"enhanced\"} 0.125\n"));
  EXPECT_THAT(text, Not(HasSubstr("weir_harm_bound{experiment=\"income\"")));
}

TEST(RenderMetricsTest, AGateCanBeWatched) {
  const std::string guardrail = "{experiment=\"income\",guardrail=\"errors\",variant=\"enhanced\"}";
  EXPECT_THAT(Text(), HasSubstr("weir_guardrail_log10_evidence" + guardrail + " 2.5\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_guardrail_breached" + guardrail + " 0\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_experiment_phase{experiment=\"income\",phase=\"rolled_back\"} 1\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_experiment_phase{experiment=\"income\",phase=\"running\"} 0\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_reloads_total{result=\"refused\"} 1\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_configuration_valid 0\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_journal_head_info{hash=\"00ff\"} 1\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_outcomes_refused_total{experiment=\"income\",cause=\"repeated\"} 6\n"));
  EXPECT_THAT(Text(), HasSubstr("weir_build_info{version=\"1.2.3\"} 1\n"));
}

TEST(RenderMetricsTest, OtherSystemsAreSeenAnsweringAndHearing) {
  const std::string text = RenderMetrics(SomeSnapshot(), "1.0");
  for (const char* line : {"weir_external_value{experiment=\"income\",metric=\"revenue\"} 42.5\n",
                           "weir_external_age_seconds{experiment=\"income\",metric=\"revenue\"} 3\n",
                           "weir_external_answers_total{experiment=\"income\",metric=\"revenue\"} 9\n",
                           "weir_external_failures_total{experiment=\"income\",metric=\"revenue\"} 2\n",
                           "weir_notify_queued{target=\"webhook http://hook:80\"} 1\n",
                           "weir_notify_sent_total{target=\"webhook http://hook:80\"} 8\n",
                           "weir_notify_failures_total{target=\"webhook http://hook:80\"} 4\n",
                           "weir_notify_dropped_total{target=\"webhook http://hook:80\"} 2\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("weir_external_value{experiment=\"income\",metric=\"unanswered\"}")));
}

TEST(RenderMetricsTest, EveryCounterOfTheProxyIsExported) {
  // Each field gets a value of its own, and each value must be found.
  MetricsSnapshot snapshot;
  auto* fields = reinterpret_cast<int64_t*>(&snapshot.proxy);
  constexpr size_t kFields = sizeof(ProxyCounts) / sizeof(int64_t);
  for (size_t i = 0; i < kFields; ++i) fields[i] = static_cast<int64_t>(770'000 + i);
  const std::string text = RenderMetrics(snapshot, "1");
  for (size_t i = 0; i < kFields; ++i) EXPECT_THAT(text, HasSubstr(" " + std::to_string(770'000 + i) + "\n"));
}

TEST(RenderMetricsTest, EveryFamilyHasHelpAndEveryCounterEndsInTotal) {
  std::istringstream lines(Text());
  std::set<std::string> helped;
  for (std::string hash, keyword, name, rest; lines >> hash;) {
    if (hash != "#") {
      std::getline(lines, rest);
      continue;
    }
    lines >> keyword >> name;
    std::getline(lines, rest);
    if (keyword == "HELP") {
      EXPECT_TRUE(helped.insert(name).second) << name << " stands twice";
      EXPECT_GT(rest.size(), 10u) << name;
    } else {
      EXPECT_TRUE(helped.count(name)) << name;
      EXPECT_EQ(rest == " counter", name.ends_with("_total")) << name << rest;
    }
  }
  EXPECT_GT(helped.size(), 50u);
}

TEST(RenderMetricsTest, PromtoolHasNothingToSay) {
  if (std::system("command -v promtool > /dev/null 2>&1") != 0) GTEST_SKIP() << "promtool is not installed";
  const std::string page = ::testing::TempDir() + "/metrics.prom";
  std::FILE* file = std::fopen(page.c_str(), "w");
  ASSERT_NE(file, nullptr);
  std::fputs(Text().c_str(), file);
  std::fclose(file);
  std::FILE* promtool = popen(("promtool check metrics < " + page + " 2>&1").c_str(), "r");
  ASSERT_NE(promtool, nullptr);
  std::string said;
  for (char buffer[256]; std::fgets(buffer, sizeof(buffer), promtool) != nullptr;) said += buffer;
  EXPECT_EQ(pclose(promtool), 0);
  EXPECT_EQ(said, "");
}

TEST(RenderMetricsTest, OutsideOfExperimentsThereIsNoShare) {
  const std::string text = RenderMetrics(SomeSnapshot(), "test");
  EXPECT_THAT(text, HasSubstr("ab_test_traffic_percentage{experiment=\"income\""));
  EXPECT_THAT(text, Not(HasSubstr("ab_test_traffic_percentage{experiment=\"none\"")));
}

}  // namespace
}  // namespace weir::stats
