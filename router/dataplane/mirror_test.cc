#include "router/dataplane/mirror.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/dataplane/call_simulation.h"

namespace weir::dataplane {
namespace {

using http2::ErrorCode;
using http2::Fields;
using http2::Response;
using http2::Slice;
using http2::StreamId;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class MirrorTest : public testing::Test {
 protected:
  MirrorTest() {
    calls_.table().experiments[0].mirrors = {{2, config::Percent::All()}};
    calls_.table().models[2].deadline = absl::Milliseconds(500);
  }
  StreamId Ask(std::string_view body, bool end_stream = true) {
    return calls_.Ask("/exp.S/M", body, end_stream, {"x-user", "u", "grpc-timeout", "9S"});
  }
  void AnswerPrimary(StreamId stream) {
    http2::Session& model = calls_.model(1).session();
    model.SendHeaders(stream, Response(), false);
    model.SendHeaders(stream, Fields({"grpc-status", "0"}), true);
    calls_.Run();
  }
  const stats::ServedCounts& mirrored() { return calls_.counts().mirrors[{7, 0}]; }

  CallSimulation calls_;
};

TEST_F(MirrorTest, ACopyIsTheRequestMarkedAndUnderItsOwnDeadline) {
  Ask(Message("x"));
  const auto events = CallEvents(calls_.model(2));
  ASSERT_EQ(events.size(), 2u);
  EXPECT_THAT(events[0], HasSubstr(":path=/exp.S/M"));
  EXPECT_THAT(events[0], HasSubstr("x-user=u! x-weir-mirror=1 grpc-timeout=500000u!"));
  EXPECT_THAT(events[0], testing::Not(HasSubstr("9000000u")));
  EXPECT_EQ(events[1], "D1 " + Message("x") + "$");
}

TEST_F(MirrorTest, ItsAnswerGoesNowhereButIntoItsOwnCounts) {
  Ask(Message("x"));
  calls_.model(2).session().SendHeaders(1, Response(), false);
  calls_.model(2).session().SendData(1, Slice::Copy(std::string(200'000, 'y')), false);
  calls_.model(2).session().SendHeaders(1, Fields({"grpc-status", "13"}), true);
  calls_.Run();
  EXPECT_THAT(CallEvents(calls_.client()), IsEmpty());
  EXPECT_EQ(mirrored().by_code[13], 1);
  EXPECT_EQ(mirrored().errors, 1);
  EXPECT_EQ(calls_.inference(1).ended(), 0);
  AnswerPrimary(1);
  EXPECT_EQ(calls_.served(1).by_code[0], 1);
  EXPECT_EQ(calls_.mirrors_.in_flight(), 0u);
}

TEST_F(MirrorTest, ACopyGoesOnWhenThePrimaryWasQuicker) {
  Ask(Message("x"));
  AnswerPrimary(1);
  EXPECT_EQ(calls_.mirrors_.in_flight(), 1u);
  calls_.model(2).session().SendHeaders(1, Fields({":status", "200", "grpc-status", "0"}), true);
  calls_.Run();
  EXPECT_EQ(mirrored().by_code[0], 1);
}

TEST_F(MirrorTest, AMirrorThatIsDeadCostsThePrimaryNothing) {
  calls_.LoseModel(2);
  calls_.models_.SetHealthy(2, false);
  Ask(Message("x"));
  AnswerPrimary(1);
  EXPECT_THAT(CallEvents(calls_.client()).back(), HasSubstr("grpc-status=0"));
  EXPECT_EQ(mirrored().dropped, 1);
}

TEST_F(MirrorTest, AMirrorThatResetsOrVanishesCostsThePrimaryNothing) {
  const StreamId stream = Ask(Message("x"), false);
  calls_.model(2).session().Reset(1, ErrorCode::kInternalError);
  calls_.Run();
  calls_.client().session().SendData(stream, Slice::Copy(Message("y")), false);
  calls_.Run();
  const StreamId second = Ask(Message("z"), false);
  calls_.LoseModel(2);
  calls_.client().session().SendData(second, Slice::Copy(Message("y")), true);
  calls_.Run();
  calls_.client().session().SendData(stream, Slice(), true);
  calls_.Run();
  AnswerPrimary(1);
  AnswerPrimary(3);
  EXPECT_EQ(calls_.served(1).by_code[0], 2);
  EXPECT_EQ(mirrored().by_code[13], 1);
  EXPECT_EQ(mirrored().by_code[14], 1);
}

TEST_F(MirrorTest, AMirrorThatNeverAnswersIsGivenUpAtItsDeadline) {
  Ask(Message("x"));
  calls_.model(2).Take();
  calls_.Advance(absl::Milliseconds(501));
  EXPECT_EQ(mirrored().by_code[4], 1);
  EXPECT_THAT(CallEvents(calls_.model(2)), ElementsAre("R1 8 peer"));
  EXPECT_EQ(calls_.mirrors_.in_flight(), 0u);
}

TEST_F(MirrorTest, AMirrorThatDoesNotReadHoldsABoundedNumberOfBytesAndThePrimaryNone) {
  calls_.model(2).is_consuming = false;
  const std::string megabyte(1'000'000, 'x');
  for (int i = 0; i < 40; ++i) {
    Ask(megabyte);
    EXPECT_EQ(calls_.model(1).body(2 * i + 1).size(), megabyte.size());
    EXPECT_LE(calls_.mirrors_.unsent_bytes(), 16u * 1024 * 1024);
  }
  EXPECT_GT(mirrored().dropped, 20);
  calls_.Advance(absl::Seconds(1));
  EXPECT_EQ(calls_.mirrors_.unsent_bytes(), 0u);
}

TEST_F(MirrorTest, ACopyWhoseRequestTheClientBrokeOffIsBrokenOffToo) {
  const StreamId stream = Ask(Message("x"), false);
  calls_.model(2).Take();
  calls_.client().session().Reset(stream, ErrorCode::kCancel);
  calls_.Run();
  EXPECT_THAT(CallEvents(calls_.model(2)), ElementsAre("R1 8 peer"));
}

}  // namespace
}  // namespace weir::dataplane
