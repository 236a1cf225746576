// Calls whose experiment asks for a parameter of their first message.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/network.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/inference/open_inference.pb.h"
#include "router/dataplane/call_rig.h"

namespace weir::dataplane {
namespace {

using http2::ErrorCode;
using http2::Fields;
using http2::Slice;
using http2::StreamId;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kInfer[] = "/inference.GRPCInferenceService/ModelInfer";
constexpr int kAway = 99;

// A request of a sequence, with its prefix.
struct Said {
  int64_t sequence = 0;  // 0: says nothing of one.
  bool start = false;
  bool end = false;
  std::string user{};
  size_t tensor_bytes = 16;
};

std::string Request(const Said& said) {
  inference::ModelInferRequest request;
  request.set_model_name("chat");
  auto& parameters = *request.mutable_parameters();
  if (said.sequence != 0) parameters["sequence_id"].set_int64_param(said.sequence);
  if (said.start) parameters["sequence_start"].set_bool_param(true);
  if (said.end) parameters["sequence_end"].set_bool_param(true);
  if (!said.user.empty()) parameters["user_id"].set_string_param(said.user);
  request.add_raw_input_contents(std::string(said.tensor_bytes, 'x'));
  return Message(request.SerializeAsString());
}

class CallBodyTest : public testing::Test, public CallRig {
 protected:
  CallBodyTest() {
    experiment().match = {"inference.GRPCInferenceService", ""};
    experiment().sequence = config::SequenceKey{"", "sequence_id", "sequence_start", "sequence_end"};
    experiment().parameters = {"sequence_end", "sequence_id", "sequence_start"};
  }
  void SetWeights(uint32_t baseline, uint32_t candidate) {
    experiment().variants = {{"baseline", baseline}, {"candidate", candidate}};
  }
  StreamId Ask(std::string_view body, bool end_stream, std::vector<std::string_view> more_headers = {}) {
    more_headers.insert(more_headers.end(), {"x-user", "u"});
    return calls_.Ask(kInfer, body, end_stream, more_headers);
  }
  void Send(StreamId stream, std::string_view data, bool end_stream = false) {
    client().session().SendData(stream, Slice::Copy(data), end_stream);
    calls_.Run();
  }
  // The model that has got a call since it was looked at last.
  size_t Asked() {
    size_t asked = kAway;
    for (size_t i = 0; i < 2; ++i) {
      if (CallEvents(model(i)).empty()) continue;
      ++calls_of_[i];
      EXPECT_EQ(asked, kAway) << "both models were asked";
      asked = i;
    }
    return asked;
  }
  // A whole call; the model that got it.
  size_t Call(const Said& said, std::string_view status = "0") {
    Ask(Request(said), true);
    const size_t i = Asked();
    if (i == kAway) return i;
    at_model(i).SendHeaders(2 * calls_of_[i] - 1, Fields({":status", "200", "grpc-status", status}), true);
    calls_.Run();
    return i;
  }
  size_t pins() const { return calls_.services_.sequences.size(); }
  int64_t unread() { return calls_.counts().proxy.bodies_unread; }
  bool IsWaiting() {
    return CallEvents(model(0)).empty() && CallEvents(model(1)).empty() && calls_.calls_.in_flight() == 1;
  }

