#include "router/cli/report_svg.h"

#include <string>

#include "gtest/gtest.h"
#include "router/experiment/proto_time.h"

namespace weir::cli {
namespace {

const absl::Time kBegan = absl::FromUnixSeconds(1'700'000'000);

void Add(v1::RunReport& report, absl::Duration after, const std::string& action, uint32_t candidate) {
  v1::TimelineEntry& entry = *report.add_timeline();
  *entry.mutable_at() = experiment::TimestampOf(kBegan + after);
  entry.set_actor("weir");
  entry.set_action(action);
  entry.set_detail("p99 < 1 & <script>");
  for (const auto& [name, share] : {std::pair("a", 10000 - candidate), std::pair("b", candidate)}) {
    v1::VariantWeight& weight = *entry.add_shares();
    weight.set_name(name);
    weight.set_hundredths(share);
  }
}

v1::RunReport ARun() {
  v1::RunReport report;
  report.set_experiment("digits");
  report.set_run(3);
  *report.mutable_run_started_at() = experiment::TimestampOf(kBegan);
  *report.mutable_at() = experiment::TimestampOf(kBegan + absl::Hours(1));
  report.set_is_rolled_back(true);
  report.set_actor("weir");
  Add(report, absl::ZeroDuration(), "run-opened", 1000);
  Add(report, absl::Minutes(30), "step-entered", 5000);
  Add(report, absl::Hours(1), "rolled-back", 0);
  v1::JudgementRecord& judgement = *report.add_judgements();
  judgement.set_guardrail("errors");
  judgement.set_candidate("b");
  judgement.set_log10_evidence(4);
  judgement.set_log10_threshold(3);
  judgement.set_breached(true);
  for (const char* name : {"a", "b"}) {
    v1::VariantReport& variant = *report.add_variants();
    variant.set_name(name);
    for (int i = 0; i < 3; ++i) {
      v1::LatencyBucket& bucket = *variant.add_latencies();
      bucket.set_from_ms(10 * (i + 1));
      bucket.set_below_ms(10 * (i + 2));
      bucket.set_count(100);
    }
  }
  return report;
}

size_t CountOf(const std::string& what, const std::string& text) {
  size_t count = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++count;
  return count;
}

TEST(ReportSvgTest, SharesAreStepsOverTheRunsTime) {
  const std::string svg = ReportSvg(ARun());
  // From 150 to 760 is the hour; from 300 up to 120 is the whole.
  EXPECT_NE(svg.find("<polyline points='150.0,282.0 455.0,282.0 455.0,210.0 760.0,210.0 760.0,300.0 760,300.0'"),
            std::string::npos)
      << svg;
  EXPECT_NE(svg.find("digits, run 3: rolled back by weir"), std::string::npos);
  EXPECT_NE(svg.find("10^4.00 of 10^3.00, breached"), std::string::npos);
  EXPECT_EQ(CountOf("<polyline", svg), 4u) << "two of shares, two of latencies";
}

TEST(ReportSvgTest, WhatOthersWroteIsTextAlone) {
  const std::string svg = ReportSvg(ARun());
  EXPECT_EQ(svg.find("<script>"), std::string::npos);
  EXPECT_NE(svg.find("p99 &lt; 1 &amp; &lt;script&gt;"), std::string::npos);
}

TEST(ReportSvgTest, ALongRunListsItsFirstAndLastEvents) {
  v1::RunReport report = ARun();
  for (int i = 0; i < 1000; ++i) Add(report, absl::Hours(1) + absl::Minutes(i), "shares-moved", 100);
  const std::string svg = ReportSvg(report);
  EXPECT_EQ(CountOf("<title>", svg), 24u);
  EXPECT_NE(svg.find(">1003</text>"), std::string::npos);
}

TEST(ReportSvgTest, ARunWithoutCountsHasNothingButItsCourse) {
  v1::RunReport report = ARun();
  report.clear_judgements();
  report.clear_variants();
  const std::string svg = ReportSvg(report);
  EXPECT_EQ(CountOf("<polyline", svg), 2u);
  EXPECT_EQ(svg.find("guardrails"), std::string::npos);
  EXPECT_EQ(ReportSvg(v1::RunReport()).find("nan"), std::string::npos);
}

}  // namespace
}  // namespace weir::cli
