// What calls add to the counts: the evidence contract, "A call", "Error" and "Latency".

#include <numeric>
#include <string>

#include "absl/strings/str_cat.h"
#include "config/network.h"
#include "gtest/gtest.h"
#include "router/dataplane/call_simulation.h"

namespace weir::dataplane {
namespace {

using http2::ErrorCode;
using http2::Fields;
using http2::Response;
using http2::Slice;
using http2::StreamId;

constexpr char kExperiment[] = "/exp.S/M";

// Everybody is assigned to variant 1, the candidate.
class CallCountsTest : public testing::Test {
 protected:
  StreamId Ask(std::string_view body = Message("x"), bool end_stream = true,
               std::vector<std::string_view> headers = {"x-user", "u"}) {
    return calls_.Ask(kExperiment, body, end_stream, headers);
  }
  http2::Session& at_model(size_t i = 1) { return calls_.model(i).session(); }
  void AnswerWith(StreamId stream, std::string_view status, size_t i = 1) {
    at_model(i).SendHeaders(stream, Response(), false);
    at_model(i).SendHeaders(stream, Fields({"grpc-status", status}), true);
    calls_.Run();
  }
  // The answer to stream 1, all at once as far as the model is concerned.
  void AnswerInFull(const std::string& text) {
    at_model().SendHeaders(1, Response(), false);
    at_model().SendData(1, Slice::Copy(Message(text)), false);
    at_model().SendHeaders(1, Fields({"grpc-status", "0"}), true);
    calls_.Run();
  }
  // The client takes what there is, one piece after each pause.
  void TakeInSteps(StreamId stream, absl::Duration pause) {
    while (calls_.client().body(stream).size() > taken_) {
      calls_.Advance(pause);
      const size_t size = calls_.client().body(stream).size();
      calls_.client().session().Consume(stream, static_cast<uint32_t>(size - taken_));
      taken_ = size;
      calls_.Run();
    }
  }
  int64_t by_code(int code, uint16_t variant = 1) { return calls_.served(variant).by_code[code]; }
  // Of all users.
  int64_t uncompared(uint16_t variant) {
    const auto& by_user = calls_.inference(variant).uncompared();
    return std::accumulate(by_user.begin(), by_user.end(), int64_t{0});
  }
  absl::Duration ServedTime() { return absl::Seconds(calls_.served(1).response_seconds); }