  StreamId calls_of_[2] = {0, 0};
};

// --- Waiting.

TEST_F(CallBodyTest, ACallWaitsForItsFirstMessageAndForNothingMore) {
  const StreamId stream = Ask("", false);
  EXPECT_TRUE(IsWaiting());
  Send(stream, Request({.sequence = 1}));
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(HasSubstr(kInfer), "D1 " + Request({.sequence = 1})));
  Send(stream, Request({.sequence = 2}));  // Of the same stream: decided is decided.
  EXPECT_THAT(CallEvents(model(1)), ElementsAre("D1 " + Request({.sequence = 2})));
  Send(stream, "", true);
  EXPECT_THAT(CallEvents(model(1)), ElementsAre("D1 $"));
  Answer(1, Message("world"), 1);
  EXPECT_THAT(Reply(), HasSubstr("x-weir-variant=candidate x-weir-reason=assigned"));
  EXPECT_EQ(unread(), 0);
}

TEST_F(CallBodyTest, OtherCallsOfTheServiceAndOtherExperimentsWaitForNothing) {
  calls_.Ask("/inference.GRPCInferenceService/ModelReady", "", false, {"x-user", "u"});
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(HasSubstr("ModelReady")));
  calls_.Ask("/plain.S/M", "", false);
  EXPECT_THAT(CallEvents(model(0)), ElementsAre(HasSubstr("plain")));
  experiment().parameters.clear();
  experiment().sequence.reset();
  Ask("", false);
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(HasSubstr(kInfer)));
}

TEST_F(CallBodyTest, HoweverTheBodyIsCutItsBytesArriveAndItsParametersCount) {
  const std::string body = Request({.sequence = 7, .tensor_bytes = 100});
  for (size_t cut = 0; cut <= body.size(); ++cut) {
    SetWeights(0, 100);
    EXPECT_EQ(Call({.sequence = 7, .start = true}), 1u);
    SetWeights(100, 0);
    const StreamId stream = Ask("", false);
    Send(stream, body.substr(0, cut));
    Send(stream, body.substr(cut), true);
    ASSERT_EQ(Asked(), 1u) << cut;
    EXPECT_EQ(model(1).body(2 * calls_of_[1] - 1), body) << cut;
  }
}

TEST_F(CallBodyTest, ByteByByteTooAndMirrorsGetTheSame) {
  experiment().mirrors = {{2, config::Percent::All()}};
  const std::string body = Request({.sequence = 7, .tensor_bytes = 100});
  const StreamId stream = Ask("", false);
  for (const char byte : body) Send(stream, std::string(1, byte));
  Send(stream, Request({}), true);
  for (const size_t i : {1, 2}) {
    EXPECT_THAT(CallEvents(model(i)), ElementsAre(HasSubstr(kInfer), "D1 " + body + Request({}) + "$")) << i;
  }
  EXPECT_EQ(pins(), 1u);
  EXPECT_EQ(calls_.mirrors_.unsent_bytes(), 0u);
}

TEST_F(CallBodyTest, AMirrorOfACallThatCameWholeIsWholeToo) {
  experiment().mirrors = {{2, config::Percent::All()}};
  Ask(Request({.sequence = 7}), true);
  EXPECT_THAT(CallEvents(model(2)), ElementsAre(HasSubstr(kInfer), "D1 " + Request({.sequence = 7}) + "$"));
  Ask("", true);  // Without a body.
  EXPECT_THAT(CallEvents(model(2)), ElementsAre(testing::EndsWith("$")));
}

TEST_F(CallBodyTest, ALargeRequestIsForwardedAsItComes) {
  const std::string body = Request({.sequence = 7, .tensor_bytes = 300'000});
  const StreamId stream = Ask(body.substr(0, 200), false);
  EXPECT_EQ(model(1).body(1), body.substr(0, 200));
  Send(stream, body.substr(200), true);
  EXPECT_EQ(model(1).body(1), body);
  EXPECT_EQ(pins(), 1u);
}

TEST_F(CallBodyTest, ACallWithoutABodyWaitsForNone) {
  Ask("", true);
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(testing::EndsWith("$")));
  const StreamId stream = Ask("", false);
  EXPECT_THAT(CallEvents(model(1)), IsEmpty());
  Send(stream, "", true);
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(testing::AllOf(HasSubstr("H3 "), testing::EndsWith("$"))));
  EXPECT_EQ(unread(), 0);
  EXPECT_EQ(pins(), 0u);
}

