#include "router/dataplane/endpoint_health.h"

#include <algorithm>

#include "absl/random/random.h"
#include "gtest/gtest.h"
#include "router/dataplane/least_loaded.h"
#include "router/dataplane/own_reply.h"
#include "router/dataplane/upstream_endpoint.h"

namespace weir::dataplane {
namespace {

TEST(HealthQuestionTest, IsWhatTheProtocolsAskFor) {
  const HealthQuestion model = MakeHealthQuestion("ModelReady", "income");
  EXPECT_EQ(model.path, "/inference.GRPCInferenceService/ModelReady");
  EXPECT_EQ(model.body, FrameMessage("\x0a\x06income"));
  EXPECT_EQ(MakeHealthQuestion("ServerReady", "income").body, FrameMessage(""));
  EXPECT_EQ(MakeHealthQuestion("grpc.health.v1", "income").path, "/grpc.health.v1.Health/Check");
}

TEST(HealthAnswerTest, ReadyIsAOneInFieldOne) {
  EXPECT_EQ(ReadHealthAnswer(FrameMessage("\x08\x01")), true);
  EXPECT_EQ(ReadHealthAnswer(FrameMessage("\x08\x02")), false);
  EXPECT_EQ(ReadHealthAnswer(FrameMessage("")), false);
}

TEST(HealthAnswerTest, UnknownFieldsAreSteppedOver) {
  EXPECT_EQ(ReadHealthAnswer(FrameMessage(std::string("\x12\x03") + "abc" + "\x08\x01")), true);
  EXPECT_EQ(ReadHealthAnswer(FrameMessage(std::string("\x1d") + "abcd" + "\x08\x01\x20\x05")), true);
}

TEST(HealthAnswerTest, WhatIsNoWholeMessageIsNoAnswer) {
  const std::string whole = FrameMessage("\x08\x01");
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_EQ(ReadHealthAnswer(whole.substr(0, size)), std::nullopt);
  EXPECT_EQ(ReadHealthAnswer(whole + "x"), std::nullopt);
  EXPECT_EQ(ReadHealthAnswer(FrameMessage("\x12\x7f")), std::nullopt);
  EXPECT_EQ(ReadHealthAnswer(FrameMessage("\x0b")), std::nullopt);
  std::string compressed = whole;
  compressed[0] = 1;
  EXPECT_EQ(ReadHealthAnswer(compressed), std::nullopt);
}

TEST(LeastLoadedTest, TakesTheFewestCallsAmongThoseWithRoom) {
  EXPECT_EQ(LeastLoaded({}, 0), std::nullopt);
  const Load full[] = {{0, 0}, {3, 0}};
  EXPECT_EQ(LeastLoaded(full, 1), std::nullopt);
  const Load loads[] = {{9, 5}, {2, 0}, {4, 1}, {6, 9}};
  for (size_t start = 0; start < 8; ++start) EXPECT_EQ(LeastLoaded(loads, start), 2u);
}

TEST(LeastLoadedTest, EqualsTakeTurns) {
  const Load loads[] = {{1, 1}, {1, 1}, {1, 1}};
  for (size_t start = 0; start < 6; ++start) EXPECT_EQ(LeastLoaded(loads, start), start % 3);
}

TEST(ReconnectDelayTest, DoublesUpToItsBoundWithAJitterOfAQuarter) {
  absl::BitGen rng;
  for (int failures = 1; failures < 30; ++failures) {
    const absl::Duration nominal =
        std::min(absl::Milliseconds(100) * (1 << std::min(failures - 1, 20)), absl::Seconds(10));
    const absl::Duration delay = ReconnectDelay(failures, rng);
    EXPECT_GE(delay, nominal * 0.75);
    EXPECT_LE(delay, nominal * 1.25);
  }
}

}  // namespace
}  // namespace weir::dataplane