  CallSimulation calls_;
  size_t taken_ = 0;  // Of the answer, by TakeInSteps.
};

TEST_F(CallCountsTest, ASuccessCountsItsStartAndItsEndOnce) {
  Ask();
  EXPECT_EQ(calls_.inference(1).started(), 1);
  EXPECT_EQ(calls_.inference(1).ended(), 0);
  AnswerWith(1, "0");
  EXPECT_EQ(calls_.inference(1).ended(), 1);
  EXPECT_EQ(calls_.inference(1).errors(), 0);
  EXPECT_EQ(calls_.inference(1).neutral(), 0);
  EXPECT_EQ(by_code(0), 1);
  EXPECT_EQ(calls_.served(1).assigned, 1);
}

TEST_F(CallCountsTest, EachCodeIsAnErrorANeutralOrASuccessByTheExperiment) {
  StreamId stream = 1;
  for (int code = 0; code <= 16; ++code, stream += 2) {
    const int64_t errors = calls_.inference(1).errors();
    const int64_t neutral = calls_.inference(1).neutral();
    Ask();
    AnswerWith(stream, std::to_string(code));
    // 1: that the model says CANCELLED to a client that waits is its own failure, whatever the experiment's codes.
    const bool is_error =
        code == 1 || code == 2 || code == 4 || code == 8 || code == 12 || code == 13 || code == 14 || code == 15;
    EXPECT_EQ(calls_.inference(1).errors() - errors, is_error) << code;
    EXPECT_EQ(calls_.inference(1).neutral() - neutral, !is_error && code != 0) << code;
    EXPECT_EQ(by_code(code), 1) << code;
  }
}

TEST_F(CallCountsTest, AClientsCancelIsNeitherSuccessNorError) {
  const StreamId stream = Ask();
  calls_.Advance(absl::Milliseconds(30));
  calls_.client().session().Reset(stream, ErrorCode::kCancel);
  calls_.Run();
  EXPECT_EQ(calls_.inference(1).ended(), 1);
  EXPECT_EQ(calls_.inference(1).neutral(), 1);
  EXPECT_EQ(calls_.inference(1).cancelled().count(), 1);
  EXPECT_EQ(calls_.served(1).cancelled, 1);
}

TEST_F(CallCountsTest, AClientThatCancelsAtItsOwnDeadlineSawTheDeadlinePass) {
  const StreamId stream = Ask(Message("x"), true, {"x-user", "u", "grpc-timeout", "1S"});
  calls_.Advance(absl::Milliseconds(985));  // Its clock started earlier than ours.
  calls_.client().session().Reset(stream, ErrorCode::kCancel);
  calls_.Run();
  EXPECT_EQ(by_code(4), 1);
  EXPECT_EQ(calls_.inference(1).errors(), 1);
}

TEST_F(CallCountsTest, AClientThatCancelsWellBeforeItsDeadlineCancels) {
  const StreamId stream = Ask(Message("x"), true, {"x-user", "u", "grpc-timeout", "1S"});
  calls_.Advance(absl::Milliseconds(900));
  calls_.client().session().Reset(stream, ErrorCode::kCancel);
  calls_.Run();
  EXPECT_EQ(by_code(4), 0);
  EXPECT_EQ(calls_.inference(1).neutral(), 1);
}

TEST_F(CallCountsTest, OurOwnDeadlineIsTheModelsError) {
  Ask(Message("x"), true, {"x-user", "u", "grpc-timeout", "100m"});
  calls_.Advance(absl::Milliseconds(101));
  EXPECT_EQ(by_code(4), 1);
  EXPECT_EQ(calls_.inference(1).errors(), 1);
}

TEST_F(CallCountsTest, ACancelThatComesFromTheModelIsNoClientsCancel) {
  Ask();
  at_model().Reset(1, ErrorCode::kCancel);
  calls_.Run();
  EXPECT_EQ(by_code(1), 1);
  EXPECT_EQ(calls_.served(1).cancelled, 0);
  EXPECT_EQ(calls_.served(1).errors, 1);
  EXPECT_EQ(calls_.inference(1).errors(), 1);
}

TEST_F(CallCountsTest, ALostConnectionIsTheModelsError) {
  Ask();
  calls_.LoseModel(1);
  calls_.Run();
  EXPECT_EQ(by_code(14), 1);
  EXPECT_EQ(calls_.inference(1).errors(), 1);
}

TEST_F(CallCountsTest, ARetriedCallIsCountedOnce) {
  Ask();
  at_model().Reset(1, ErrorCode::kRefusedStream);
  calls_.Run();
  AnswerWith(3, "0");
  EXPECT_EQ(calls_.inference(1).started(), 1);
  EXPECT_EQ(calls_.inference(1).ended(), 1);
  EXPECT_EQ(calls_.inference(1).errors(), 0);
}

TEST_F(CallCountsTest, ARetriedCallThatNoStreamIsLeftForEndsAsTheModelsError) {
  Ask();
  calls_.models_[1].is_waiting_refused = true;
  at_model().SendGoAway(0, ErrorCode::kNoError, "");
  at_model().Pump();
  calls_.Run();
  EXPECT_EQ(calls_.inference(1).started(), 1);
  EXPECT_EQ(calls_.inference(1).ended(), 1);
  EXPECT_EQ(calls_.inference(1).errors(), 1);
  EXPECT_EQ(by_code(14), 1);
  EXPECT_EQ(calls_.counts().proxy.calls_shed, 0);
}

TEST_F(CallCountsTest, ADivertedCallEntersNoComparison) {
  calls_.models_.SetHealthy(1, false);
  Ask();
  AnswerWith(1, "13", 0);
  EXPECT_TRUE(calls_.inference(0).empty());
  EXPECT_EQ(calls_.inference(1).started(), 0);
  EXPECT_EQ(calls_.inference(1).ended(), 0);
  EXPECT_EQ(calls_.inference(1).errors(), 0);
  EXPECT_EQ(calls_.inference(1).users(), stats::VariantCounts().users());
  EXPECT_EQ(calls_.served(1).assigned, 1);
  EXPECT_EQ(calls_.served(1).diverted, 1);
  EXPECT_EQ(by_code(13, 0), 1);
  EXPECT_EQ(calls_.served(0).by_reason[static_cast<int>(stats::Reason::kDiverted)], 1);
}

TEST_F(CallCountsTest, ADivertedCallIsStillOneOfThoseThatItsUsersVariantWasAssigned) {
  Ask();
  AnswerWith(1, "0");
  EXPECT_EQ(uncompared(1), 0);
  calls_.models_.SetHealthy(1, false);
  Ask();
  EXPECT_EQ(uncompared(1), 1);
  AnswerWith(1, "0", 0);
  Ask();
  calls_.client().session().Reset(5, ErrorCode::kCancel);
  calls_.Run();
  EXPECT_EQ(uncompared(1), 2);
  EXPECT_EQ(uncompared(0), 0);
  // Of the same user as the one before the outage.
  const auto& of_candidate = calls_.inference(1);
  for (int b = 0; b < stats::kUserBuckets; ++b)
    EXPECT_EQ(of_candidate.uncompared()[b], 2 * of_candidate.users()[b].calls);
}

TEST_F(CallCountsTest, ADivertedCallWithoutAKeyIsAssignedAsWell) {
  calls_.models_.SetHealthy(1, false);
  Ask(Message("x"), true, {});
  EXPECT_EQ(uncompared(1), 1);
}

TEST_F(CallCountsTest, ADivertedCallThatTheDefaultHasNoStreamForWasNeverBegunLikeAnyOther) {
  calls_.models_.SetHealthy(1, false);
  calls_.LoseModel(0);
  calls_.models_.SetHealthy(0, true);
  calls_.models_[0].is_waiting_refused = true;
  Ask();
  EXPECT_EQ(calls_.counts().proxy.calls_shed, 1);
  EXPECT_EQ(uncompared(1), 0);
}

TEST_F(CallCountsTest, AForcedCallIsNobodysAssigned) {
  calls_.table().force_variant_header = {"x-force", {*config::ParseNetwork("::/0")}};
  Ask(Message("x"), true, {"x-user", "u", "x-force", "candidate"});
  AnswerWith(1, "0");
  EXPECT_EQ(by_code(0), 1);
  EXPECT_TRUE(calls_.inference(0).empty());
  EXPECT_TRUE(calls_.inference(1).empty());
}

TEST_F(CallCountsTest, PreviewedCallsAreCountedApartAndComparedWithNothing) {
  calls_.table().experiments[0].preview = {"x-preview", "", 1};
  const auto preview = [&] { return Ask(Message("x"), true, {"x-user", "u", "x-preview", "1"}); };
  AnswerWith(preview(), "0");
  AnswerWith(preview(), "13");
  AnswerWith(preview(), "3");  // The caller's own fault.
  const StreamId cancelled = preview();
  calls_.client().session().Reset(cancelled, ErrorCode::kCancel);
  calls_.Run();
  preview();  // Goes on.
  const stats::VariantCounts& counts = calls_.inference(1);
  EXPECT_EQ(
      counts.previews(),
      (stats::PreviewCounts{.started = 5, .ended = 4, .errors = 1, .neutral = 2, .newest = counts.previews().newest}));
  EXPECT_GT(counts.previews().newest, 0);
  EXPECT_EQ(counts.started(), 0);
  EXPECT_EQ(counts.ended(), 0);
  EXPECT_EQ(uncompared(1), 0);
  EXPECT_TRUE(calls_.inference(0).empty());
}

TEST_F(CallCountsTest, APreviewThatNoModelCanTakeIsNoCall) {
  calls_.table().experiments[0].preview = {"x-preview", "", 1};
  calls_.models_.SetHealthy(1, false);
  Ask(Message("x"), true, {"x-user", "u", "x-preview", "1"});
  EXPECT_TRUE(calls_.inference(1).empty());
}

TEST_F(CallCountsTest, AnUnavailableModelIsAShedOfTheProxyAndNobodysError) {
  calls_.models_.SetHealthy(0, false);
  calls_.models_.SetHealthy(1, false);
  Ask();
  EXPECT_EQ(calls_.counts().proxy.calls_shed, 1);
  EXPECT_TRUE(calls_.inference(1).empty());
  EXPECT_EQ(calls_.served(1).errors, 0);
}

TEST_F(CallCountsTest, CallsOutsideExperimentsCountForTheirModel) {
  calls_.Ask("/plain.S/M", Message("x"), true);
  AnswerWith(1, "0", 0);
  EXPECT_EQ((calls_.counts().served[{0, 0, 0}].by_code[0]), 1);
  EXPECT_TRUE(calls_.counts().inference.empty());
}

TEST_F(CallCountsTest, ACallBelongsToTheTickInWhichItWasHandedOn) {
  const stats::Tick tick = stats::TickOf(calls_.now);
  Ask();
  calls_.Advance(absl::Milliseconds(730));
  AnswerWith(1, "0");
  const auto& cohorts = calls_.inference(1).cohorts();
  ASSERT_EQ(cohorts.size(), 1u);
  EXPECT_EQ(cohorts.begin()->first, tick);
  EXPECT_EQ(cohorts.begin()->second.ended, 1);
}

// --- Latency.

TEST_F(CallCountsTest, AUnaryCallsLatencyBeginsWithItsLastRequestByte) {
  const StreamId stream = Ask(std::string_view(Message("slow upload")).substr(0, 8), false);
  calls_.Advance(absl::Seconds(3));
  calls_.client().session().SendData(stream, Slice::Copy(Message("slow upload").substr(8)), true);
  calls_.Run();
  calls_.Advance(absl::Milliseconds(40));
  AnswerWith(1, "0");
  EXPECT_EQ(ServedTime(), absl::Milliseconds(40));
}

TEST_F(CallCountsTest, AUnaryCallsLatencyEndsWithItsTrailers) {
  Ask();
  calls_.Advance(absl::Milliseconds(10));
  at_model().SendHeaders(1, Response(), false);
  at_model().SendData(1, Slice::Copy(Message("y")), false);
  calls_.Run();
  calls_.Advance(absl::Milliseconds(15));
  at_model().SendHeaders(1, Fields({"grpc-status", "0"}), true);
  calls_.Run();
  EXPECT_EQ(ServedTime(), absl::Milliseconds(25));
}

TEST_F(CallCountsTest, AStreamsLatencyIsThatOfItsFirstAnswer) {
  Ask(Message("x"), false);
  calls_.Advance(absl::Milliseconds(20));
  at_model().SendHeaders(1, Response(), false);
  const std::string message = Message("first");
  at_model().SendData(1, Slice::Copy(message.substr(0, 6)), false);
  calls_.Run();
  calls_.Advance(absl::Milliseconds(5));
  at_model().SendData(1, Slice::Copy(message.substr(6)), false);
  calls_.Run();
  calls_.Advance(absl::Minutes(10));
  at_model().SendData(1, Slice::Copy(Message("second")), false);
  at_model().SendHeaders(1, Fields({"grpc-status", "0"}), true);
  calls_.Run();
  EXPECT_EQ(ServedTime(), absl::Milliseconds(25));
  EXPECT_DOUBLE_EQ(calls_.served(1).stream_seconds, 600.025);
  EXPECT_EQ(calls_.served(1).by_stream_length[7], 1);  // 5 to 15 minutes.
}

TEST_F(CallCountsTest, AUnaryCallHasNoLengthOfAStream) {
  Ask();
  AnswerWith(1, "0");
  EXPECT_EQ(calls_.served(1).by_stream_length, decltype(calls_.served(1).by_stream_length){});
}

TEST_F(CallCountsTest, AClientThatReadsSlowlyIsNotTheModelsLatency) {
  calls_.client().is_consuming = false;
  Ask();
  calls_.Advance(absl::Milliseconds(10));
  at_model().SendHeaders(1, Response(), false);
  at_model().SendData(1, Slice::Copy(Message(std::string(60'000, 'y'))), false);
  at_model().SendHeaders(1, Fields({"grpc-status", "0"}), true);
  calls_.Run();
  calls_.Advance(absl::Seconds(30));
  EXPECT_EQ(ServedTime(), absl::Milliseconds(10));
}

// What the model gives of a large answer in one go.
TEST_F(CallCountsTest, AnAnswerLargerThanTheWindowWaitsForItsClientAtNoCostToTheModel) {
  calls_.client().is_consuming = false;
  const StreamId stream = Ask();
  calls_.Advance(absl::Milliseconds(10));
  AnswerInFull(std::string(400'000, 'y'));
  TakeInSteps(stream, absl::Seconds(2));
  EXPECT_EQ(calls_.client().body(stream).size(), 400'005u);
  EXPECT_EQ(ServedTime(), absl::Milliseconds(10));
}

TEST_F(CallCountsTest, AModelThatIsSlowBesideASlowClientIsChargedForItsOwnTime) {
  calls_.client().is_consuming = false;
  const StreamId stream = Ask();
  at_model().SendHeaders(1, Response(), false);
  const std::string message = Message(std::string(300'000, 'y'));
  at_model().SendData(1, Slice::Copy(message.substr(0, 60'000)), false);
  calls_.Run();
  calls_.Advance(absl::Milliseconds(700));  // Its window has room for more, though the client has taken nothing.
  at_model().SendData(1, Slice::Copy(message.substr(60'000)), false);
  at_model().SendHeaders(1, Fields({"grpc-status", "0"}), true);
  calls_.Run();
  TakeInSteps(stream, absl::Seconds(1));
  EXPECT_EQ(calls_.client().body(stream).size(), message.size());
  EXPECT_EQ(ServedTime(), absl::Milliseconds(700));
}

TEST_F(CallCountsTest, AClientThatReadsAtOnceHoldsNothingBack) {
  Ask();
  at_model().SendHeaders(1, Response(), false);
  const std::string message = Message(std::string(500'000, 'y'));
  for (size_t at = 0; at < message.size(); at += 50'000) {
    calls_.Advance(absl::Milliseconds(100));
    at_model().SendData(1, Slice::Copy(message.substr(at, 50'000)), false);
    calls_.Run();
  }
  at_model().SendHeaders(1, Fields({"grpc-status", "0"}), true);
  calls_.Run();
  EXPECT_EQ(ServedTime(), absl::Milliseconds(1100));
}

TEST_F(CallCountsTest, ASlowReaderIsNoLatencyOfItsNeighboursCall) {
  calls_.client().is_consuming = false;
  Ask();
  AnswerInFull(std::string(400'000, 'y'));
  Ask();
  calls_.Advance(absl::Milliseconds(30));
  AnswerWith(3, "0");
  EXPECT_EQ(ServedTime(), absl::Milliseconds(30));
}

TEST_F(CallCountsTest, TrailersOfARequestThatTheServerDoesNotTakeAreTheClientsFault) {
  http2::SessionOptions small;
  small.max_header_list_bytes = 1024;
  calls_.ConnectModel(1, small);
  const StreamId stream = Ask(Message("x"), false);
  const std::string large(2000, 'z');
  calls_.client().session().SendHeaders(stream, Fields({"x-large", large}), true);
  calls_.Run();
  EXPECT_EQ(calls_.inference(1).neutral(), 1);
  EXPECT_EQ(calls_.inference(1).errors(), 0);
  EXPECT_EQ(calls_.counts().proxy.calls_refused, 1);
  // Its connection lives, and serves the next.
  const StreamId next = Ask();
  AnswerWith(3, "0");
  EXPECT_NE(CallEvents(calls_.client()).back().find(absl::StrCat("H", next, " grpc-status=0")), std::string::npos);
}

TEST_F(CallCountsTest, ADeadlineThatTheClientsReadingUsedUpIsNobodysError) {
  calls_.client().is_consuming = false;
  Ask(Message("x"), true, {"x-user", "u", "grpc-timeout", "1S"});
  AnswerInFull(std::string(400'000, 'y'));
  calls_.Advance(absl::Seconds(2));
  calls_.Run();
  EXPECT_EQ(calls_.inference(1).ended(), 1);
  EXPECT_EQ(calls_.inference(1).neutral(), 1);
  EXPECT_EQ(calls_.inference(1).errors(), 0);
  EXPECT_EQ(calls_.counts().proxy.deadlines_expired, 1);
}

// --- Tickets.

TEST(CallTicketTest, AReplyCarriesATicketOfItsCallWhereTheExperimentIssuesThem) {
  CallSimulation calls;
  const TicketSealer sealer({.secrets = {std::string(32, 'k')}});
  calls.services_.tickets = &sealer;
  calls.services_.issuer = {11, 22, 3};
  calls.table().experiments[0].issues_tickets = true;
  calls.table().experiments[0].name_hash = 99;
  calls.table().experiments[0].run_ordinal = 4;
  for (uint64_t sequence = 0; sequence < 2; ++sequence) {
    calls.Ask("/exp.S/M", Message("x"), true, {"x-user", "u"});
    calls.model(1).session().SendHeaders(2 * sequence + 1, Fields({":status", "200", "grpc-status", "0"}), true);
    calls.Run();
    const std::string reply = CallEvents(calls.client()).back();
    const size_t at = reply.find("x-weir-ticket=");
    ASSERT_NE(at, std::string::npos) << reply;
    const auto ticket = sealer.Open(reply.substr(at + 14, kTicketChars));
    ASSERT_TRUE(ticket.ok()) << ticket.status();
    EXPECT_EQ(ticket->experiment, 99u);
    EXPECT_EQ(ticket->run, 4u);
    EXPECT_EQ(ticket->epoch, 3u);
    EXPECT_EQ(ticket->variant, 1u);
    EXPECT_EQ(ticket->start, calls.now);
    EXPECT_EQ(ticket->issuer, (stats::Issuer{11, 22, 3}));
    EXPECT_EQ(ticket->sequence, sequence);
  }
}

}  // namespace
}  // namespace weir::dataplane
