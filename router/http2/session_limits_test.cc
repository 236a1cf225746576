// What an abusive peer runs into, and that an honest one does not.

#include <functional>
#include <string>

#include "gtest/gtest.h"
#include "router/http2/limits.h"
#include "router/http2/session.h"
#include "router/http2/session_recorder.h"

namespace weir::http2 {
namespace {

class LimitsTest : public ::testing::Test {
 protected:
  LimitsTest() {
    const std::string settings =
        Frame(FrameType::kSettings, 0, 0, "") + Frame(FrameType::kSettings, flags::kAck, 0, "");
    EXPECT_TRUE(server_.Receive(std::string(kClientPreface) + settings).ok());
    server_.TakeOutput();
  }
  // Frames that the server takes before it hangs up, at most `most`. It reads and answers in between if `is_draining`.
  int Survives(int most, bool is_draining, const std::function<std::string(int)>& frame) {
    for (int i = 0; i < most; ++i) {
      const absl::Status status = server_.Receive(frame(i));
      if (!status.ok()) {
        EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
        return i;
      }
      if (is_draining) server_.TakeOutput();
    }
    return most;
  }
  static StreamId Nth(int i) { return static_cast<StreamId>(2 * i + 1); }
  static std::string OpenAndReset(int i) {
    return HeadersFrame(Nth(i), Request(), false) + Frame(FrameType::kRstStream, 0, Nth(i), Number(8));
  }
  SessionRecorder server_{Role::kServer};
};

TEST_F(LimitsTest, RapidResetEndsTheConnection) { EXPECT_EQ(Survives(2000, true, OpenAndReset), 499); }

TEST_F(LimitsTest, ResetsOfUnderHalfTheStreamsAreFine) {
  EXPECT_EQ(Survives(5000, true,
                     [&](int i) {
                       if (i % 5 < 2) return OpenAndReset(i);
                       server_.session().Reset(Nth(i - 5), ErrorCode::kCancel);
                       return HeadersFrame(Nth(i), Request(), true);
                     }),
            5000);
}

TEST_F(LimitsTest, RequestsOfOneReadThatAreAllRefusedDoNotGrowIntoMoreThanABoundOfAnswers) {
  HeaderList refusal = Fields({":status", "200", "grpc-status", "12"});
  refusal.Add("grpc-message", std::string(600, 'm'), Indexing::kNever);
  server_.on_headers = [&](StreamId stream, const HeaderList&, bool) {
    server_.session().SendHeaders(stream, refusal, true);
  };
  EXPECT_EQ(Survives(5000, true, [](int i) { return HeadersFrame(Nth(i), Request(), true); }), 5000);
  std::string all;
  for (int i = 5000; i < 25'000; ++i) all += HeadersFrame(Nth(i), Request(), true);
  EXPECT_EQ(server_.Receive(all).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_LT(server_.TakeOutput().size(), 2 * limits::kAnswerBytesPerRead);
}

TEST_F(LimitsTest, ManyResetsOverManySecondsAreFine) {
  EXPECT_EQ(Survives(5000, true, [&](int i) { return server_.now += absl::Milliseconds(5), OpenAndReset(i); }), 5000);
}

TEST_F(LimitsTest, AClientThatShutsDownMayCancelAllItsOldStreams) {
  for (int i = 0; i < 900; ++i) ASSERT_TRUE(server_.Receive(HeadersFrame(Nth(i), Request(), false)).ok());
  server_.now += absl::Seconds(2);
  EXPECT_EQ(Survives(900, true, [](int i) { return Frame(FrameType::kRstStream, 0, Nth(i), Number(8)); }), 900);
}

// MadeYouReset: the peer makes us send the RST_STREAM.
TEST_F(LimitsTest, ResetsThatThePeerProvokesEndTheConnection) {
  const int most = static_cast<int>(limits::kMaxProvokedResets);
  EXPECT_EQ(Survives(2000, true,
                     [](int i) {
                       return HeadersFrame(Nth(i), Request(), false) +
                              Frame(FrameType::kWindowUpdate, 0, Nth(i), Number(0));
                     }),
            most);
}

TEST_F(LimitsTest, PingsThatAreNotReadEndTheConnectionAndReadOnesDoNot) {
  const auto ping = [](int) { return Frame(FrameType::kPing, 0, 0, "12345678"); };
  EXPECT_EQ(Survives(5000, true, ping), 5000);
  EXPECT_EQ(Survives(5000, false, ping), static_cast<int>(limits::kMaxUnsentAnswers));
}

TEST_F(LimitsTest, APeerThatReadsSlowlyButReadsMayPing) {
  int i = 0;
  EXPECT_EQ(Survives(9000, false,
                     [&](int) {
                       if (++i % 300 == 0) server_.TakeOutput(300 * 17 - 20);
                       return Frame(FrameType::kPing, 0, 0, "12345678");
                     }),
            9000);
}

TEST_F(LimitsTest, SettingsAreBoundedPerSecondThoughTheyAreRead) {
  const auto settings = [](int i) {
    return Frame(FrameType::kSettings, 0, 0, Setting(SettingId::kInitialWindowSize, static_cast<uint32_t>(i % 2)));
  };
  const int most = static_cast<int>(limits::kMaxSettingsPerPeriod) - 1;  // The first came with the preface.
  EXPECT_EQ(Survives(5000, true, settings), most);
}

TEST_F(LimitsTest, SettingsOverManySecondsAreFine) {
  EXPECT_EQ(Survives(1000, true,
                     [&](int) {
                       server_.now += absl::Milliseconds(20);
                       return Frame(FrameType::kSettings, 0, 0, "");
                     }),
            1000);
}

TEST_F(LimitsTest, HeadersOnAStreamThatWeResetAreIgnoredButBounded) {
  ASSERT_TRUE(server_.Receive(HeadersFrame(1, Request(), false)).ok());
  server_.session().Reset(1, ErrorCode::kCancel);
  EXPECT_NEAR(Survives(20'000, true, [](int) { return HeadersFrame(1, Trailers(), true); }),
              static_cast<int>(limits::kIdleFramesPerPeriod), 20);
}

TEST_F(LimitsTest, FramesThatCarryNothingAreBoundedPerSecond) {
  const int most = static_cast<int>(limits::kIdleFramesPerPeriod);
  const auto priority = [](int) { return Frame(FrameType::kPriority, 0, 3, Number(1) + "x"); };
  EXPECT_NEAR(Survives(100'000, true, priority), most, 10);
}

TEST_F(LimitsTest, WindowUpdatesAreBoundedPerSecond) {
  const int most = static_cast<int>(limits::kIdleFramesPerPeriod);
  EXPECT_NEAR(Survives(100'000, true, [](int) { return Frame(FrameType::kWindowUpdate, 0, 0, Number(1)); }), most, 10);
}

TEST_F(LimitsTest, WindowUpdatesForWhatWeSendAreFree) {
  ASSERT_TRUE(server_.Receive(HeadersFrame(1, Request(), true)).ok());
  server_.session().SendHeaders(1, Response(), false);
  EXPECT_EQ(Survives(50'000, true,
                     [&](int) {
                       server_.session().SendData(1, Slice::Copy("x"), false);
                       server_.TakeOutput();
                       return Frame(FrameType::kWindowUpdate, 0, 0, Number(1)) +
                              Frame(FrameType::kWindowUpdate, 0, 1, Number(1));
                     }),
            50'000);
}

TEST_F(LimitsTest, UsefulFramesOfOneSecondBuyNoFloodInTheNext) {
  const int most = static_cast<int>(limits::kIdleFramesPerPeriod);
  ASSERT_TRUE(server_.Receive(HeadersFrame(1, Request(), false)).ok());
  EXPECT_EQ(Survives(30'000, true, [](int) { return Frame(FrameType::kData, 0, 1, "x"); }), 30'000);
  server_.now += absl::Seconds(1);
  EXPECT_NEAR(Survives(100'000, true, [](int) { return Frame(static_cast<FrameType>(0x55), 0, 0, "x"); }), most, 10);
}

TEST_F(LimitsTest, EmptyDataInARowEndsTheConnection) {
  ASSERT_TRUE(server_.Receive(HeadersFrame(1, Request(), false)).ok());
  EXPECT_EQ(Survives(1000, true, [](int) { return Frame(FrameType::kData, 0, 1, ""); }),
            static_cast<int>(limits::kMaxEmptyDataInARow));
}

TEST_F(LimitsTest, AHeaderListOverTheLimitCostsItsStreamAndKeepsTheTableInStep) {
  for (const bool is_long : {true, false}) {
    SessionRecorder client(Role::kClient), server(Role::kServer);
    Exchange(client, server);
    HeaderList request = Request();
    if (is_long) request.Add("x-long", std::string(17'000, 'v'));
    for (int i = 0; !is_long && i < 130; ++i) request.Add("x" + std::to_string(i), "v");
    client.session().StartRequest(request, true);
    Exchange(client, server);
    EXPECT_EQ(client.Take().back(), "R1 11 peer");
    HeaderList next = Request();
    next.Add("x7", "v");
    server.Take();
    client.session().StartRequest(next, true);
    Exchange(client, server);
    EXPECT_TRUE(server.Take().back().ends_with("application/grpc x7=v$"));
  }
}

TEST_F(LimitsTest, AnHpackBombEndsTheConnection) {
  HeaderList entry;
  entry.Add("x", std::string(3000, 'v'));
  // The entry enters the table, then is named again and again, a byte each time.
  std::string block =
      "\x40"
      "\x01"
      "x"
      "\x7f\xb9\x16" +
      std::string(3000, 'v');
  block.append(8000, '\xbe');
  const absl::Status status = server_.Receive(Frame(FrameType::kHeaders, flags::kEndHeaders, 1, block));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST_F(LimitsTest, AContinuationFloodEndsTheConnection) {
  ASSERT_TRUE(server_.Receive(Frame(FrameType::kHeaders, 0, 1, "")).ok());
  EXPECT_EQ(Survives(1000, true, [](int) { return Frame(FrameType::kContinuation, 0, 1, ""); }),
            static_cast<int>(limits::kMaxContinuations));
}

TEST_F(LimitsTest, AnEndlessHeaderBlockEndsTheConnection) {
  ASSERT_TRUE(server_.Receive(Frame(FrameType::kHeaders, 0, 1, "")).ok());
  const std::string part = std::string("\x00\x01x\x7f\x81\x7d", 6) + std::string(16'000 + 128, 'v');
  EXPECT_LE(Survives(1000, true, [&](int) { return Frame(FrameType::kContinuation, 0, 1, part); }), 2);
}

TEST_F(LimitsTest, ManyRefusedStreamsEndTheConnectionOnceThePeerKnowsTheLimit) {
  SessionOptions none;
  none.max_concurrent_streams = 0;
  SessionRecorder server(Role::kServer, none);
  ASSERT_TRUE(server.Receive(std::string(kClientPreface) + Frame(FrameType::kSettings, 0, 0, "")).ok());
  int taken = 0;
  for (; taken < 500; ++taken) ASSERT_TRUE(server.Receive(HeadersFrame(Nth(taken), Request(), true)).ok());
  server.TakeOutput();
  ASSERT_TRUE(server.Receive(Frame(FrameType::kSettings, flags::kAck, 0, "")).ok());
  while (taken < 5000 && server.Receive(HeadersFrame(Nth(taken), Request(), true)).ok()) ++taken;
  EXPECT_EQ(taken, 500 + static_cast<int>(limits::kMaxProvokedResets));
}

TEST_F(LimitsTest, AnUpstreamThatResetsEverythingIsNoAttacker) {
  SessionRecorder client(Role::kClient), server(Role::kServer);
  Exchange(client, server);
  for (int i = 0; i < 3000; ++i) {
    const StreamId id = client.session().StartRequest(Request(), true);
    Exchange(client, server);
    server.session().Reset(id, ErrorCode::kRefusedStream);
    ASSERT_TRUE(client.Receive(server.TakeOutput()).ok());
  }
}

}  // namespace
}  // namespace weir::http2