TEST_F(CallBodyTest, ABodyThatEndsTooEarlyGoesAsItIs) {
  const std::string part = Request({.sequence = 7}).substr(0, 12);
  const StreamId stream = Ask(part, false);
  EXPECT_TRUE(IsWaiting());
  Send(stream, "", true);
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(HasSubstr(kInfer), "D1 " + part + "$"));
  EXPECT_EQ(unread(), 1);
  EXPECT_EQ(pins(), 0u);
}

TEST_F(CallBodyTest, TrailersOfARequestEndTheWaitToo) {
  const StreamId stream = Ask(Request({.sequence = 7}).substr(0, 12), false);
  client().session().SendHeaders(stream, Fields({"checksum", "42"}), true);
  calls_.Run();
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(HasSubstr(kInfer), HasSubstr("D1 "), "H1 checksum=42!$"));
}

TEST_F(CallBodyTest, WhatCannotBeReadIsRoutedWithoutItsParametersAndCounted) {
  std::string compressed = Request({.sequence = 7});
  compressed[0] = 1;
  Ask(compressed, true);
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(HasSubstr(kInfer), "D1 " + compressed + "$"));
  EXPECT_EQ(unread(), 1);
  Ask(Message("no protobuf"), true);
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(HasSubstr(kInfer), "D3 " + Message("no protobuf") + "$"));
  EXPECT_EQ(unread(), 2);
  EXPECT_EQ(pins(), 0u);
}

