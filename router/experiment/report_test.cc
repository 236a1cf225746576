#include "router/experiment/report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "router/experiment/breach.h"
#include "router/experiment/evidence_record.h"
#include "router/experiment/journal.h"
#include "router/experiment/report_text.h"

namespace weir::experiment {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

Split ASplit(uint32_t candidate) {
  return {.variants = {{"baseline", config::Weight::FromHundredths(10000 - candidate)},
                       {"enhanced", config::Weight::FromHundredths(candidate)}},
          .default_variant = 0};
}

RunEvidence Counted() {
  RunEvidence evidence;
  evidence.BeginEpoch(1, ASplit(3000));
  for (const char* variant : {"baseline", "enhanced"}) {
    const bool is_candidate = std::string(variant) == "enhanced";
    stats::VariantCounts counts;
    for (int i = 0; i < 200; ++i) {
      const auto bucket = static_cast<uint8_t>(i * 37);
      counts.CountStart(stats::TickOf(kStart), bucket);
      counts.CountEnd(
          {.started = stats::TickOf(kStart),
           .user_bucket = bucket,
           .outcome = is_candidate && i % 4 == 0 ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
           .latency = absl::Milliseconds(is_candidate ? 20 + i % 50 : 10 + i % 5)});
    }
    evidence.Merge(1, variant, counts);
    evidence.AddOutcome(1, variant, "accuracy", 3, 1);
  }
  return evidence;
}

v1::AuditRecord Row(uint64_t sequence, std::string actor, std::string action, std::string detail, Phase phase,
                    std::optional<v1::EvidenceRecord> evidence = std::nullopt) {
  Change change{.experiment = "digits",
                .at = kStart + absl::Seconds(60 * static_cast<int64_t>(sequence)),
                .actor = std::move(actor),
                .action = std::move(action),
                .detail = std::move(detail),
                .state = {.run = {2, "spring", kStart},
                          .epoch = {1, kStart, ASplit(3000)},
                          .phase = std::move(phase),
                          .phase_since = kStart}};
  change.grounds.evidence = std::move(evidence);
  change.grounds.specification_version = 1;
  if (sequence == 1) {
    change.grounds.specification = {.ordinal = 1, .text = "x", .file = "experiments/digits.yaml", .owner = "ann"};
  }
  return RecordOf(change, sequence);
}

ReportSources Sources() {
  const Judgement judgement{.guardrail = "errors",
                            .candidate = "enhanced",
                            .rule = "error rate > 1.2 x default's",
                            .log10_evidence = 12.345678901234567,
                            .log10_threshold = 3.301,
                            .breached = true,
                            .note = ""};
  const Breach breach{.guardrail = "errors", .variant = "enhanced", .summary = "errors: enhanced: too many"};
  ReportSources sources{.history = {}, .head = "abc", .failed_calls = {}};
  sources.history.push_back(Row(1, "file", "run-opened", "first seen", Running{}));
  sources.history.push_back(Row(2, "weir", "rolled-back", breach.summary, RolledBack{.breach = breach},
                                RecordOf(Counted(), {}, {judgement}, kStart)));
  v1::FailedCallRecord call;
  call.set_variant("enhanced");
  call.set_grpc_code(13);
  call.set_latency_ms(23.5);
  call.set_path("/a.B/C");
  call.set_endpoint("10.0.0.1:8001");
  call.set_message("it | broke\n<script>");
  call.add_metadata()->set_name("x-user-id");
  sources.failed_calls = {call};
  return sources;
}

std::string Markdown(const ReportSources& sources) {
  const auto report = ReportOf(sources);
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? ReportMarkdown(*report) : "";
}

TEST(ReportTest, ARollbackIsToldWithWhoAndWhyAndTheNumbers) {
  const std::string page = Markdown(Sources());
  for (const char* part :
       {"# digits: run 2 was rolled back", "2023-11-14 22:15:20.000 UTC, 2m after the run began", "\"spring\"",
        "By **weir**", "> errors: enhanced: too many", "version 1, experiments/digits.yaml, of ann", "`abc`",
        "| errors | enhanced | error rate &gt; 1.2 x default's | 10^12.35 | 10^3.30 | **breached: it shut the gate** |",
        "| run-opened | file | 1 | baseline 70 %, enhanced 30 % | first seen |",
        "| rolled-back | weir | 1 | baseline 100 %, enhanced 0 % |", "| baseline (default) | 200 | 200 | 0 |",
        "| enhanced | 200 | 200 | 50 | 25.00 % |", "accuracy 1 (1)", "## Latencies", "- enhanced: 1 with INTERNAL",
        "`weirctl reset digits`", "`weirctl replay digits`"}) {
    EXPECT_NE(page.find(part), std::string::npos) << part << "\nis not in\n" << page;
  }
}

TEST(ReportTest, PreviewedCallsAreToldApart) {
  EXPECT_EQ(Markdown(Sources()).find("Previewed"), std::string::npos);
  auto report = ReportOf(Sources());
  ASSERT_TRUE(report.ok()) << report.status();
  report->mutable_variants(1)->set_previewed(50);
  report->mutable_variants(1)->set_preview_errors(2);
  EXPECT_NE(ReportMarkdown(*report).find(
                "Previewed calls of enhanced, which are in nothing above: 50, of which 2 failed (4.00 %).\n"),
            std::string::npos)
      << ReportMarkdown(*report);
}

TEST(ReportTest, WhatCallsBringIsTextAndNothingElse) {
  const std::string page = Markdown(Sources());
  EXPECT_NE(page.find("it \\| broke &lt;script&gt;"), std::string::npos) << page;
  EXPECT_EQ(page.find("<script>"), std::string::npos);
}

TEST(ReportTest, TheJsonHoldsTheSameToTheLastDigit) {
  const auto report = ReportOf(Sources());
  ASSERT_TRUE(report.ok()) << report.status();
  const nlohmann::json json = nlohmann::json::parse(*ReportJson(*report));
  EXPECT_EQ(json["judgements"][0]["log10_evidence"].get<double>(), 12.345678901234567);
  EXPECT_EQ(json["variants"][0]["is_default"], true);
  EXPECT_EQ(json["variants"][1]["errors"], "50");
  EXPECT_EQ(json["timeline"].size(), 2u);
  int64_t calls = 0;
  for (const auto& bucket : json["variants"][1]["latencies"]) calls += std::stoll(bucket["count"].get<std::string>());
  EXPECT_EQ(calls, 200);
}

TEST(ReportTest, ARowAfterTheRollbackChangesNeitherItsMomentNorItsNumbers) {
  ReportSources sources = Sources();
  sources.history.push_back(Row(3, "file", "specification-taken-up", "version 2", RolledBack{.why = "x"}));
  const auto report = ReportOf(sources);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->sequence(), 2u);
  EXPECT_EQ(report->actor(), "weir");
  EXPECT_EQ(report->variants_size(), 2);
}

TEST(ReportTest, ARunThatGoesOnIsReportedFromWhatIsCountedNow) {
  ReportSources sources = Sources();
  sources.history.pop_back();
  sources.failed_calls.clear();
  sources.counted_now = RecordOf(Counted(), {}, {}, kStart + absl::Minutes(5));
  const std::string page = Markdown(sources);
  EXPECT_NE(page.find("# digits: run 2 as it stands"), std::string::npos) << page;
  EXPECT_NE(page.find("5m after the run began"), std::string::npos) << page;
  EXPECT_EQ(page.find("weirctl reset"), std::string::npos) << page;
}

TEST(ReportTest, NothingIsReportedOfWhatIsNotThere) {
  EXPECT_TRUE(absl::IsNotFound(ReportOf({.history = {}, .head = "", .failed_calls = {}}).status()));
  ReportSources sources = Sources();
  sources.history[1].mutable_evidence()->mutable_epochs(0)->mutable_counts()->mutable_variants(0)->set_started(-1);
  EXPECT_TRUE(absl::IsDataLoss(ReportOf(sources).status()));
}

}  // namespace
}  // namespace weir::experiment
