// Flow control: windows both ways, fairness, and the bounds on what is kept.

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/http2/session.h"
#include "router/http2/session_recorder.h"

namespace weir::http2 {
namespace {

using Lines = std::vector<std::string>;

// A server with one open request of ours on each of `streams`.
class SendingTest : public ::testing::Test {
 protected:
  void Open(int streams, uint32_t initial_window) {
    std::string bytes = std::string(kClientPreface) +
                        Frame(FrameType::kSettings, 0, 0, Setting(SettingId::kInitialWindowSize, initial_window));
    for (int i = 0; i < streams; ++i) bytes += HeadersFrame(static_cast<StreamId>(2 * i + 1), Request(), true);
    ASSERT_TRUE(server_.Receive(bytes).ok());
    server_.TakeOutput();
    for (int i = 0; i < streams; ++i)
      server_.session().SendHeaders(static_cast<StreamId>(2 * i + 1), Response(), false);
    server_.TakeOutput();
  }
  void Update(StreamId id, uint32_t increment) {
    ASSERT_TRUE(server_.Receive(Frame(FrameType::kWindowUpdate, 0, id, Number(increment))).ok());
  }
  // "1:5" is a DATA frame of 5 bytes on stream 1; "$": END_STREAM.
  Lines TakeData() {
    const std::string bytes = server_.TakeOutput();
    Lines lines;
    for (size_t at = 0; at < bytes.size();) {
      const FrameHead head = ReadFrameHead(reinterpret_cast<const uint8_t*>(bytes.data()) + at);
      at += kFrameHeadBytes + head.length;
      if (head.type == FrameType::kHeaders) lines.push_back(std::to_string(head.stream) + ":headers");
      if (head.type != FrameType::kData) continue;
      lines.push_back(std::to_string(head.stream) + ":" + std::to_string(head.length) +
                      (head.has(flags::kEndStream) ? "$" : ""));
    }
    return lines;
  }
  SessionRecorder server_{Role::kServer};
};

TEST_F(SendingTest, NoMoreThanTheStreamsWindowIsSent) {
  Open(1, 10);
  server_.session().SendData(1, Slice::Copy(std::string(25, 'x')), true);
  EXPECT_EQ(TakeData(), (Lines{"1:10"}));
  EXPECT_EQ(server_.session().queued_bytes(1), 15u);
  Update(1, 7);
  EXPECT_EQ(TakeData(), (Lines{"1:7"}));
  Update(1, 100);
  EXPECT_EQ(TakeData(), (Lines{"1:8$"}));
}

TEST_F(SendingTest, TrailersWaitBehindTheBodyAndNeedNoWindow) {
  Open(1, 4);
  server_.session().SendData(1, Slice::Copy("12345678"), false);
  server_.session().SendHeaders(1, Trailers(), true);
  EXPECT_EQ(TakeData(), (Lines{"1:4"}));
  Update(1, 4);
  EXPECT_EQ(TakeData(), (Lines{"1:4", "1:headers"}));
}

TEST_F(SendingTest, AnEmptyEndOfStreamNeedsNoWindow) {
  Open(1, 0);
  server_.session().SendData(1, Slice(), true);
  EXPECT_EQ(TakeData(), (Lines{"1:0$"}));
}

TEST_F(SendingTest, AWindowMadeNegativeBySettingsMustFirstBecomePositive) {
  Open(1, 10);
  server_.session().SendData(1, Slice::Copy(std::string(30, 'x')), true);
  EXPECT_EQ(TakeData(), (Lines{"1:10"}));
  ASSERT_TRUE(server_.Receive(Frame(FrameType::kSettings, 0, 0, Setting(SettingId::kInitialWindowSize, 3))).ok());
  Update(1, 7);  // -7 + 7.
  EXPECT_EQ(TakeData(), Lines{});
  Update(1, 2);
  EXPECT_EQ(TakeData(), (Lines{"1:2"}));
  ASSERT_TRUE(server_.Receive(Frame(FrameType::kSettings, 0, 0, Setting(SettingId::kInitialWindowSize, 8))).ok());
  EXPECT_EQ(TakeData(), (Lines{"1:5"}));
}

TEST_F(SendingTest, AStreamWhoseWindowShrinksToNothingDoesNotHoldUpTheOthers) {
  Open(2, 100'000);
  server_.session().SendData(1, Slice::Copy(std::string(90'000, 'x')),
                             false);  // The connection's window ends at 65,535.
  server_.session().SendData(3, Slice::Copy("abc"), true);
  TakeData();
  ASSERT_TRUE(server_.Receive(Frame(FrameType::kSettings, 0, 0, Setting(SettingId::kInitialWindowSize, 10))).ok());
  Update(0, 100'000);
  EXPECT_EQ(TakeData(), (Lines{"3:3$"}));
}

TEST_F(SendingTest, TheConnectionsWindowIsSharedInTurns) {
  Open(3, 1'000'000);
  server_.session().SendData(1, Slice::Copy(std::string(65'535, 'x')), false);
  TakeData();
  for (const StreamId id : {1u, 3u, 5u}) server_.session().SendData(id, Slice::Copy(std::string(40'000, 'x')), true);
  Update(0, 4 * 16384);
  EXPECT_EQ(TakeData(), (Lines{"1:16384", "3:16384", "5:16384", "1:16384"}));
  Update(0, 1'000'000);
  EXPECT_EQ(TakeData(), (Lines{"3:16384", "5:16384", "1:7232$", "3:7232$", "5:7232$"}));
}

TEST_F(SendingTest, AResetDropsWhatWaits) {
  Open(2, 1'000'000);
  server_.session().SendData(1, Slice::Copy(std::string(100'000, 'x')), true);
  TakeData();
  server_.session().SendData(3, Slice::Copy("abc"), true);
  server_.session().Reset(1, ErrorCode::kCancel);
  Update(0, 100'000);
  EXPECT_EQ(TakeData(), (Lines{"3:3$"}));
}

TEST_F(SendingTest, NoDataIsFramedBeyondTheOutputsBound) {
  Open(4, 1'000'000);
  Update(0, 10'000'000);
  for (const StreamId id : {1u, 3u, 5u, 7u})
    server_.session().SendData(id, Slice::Copy(std::string(900'000, 'x')), true);
  server_.session().Pump();
  EXPECT_LE(server_.session().output().size(), 256u * 1024 + 16384 + 9);
  EXPECT_GE(server_.session().output().size(), 256u * 1024);
}

TEST_F(SendingTest, ManySmallPiecesDoNotPinTheirBlocks) {
  Open(1, 0);
  for (int i = 0; i < 64; ++i) {
    Block* block = Block::Make(256 * 1024);
    server_.session().SendData(1, Slice(block, block->data(), 1000), false);
    EXPECT_FALSE(block->is_shared());
    block->Unref();
  }
  EXPECT_EQ(server_.session().queued_bytes(1), 64'000u);
}

// --- What the peer may send.

TEST(ReceivingTest, WindowIsGivenBackInBatchesOfHalfAWindow) {
  SessionRecorder client(Role::kClient), server(Role::kServer);
  Exchange(client, server);
  const StreamId id = client.session().StartRequest(Request(), false);
  Exchange(client, server);
  client.session().SendData(id, Slice::Copy(std::string(32'767, 'x')), false);
  ASSERT_TRUE(server.Receive(client.TakeOutput()).ok());
  EXPECT_EQ(server.TakeOutput(), "");
  client.session().SendData(id, Slice::Copy("y"), false);
  ASSERT_TRUE(server.Receive(client.TakeOutput()).ok());
  EXPECT_EQ(server.TakeOutput(), Frame(FrameType::kWindowUpdate, 0, id, Number(32'768)));
}

TEST(ReceivingTest, WithoutConsumeThePeerStopsAtTheWindow) {
  SessionRecorder client(Role::kClient), server(Role::kServer);
  Exchange(client, server);
  server.is_consuming = false;
  const StreamId id = client.session().StartRequest(Request(), false);
  client.session().SendData(id, Slice::Copy(std::string(500'000, 'x')), true);
  Exchange(client, server);
  EXPECT_EQ(server.received_bytes(), 64u * 1024);
  server.session().Consume(id, 64 * 1024);
  server.is_consuming = true;
  Exchange(client, server);
  EXPECT_EQ(server.received_bytes(), 500'000u);
}

TEST(ReceivingTest, AConsumeThatComesAfterTheStreamStillCreditsTheConnection) {
  SessionRecorder client(Role::kClient), server(Role::kServer);
  server.is_consuming = false;
  Exchange(client, server);
  for (int i = 0; i < 100; ++i) {
    const StreamId id = client.session().StartRequest(Request(), false);
    client.session().SendData(id, Slice::Copy(std::string(60'000, 'x')), true);
    Exchange(client, server);
    server.session().Reset(id, ErrorCode::kCancel);
    server.session().Consume(id, 60'000);
    Exchange(client, server);
  }
  EXPECT_EQ(server.received_bytes(), 6'000'000u);
}

TEST(ReceivingTest, StreamsThatNobodyReadsLeaveTheirNeighbourTheConnectionsWindow) {
  SessionOptions options;
  options.connection_window = 2 * 4 * options.stream_window;
  SessionRecorder client(Role::kClient), server(Role::kServer, options);
  Exchange(client, server);
  server.is_consuming = false;
  for (int i = 0; i < 3; ++i) {
    const StreamId stalled = client.session().StartRequest(Request(), false);
    client.session().SendData(stalled, Slice::Copy(std::string(100'000, 'x')), true);
    Exchange(client, server);
    EXPECT_EQ(server.session().receive_window(stalled), 0);
  }
  server.is_consuming = true;
  const size_t before = server.received_bytes();
  const StreamId neighbour = client.session().StartRequest(Request(), false);
  client.session().SendData(neighbour, Slice::Copy(std::string(2'000'000, 'x')), true);
  Exchange(client, server);
  EXPECT_EQ(server.received_bytes() - before, 2'000'000u);
}

TEST(ReceivingTest, DataBeyondTheStreamsWindowIsAFlowControlErrorOfTheStream) {
  SessionOptions options;
  options.stream_window = 10;
  SessionRecorder client(Role::kClient), server(Role::kServer, options);
  Exchange(client, server);
  client.session().StartRequest(Request(), false);
  Exchange(client, server);
  ASSERT_TRUE(server.Receive(Frame(FrameType::kData, 0, 1, std::string(11, 'x'))).ok());
  EXPECT_EQ(server.Take().back(), "R1 3");
}

TEST(ReceivingTest, DataBeyondTheConnectionsWindowEndsIt) {
  SessionOptions options;
  options.connection_window = 65'535;
  options.stream_window = 1'000'000;
  options.max_frame_size = 100'000;
  SessionRecorder client(Role::kClient), server(Role::kServer, options);
  server.is_consuming = false;
  Exchange(client, server);
  client.session().StartRequest(Request(), false);
  Exchange(client, server);
  EXPECT_FALSE(server.Receive(Frame(FrameType::kData, 0, 1, std::string(65'536, 'x'))).ok());
}

TEST(ReceivingTest, UntilOurSettingsAreAcknowledgedThePeerMayUseTheProtocolsOwnWindow) {
  SessionOptions options;
  options.stream_window = 10;
  SessionRecorder client(Role::kClient), server(Role::kServer, options);
  client.session().StartRequest(Request(), false);
  client.session().SendData(1, Slice::Copy(std::string(65'535, 'x')), true);
  ASSERT_TRUE(server.Receive(client.TakeOutput()).ok());
  EXPECT_EQ(server.received_bytes(), 65'535u);
}

TEST(ReceivingTest, PaddingIsGivenBackByTheSessionItself) {
  SessionOptions options;
  options.stream_window = 600;
  SessionRecorder client(Role::kClient), server(Role::kServer, options);
  Exchange(client, server);
  client.session().StartRequest(Request(), false);
  Exchange(client, server);
  const std::string padded = std::string(1, '\xff') + "x" + std::string(255, '\0');
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(server.Receive(Frame(FrameType::kData, flags::kPadded, 1, padded)).ok()) << i;
    ASSERT_EQ(server.session().open_streams(), 1u) << i;
  }
  EXPECT_EQ(server.body(1), std::string(10'000, 'x'));
}

// Calls of random sizes in random order over random windows, with owners that give window back late, bytes that arrive
// in random pieces and settings that change: everything arrives, in order, and all bounds hold.
TEST(FlowControlTest, UnderAnyScheduleEveryBodyArrivesWholeAndInOrder) {
  const unsigned seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937 rng(seed);
  const auto up_to = [&](size_t n) { return rng() % (n + 1); };
  for (int round = 0; round < 60; ++round) {
    SessionOptions options;
    options.stream_window = static_cast<uint32_t>(100 + up_to(80'000));
    options.connection_window = static_cast<uint32_t>(65'535 + up_to(60'000));
    options.max_output_bytes = 1 + up_to(40'000);
    SessionRecorder client(Role::kClient, options), server(Role::kServer, options);
    std::map<StreamId, std::string> sent, echoed;
    std::vector<std::pair<StreamId, uint32_t>> owed;
    size_t told = 0;
    server.is_consuming = false;
    server.on_headers = [&](StreamId id, const HeaderList&, bool) {
      server.session().SendHeaders(id, Response(), false);
    };
    server.on_data = [&](StreamId id, const Slice& data, bool end_stream) {
      owed.push_back({id, static_cast<uint32_t>(data.size())});
      server.session().SendData(id, data, false);
      if (end_stream) server.session().SendHeaders(id, Trailers(), true);
    };
    server.on_sent = [&](StreamId, size_t bytes) { told += bytes; };
    std::string to_server, to_client;
    std::vector<StreamId> open;
    size_t total = 0;
    for (int step = 0; step < 4000; ++step) {
      if (open.size() < 10 && step < 1500 && up_to(20) == 0 && client.session().open_capacity() > 0) {
        open.push_back(client.session().StartRequest(Request(), false));
      }
      if (!open.empty() && up_to(3) == 0) {
        const size_t i = up_to(open.size() - 1);
        const bool ends = up_to(5) == 0 || step > 1500;
        const std::string piece(up_to(4) == 0 ? up_to(30'000) : up_to(100), static_cast<char>('a' + up_to(25)));
        sent[open[i]] += piece;
        total += piece.size();
        client.session().SendData(open[i], Slice::Copy(piece), ends);
        if (ends) open.erase(open.begin() + static_cast<ptrdiff_t>(i));
      }
      if (!owed.empty() && (up_to(2) == 0 || step > 2000)) {
        const size_t i = up_to(owed.size() - 1);
        server.session().Consume(owed[i].first, owed[i].second);
        owed.erase(owed.begin() + static_cast<ptrdiff_t>(i));
      }
      to_server += client.TakeOutput(up_to(50'000));
      to_client += server.TakeOutput(up_to(50'000));
      const size_t up = up_to(to_server.size()), down = up_to(to_client.size());
      ASSERT_TRUE(server.Receive(to_server.substr(0, up)).ok());
      ASSERT_TRUE(client.Receive(to_client.substr(0, down)).ok());
      to_server.erase(0, up);
      to_client.erase(0, down);
    }
    for (const StreamId id : open) client.session().SendData(id, Slice(), true);
    bool is_moving = true;
    while (std::exchange(is_moving, false)) {
      for (const auto& [id, bytes] : owed) server.session().Consume(id, bytes);
      owed.clear();
      to_server += client.TakeOutput();
      is_moving |= !to_server.empty();
      ASSERT_TRUE(server.Receive(std::exchange(to_server, {})).ok());
      to_client += server.TakeOutput();
      is_moving |= !to_client.empty();
      ASSERT_TRUE(client.Receive(std::exchange(to_client, {})).ok());
    }
    for (const auto& [id, body] : sent) {
      ASSERT_TRUE(server.body(id) == body) << "round " << round << ", stream " << id;
      ASSERT_TRUE(client.body(id) == body) << "round " << round << ", stream " << id;
    }
    EXPECT_EQ(client.session().open_streams(), 0u) << "round " << round;
    EXPECT_EQ(server.session().open_streams(), 0u) << "round " << round;
    EXPECT_EQ(told, total);
  }
}

TEST(FlowControlTest, AHugeUploadNeverStallsHoweverSmallTheWindow) {
  for (const uint32_t window : {1u, 2u, 3u, 100u, 16'384u, 65'535u, 65'536u}) {
    SessionOptions options;
    options.stream_window = window;
    SessionRecorder client(Role::kClient), server(Role::kServer, options);
    Exchange(client, server);
    const StreamId id = client.session().StartRequest(Request(), false);
    const size_t size = std::min<size_t>(3'000'000, size_t{window} * 500);
    client.session().SendData(id, Slice::Copy(std::string(size, 'x')), true);
    Exchange(client, server);
    EXPECT_EQ(server.received_bytes(), size) << window;
    EXPECT_EQ(server.Take().back().back(), '$') << window;
  }
}

}  // namespace
}  // namespace weir::http2
