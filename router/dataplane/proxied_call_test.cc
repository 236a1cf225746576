#include "router/dataplane/proxied_call.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/dataplane/call_rig.h"
#include "router/routing/assignment.h"

namespace weir::dataplane {
namespace {

using http2::ErrorCode;
using http2::Fields;
using http2::Response;
using http2::Slice;
using http2::StreamId;
using http2::Trailers;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char kPlain[] = "/plain.S/M";
constexpr char kExperiment[] = "/exp.S/M";

class ProxiedCallTest : public testing::Test, public CallRig {};

// --- The four kinds of call.

TEST_F(ProxiedCallTest, AUnaryCallIsCarriedWholeBothWays) {
  calls_.Ask(kPlain, Message("hello"), true);
  EXPECT_THAT(CallEvents(model()),
              ElementsAre("H1 :method=POST :scheme=http :path=/plain.S/M :authority=weir te=trailers "
                          "content-type=application/grpc",
                          "D1 " + Message("hello") + "$"));
  Answer(1, Message("world"));
  EXPECT_THAT(CallEvents(client()), ElementsAre("H1 :status=200 content-type=application/grpc x-weir-variant=baseline "
                                                "x-weir-reason=no-experiment",
                                                "D1 " + Message("world"), "H1 grpc-status=0$"));
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
}

TEST_F(ProxiedCallTest, MessagesOfAStreamAreNotHeldBackForOneAnother) {
  const StreamId stream = calls_.Ask(kPlain, "", false);
  at_model().SendHeaders(1, Response(), false);
  for (const char* text : {"one", "two", "three"}) {
    model().Take();
    client().session().SendData(stream, Slice::Copy(Message(text)), false);
    calls_.Run();
    EXPECT_THAT(CallEvents(model()), ElementsAre("D1 " + Message(text)));
    client().Take();
    at_model().SendData(1, Slice::Copy(Message(text)), false);
    calls_.Run();
    EXPECT_THAT(CallEvents(client()), testing::Contains("D1 " + Message(text)));
  }
}

TEST_F(ProxiedCallTest, AHalfCloseIsForwardedAloneAndTheResponseGoesOn) {
  const StreamId stream = calls_.Ask(kPlain, Message("x"), false);
  model().Take();
  client().session().SendData(stream, Slice(), true);
  calls_.Run();
  EXPECT_THAT(CallEvents(model()), ElementsAre("D1 $"));
  calls_.Advance(absl::Hours(5));
  Answer(1, Message("late"));
  EXPECT_THAT(CallEvents(client()), testing::Contains("H1 grpc-status=0$"));
}

TEST_F(ProxiedCallTest, ATrailersOnlyResponseStaysOneHeadersFrame) {
  calls_.Ask(kPlain, Message("x"), true);
  at_model().SendHeaders(
      1,
      Fields({":status", "200", "content-type", "application/grpc", "grpc-status", "5", "grpc-message", "no%20such"}),
      true);
  calls_.Run();
  EXPECT_THAT(CallEvents(client()),
              ElementsAre("H1 :status=200 content-type=application/grpc grpc-status=5 grpc-message=no%20such! "
                          "x-weir-variant=baseline x-weir-reason=no-experiment$"));
}

TEST_F(ProxiedCallTest, AnEarlyAnswerReachesTheClientWholeAndEndsTheRequestWithoutError) {
  const StreamId stream = calls_.Ask(kPlain, Message("part"), false);
  Answer(1, Message("enough"));
  EXPECT_THAT(CallEvents(client()), ElementsAre(testing::StartsWith("H1 :status=200"), "D1 " + Message("enough"),
                                                "H1 grpc-status=0$", "R1 0 peer"));
  EXPECT_THAT(CallEvents(model()), testing::Contains("R1 0 peer"));
  // What the client still sends is dropped, and its window given back.
  for (int i = 0; i < 100; ++i) client().session().SendData(stream, Slice::Copy(std::string(60'000, 'x')), false);
  calls_.Run();
  calls_.Ask(kPlain, Message("next"), true);
  EXPECT_THAT(CallEvents(model()), testing::Contains("D3 " + Message("next") + "$"));
}

TEST_F(ProxiedCallTest, AnEarlyAnswerToARequestThatTheModelDoesNotTakeLeavesNoStreamBehind) {
  model().is_consuming = false;
  calls_.Ask(kPlain, std::string(100'000, 'x'), true);
  Answer(1, Message("enough"));
  EXPECT_THAT(Reply(), HasSubstr("H1 grpc-status=0$"));
  EXPECT_EQ(at_model().open_streams(), 0u);
  EXPECT_EQ(calls_.models_[0].connection->port.session().open_streams(), 0u);
}

TEST_F(ProxiedCallTest, TrailersOfARequestArriveToo) {
  const StreamId stream = calls_.Ask(kPlain, Message("x"), false);
  model().Take();
  client().session().SendHeaders(stream, Fields({"checksum", "42"}), true);
  calls_.Run();
  EXPECT_THAT(CallEvents(model()), ElementsAre("H1 checksum=42!$"));
}

// --- Metadata.

// The recorder marks by "!" what no HPACK table keeps.
TEST_F(ProxiedCallTest, MetadataPassesByteForByteWithDuplicatesInOrderAndEntersNoSharedTable) {
  calls_.Ask(kPlain, "", true,
             {"a", "2", "a", "1", "k-bin", "AAH/", "a", "2", "grpc-unknown", "x", "authorization", "s"});
  EXPECT_THAT(CallEvents(model())[0], HasSubstr(" a=2! a=1! k-bin=AAH/! a=2! grpc-unknown=x! authorization=s!$"));
}

TEST_F(ProxiedCallTest, OwnHeadersOfAClientOrAModelAreNotBelieved) {
  calls_.Ask(kPlain, "", true, {"x-weir-variant", "candidate", "x-weir-ticket", "forged", "x-weir-mirror", "1"});
  EXPECT_THAT(CallEvents(model())[0], Not(HasSubstr("x-weir")));
  at_model().SendHeaders(1, Fields({":status", "200", "x-weir-ticket", "forged", "grpc-status", "0"}), true);
  calls_.Run();
  EXPECT_THAT(Reply(), Not(HasSubstr("forged")));
}

TEST_F(ProxiedCallTest, TheConfiguredForceHeaderIsNotForwardedFromAnyone) {
  calls_.table().force_variant_header.emplace().name = "my-force";
  calls_.Ask(kPlain, "", true, {"my-force", "candidate", "my-other", "v"});
  const std::string head = CallEvents(model())[0];
  EXPECT_THAT(head, Not(HasSubstr("my-force")));
  EXPECT_THAT(head, HasSubstr("my-other=v"));
}

TEST_F(ProxiedCallTest, AHostThatContradictsTheAuthorityIsRefused) {
  calls_.Ask(kPlain, "", true, {"host", "elsewhere"});
  EXPECT_THAT(Reply(), HasSubstr("grpc-status=13"));
  EXPECT_EQ(calls_.counts().proxy.calls_refused, 1);
  EXPECT_THAT(CallEvents(model()), IsEmpty());
}

// --- Refusals.

TEST_F(ProxiedCallTest, WithoutARouteACallIsUnimplemented) {
  calls_.Ask("/nobody.S/M", Message("x"), true);
  EXPECT_THAT(Reply(), HasSubstr("grpc-status=12"));
  EXPECT_EQ(calls_.counts().proxy.calls_unrouted, 1);
}

TEST_F(ProxiedCallTest, AContentTypeOtherThanGrpcIsRefusedUnlessTheRouteLetsItPass) {
  http2::HeaderList request = Fields(
      {":method", "POST", ":scheme", "http", ":path", kPlain, ":authority", "a", "content-type", "application/json"});
  client().session().StartRequest(request, true);
  calls_.Run();
  EXPECT_EQ(Reply(), "H1 :status=415$\n");
  request = Fields({":method", "GET", ":scheme", "http", ":path", "/web.S/page", ":authority", "a"});
  client().session().StartRequest(request, true);
  calls_.Run();
  at_model().SendHeaders(1, Fields({":status", "404"}), false);
  at_model().SendData(1, Slice::Copy("no such page"), true);
  calls_.Run();
  EXPECT_EQ(Reply(), "H3 :status=404 x-weir-variant=baseline x-weir-reason=no-experiment\nD3 no such page$\n");
}

TEST_F(ProxiedCallTest, MetadataThatTheModelServerDoesNotTakeCostsItsOwnCallAlone) {
  calls_.LoseModel(0);
  http2::SessionOptions small;
  small.max_header_list_bytes = 8 * 1024;
  calls_.ConnectModel(0, small);
  calls_.Run();
  model().Take();
  calls_.Ask(kPlain, "", true, {"k", std::string(12'000, 'v')});
  EXPECT_THAT(Reply(), HasSubstr("grpc-status=8"));
  EXPECT_THAT(CallEvents(model()), IsEmpty());
  EXPECT_EQ(calls_.counts().proxy.calls_refused, 1);
  calls_.Ask(kPlain, "", true, {"k", std::string(7'000, 'v')});
  EXPECT_THAT(CallEvents(model())[0], testing::StartsWith("H1 "));
  EXPECT_EQ(calls_.calls_.in_flight(), 1u);
}

TEST_F(ProxiedCallTest, AMalformedTimeoutIsRefusedAndNotTakenForNone) {
  for (const char* timeout : {"", "S", "123456789S", "1s", "-1S", "1.5S"}) {
    calls_.Ask(kPlain, "", true, {"grpc-timeout", timeout});
    EXPECT_THAT(Reply(), HasSubstr("grpc-status=13")) << timeout;
  }
  EXPECT_THAT(CallEvents(model()), IsEmpty());
}

// --- Deadlines and cancellation.

TEST_F(ProxiedCallTest, TheRemainingTimeIsForwardedAndNeverMore) {
  calls_.Ask(kPlain, "", true, {"grpc-timeout", "10S"});
  EXPECT_THAT(CallEvents(model())[0], HasSubstr("grpc-timeout=10000000u"));
  calls_.table().models[0].deadline = absl::Seconds(2);
  calls_.Ask(kPlain, "", true, {"grpc-timeout", "10S"});
  EXPECT_THAT(CallEvents(model())[0], HasSubstr("grpc-timeout=2000000u"));
  calls_.Ask(kPlain, "", true);
  EXPECT_THAT(CallEvents(model())[0], HasSubstr("grpc-timeout=2000000u"));
}

TEST_F(ProxiedCallTest, ACallThatWaitedForwardsWhatIsLeft) {
  calls_.LoseModel(0);
  calls_.Ask(kPlain, Message("x"), true, {"grpc-timeout", "10S"});
  calls_.Advance(absl::Seconds(3));
  calls_.ConnectModel(0);
  calls_.Run();
  EXPECT_THAT(CallEvents(model()), ElementsAre(HasSubstr("grpc-timeout=7000000u"), "D1 " + Message("x") + "$"));
}

TEST_F(ProxiedCallTest, AnExpiredDeadlineEndsBothSides) {
  calls_.Ask(kPlain, Message("x"), true, {"grpc-timeout", "100m"});
  model().Take();
  calls_.Advance(absl::Milliseconds(99));
  EXPECT_EQ(Reply(), "");
  calls_.Advance(absl::Milliseconds(2));
  EXPECT_THAT(Reply(), HasSubstr("grpc-status=4"));
  EXPECT_THAT(CallEvents(model()), ElementsAre("R1 8 peer"));
  EXPECT_EQ(calls_.counts().proxy.deadlines_expired, 1);
}

TEST_F(ProxiedCallTest, AClientsResetCancelsUpstreamAtOnce) {
  const StreamId stream = calls_.Ask(kPlain, Message("x"), false);
  model().Take();
  client().session().Reset(stream, ErrorCode::kCancel);
  calls_.Run();
  EXPECT_THAT(CallEvents(model()), ElementsAre("R1 8 peer"));
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
}

TEST_F(ProxiedCallTest, ALostClientLeavesNoWorkBehind) {
  for (int i = 0; i < 20; ++i) calls_.Ask(kPlain, Message("x"), false);
  calls_.LoseClient();
  calls_.Run();
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
  EXPECT_EQ(at_model().open_streams(), 0u);
}

// --- The model's failures.

TEST_F(ProxiedCallTest, AResetOfTheModelBecomesAStatus) {
  const struct {
    ErrorCode code;
    const char* status;
  } kCases[] = {{ErrorCode::kCancel, "grpc-status=1"},
                {ErrorCode::kEnhanceYourCalm, "grpc-status=8"},
                {ErrorCode::kInadequateSecurity, "grpc-status=7"},
                {ErrorCode::kInternalError, "grpc-status=13"},
                {ErrorCode::kProtocolError, "grpc-status=13"}};
  StreamId stream = 1;
  for (const auto& [code, status] : kCases) {
    calls_.Ask(kPlain, Message("x"), true);
    at_model().Reset(stream, code);
    calls_.Run();
    EXPECT_THAT(Reply(), HasSubstr(status));
    stream += 2;
  }
}

TEST_F(ProxiedCallTest, AnHttpStatusWithoutAGrpcStatusIsTranslated) {
  const std::pair<const char*, const char*> kCases[] = {{"400", "grpc-status=13"}, {"401", "grpc-status=16"},
                                                        {"403", "grpc-status=7"},  {"404", "grpc-status=12"},
                                                        {"503", "grpc-status=14"}, {"418", "grpc-status=2"}};
  StreamId stream = 1;
  for (const auto& [http, grpc] : kCases) {
    calls_.Ask(kPlain, Message("x"), true);
    at_model().SendHeaders(stream, Fields({":status", http, "content-type", "text/html"}), false);
    at_model().SendData(stream, Slice::Copy("<h1>sorry</h1>"), true);
    calls_.Run();
    const std::string reply = Reply();
    EXPECT_THAT(reply, HasSubstr(grpc));
    EXPECT_THAT(reply, Not(HasSubstr("sorry")));
    stream += 2;
  }
}

TEST_F(ProxiedCallTest, AModelThatDiesMidCallCostsNoClientItsConnection) {
  calls_.Ask(kPlain, Message("x"), true);
  at_model().SendHeaders(1, Response(), false);
  at_model().SendData(1, Slice::Copy(Message("half")), false);
  calls_.Run();
  client().Take();
  calls_.LoseModel(0);
  calls_.Run();
  EXPECT_THAT(Reply(), HasSubstr("H1 grpc-status=14"));
  calls_.ConnectModel(0);
  calls_.Run();
  calls_.Ask(kPlain, Message("again"), true);
  Answer(1, Message("fine"));
  EXPECT_THAT(Reply(), HasSubstr("H3 grpc-status=0$"));
}

TEST_F(ProxiedCallTest, ARefusedStreamIsRetriedOnceWithItsWholeRequest) {
  const StreamId stream = calls_.Ask(kPlain, Message("first"), false);
  model().Take();
  at_model().Reset(1, ErrorCode::kRefusedStream);
  calls_.Run();
  EXPECT_THAT(CallEvents(model()), ElementsAre(testing::StartsWith("H3 :method=POST"), "D3 " + Message("first")));
  client().session().SendData(stream, Slice::Copy(Message("second")), true);
  calls_.Run();
  EXPECT_THAT(CallEvents(model()), ElementsAre("D3 " + Message("second") + "$"));
  EXPECT_EQ(calls_.counts().proxy.calls_retried, 1);
  at_model().Reset(3, ErrorCode::kRefusedStream);
  calls_.Run();
  EXPECT_THAT(Reply(), HasSubstr("grpc-status=14"));
}

TEST_F(ProxiedCallTest, ARequestThatWaitsForItsSecondStreamLosesNothingHoweverMuchArrives) {
  const std::string first(60'000, 'a');
  const std::string second(60'000, 'b');
  const StreamId stream = calls_.Ask(kPlain, first, false);
  at_model().SendGoAway(0, ErrorCode::kNoError, "");
  at_model().Pump();
  calls_.Run();
  client().session().SendData(stream, Slice::Copy(second), true);
  calls_.Run();
  calls_.LoseModel(0);
  calls_.ConnectModel(0);
  calls_.Run();
  EXPECT_EQ(model().body(1), first + second);
  Answer(1, Message("both"));
  EXPECT_THAT(Reply(), HasSubstr("H1 grpc-status=0$"));
}

TEST_F(ProxiedCallTest, ARetryForwardsOneTimeoutOfWhatIsLeft) {
  calls_.Ask(kPlain, "", true, {"grpc-timeout", "10S", "k", "v"});
  calls_.Advance(absl::Seconds(4));
  model().Take();
  at_model().Reset(1, ErrorCode::kRefusedStream);
  calls_.Run();
  EXPECT_THAT(CallEvents(model())[0], HasSubstr("content-type=application/grpc k=v! grpc-timeout=6000000u!"));
}

TEST_F(ProxiedCallTest, NothingIsRetriedOnceTheResponseHasBegun) {
  calls_.Ask(kPlain, Message("x"), false);
  at_model().SendHeaders(1, Response(), false);
  calls_.Run();
  at_model().Reset(1, ErrorCode::kRefusedStream);
  calls_.Run();
  EXPECT_THAT(Reply(), HasSubstr("H1 grpc-status=14"));
  EXPECT_EQ(calls_.counts().proxy.calls_retried, 0);
}

TEST_F(ProxiedCallTest, StreamsAboveAGoAwayMoveToTheNextConnection) {
  calls_.Ask(kPlain, Message("served"), true);
  calls_.Ask(kPlain, Message("moved"), true);
  at_model().SendGoAway(1, ErrorCode::kNoError, "");
  at_model().Pump();
  calls_.Run();
  Answer(1, Message("a"));
  EXPECT_THAT(Reply(), HasSubstr("H1 grpc-status=0$"));
  calls_.LoseModel(0);
  calls_.ConnectModel(0);
  calls_.Run();
  EXPECT_THAT(CallEvents(model()), testing::Contains("D1 " + Message("moved") + "$"));
  Answer(1, Message("b"));
  EXPECT_THAT(Reply(), HasSubstr("H3 grpc-status=0$"));
  EXPECT_EQ(calls_.counts().proxy.calls_retried, 1);
}

TEST_F(ProxiedCallTest, AnAnswerWithoutAStatusIsUnknown) {
  calls_.Ask(kPlain, Message("x"), true);
  at_model().SendHeaders(1, Response(), false);
  at_model().SendData(1, Slice::Copy(Message("y")), true);
  calls_.Run();
  const std::string reply = Reply();
  EXPECT_THAT(reply, HasSubstr("D1 " + Message("y")));
  EXPECT_THAT(reply, HasSubstr("grpc-status=2"));
}

TEST_F(ProxiedCallTest, InterimResponsesWithoutEndAreAFailureOfTheModel) {
  calls_.Ask(kPlain, Message("x"), true);
  for (int i = 0; i < 1000; ++i) at_model().SendHeaders(1, Fields({":status", "103", "link", "x"}), false);
  calls_.Run();
  const auto events = CallEvents(client());
  EXPECT_LE(events.size(), 20u);
  EXPECT_THAT(events.back(), HasSubstr("grpc-status=13"));
  EXPECT_THAT(CallEvents(model()), testing::Contains("R1 8 peer"));
}

TEST_F(ProxiedCallTest, ALongPathIsNotEchoedWhole) {
  calls_.Ask("/" + std::string(8'000, 'p'), "", true);
  const std::string reply = Reply();
  EXPECT_THAT(reply, HasSubstr("grpc-status=12"));
  EXPECT_LT(reply.size(), 300u);
}

// --- Flow control.

TEST_F(ProxiedCallTest, AModelThatDoesNotReadHoldsBackItsClientAlone) {
  model().is_consuming = false;
  const StreamId slow = calls_.Ask(kPlain, std::string(300'000, 's'), false);
  EXPECT_GT(client().session().queued_bytes(slow), 150'000u);
  EXPECT_LE(model().received_bytes(), 65'536u);
  model().is_consuming = true;
  calls_.Ask(kPlain, Message("quick"), true);
  EXPECT_THAT(CallEvents(model()), testing::Contains("D3 " + Message("quick") + "$"));
  at_model().Consume(1, static_cast<uint32_t>(model().body(1).size()));
  calls_.Run();
  EXPECT_EQ(model().body(1).size(), 300'000u);
}

TEST_F(ProxiedCallTest, AClientThatDoesNotReadHoldsBackItsModelAlone) {
  client().is_consuming = false;
  calls_.Ask(kPlain, Message("x"), true);
  at_model().SendHeaders(1, Response(), false);
  at_model().SendData(1, Slice::Copy(std::string(1'000'000, 'a')), false);
  calls_.Run();
  EXPECT_GT(at_model().queued_bytes(1), 700'000u);
  client().is_consuming = true;
  calls_.Ask(kPlain, Message("x"), true);
  Answer(3, Message("quick"));
  EXPECT_THAT(Reply(), HasSubstr("H3 grpc-status=0$"));
  client().session().Consume(1, static_cast<uint32_t>(client().body(1).size()));
  calls_.Run();
  EXPECT_EQ(client().body(1).size(), 1'000'000u);
}

TEST_F(ProxiedCallTest, WindowsAreGivenBackByCallsThatEndBadly) {
  // Were any byte of these forgotten, the connections' windows would run dry: both are less than what is sent here.
  StreamId stream = 1;
  for (int i = 0; i < 100; ++i, stream += 2) {
    model().is_consuming = false;
    const StreamId asked = calls_.Ask(kPlain, std::string(50'000, 'x'), false);
    at_model().Consume(stream, static_cast<uint32_t>(model().body(stream).size()));
    at_model().SendHeaders(stream, Response(), false);
    at_model().SendData(stream, Slice::Copy(std::string(50'000, 'y')), false);
    calls_.Run();
    if (i % 3 == 0) client().session().Reset(asked, ErrorCode::kCancel);
    if (i % 3 == 1) at_model().Reset(stream, ErrorCode::kInternalError);
    if (i % 3 == 2) at_model().SendHeaders(stream, Trailers(), true);
    calls_.Run();
  }
  model().is_consuming = true;
  calls_.Ask(kPlain, std::string(200'000, 'z'), true);
  EXPECT_EQ(model().body(stream).size(), 200'000u);
  EXPECT_EQ(calls_.calls_.in_flight(), 1u);
}

TEST_F(ProxiedCallTest, AThousandStreamsAtOnceEachGetTheirOwnAnswer) {
  std::vector<StreamId> streams;
  for (int i = 0; i < 1000; ++i) streams.push_back(calls_.Ask(kPlain, Message(std::to_string(i)), true));
  model().Take();
  for (int i = 999; i >= 0; --i) {
    const StreamId stream = 2 * i + 1;
    at_model().SendHeaders(stream, Response(), false);
    at_model().SendData(stream, Slice::Copy(model().body(stream)), false);
    at_model().SendHeaders(stream, Trailers(), true);
  }
  calls_.Run();
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(client().body(streams[i]), Message(std::to_string(i)));
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
}

TEST_F(ProxiedCallTest, AFinishedAnswerThatItsClientDoesNotTakeIsDroppedInTheEnd) {
  client().is_consuming = false;
  for (int i = 0; i < 2; ++i) {
    calls_.Ask(kPlain, Message("x"), true);
    Answer(2 * i + 1, std::string(100'000, 'y'));
  }
  EXPECT_EQ(calls_.calls_.in_flight(), 0u);
  ClientSession& session = calls_.client_->session;
  session.ResetStalled(calls_.now);
  calls_.Advance(absl::Seconds(20));
  client().session().Consume(3, 60'000);  // This one reads, if slowly.
  calls_.Run();
  session.ResetStalled(calls_.now);
  calls_.Advance(absl::Seconds(11));
  client().Take();
  session.ResetStalled(calls_.now);
  calls_.Run();
  EXPECT_EQ(Reply(), "R1 8 peer\n");
  EXPECT_LE(session.port().session().open_streams(), 1u);
}

TEST_F(ProxiedCallTest, AClientThatReadsNoneOfItsAnswersGetsNoFurtherOnes) {
  client().is_consuming = false;
  int answered = 0;
  const auto ask = [&] {
    client().Take();
    model().Take();
    calls_.Ask(kPlain, Message("x"), true);
    return !CallEvents(model()).empty();
  };
  while (answered < 900 && ask()) Answer(2 * answered++ + 1, std::string(60'000, 'y'));
  // As many as the connection's window took, and 256 that wait.
  EXPECT_GE(answered, 256);
  EXPECT_LE(answered, 256 + 1024 * 1024 / 60'000 + 1);
  EXPECT_EQ(calls_.counts().proxy.calls_shed, 1);
  client().Take();
  client().is_consuming = true;
  // What it has got so far; then the rest comes, and is read at once.
  client().session().Consume(1, 17 * 60'000);
  calls_.Run();
  EXPECT_TRUE(ask());
}

// --- Waiting.

TEST_F(ProxiedCallTest, ACallWithoutADeadlineDoesNotWaitForEver) {
  calls_.LoseModel(0);
  calls_.Ask(kPlain, Message("x"), true);
  calls_.Advance(absl::Seconds(9));
  EXPECT_EQ(Reply(), "");
  calls_.Advance(absl::Seconds(2));
  EXPECT_THAT(Reply(), HasSubstr("grpc-status=14"));
}

TEST_F(ProxiedCallTest, ACandidateThatTurnsOutToBeDownWhileACallWaitsIsDiverted) {
  calls_.LoseModel(1);
  calls_.Ask(kExperiment, Message("x"), true, {"x-user", "u"});
  calls_.models_.SetHealthy(1, false);
  calls_.Run();
  Answer(1, Message("y"), 0);
  const std::string reply = Reply();
  EXPECT_THAT(reply, HasSubstr("x-weir-variant=baseline x-weir-reason=diverted"));
  EXPECT_THAT(reply, HasSubstr("grpc-status=0"));
  EXPECT_EQ(calls_.served(1).diverted, 1);
  stats::VariantCounts assigned;
  assigned.CountUncompared(routing::UserBucket("u"));
  EXPECT_EQ(calls_.inference(1), assigned) << "once, and nothing else";
  EXPECT_TRUE(calls_.inference(0).empty());
}

TEST_F(ProxiedCallTest, AMaximumOfOneStreamIsNeverExceeded) {
  calls_.LoseModel(0);
  http2::SessionOptions one;
  one.max_concurrent_streams = 1;
  calls_.ConnectModel(0, one);
  calls_.Run();
  for (int i = 0; i < 5; ++i) calls_.Ask(kPlain, Message(std::to_string(i)), true);
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(at_model().open_streams(), 1u);
    Answer(2 * i + 1, Message("ok"));
  }
  EXPECT_THAT(Reply(), HasSubstr("H9 grpc-status=0$"));
}

}  // namespace
}  // namespace weir::dataplane
