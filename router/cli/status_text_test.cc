#include "router/cli/status_text.h"

#include <google/protobuf/text_format.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace weir::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

weir::v1::Status Parsed(const std::string& text) {
  weir::v1::Status status;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &status));
  return status;
}

weir::v1::Status RolledBack() {
  return Parsed(R"(
    now { seconds: 1000192 } started_at { seconds: 1000000 } version: "1.2.3" proxy: "income" ready: true
    journal { healthy: true } table_version: 5 oldest_adopted_version: 5
    models { name: "baseline" endpoints: 2 healthy_endpoints: 1 requests: 1234567 }
    experiments {
      name: "income" phase: ROLLED_BACK phase_reason: "errors: 20 % against 1 %" run: 2 run_label: "may" epoch: 3
      phase_since { seconds: 1000132 } alpha_total: 0.002 notice: "the file asks for 30 %, the latch holds"
      variants {
        name: "baseline" is_default: true configured_share: 0.7 share: 1 requests: 77 started: 1234567 ended: 1000000
        run_errors: 10000
        p50 { nanos: 2100000 } p95 { nanos: 4000000 } p99 { seconds: 1 nanos: 234000000 } healthy_endpoints: 1
        outcomes { metric: "accuracy" count: 1200 mean: 0.785 lower: 0.75 upper: 0.82 }
      }
      variants { name: "enhanced" configured_share: 0.3 share: 0 diverted: 7 outcomes { metric: "accuracy" count: 3 mean: 1 } }
      guardrails { name: "errors" variant: "enhanced" rule: "error rate > 1.2 x default" action: "rollback"
                   log10_evidence: 3.4 log10_threshold: 3.3 breached: true }
      guardrails { name: "tail" variant: "enhanced" rule: "p99 > 1.5 x default" action: "warn" note: "rounded up to 1.51 x"
                   log10_evidence: 1.65 log10_threshold: 3.3 }
      mirrors { name: "shadow" requests: 1000 errors: 3 dropped: 12 }
      breach { guardrail: "errors" variant: "enhanced" judged_at { seconds: 1000132 }
               published_at { seconds: 1000132 nanos: 1500000 } candidate_calls: 61 candidate_errors: 13
               default_calls: 140 default_errors: 1 log10_evidence: 3.4 log10_threshold: 3.3 }
    })");
}

TEST(StatusTextTest, SaysWhatHappenedAndWhy) {
  const std::string text = StatusText(RolledBack());
  EXPECT_THAT(text, HasSubstr("income: ready, weir 1.2.3, up 3m12s, journal healthy\n"));
  EXPECT_THAT(text, HasSubstr("income: ROLLED BACK for 1m, run 2 (may), epoch 3, false rollback at most 0.002\n"));
  EXPECT_THAT(text, HasSubstr("why: errors: 20 % against 1 %\n"));
  EXPECT_THAT(text,
              HasSubstr("breach: errors of enhanced, log10 evidence 3.40 of 3.30, after 61 calls (13 errors) against "
                        "140 (1) of the default; the gate shut 1.5 ms later\n"));
  EXPECT_THAT(text, HasSubstr("note: the file asks for 30 %, the latch holds\n"));
}

TEST(StatusTextTest, AVariantHasItsSharesRatesAndLatencies) {
  const std::string text = StatusText(RolledBack());
  EXPECT_THAT(text, HasSubstr("baseline *"));
  EXPECT_THAT(text, HasSubstr("100 % (file: 70 %)    1,234,567  1.00 %  2.1 ms  4.0 ms  1234 ms"));
  EXPECT_THAT(text, HasSubstr("accuracy 0.785 [0.75, 0.82] of 1,200\n"));
}

TEST(StatusTextTest, WhatIsNotKnownIsADashAndNeverZero) {
  const std::string text = StatusText(RolledBack());
  EXPECT_THAT(
      text,
      HasSubstr(
          "0 % (file: 30 %)            0       -       -       -        -         7        0  accuracy 1 of 3\n"));
}

