#include "router/dataplane/assignment_notes.h"

#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "router/dataplane/call_simulation.h"

namespace weir::dataplane {
namespace {

using http2::Fields;

class AssignmentNotesTest : public testing::Test {
 protected:
  AssignmentNotesTest() { calls_.table().log_sample = config::Percent::All(); }
  http2::StreamId Ask(std::string_view path = "/exp.S/M") {
    return calls_.Ask(path, Message("x"), true, {"x-user", "alice"});
  }
  void Answer(http2::StreamId stream, const char* status) {
    calls_.model(1).session().SendHeaders(stream, Fields({":status", "200", "grpc-status", status}), true);
    calls_.Run();
  }
  std::vector<stats::AssignmentRecord> Logged() {
    calls_.services_.assignments.Send();
    return std::exchange(calls_.logged, {});
  }
  CallSimulation calls_;
};

TEST_F(AssignmentNotesTest, ACallIsLoggedWhenItHasEnded) {
  Ask();
  EXPECT_TRUE(Logged().empty());
  calls_.Advance(absl::Milliseconds(20));
  Answer(1, "0");
  const std::vector<stats::AssignmentRecord> logged = Logged();
  ASSERT_EQ(logged.size(), 1u);
  EXPECT_EQ(logged[0].at, calls_.now - absl::Milliseconds(20));
  EXPECT_EQ(logged[0].latency, absl::Milliseconds(20));
  EXPECT_EQ(logged[0].user, routing::UserNumber("alice"));
  EXPECT_EQ(logged[0].run, 7u);
  EXPECT_EQ(logged[0].epoch, 3u);
  EXPECT_EQ(logged[0].assigned, 1);
  EXPECT_EQ(logged[0].served, 1);
  EXPECT_EQ(logged[0].grpc_code, 0);
  EXPECT_TRUE(logged[0].enters_inference);
  EXPECT_FALSE(logged[0].is_keyless);
  EXPECT_FALSE(logged[0].has_ticket);
}

TEST_F(AssignmentNotesTest, EveryWayToEndIsLoggedOnce) {
  Ask();
  Answer(1, "13");
  calls_.client().session().Reset(Ask(), http2::ErrorCode::kCancel);
  calls_.Run();
  Ask();
  calls_.table().experiments[0].drained_by = calls_.now;
  calls_.AdoptTable();
  Ask();
  calls_.LoseModel(1);
  calls_.models_.SetHealthy(1, false);
  calls_.models_.SetHealthy(0, false);
  calls_.Run();
  Ask();
  std::vector<int> codes;
  for (const stats::AssignmentRecord& record : Logged()) codes.push_back(record.grpc_code);
  EXPECT_EQ(codes, (std::vector<int>{13, 1, 14, 14, 14}));
}

TEST_F(AssignmentNotesTest, TheTicketThatCameWithAnErrorIsLoggedToo) {
  const TicketSealer sealer(TicketKeys{.secrets = {std::string(32, 'k')}});
  calls_.services_.tickets = &sealer;
  calls_.table().experiments[0].issues_tickets = true;
  Ask();
  calls_.LoseModel(1);
  calls_.Run();
  const std::vector<stats::AssignmentRecord> logged = Logged();
  ASSERT_EQ(logged.size(), 1u);
  EXPECT_TRUE(logged[0].has_ticket);
}

TEST_F(AssignmentNotesTest, WhatTheRuleDidNotAssignIsNotLogged) {
  Ask("/plain.S/M");
  calls_.table().experiments[0].preview = {"x-user", "", 1};
  Ask();
  Answer(1, "0");
  calls_.LoseClient();
  EXPECT_TRUE(Logged().empty());
}

TEST_F(AssignmentNotesTest, ManyAreHandedOverAsTheyCome) {
  for (size_t i = 0; i < config::limits::kLoggedCallsPerBatch; ++i) {
    EXPECT_TRUE(calls_.logged.empty());
    calls_.services_.assignments.Add({});
  }
  EXPECT_EQ(calls_.logged.size(), config::limits::kLoggedCallsPerBatch);
}

}  // namespace
}  // namespace weir::dataplane