TEST_F(CallBodyTest, ParametersBehindTheBoundAreNotWaitedFor) {
  inference::ModelInferRequest tensor, parameters;
  tensor.add_raw_input_contents(std::string(config::limits::kScannedBodyBytes - 100, 'x'));
  (*parameters.mutable_parameters())["sequence_id"].set_string_param(std::string(1000, 's'));
  const std::string body = Message(tensor.SerializeAsString() + parameters.SerializeAsString());
  const StreamId stream = Ask(body.substr(0, 16'000), false);
  EXPECT_TRUE(IsWaiting());
  Send(stream, body.substr(16'000, 350));
  EXPECT_EQ(model(1).body(1), body.substr(0, 16'350));
  EXPECT_EQ(unread(), 1);
  Send(stream, body.substr(16'350), true);
  EXPECT_EQ(model(1).body(1), body);
}

TEST_F(CallBodyTest, AnotherFormatThanProtobufIsNotWaitedFor) {
  http2::HeaderList request = Fields({":method", "POST", ":scheme", "http", ":path", kInfer, ":authority", "a",
                                      "content-type", "application/grpc+json", "x-user", "u"});
  client().session().StartRequest(request, false);
  calls_.Run();
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(HasSubstr("grpc+json")));
  EXPECT_EQ(unread(), 1);
}

TEST_F(CallBodyTest, WhatIsNoGrpcIsRefusedAtOnce) {
  http2::HeaderList request = Fields(
      {":method", "POST", ":scheme", "http", ":path", kInfer, ":authority", "a", "content-type", "application/json"});
  client().session().StartRequest(request, false);
  calls_.Run();
  EXPECT_THAT(Reply(), HasSubstr(":status=415"));
  Ask("", false, {"grpc-timeout", "soon"});
  EXPECT_THAT(Reply(), HasSubstr("grpc-status=13"));
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
}

TEST_F(CallBodyTest, AForcedCallDoesNotWait) {
  calls_.table().force_variant_header = {"x-force", {*config::ParseNetwork("::/0")}};
  Ask("", false, {"x-force", "baseline"});
  EXPECT_THAT(CallEvents(model(0)), ElementsAre(Not(HasSubstr("x-force"))));
}

// --- Whoever gives up meanwhile.

TEST_F(CallBodyTest, AClientThatCancelsOrVanishesWhileItsCallWaitsLeavesNothingBehind) {
  const StreamId stream = Ask(Request({.sequence = 7}).substr(0, 12), false);
  client().session().Reset(stream, ErrorCode::kCancel);
  calls_.Run();
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
  Ask(Request({.sequence = 7}).substr(0, 12), false);
  EXPECT_TRUE(IsWaiting());
  calls_.client_->session.LoseAll();
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
  EXPECT_EQ(pins(), 0u);
  EXPECT_TRUE(calls_.counts().served.empty());
  EXPECT_TRUE(calls_.counts().inference.empty());
}

TEST_F(CallBodyTest, ADeadlineThatPassesWhileACallWaitsCountsForNobody) {
  const StreamId stream = Ask("", false, {"grpc-timeout", "2S"});
  calls_.Advance(absl::Seconds(1));
  EXPECT_TRUE(IsWaiting());
  calls_.Advance(absl::Seconds(1));
  EXPECT_THAT(Reply(), testing::AllOf(HasSubstr("grpc-status=4"), HasSubstr("before the first message came")));
  EXPECT_EQ(calls_.counts().proxy.deadlines_expired, 1);
  EXPECT_TRUE(calls_.counts().served.empty());
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
  Send(stream, Request({.sequence = 7}), true);  // On its way when the answer came.
  EXPECT_THAT(CallEvents(model(1)), IsEmpty());
}

TEST_F(CallBodyTest, AClientThatCancelsAtItsDeadlineIsCountedSo) {
  const StreamId stream = Ask("", false, {"grpc-timeout", "2S"});
  calls_.Advance(absl::Milliseconds(1999));
  client().session().Reset(stream, ErrorCode::kCancel);
  calls_.Run();
  EXPECT_EQ(calls_.counts().proxy.deadlines_expired, 1);
  EXPECT_TRUE(calls_.counts().served.empty());
}

TEST_F(CallBodyTest, TheTimeOfWaitingIsTakenFromTheDeadline) {
  const StreamId stream = Ask("", false, {"grpc-timeout", "10S"});
  calls_.Advance(absl::Seconds(4));
  Send(stream, Request({.sequence = 7}), true);
  EXPECT_THAT(CallEvents(model(1))[0], HasSubstr("grpc-timeout=6000000u"));
}

TEST_F(CallBodyTest, AModelsOwnBoundRunsFromTheHeadersOn) {
  calls_.table().models[1].deadline = absl::Seconds(2);
  const StreamId one = Ask("", false), other = Ask("", false);
  calls_.Advance(absl::Milliseconds(1500));
  Send(one, Request({.sequence = 7}), true);
  EXPECT_THAT(CallEvents(model(1))[0], HasSubstr("grpc-timeout=500000u"));
  calls_.Advance(absl::Milliseconds(500));
  Send(other, Request({.sequence = 7}), true);
  EXPECT_THAT(Reply(), testing::AllOf(HasSubstr("H1 :status=200"), HasSubstr("H3 :status=200")));
  EXPECT_THAT(CallEvents(model(1)), ElementsAre("R1 8 peer"));
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
}

TEST_F(CallBodyTest, WithoutADeadlineACallWaitsForAsLongAsItsClientIsThere) {
  const StreamId stream = Ask("", false);
  calls_.Advance(absl::Hours(5));
  EXPECT_TRUE(IsWaiting());
  Send(stream, Request({.sequence = 7}), true);
  EXPECT_EQ(Asked(), 1u);
}

TEST_F(CallBodyTest, WindowsAreGivenBackByCallsThatNeverGotToAModel) {
  // Were any byte of these forgotten, the connection's window would run dry.
  inference::ModelInferRequest tensor;
  tensor.add_raw_input_contents(std::string(16'000, 'x'));
  const std::string body = Message(tensor.SerializeAsString() + std::string(1'000, '\x0a')).substr(0, 16'010);
  for (int i = 0; i < 150; ++i) {
    const StreamId stream = Ask(body, false, {"grpc-timeout", "1S"});
    EXPECT_TRUE(IsWaiting());
    if (i % 2 == 0) client().session().Reset(stream, ErrorCode::kCancel);
    calls_.Run();
    calls_.Advance(absl::Seconds(1));
  }
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
  const std::string large = Request({.sequence = 1, .tensor_bytes = 2'000'000});
  Ask(large, true);
  EXPECT_EQ(model(1).body(1), large);
}

// --- What changes meanwhile.

TEST_F(CallBodyTest, ACallIsDecidedByTheTableOfWhenItsMessageCame) {
  const StreamId stream = Ask("", false);
  SetWeights(100, 0);
  Send(stream, Request({.sequence = 7}), true);
  EXPECT_EQ(Asked(), 0u);
}

TEST_F(CallBodyTest, AnExperimentThatAsksForNothingAnyMoreLetsItsCallsGoWithTheirNextBytes) {
  const StreamId stream = Ask("", false);
  experiment().parameters.clear();
  experiment().sequence.reset();
  Send(stream, Request({.sequence = 7}), true);
  EXPECT_EQ(Asked(), 1u);
  EXPECT_EQ(pins(), 0u);
  const StreamId orphan = Ask("", false);
  calls_.table().experiments.clear();
  Send(orphan, Request({.sequence = 7}), true);
  EXPECT_EQ(Asked(), 1u);  // Decided before: the table of then had nothing to ask.
}

TEST_F(CallBodyTest, AnExperimentThatIsGoneMeanwhileLeavesItsCallToTheRoutes) {
  const StreamId stream = Ask("", false);
  calls_.table().experiments.clear();
  Send(stream, Request({.sequence = 7}), true);
  EXPECT_THAT(Reply(), HasSubstr("grpc-status=12"));
}

TEST_F(CallBodyTest, ARollbackMeansNothingToACallThatIsNotDecided) {
  const StreamId stream = Ask("", false);
  SetWeights(1, 0);
  experiment().drained_by = calls_.now + absl::Seconds(1);
  calls_.AdoptTable();
  calls_.Advance(absl::Seconds(2));
  Send(stream, Request({.sequence = 7}), true);
  EXPECT_EQ(Asked(), 0u);
}

TEST_F(CallBodyTest, ACallThatThenWaitsForAStreamKeepsItsWholeBody) {
  experiment().mirrors = {{2, config::Percent::All()}};
  calls_.LoseModel(1);
  const StreamId stream = Ask(Request({.sequence = 7}), false);
  Send(stream, Request({}), true);
  calls_.ConnectModel(1);
  calls_.Run();
  const std::string whole = "D1 " + Request({.sequence = 7}) + Request({}) + "$";
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(HasSubstr(kInfer), whole));
  EXPECT_THAT(CallEvents(model(2)), ElementsAre(HasSubstr(kInfer), whole));
}

TEST_F(CallBodyTest, ARefusedStreamIsRetriedWithTheWholeBody) {
  const StreamId stream = Ask(Request({.sequence = 7}).substr(0, 12), false);
  Send(stream, Request({.sequence = 7}).substr(12), true);
  model(1).Take();
  at_model(1).Reset(1, ErrorCode::kRefusedStream);
  calls_.Run();
  EXPECT_THAT(CallEvents(model(1)), ElementsAre(HasSubstr(kInfer), "D3 " + Request({.sequence = 7}) + "$"));
}

TEST_F(CallBodyTest, ACallThatIsRefusedInTheMiddleOfItsMessageIsAnsweredAndItsRestDropped) {
  const StreamId stream = Ask(Request({.sequence = 7}).substr(0, 12), false);
  calls_.models_.SetHealthy(0, false);
  calls_.models_.SetHealthy(1, false);
  Send(stream, Request({.sequence = 7, .tensor_bytes = 50'000}).substr(12), false);
  EXPECT_THAT(Reply(), testing::AllOf(HasSubstr("grpc-status=14"), HasSubstr("R1 0 peer")));
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
}

TEST_F(CallBodyTest, WhatAClientWaitsWithItsMessageIsNotTheModelsLatency) {
  const StreamId stream = Ask("", false);
  calls_.Advance(absl::Seconds(30));
  Send(stream, Request({.sequence = 7}), true);
  calls_.Advance(absl::Milliseconds(10));
  Answer(1, Message("world"), 1);
  EXPECT_EQ(absl::Seconds(calls_.served(1).response_seconds), absl::Milliseconds(10));
}

// --- Sequences by parameter.

TEST_F(CallBodyTest, ASequenceStaysThroughChangedWeightsUntilItsEnd) {
  EXPECT_EQ(Call({.sequence = 1, .start = true}), 1u);
  SetWeights(100, 0);
  EXPECT_EQ(Call({.sequence = 1}), 1u);
  EXPECT_EQ(Call({.sequence = 2}), 0u);
  EXPECT_EQ(Call({}), 0u);
  EXPECT_EQ(Call({.sequence = 1, .end = true}), 1u);
  EXPECT_EQ(Call({.sequence = 1}), 0u);
  EXPECT_EQ(unread(), 0);
}

TEST_F(CallBodyTest, ASequenceThatBeginsAnewIsPlacedByTheWeightsOfNow) {
  EXPECT_EQ(Call({.sequence = 1, .start = true}), 1u);
  SetWeights(100, 0);
  EXPECT_EQ(Call({.sequence = 1, .start = true}), 0u);
  EXPECT_EQ(Call({.sequence = 1}), 0u);
  SetWeights(0, 100);
  EXPECT_EQ(Call({.sequence = 1}), 0u);
}

TEST_F(CallBodyTest, AnEndHoldsOnceItsCallIsAnsweredAndALastCallThatFailedMayBeMadeAgain) {
  EXPECT_EQ(Call({.sequence = 1}), 1u);
  SetWeights(100, 0);
  EXPECT_EQ(Call({.sequence = 1, .end = true}, /*status=*/"14"), 1u);
  Ask(Request({.sequence = 1, .end = true}), true);
  EXPECT_EQ(Asked(), 1u);
  EXPECT_EQ(Call({.sequence = 1}), 1u);  // Its end has not been answered.
  Answer(5, Message("bye"), 1);
  EXPECT_EQ(pins(), 0u);
  EXPECT_EQ(Call({.sequence = 1}), 0u);
}

TEST_F(CallBodyTest, TheEndOfOneUseOfANameIsNotThatOfTheNext) {
  Ask(Request({.sequence = 1, .end = true}), true);
  EXPECT_EQ(Asked(), 1u);
  EXPECT_EQ(Call({.sequence = 1, .start = true}), 1u);
  Answer(1, Message("bye"), 1);
  SetWeights(100, 0);
  EXPECT_EQ(Call({.sequence = 1}), 1u);
}

TEST_F(CallBodyTest, ASequenceOfOneCallLeavesNothingBehind) {
  EXPECT_EQ(Call({.sequence = 1, .start = true, .end = true}), 1u);
  EXPECT_EQ(pins(), 0u);
}

TEST_F(CallBodyTest, AUserMayBeNamedByAParameter) {
  experiment().key_sources = {{"x-user"}, {"user_id", /*is_parameter=*/true}};
  experiment().parameters.push_back("user_id");
  experiment().sequence.reset();
  SetWeights(50, 50);
  bool has_asked[2] = {false, false};
  for (int i = 0; i < 40; ++i) {
    const std::string user = std::to_string(i);
    calls_.Ask(kInfer, Request({}), true, {"x-user", user});
    const size_t by_header = Asked();
    calls_.Ask(kInfer, Request({.user = user}), true);
    ASSERT_EQ(Asked(), by_header);
    has_asked[by_header] = true;
  }
  EXPECT_TRUE(has_asked[0] && has_asked[1]);
  EXPECT_EQ(calls_.served(0).keyless + calls_.served(1).keyless, 0);
  // The header is there: nothing to wait for.
  Ask("", false);
  EXPECT_NE(Asked(), size_t{kAway});
}

}  // namespace
}  // namespace weir::dataplane
