#include "router/dataplane/failed_calls.h"

#include <string>
#include <vector>

#include "config/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/dataplane/call_simulation.h"

namespace weir::dataplane {
namespace {

using http2::Fields;
using testing::Contains;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;
using testing::SizeIs;

TEST(KeptMetadataTest, TellsWhichHeadersCameAndTheValuesOfThoseThatCarryNoSecret) {
  const auto kept = KeptMetadata(Fields(
      {":path", "/s/m", "user-agent", "grpc-c++/1.5", "x-request-id", "r1", "x-user-id", "alice", "x-region", "EU"}));
  EXPECT_THAT(kept, testing::ElementsAre(Pair("user-agent", "grpc-c++/1.5"), Pair("x-request-id", "r1"),
                                         Pair("x-user-id", "(5 bytes)"), Pair("x-region", "(2 bytes)")));
}

TEST(KeptMetadataTest, SecretsAndKeysAreNeverKept) {
  for (const char* name : {"authorization", "cookie", "set-cookie", "x-api-key", "proxy-authorization", "token-bin",
                           "x-user-id", "x-session", "grpc-trace-bin", "x-goog-api-key"}) {
    for (const auto& [key, value] : KeptMetadata(Fields({name, "hunter2"}))) EXPECT_EQ(value, "(7 bytes)") << name;
  }
}

TEST(KeptMetadataTest, IsBoundedInEntriesAndBytes) {
  http2::HeaderList many;
  for (int i = 0; i < 100; ++i) many.Add("user-agent", std::string(10'000, 'x'));
  const auto kept = KeptMetadata(many);
  EXPECT_THAT(kept, SizeIs(config::limits::kFailedCallMetadata));
  EXPECT_THAT(kept, Each(Pair("user-agent", std::string(config::limits::kFailedCallTextBytes, 'x'))));
}

TEST(ShortenedTextTest, NothingOfItDrivesATerminal) { EXPECT_EQ(ShortenedText("a\x1b[31m\n\xff z"), "a?[31m?? z"); }

TEST(FailedCallsTest, AFewOfEachVariantAreWantedInATick) {
  FailedCalls calls;
  for (size_t i = 0; i < config::limits::kFailedCallsPerTick; ++i) EXPECT_TRUE(calls.Wants(1, 0));
  EXPECT_FALSE(calls.Wants(1, 0));
  EXPECT_TRUE(calls.Wants(1, 1));
  EXPECT_TRUE(calls.Wants(2, 0));
  (void)calls.Take();
  EXPECT_TRUE(calls.Wants(1, 0));
}

TEST(FailedCallsTest, WhereNoneAreTakenTheNewestStay) {
  FailedCalls calls;
  for (int tick = 0; tick < 100; ++tick) {
    calls.Keep({.grpc_code = tick});
    std::vector<stats::FailedCall> waiting = calls.Take();
    calls.GiveBack(std::move(waiting));
  }
  const std::vector<stats::FailedCall> kept = calls.Take();
  ASSERT_THAT(kept, SizeIs(config::limits::kFailedCallsPerReport));
  EXPECT_EQ(kept.front().grpc_code, 100 - static_cast<int>(config::limits::kFailedCallsPerReport));
  EXPECT_EQ(kept.back().grpc_code, 99);
}

// --- Of real calls.

class FailuresOfCallsTest : public testing::Test {
 protected:
  std::vector<stats::FailedCall> Take() { return calls_.services_.failed_calls.Take(); }
  CallSimulation calls_;
};

TEST_F(FailuresOfCallsTest, ACallThatItsModelFailedIsDescribed) {
  calls_.models_[1].connection->session.SetPeer("10.0.0.7:8001");
  calls_.Ask("/exp.S/M", Message("secret body"), true, {"x-user", "alice", "traceparent", "00-1"});
  calls_.Advance(absl::Milliseconds(20));
  calls_.model(1).session().SendHeaders(
      1, Fields({":status", "200", "grpc-status", "13", "grpc-message", "out of memory"}), true);
  calls_.Run();
  const std::vector<stats::FailedCall> kept = Take();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].run, 7u);
  EXPECT_EQ(kept[0].epoch, 3u);
  EXPECT_EQ(kept[0].variant, 1);
  EXPECT_EQ(kept[0].grpc_code, 13);
  EXPECT_EQ(kept[0].path, "/exp.S/M");
  EXPECT_EQ(kept[0].message, "out of memory");
  EXPECT_EQ(kept[0].endpoint, "10.0.0.7:8001");
  EXPECT_EQ(kept[0].latency, absl::Milliseconds(20));
  EXPECT_EQ(kept[0].started, calls_.now - absl::Milliseconds(20));
  EXPECT_THAT(kept[0].metadata, Contains(Pair("traceparent", "00-1")));
  EXPECT_THAT(kept[0].metadata, Contains(Pair("x-user", "(5 bytes)")));
}

TEST_F(FailuresOfCallsTest, OneWhoseConnectionWasLostNamesTheEndpoint) {
  calls_.models_[1].connection->session.SetPeer("10.0.0.7:8001");
  calls_.Ask("/exp.S/M", Message("x"), true, {"x-user", "alice"});
  calls_.LoseModel(1);
  calls_.Run();
  const std::vector<stats::FailedCall> kept = Take();
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_EQ(kept[0].endpoint, "10.0.0.7:8001");
  EXPECT_THAT(kept[0].message, HasSubstr("lost"));
}

TEST_F(FailuresOfCallsTest, WhatIsNoErrorOfTheVariantIsNotKept) {
  const auto answer = [&](http2::StreamId stream, const char* status) {
    calls_.model(1).session().SendHeaders(stream, Fields({":status", "200", "grpc-status", status}), true);
    calls_.Run();
  };
  calls_.Ask("/exp.S/M", Message("x"), true, {"x-user", "a"});
  answer(1, "0");
  calls_.Ask("/exp.S/M", Message("x"), true, {"x-user", "a"});
  answer(3, "5");
  calls_.client().session().Reset(calls_.Ask("/exp.S/M", Message("x"), true, {"x-user", "a"}),
                                  http2::ErrorCode::kCancel);
  calls_.Run();
  EXPECT_THAT(Take(), SizeIs(0));
}

}  // namespace
}  // namespace weir::dataplane
