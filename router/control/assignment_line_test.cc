#include "router/control/assignment_line.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"
#include "router/routing/assignment.h"

namespace weir::control {
namespace {

routing::RouteTable Table() {
  routing::RouteTable table;
  routing::ExperimentRoute experiment;
  experiment.name = "income";
  experiment.name_hash = routing::NameHash("income");
  experiment.run = 7;
  experiment.run_ordinal = 2;
  experiment.variants = {{"baseline", 70}, {"enhanced", 30}};
  table.experiments.push_back(experiment);
  return table;
}

RunNames Names() {
  RunNames names;
  names.Learn(Table());
  return names;
}

const absl::Time kNow = absl::FromUnixMillis(1'700'000'000'123);

stats::AssignmentRecord Record() {
  return {.at = kNow,
          .latency = absl::Microseconds(12'345),
          .user = 0x11'0000'0000'00abull,
          .issuer = {0xabcdef01, 3, 1},
          .ticket_sequence = 255,
          .run = 7,
          .epoch = 4,
          .assigned = 1,
          .served = 0,
          .reason = stats::Reason::kDiverted,
          .grpc_code = 14,
          .has_ticket = true};
}

TEST(AssignmentLineTest, ACallIsOneLineOfNames) {
  std::string out;
  ASSERT_TRUE(AppendAssignment(Record(), Names(), out));
  EXPECT_EQ(out,
            R"({"type":"assignment","at":"2023-11-14T22:13:20.123Z","experiment":"income","run":2,"epoch":4,)"
            R"("assigned":"enhanced","served":"baseline","reason":"diverted","user":"00110000000000ab","bucket":0,)"
            R"("code":14,"latency_ms":12.345,"inference":false,"ended_by_client":false,"ticket":"abcdef01-3-1-ff"})"
            "\n");
}

TEST(AssignmentLineTest, WhatIsNotThereIsNull) {
  stats::AssignmentRecord record = Record();
  record.is_keyless = true;
  record.has_ticket = false;
  record.latency = absl::Seconds(-1);
  std::string out;
  ASSERT_TRUE(AppendAssignment(record, Names(), out));
  EXPECT_NE(out.find(R"("user":null)"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("latency_ms":null)"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("ticket":null)"), std::string::npos) << out;
}

TEST(AssignmentLineTest, WhatNobodyCanNameIsNoLine) {
  std::string out;
  stats::AssignmentRecord record = Record();
  record.run = 8;
  EXPECT_FALSE(AppendAssignment(record, Names(), out));
  record = Record();
  record.assigned = 2;
  EXPECT_FALSE(AppendAssignment(record, Names(), out));
  EXPECT_EQ(out, "");
}

TEST(OutcomeLineTest, AnOutcomeNamesItsTicketAsTheAssignmentDoes) {
  stats::OutcomeReport report;
  report.ticket = {.experiment = routing::NameHash("income"),
                   .run = 2,
                   .epoch = 4,
                   .variant = 1,
                   .user_bucket = 17,
                   .start = kNow,
                   .issuer = {0xabcdef01, 3, 1},
                   .sequence = 255};
  report.metrics = {{"correct", 1}, {"odd \"\n\x01", 0.1}, {"z", std::numeric_limits<double>::quiet_NaN()}};
  std::string out;
  AppendOutcome(report, Names(), kNow, out);
  EXPECT_EQ(out,
            R"({"type":"outcome","at":"2023-11-14T22:13:20.123Z","experiment":"income","run":2,"epoch":4,"bucket":17,)"
            R"("ticket":"abcdef01-3-1-ff","metrics":{"correct":1,"odd \"\u000a\u0001":0.10000000000000001,"z":null}})"
            "\n");
}

TEST(DroppedLineTest, SaysHowManyAreMissing) {
  std::string out;
  AppendDropped(12, kNow, out);
  EXPECT_EQ(out, "{\"type\":\"dropped\",\"at\":\"2023-11-14T22:13:20.123Z\",\"lines\":12}\n");
}

TEST(RunNamesTest, TheOldestRunsAreForgotten) {
  RunNames names;
  routing::RouteTable table = Table();
  for (uint32_t run = 1; run <= RunNames::kKept + 1; ++run) {
    table.experiments[0].run = run;
    names.Learn(table);
  }
  EXPECT_EQ(names.Find(1), nullptr);
  EXPECT_NE(names.Find(2), nullptr);
}

}  // namespace
}  // namespace weir::control