TEST(StatusTextTest, EvidenceIsABarThatIsFullAtTheThreshold) {
  const std::string text = StatusText(RolledBack());
  EXPECT_THAT(text, HasSubstr("[####################]  3.40 of 3.30  BREACHED"));
  EXPECT_THAT(text, HasSubstr("[##########..........]  1.65 of 3.30"));
  EXPECT_THAT(text, HasSubstr("p99 > 1.5 x default: warn (rounded up to 1.51 x)\n"));
}

TEST(StatusTextTest, EvidenceBelowZeroOrWithoutAThresholdIsAnEmptyBar) {
  weir::v1::Status status = RolledBack();
  status.mutable_experiments(0)->mutable_guardrails(0)->set_log10_evidence(-5);
  status.mutable_experiments(0)->mutable_guardrails(1)->set_log10_threshold(0);
  EXPECT_THAT(StatusText(status), Not(HasSubstr("#")));
}

TEST(StatusTextTest, PreviewedCallsAreALineOfTheirOwn) {
  weir::v1::Status status = RolledBack();
  EXPECT_THAT(StatusText(status), Not(HasSubstr("previewed")));
  status.mutable_experiments(0)->mutable_variants(1)->set_previewed(1200);
  status.mutable_experiments(0)->mutable_variants(1)->set_preview_errors(30);
  EXPECT_THAT(StatusText(status), HasSubstr("\n  previewed calls of enhanced: 1,200, of which 2.50 % failed\n"));
}

TEST(StatusTextTest, RefusedFilesAndASickJournalAreSaid) {
  weir::v1::Status status = RolledBack();
  status.add_configuration_errors("a.yaml:3:1: weight: must be at least 0");
  status.mutable_journal()->set_healthy(false);
  status.mutable_journal()->set_error("disk full");
  status.mutable_journal()->set_unjournalled(2);
  status.set_oldest_adopted_version(4);
  const std::string text = StatusText(status);
  EXPECT_THAT(text, HasSubstr("REFUSED; the last good ones are in force:\n  a.yaml:3:1: weight"));
  EXPECT_THAT(text, HasSubstr("journal UNHEALTHY: disk full, 2 rows wait"));
  EXPECT_THAT(text, HasSubstr("table 5 is published, 4 adopted by every worker\n"));
}

TEST(StatusTextTest, NothingIsStillAPage) { EXPECT_THAT(StatusText(weir::v1::Status()), HasSubstr("no experiments")); }

TEST(StatusJsonTest, HasTheNamesOfTheProtoAndEveryPlainField) {
  const auto json = nlohmann::json::parse(StatusJson(RolledBack()).value());
  EXPECT_EQ(json["experiments"][0]["phase"], "ROLLED_BACK");
  EXPECT_EQ(json["experiments"][0]["variants"][1]["requests"], "0");  // 64 bits are text in proto's JSON.
  EXPECT_EQ(json["experiments"][0]["variants"][1]["is_default"], false);
  EXPECT_EQ(json["experiments"][0]["guardrails"][0]["log10_evidence"], 3.4);
  EXPECT_TRUE(json["configuration_errors"].is_array());
}

TEST(TroubleTest, IsEmptyOnlyWhenAllIsWell) {
  weir::v1::Status status = RolledBack();
  EXPECT_EQ(Trouble(status), "income is ROLLED BACK");
  status.mutable_experiments(0)->set_phase(weir::v1::FROZEN);
  EXPECT_EQ(Trouble(status), "income is FROZEN");
  status.mutable_experiments(0)->set_phase(weir::v1::RUNNING);
  EXPECT_EQ(Trouble(status), "");
  status.mutable_journal()->set_healthy(false);
  EXPECT_NE(Trouble(status), "");
  status.mutable_journal()->set_healthy(true);
  status.add_configuration_errors("x");
  EXPECT_NE(Trouble(status), "");
  status.clear_configuration_errors();
  status.set_ready(false);
  EXPECT_NE(Trouble(status), "");
}

