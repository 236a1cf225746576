#include "router/cli/audit.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "router/cli/replay.h"
#include "router/experiment/journal.h"

namespace weir::cli {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

std::string Text(int weight) {
  return absl::StrCat(
      "apiVersion: weir/v1\nkind: Experiment\nmetadata: {name: x}\nspec:\n  default: a\n  candidates:\n"
      "    - {name: a, weight: 70}\n    - {name: b, weight: ",
      weight, "}\n  match: {service: x}\n  assignment: {key: [{header: k}]}\n");
}

experiment::Change Open() {
  experiment::State state{
      .run = {1, "", kNow},
      .epoch = {1,
                kNow,
                {.variants = {{"a", config::Weight::FromHundredths(7000)}, {"b", config::Weight::FromHundredths(3000)}},
                 .default_variant = 0}},
      .phase = experiment::Running{},
      .phase_since = kNow};
  experiment::Change change{"x", kNow, "file", "run-opened", "first seen; weights a 70, b 30", state};
  change.grounds.specification_version = 1;
  change.grounds.specification = {.ordinal = 1, .text = Text(30), .file = "x.yaml", .owner = "ann"};
  change.grounds.event = experiment::Filed{};
  return change;
}

experiment::Change TakeUp() {
  experiment::Change change = Open();
  change.action = "specification-taken-up";
  change.grounds.before = change.state;
  change.grounds.specification_version = 2;
  change.grounds.specification = {.ordinal = 2, .text = "# why\n" + Text(30), .file = "x.yaml", .owner = "bob"};
  change.grounds.event.reset();
  return change;
}

control::JournalContents Contents() {
  control::JournalContents contents;
  contents.rows = {experiment::RecordOf(Open(), 1), experiment::RecordOf(TakeUp(), 2)};
  contents.hashes = {std::string(64, 'a'), std::string(64, 'b')};
  return contents;
}

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(AuditTest, AWholeChainIsShownWithItsHead) {
  const AuditPage page = VerifyAudit(Contents(), {});
  EXPECT_TRUE(page.is_good);
  EXPECT_TRUE(Has(page.text, "rows         2\n")) << page.text;
  EXPECT_TRUE(Has(page.text, "head         " + std::string(64, 'b') + "\n")) << page.text;
  EXPECT_TRUE(Has(page.text, "2023-11-14 22:13:20.000 UTC")) << page.text;
}

TEST(AuditTest, AHeadThatWasSeenEarlierHasToBeInTheChain) {
  EXPECT_TRUE(VerifyAudit(Contents(), {.head = std::string(64, 'A')}).is_good);
  const AuditPage page = VerifyAudit(Contents(), {.head = std::string(64, 'c')});
  EXPECT_FALSE(page.is_good);
  EXPECT_TRUE(Has(page.text, "broken: no row has the head ccc")) << page.text;
}

TEST(AuditTest, WhatIsNoHeadSaysNothingOfTheJournal) {
  for (const std::string& head :
       {std::string("zz"), std::string(64, 'z'), std::string(63, 'a'), std::string(65, 'a')}) {
    const AuditPage page = VerifyAudit(Contents(), {.head = head});
    EXPECT_FALSE(page.is_good);
    EXPECT_TRUE(Has(page.text, head + " is no head: 64 hex digits\n")) << page.text;
    EXPECT_FALSE(Has(page.text, "broken")) << page.text;
  }
}

TEST(AuditTest, AnUnknownExperimentIsNoEmptyTable) {
  for (const bool is_json : {false, true}) {
    const absl::Status unknown = ShowAudit(Contents(), {.experiment = "y", .is_json = is_json}).status();
    EXPECT_TRUE(absl::IsNotFound(unknown)) << unknown;
    EXPECT_EQ(unknown.message(), "the journal knows no experiment 'y'");
  }
  control::JournalContents broken = Contents();
  broken.verdict = absl::DataLossError("the audit chain breaks at row 3");
  EXPECT_TRUE(ShowAudit(broken, {.experiment = "y"}).ok());
}

TEST(AuditTest, ABrokenChainIsNoGoodPage) {
  control::JournalContents contents = Contents();
  contents.verdict = absl::DataLossError("the audit chain breaks at row 3");
  EXPECT_FALSE(VerifyAudit(contents, {}).is_good);
  EXPECT_TRUE(Has(VerifyAudit(contents, {}).text, "broken: the audit chain breaks at row 3"));
  EXPECT_FALSE(ShowAudit(contents, {})->is_good);
}

TEST(AuditTest, RowsAreOnesOfTheExperiment) {
  EXPECT_TRUE(Has(ShowAudit(Contents(), {})->text, "first seen"));
  control::JournalContents two = Contents();
  two.rows[1].mutable_state()->set_experiment("y");
  two.rows[1].set_detail("another");
  EXPECT_FALSE(Has(ShowAudit(two, {.experiment = "y"})->text, "first seen"));
  EXPECT_TRUE(Has(ShowAudit(two, {.experiment = "y"})->text, "another"));
}

TEST(AuditTest, VersionsAreShownWholeOrAsWhatChanged) {
  const std::string whole = ShowAudit(Contents(), {.wants_specifications = true})->text;
  EXPECT_TRUE(Has(whole, "# --- version 2 of x (x.yaml, of bob, modified ")) << whole;
  EXPECT_TRUE(Has(whole, Text(30))) << whole;
  const std::string diff = ShowAudit(Contents(), {.wants_differences = true})->text;
  EXPECT_TRUE(Has(diff, "+# why\n apiVersion: weir/v1\n")) << diff;
  EXPECT_TRUE(Has(diff, "@@ -0,0 +1,10 @@")) << diff;
}

TEST(AuditTest, JsonIsARecordALine) {
  const std::string text = ShowAudit(Contents(), {.is_json = true})->text;
  const nlohmann::json first = nlohmann::json::parse(text.substr(0, text.find('\n')));
  EXPECT_EQ(first["specification"]["owner"], "ann");
}

TEST(ReplayTest, DecisionsAreMadeAgainAndCounted) {
  const ReplayPage page = ReplayDecisions(Contents(), {.experiment = "x"});
  EXPECT_TRUE(page.is_good);
  EXPECT_TRUE(Has(page.text, "run-opened by file\n       first seen; weights a 70, b 30\n")) << page.text;
  EXPECT_TRUE(Has(page.text, "1 decision, all reproduced\n")) << page.text;
}

TEST(ReplayTest, TheFirstDifferenceIsNamed) {
  control::JournalContents contents = Contents();
  contents.rows[0].mutable_state()->mutable_variants(1)->set_hundredths(9999);
  const ReplayPage page = ReplayDecisions(contents, {.experiment = "x"});
  EXPECT_FALSE(page.is_good);
  EXPECT_TRUE(Has(page.text, "row 1 differs: the state was ")) << page.text;
}

TEST(ReplayTest, WhatRulesOfBeforeDecidedOtherwiseIsSaidAndIsNoDifference) {
  control::JournalContents contents = Contents();
  contents.rows.pop_back();
  contents.rows[0].mutable_state()->mutable_variants(1)->set_hundredths(9999);
  contents.rows[0].clear_rules();
  const ReplayPage page = ReplayDecisions(contents, {.experiment = "x"});
  EXPECT_TRUE(page.is_good);
  EXPECT_TRUE(Has(page.text, "decided by rules of before; by those of now the state was ")) << page.text;
  EXPECT_TRUE(Has(page.text, "1 decision: 0 reproduced, 1 by rules of before\n")) << page.text;
}

TEST(ReplayTest, WhatWasNotRecordedIsNotCountedAsReproduced) {
  control::JournalContents contents = Contents();
  contents.rows.pop_back();
  contents.rows[0].clear_event();
  contents.rows[0].clear_specification();
  const ReplayPage page = ReplayDecisions(contents, {.experiment = "x"});
  EXPECT_TRUE(page.is_good);
  EXPECT_TRUE(Has(page.text, "1 decision: 0 reproduced, 1 from before")) << page.text;
}

TEST(ReplayTest, ASpecificationThatIsRefusedNowIsNoDifference) {
  control::JournalContents contents = Contents();
  contents.rows.pop_back();
  contents.rows[0].mutable_specification()->mutable_text()->append("  unheardOf: 1\n");
  const ReplayPage page = ReplayDecisions(contents, {.experiment = "x"});
  EXPECT_TRUE(page.is_good);
  EXPECT_TRUE(Has(page.text, "not decided again: version 1 of its specification is refused now: ")) << page.text;
  EXPECT_TRUE(Has(page.text, "1 decision: 0 reproduced, 1 by a specification that this version")) << page.text;
}

TEST(ReplayTest, AnUnknownExperimentIsNoGoodPageAndJsonSaysTheSame) {
  EXPECT_FALSE(ReplayDecisions(Contents(), {.experiment = "y"}).is_good);
  const nlohmann::json json =
      nlohmann::json::parse(ReplayDecisions(Contents(), {.experiment = "x", .is_json = true}).text);
  EXPECT_EQ(json["reproduced"], 1);
  EXPECT_EQ(json["taken_up"], 1);
  EXPECT_EQ(json["decisions"][0]["outcome"], "reproduced");
}

TEST(AuditTest, WhatAnybodySaidForgesNoLineAndCommandsNoTerminal) {
  control::JournalContents contents = Contents();
  contents.rows[1].set_actor("eve\x1b[2J");
  contents.rows[1].set_detail(
      "fine\n    9  forged \xc2\x9b"
      "31m");
  contents.verdict = absl::DataLossError("row \x1b[1m");
  for (const std::string& page : {ShowAudit(contents, {})->text, VerifyAudit(contents, {}).text,
                                  ReplayDecisions(contents, {.experiment = "x"}).text}) {
    EXPECT_EQ(page.find('\x1b'), std::string::npos) << page;
    EXPECT_EQ(page.find('\x9b'), std::string::npos) << page;
    EXPECT_EQ(page.find("\n    9"), std::string::npos) << page;
  }
  EXPECT_TRUE(Has(ReplayDecisions(contents, {.experiment = "x"}).text, "by eve [2J"));
}

}  // namespace
}  // namespace weir::cli
