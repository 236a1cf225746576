#include "router/dataplane/drains.h"

#include <string>
#include <vector>

#include "config/network.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/dataplane/call_rig.h"

namespace weir::dataplane {
namespace {

using http2::Fields;
using http2::Response;
using http2::Slice;
using http2::StreamId;
using http2::Trailers;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kExperiment[] = "/exp.S/M";
constexpr char kEnd[] = "grpc-status=14 grpc-message=experiment exp was rolled back, and candidate is drained";

class DrainsTest : public testing::Test, public CallRig {
 protected:
  // A stream on the candidate (model 1), whose response has begun.
  StreamId OpenStream() {
    const StreamId stream = calls_.Ask(kExperiment, Message("first"), false, {"x-user", "u"});
    model(1).session().SendHeaders(++streams_at_model_ * 2 - 1, Response(), false);
    calls_.Run();
    client().Take();
    model(1).Take();
    return stream;
  }
  // The gate is shut; what was open may go on for `drain`.
  void RollBack(absl::Duration drain) {
    experiment().variants = {{"baseline", 1}, {"candidate", 0}};
    experiment().drained_by = calls_.now + drain;
    calls_.AdoptTable();
  }

  int streams_at_model_ = 0;
};

TEST_F(DrainsTest, AStreamOnARolledBackCandidateGoesOnUntilTheDrainIsOverAndThenEndsUnavailable) {
  const StreamId stream = OpenStream();
  RollBack(absl::Seconds(30));
  calls_.Advance(absl::Seconds(29));
  client().session().SendData(stream, Slice::Copy(Message("second")), false);
  calls_.Run();
  EXPECT_THAT(CallEvents(model(1)), ElementsAre("D1 " + Message("second")));
  EXPECT_THAT(Reply(), IsEmpty());
  calls_.Advance(absl::Seconds(1));
  EXPECT_THAT(Reply(), HasSubstr(kEnd));
  EXPECT_THAT(CallEvents(model(1)), ElementsAre("R1 8 peer"));
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
}

TEST_F(DrainsTest, ACallThatHadNoResponseYetIsAnsweredWithTheSameError) {
  calls_.Ask(kExperiment, Message("x"), true, {"x-user", "u"});
  RollBack(absl::Seconds(1));
  calls_.Advance(absl::Seconds(1));
  const std::string reply = Reply();
  EXPECT_THAT(reply, HasSubstr(":status=200"));
  EXPECT_THAT(reply, HasSubstr(kEnd));
}

TEST_F(DrainsTest, WithoutTimeToDrainTheEndComesWithTheRollback) {
  OpenStream();
  RollBack(absl::ZeroDuration());
  EXPECT_THAT(Reply(), HasSubstr(kEnd));
}

TEST_F(DrainsTest, WhatIsDrainedCountsForNobody) {
  OpenStream();
  OpenStream();
  RollBack(absl::Seconds(1));
  calls_.Advance(absl::Seconds(2));
  EXPECT_EQ(calls_.served(1).drained, 2);
  EXPECT_EQ(calls_.served(1).by_code[14], 2);
  EXPECT_EQ(calls_.served(1).errors, 0);
  EXPECT_EQ(calls_.served(1).cancelled, 0);
  EXPECT_EQ(calls_.inference(1).ended(), 2);
  EXPECT_EQ(calls_.inference(1).neutral(), 2);
  EXPECT_EQ(calls_.inference(1).errors(), 0);
}

TEST_F(DrainsTest, CallsOnTheDefaultAndOutsideTheExperimentAreLeftAlone) {
  experiment().variants = {{"baseline", 100}, {"candidate", 0}};
  calls_.Ask(kExperiment, Message("x"), false, {"x-user", "u"});
  calls_.Ask("/plain.S/M", Message("x"), false);
  RollBack(absl::Seconds(1));
  calls_.Advance(absl::Hours(1));
  EXPECT_EQ(calls_.calls_.in_flight(), 2u);
}

TEST_F(DrainsTest, ARunThatIsResetMeanwhileIsDrainedAndTheNewOneIsNot) {
  OpenStream();
  RollBack(absl::Seconds(10));
  experiment().run = 8;
  experiment().variants = {{"baseline", 0}, {"candidate", 100}};
  experiment().drained_by = absl::InfiniteFuture();
  calls_.AdoptTable();
  OpenStream();
  calls_.Advance(absl::Seconds(10));
  EXPECT_THAT(Reply(), HasSubstr("H1 " + std::string(kEnd)));
  EXPECT_EQ(calls_.calls_.in_flight(), 1u);
}

TEST_F(DrainsTest, AFileThatGivesLessTimeIsObeyedWhileTheDrainGoesOn) {
  OpenStream();
  RollBack(absl::Hours(1));
  experiment().drained_by = calls_.now + absl::Seconds(1);
  calls_.AdoptTable();
  calls_.Advance(absl::Seconds(1));
  EXPECT_THAT(Reply(), HasSubstr(kEnd));
}

TEST_F(DrainsTest, WhoForcesACandidateAfterItsRollbackIsNotDrained) {
  calls_.table().force_variant_header = {"x-force", {*config::ParseNetwork("::/0")}};
  const std::vector<std::string_view> forced = {"x-force", "candidate"};
  calls_.Ask(kExperiment, Message("before"), false, forced);
  RollBack(absl::Seconds(1));
  calls_.Advance(absl::Milliseconds(1));
  model(1).Take();
  calls_.Ask(kExperiment, Message("after"), false, forced);
  EXPECT_THAT(CallEvents(model(1)), testing::Contains("D3 " + Message("after")));
  calls_.Advance(absl::Seconds(1));
  EXPECT_THAT(Reply(), HasSubstr("H1 "));  // The one of before.
  EXPECT_EQ(calls_.calls_.in_flight(), 1u);
  calls_.AdoptTable();  // Another table of the same rollback.
  EXPECT_EQ(calls_.calls_.in_flight(), 1u);
}

TEST_F(DrainsTest, ACallThatWaitsForAStreamToTheCandidateGoesToTheDefaultAtOnce) {
  calls_.LoseModel(1);
  calls_.models_.SetHealthy(1, true);  // It is hoped for.
  calls_.Ask(kExperiment, Message("x"), true, {"x-user", "u"});
  EXPECT_THAT(CallEvents(model(0)), IsEmpty());
  RollBack(absl::Seconds(30));
  EXPECT_THAT(CallEvents(model(0)), testing::Contains("D1 " + Message("x") + "$"));
  EXPECT_EQ(calls_.served(1).diverted, 1);
  EXPECT_EQ(calls_.inference(1).started(), 0);
  EXPECT_FALSE(calls_.inference(1).empty()) << "it was assigned in the epoch in which it came";
}

}  // namespace
}  // namespace weir::dataplane