TEST(ExplainTextTest, ShowsEachDraw) {
  weir::v1::ExplainResponse response;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(R"(
    assignments { experiment: "income" user_hash: "00ff" user_bucket: 7 variant: "enhanced" text: "alice goes to enhanced"
      draws { variant: "baseline" weight: 70 unit_interval: 0.5 arrival: 0.0099 }
      draws { variant: "enhanced" weight: 30 unit_interval: 0.99 arrival: 0.00033 }
      draws { variant: "shut" weight: 0 unit_interval: 0.1 arrival: inf } })",
                                                            &response));
  EXPECT_EQ(ExplainText(response),
            "income: alice goes to enhanced\n"
            "  variant      weight            u  arrival\n"
            "  baseline         70  0.500000000   0.0099\n"
            "  enhanced <-      30  0.990000000  0.00033\n"
            "  shut              0  0.100000000    never\n"
            "  user hash 00ff, bucket 7\n");
  EXPECT_EQ(ExplainText({}), "no experiments\n");
}

weir::v1::Status InARollout() {
  return Parsed(R"(
    now { seconds: 1000192 } ready: true journal { healthy: true }
    experiments {
      name: "income" phase: STEPPING run: 1 epoch: 2 phase_since { seconds: 1000132 }
      variants { name: "baseline" is_default: true configured_share: 0.75 share: 0.75 }
      variants { name: "enhanced" configured_share: 0.25 share: 0.25 }
      rollout { strategy: "canary" step: 2 steps: 4 awaits_approval: true missing_approvals: 1 approval_roles: "owner"
                approvals { by: "ann" } waits_for: "1 approval missing" }
    })");
}

TEST(StatusTextTest, ARolloutSaysWhereItIsAndWhatItWaitsFor) {
  const weir::v1::Status status = InARollout();
  EXPECT_THAT(StatusText(status), HasSubstr("income: STEPPING for 1m, run 1, epoch 2"));
  EXPECT_THAT(StatusText(status), HasSubstr("  rollout: canary, step 2 of 4, waits: 1 approval missing, "
                                            "`weirctl approve` by owner, approved by ann\n"));
  EXPECT_EQ(PhaseText(status.experiments(0)),
            "income: STEPPING, canary, step 2 of 4, waits: 1 approval missing, `weirctl approve` by owner, approved by "
            "ann, baseline has 75 %, enhanced has 25 %");
}

TEST(StatusTextTest, ARolloutThatChoosesItsSharesSaysWhatItKnowsAndWhenItMoves) {
  weir::v1::Status status = InARollout();
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"(policy: "thompson" next_move { seconds: 1000800 } regret: 0.0123 waits_for: "enhanced has 12 of 100 outcomes"
         arms { variant: "baseline" count: 1200 mean: 0.785 standard_error: 0.0123 best: 0.0312 }
         arms { variant: "enhanced" count: 12 mean: 0.5 standard_error: 0.1 harm: 0.25 })",
      status.mutable_experiments(0)->mutable_rollout()->mutable_allocation()));
  EXPECT_THAT(StatusText(status),
              HasSubstr("  shares by thompson, regret 0.0123 a call, next move not before 1970-01-12T14:00:00+00:00, "
                        "waits: enhanced has 12 of 100 outcomes\n"
                        "    baseline: 0.785 +- 0.012 of 1,200, best with 3.12 %\n"
                        "    enhanced: 0.5 +- 0.1 of 12, harm at most 0.25\n"));
}

TEST(TroubleTest, OnlyARolloutThatNobodyCanTellIsTrouble) {
  weir::v1::Status status = InARollout();
  for (const weir::v1::Phase phase :
       {weir::v1::WAITING, weir::v1::STEPPING, weir::v1::PAUSED, weir::v1::WATCHING, weir::v1::COMPLETED}) {
    status.mutable_experiments(0)->set_phase(phase);
    EXPECT_EQ(Trouble(status), "");
  }
  status.mutable_experiments(0)->set_phase(weir::v1::INCONCLUSIVE);
  EXPECT_EQ(Trouble(status), "income is INCONCLUSIVE");
}

}  // namespace
}  // namespace weir::cli
