#include "router/http2/session.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/http2/session_recorder.h"

namespace weir::http2 {
namespace {

using Lines = std::vector<std::string>;

constexpr char kRequestLine[] =
    "H1 :method=POST :scheme=http :path=/s/m :authority=weir te=trailers content-type=application/grpc";
constexpr char kResponseLine[] = "H1 :status=200 content-type=application/grpc";

class SessionTest : public ::testing::Test {
 protected:
  SessionTest() {
    Exchange(client_, server_);
    client_.Take();
    server_.Take();
  }
  StreamId Start(bool end_stream = false) {
    const StreamId id = client_.session().StartRequest(Request(), end_stream);
    Exchange(client_, server_);
    server_.Take();
    return id;
  }
  void ExpectNothingOpen() {
    EXPECT_EQ(client_.session().open_streams(), 0u);
    EXPECT_EQ(server_.session().open_streams(), 0u);
  }
  SessionRecorder client_{Role::kClient};
  SessionRecorder server_{Role::kServer};
};

TEST_F(SessionTest, AUnaryCallArrivesAsHeadersBodyAndTrailersBothWays) {
  const StreamId id = client_.session().StartRequest(Request(), false);
  client_.session().SendData(id, Slice::Copy("ping"), true);
  Exchange(client_, server_);
  EXPECT_EQ(server_.Take(), (Lines{kRequestLine, "D1 ping$"}));
  server_.session().SendHeaders(id, Response(), false);
  server_.session().SendData(id, Slice::Copy("pong"), false);
  server_.session().SendHeaders(id, Trailers(), true);
  Exchange(client_, server_);
  EXPECT_EQ(client_.Take(), (Lines{kResponseLine, "D1 pong", "H1 grpc-status=0$"}));
  ExpectNothingOpen();
}

TEST_F(SessionTest, ATrailersOnlyResponseIsOneHeadersEventThatEndsTheStream) {
  const StreamId id = Start(true);
  server_.session().SendHeaders(id, Fields({":status", "200", "grpc-status", "12"}), true);
  Exchange(client_, server_);
  EXPECT_EQ(client_.Take(), (Lines{"H1 :status=200 grpc-status=12$"}));
  ExpectNothingOpen();
}

TEST_F(SessionTest, AnEndStreamAloneIsAnEmptyDataEvent) {
  const StreamId id = Start();
  client_.session().SendData(id, Slice(), true);
  Exchange(client_, server_);
  EXPECT_EQ(server_.Take(), (Lines{"D1 $"}));
}

TEST_F(SessionTest, RequestTrailersArrive) {
  const StreamId id = Start();
  client_.session().SendData(id, Slice::Copy("x"), false);
  client_.session().SendHeaders(id, Fields({"x-checksum", "7"}), true);
  Exchange(client_, server_);
  EXPECT_EQ(server_.Take(), (Lines{"D1 x", "H1 x-checksum=7$"}));
}

TEST_F(SessionTest, InterimResponsesComeBeforeTheFinalOne) {
  const StreamId id = Start(true);
  server_.session().SendHeaders(id, Fields({":status", "103", "link", "x"}), false);
  server_.session().SendHeaders(id, Fields({":status", "100"}), false);
  server_.session().SendHeaders(id, Response(), true);
  Exchange(client_, server_);
  EXPECT_EQ(client_.Take(), (Lines{"H1 :status=103 link=x", "H1 :status=100", std::string(kResponseLine) + "$"}));
}

TEST_F(SessionTest, FieldsArriveByteForByteWithDuplicatesAndIndexingKept) {
  HeaderList request = Request();
  request.Add("x-raw", "\x80\xff ,\t;");
  request.Add("k", "2");
  request.Add("k", "1", Indexing::kNever);
  request.Add("k", "2");
  request.Add("authorization", "secret");
  for (int i = 0; i < 2; ++i) {
    client_.session().StartRequest(request, true);
    Exchange(client_, server_);
    EXPECT_EQ(server_.Take().back().substr(sizeof(kRequestLine) - 1),
              " x-raw=\x80\xff ,\t; k=2 k=1! k=2 authorization=secret!$");
  }
}

TEST_F(SessionTest, AHeaderListLongerThanAFrameArrivesWhole) {
  SessionOptions large;
  large.max_header_list_bytes = 100'000;
  SessionRecorder client(Role::kClient), server(Role::kServer, large);
  HeaderList request = Request();
  const std::string value(60'000, 'v');
  request.Add("x-long", value);
  client.session().StartRequest(request, true);
  Exchange(client, server);
  EXPECT_EQ(server.Take().back(), std::string(kRequestLine) + " x-long=" + value + "$");
}

TEST_F(SessionTest, AResetByTheClientIsToldOnceAndEndsTheStream) {
  const StreamId id = Start();
  client_.session().Reset(id, ErrorCode::kCancel);
  client_.session().Reset(id, ErrorCode::kCancel);
  Exchange(client_, server_);
  EXPECT_EQ(server_.Take(), (Lines{"R1 8 peer"}));
  EXPECT_EQ(client_.Take(), Lines{});
  ExpectNothingOpen();
}

TEST_F(SessionTest, WhatIsInFlightOnAStreamThatWeResetIsIgnoredAndItsWindowGivenBack) {
  const StreamId id = Start();
  client_.session().Reset(id, ErrorCode::kCancel);
  server_.session().SendHeaders(id, Response(), false);
  for (int i = 0; i < 40; ++i) {
    // Far beyond the connection's window if it were not given back: a new stream each time, reset before it arrives.
    const StreamId next = client_.session().StartRequest(Request(), false);
    (void)server_.Receive(client_.TakeOutput());
    client_.session().Reset(next, ErrorCode::kCancel);
    server_.session().SendHeaders(next, Response(), false);
    server_.session().SendData(next, Slice::Copy(std::string(60'000, 'x')), true);
    ASSERT_TRUE(client_.Receive(server_.TakeOutput()).ok());
    ASSERT_TRUE(server_.Receive(client_.TakeOutput()).ok());
  }
  EXPECT_EQ(client_.Take(), Lines{});
  ExpectNothingOpen();
}

TEST_F(SessionTest, AnEarlyAnswerFollowedByResetNoErrorArrivesInFull) {
  const StreamId id = Start();
  const std::string body(200'000, 'b');
  server_.session().SendHeaders(id, Response(), false);
  server_.session().SendData(id, Slice::Copy(body), false);
  server_.session().SendHeaders(id, Trailers(), true);
  server_.session().Reset(id, ErrorCode::kNoError);
  Exchange(client_, server_);
  EXPECT_EQ(client_.Take(), (Lines{kResponseLine, "D1 " + body, "H1 grpc-status=0$", "R1 0 peer"}));
  ExpectNothingOpen();
}

TEST_F(SessionTest, CallsAboutUnknownStreamsDoNothing) {
  Session& session = server_.session();
  session.SendHeaders(7, Response(), true);
  session.SendData(7, Slice::Copy("x"), true);
  session.Reset(7, ErrorCode::kCancel);
  session.Consume(7, 0);
  EXPECT_EQ(session.queued_bytes(7), 0u);
  EXPECT_EQ(server_.TakeOutput(), "");
}

TEST_F(SessionTest, NothingIsSentOnAStreamAfterItsEnd) {
  const StreamId id = Start();
  client_.session().SendData(id, Slice(), true);
  client_.session().SendData(id, Slice::Copy("late"), true);
  client_.session().SendHeaders(id, Trailers(), true);
  Exchange(client_, server_);
  EXPECT_EQ(server_.Take(), (Lines{"D1 $"}));
}

TEST_F(SessionTest, PingsAreAnsweredAndTheAnswerIsTold) {
  client_.session().SendPing(0x1122334455667788);
  Exchange(client_, server_);
  EXPECT_EQ(client_.Take(), (Lines{"pong " + std::to_string(0x1122334455667788)}));
}

TEST_F(SessionTest, AfterGoAwayTheClientOpensNothingAndStreamsAboveItAreRefused) {
  const StreamId first = Start();
  const StreamId second = client_.session().StartRequest(Request(), false);
  server_.session().SendGoAway(first, ErrorCode::kNoError, "drain");
  Exchange(client_, server_);
  EXPECT_EQ(client_.Take(), (Lines{"G1 0 drain", "R3 7 peer"}));
  EXPECT_EQ(server_.Take(), Lines{});  // The second request was never shown.
  EXPECT_EQ(client_.session().StartRequest(Request(), true), 0u);
  EXPECT_EQ(client_.session().open_capacity(), 0u);
  server_.session().SendHeaders(first, Response(), true);
  client_.session().SendData(second, Slice::Copy("x"), true);
  client_.session().SendData(first, Slice(), true);
  Exchange(client_, server_);
  EXPECT_EQ(client_.Take(), (Lines{std::string(kResponseLine) + "$"}));
  ExpectNothingOpen();
}

TEST_F(SessionTest, CallsThatArriveAfterAnAnnouncedGoAwayAreServed) {
  server_.session().SendGoAway(kMaxStreamId, ErrorCode::kNoError, "");
  client_.session().StartRequest(Request(), true);
  ASSERT_TRUE(server_.Receive(client_.TakeOutput()).ok());
  EXPECT_EQ(server_.Take(), (Lines{std::string(kRequestLine) + "$"}));
  EXPECT_EQ(server_.session().last_peer_stream(), 1u);
}

TEST_F(SessionTest, TheHeaderTableStaysInStepThoughARequestBeyondTheGoAwayIsIgnored) {
  server_.session().SendGoAway(0, ErrorCode::kNoError, "");
  HeaderList request = Request();
  request.Add("x-new", "value");
  for (int i = 0; i < 3; ++i) client_.session().StartRequest(request, false);
  client_.session().SendData(5, Slice::Copy("dropped"), true);
  client_.session().SendPing(7);
  Exchange(client_, server_);
  EXPECT_EQ(server_.Take(), Lines{});
  EXPECT_EQ(client_.Take(), (Lines{"G0 0 ", "R1 7 peer", "R3 7 peer", "R5 7 peer", "pong 7"}));
}

TEST_F(SessionTest, TheOwnerMayResetInsideAnyEvent) {
  server_.on_headers = [&](StreamId id, const HeaderList&, bool) { server_.session().Reset(id, ErrorCode::kCancel); };
  const StreamId id = client_.session().StartRequest(Request(), false);
  client_.session().SendData(id, Slice::Copy("x"), false);
  Exchange(client_, server_);
  EXPECT_EQ(server_.Take(), (Lines{kRequestLine}));
  EXPECT_EQ(client_.Take(), (Lines{"R1 8 peer"}));
  server_.on_headers = nullptr;
  server_.on_data = [&](StreamId stream, const Slice&, bool) { server_.session().Reset(stream, ErrorCode::kCancel); };
  client_.session().StartRequest(Request(), false);
  client_.session().SendData(3, Slice::Copy(std::string(50'000, 'x')), true);
  Exchange(client_, server_);
  EXPECT_EQ(server_.Take().size(), 2u);
  EXPECT_EQ(client_.Take(), (Lines{"R3 8 peer"}));
  ExpectNothingOpen();
}

TEST_F(SessionTest, OpenCapacityFollowsThePeersSettings) {
  SessionOptions few;
  few.max_concurrent_streams = 2;
  SessionRecorder client(Role::kClient), server(Role::kServer, few);
  EXPECT_EQ(client.session().open_capacity(), 100u);
  EXPECT_FALSE(client.session().is_preface_received());
  Exchange(client, server);
  EXPECT_TRUE(client.session().is_preface_received());
  EXPECT_EQ(client.session().open_capacity(), 2u);
  client.session().StartRequest(Request(), true);
  const StreamId second = client.session().StartRequest(Request(), true);
  EXPECT_EQ(client.session().StartRequest(Request(), true), 0u);
  client.session().Reset(second, ErrorCode::kCancel);
  EXPECT_EQ(client.session().open_capacity(), 1u);
}

TEST_F(SessionTest, StreamsBeyondOurLimitAreRefused) {
  SessionOptions few;
  few.max_concurrent_streams = 1;
  SessionRecorder client(Role::kClient), server(Role::kServer, few);
  client.session().StartRequest(Request(), false);  // Before the client knows the limit.
  client.session().StartRequest(Request(), false);
  Exchange(client, server);
  EXPECT_EQ(client.Take(), (Lines{"settings", "R3 7 peer"}));
  EXPECT_EQ(server.session().open_streams(), 1u);
}

TEST_F(SessionTest, SentBytesAreToldOnceAndOnlyByPump) {
  server_.is_recording_sent = client_.is_recording_sent = true;
  const StreamId id = Start();
  client_.session().SendData(id, Slice::Copy("abc"), false);
  client_.session().SendData(id, Slice::Copy("de"), true);
  EXPECT_EQ(client_.Take(), Lines{});
  client_.session().Pump();
  client_.session().Pump();
  EXPECT_EQ(client_.Take(), (Lines{"S1 5"}));
}

TEST_F(SessionTest, SentBytesAreToldThoughTheStreamHasEndedButNotAfterAReset) {
  const StreamId first = Start(true);
  const StreamId second = Start(true);
  server_.is_recording_sent = true;
  server_.session().SendHeaders(first, Response(), false);
  server_.session().SendData(first, Slice::Copy("abc"), true);
  server_.session().SendHeaders(second, Response(), false);
  server_.session().SendData(second, Slice::Copy("abc"), false);
  server_.session().Reset(second, ErrorCode::kInternalError);
  server_.session().Pump();
  EXPECT_EQ(server_.Take(), (Lines{"S1 3"}));
}

TEST_F(SessionTest, CountsOnlyGrowAndSayWhatHappened) {
  Start();
  const StreamId second = Start();
  client_.session().Reset(second, ErrorCode::kCancel);
  Exchange(client_, server_);
  EXPECT_EQ(server_.session().counts().streams_opened, 2u);
  EXPECT_EQ(server_.session().counts().resets_received, 1u);
  EXPECT_EQ(client_.session().counts().resets_sent, 1u);
  EXPECT_GT(server_.session().counts().header_bytes_received, 20u);
}

TEST_F(SessionTest, AContentLengthThatDescribesNoBodyIsNoError) {
  const StreamId id = client_.session().StartRequest(
      Fields({":method", "HEAD", ":scheme", "http", ":path", "/", ":authority", "weir"}), true);
  Exchange(client_, server_);
  server_.session().SendHeaders(id, Fields({":status", "200", "content-length", "1000"}), true);
  const StreamId second = Start(true);
  server_.session().SendHeaders(second, Fields({":status", "304", "content-length", "1000"}), true);
  Exchange(client_, server_);
  EXPECT_EQ(client_.Take(), (Lines{"H1 :status=200 content-length=1000$", "H3 :status=304 content-length=1000$"}));
}

}  // namespace
}  // namespace weir::http2
