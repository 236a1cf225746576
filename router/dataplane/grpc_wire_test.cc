#include "router/dataplane/grpc_wire.h"

#include "gtest/gtest.h"
#include "router/dataplane/message_counter.h"
#include "router/dataplane/own_reply.h"

namespace weir::dataplane {
namespace {

std::string Format(absl::Duration timeout) {
  TimeoutBuffer buffer;
  return std::string(FormatTimeout(timeout, buffer));
}

TEST(TimeoutTest, EveryUnitIsRead) {
  EXPECT_EQ(ParseTimeout("2H"), absl::Hours(2));
  EXPECT_EQ(ParseTimeout("3M"), absl::Minutes(3));
  EXPECT_EQ(ParseTimeout("10S"), absl::Seconds(10));
  EXPECT_EQ(ParseTimeout("99999999m"), absl::Milliseconds(99999999));
  EXPECT_EQ(ParseTimeout("00000001u"), absl::Microseconds(1));
  EXPECT_EQ(ParseTimeout("0n"), absl::ZeroDuration());
}

TEST(TimeoutTest, WhatIsMalformedIsNoTimeout) {
  for (const char* text : {"", "S", "10", "10s", "123456789S", "+1S", "-1S", " 1S", "1S ", "1.0S", "0x1S", "1SS"}) {
    EXPECT_EQ(ParseTimeout(text), std::nullopt) << text;
  }
}

TEST(TimeoutTest, WhatIsWrittenIsNeverMoreAndHardlyLess) {
  for (absl::Duration timeout = absl::Nanoseconds(700); timeout < absl::Hours(100'000'000); timeout *= 1.37) {
    const std::string text = Format(timeout);
    ASSERT_LE(text.size(), 9u);
    const std::optional<absl::Duration> read = ParseTimeout(text);
    ASSERT_TRUE(read.has_value()) << text;
    EXPECT_LE(*read, timeout) << text;
    if (timeout > absl::Milliseconds(1)) {
      EXPECT_GE(*read, timeout * 0.998) << text;
    }
  }
  EXPECT_EQ(Format(absl::Nanoseconds(-5)), "1n");
  EXPECT_EQ(Format(absl::Hours(1'000'000'000)), "99999999H");
}

TEST(GrpcStatusTest, WhatIsNoCodeIsUnknown) {
  EXPECT_EQ(ParseGrpcStatus("0"), GrpcCode::kOk);
  EXPECT_EQ(ParseGrpcStatus("16"), GrpcCode::kUnauthenticated);
  for (const char* text : {"", "17", "-1", "1x", "100", "OK"}) EXPECT_EQ(ParseGrpcStatus(text), GrpcCode::kUnknown);
}

TEST(GrpcMessageTest, BytesOutsidePrintableAsciiAndThePercentSignAreEncoded) {
  std::string out;
  AppendPercentEncoded("a b%~\n\xc3\xa9", out);
  EXPECT_EQ(out, "a b%25~%0A%C3%A9");
}

TEST(ContentTypeTest, OnlyGrpcAndItsSubtypesAreGrpc) {
  EXPECT_TRUE(IsGrpcContentType("application/grpc"));
  EXPECT_TRUE(IsGrpcContentType("application/grpc+proto"));
  EXPECT_TRUE(IsGrpcContentType("application/grpc;charset=utf-8"));
  EXPECT_FALSE(IsGrpcContentType("application/grpc-web"));
  EXPECT_FALSE(IsGrpcContentType("application/json"));
  EXPECT_FALSE(IsGrpcContentType(""));
  for (const char* protobuf : {"application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8",
                               "application/grpc+proto; a=b"}) {
    EXPECT_TRUE(IsProtobufContentType(protobuf)) << protobuf;
  }
  for (const char* other : {"application/grpc+json", "application/grpc+protobuf", "application/grpc+", "text/plain"}) {
    EXPECT_FALSE(IsProtobufContentType(other)) << other;
  }
}

TEST(MessageCounterTest, CountsMessagesHoweverTheBodyIsCut) {
  const std::string body =
      FrameMessage("") + FrameMessage("abc") + FrameMessage(std::string(70'000, 'x')) + FrameMessage("z");
  for (const size_t piece : {1, 2, 3, 4, 5, 6, 7, 11, 4096, 100'000}) {
    MessageCounter counter;
    for (size_t at = 0; at < body.size(); at += piece) counter.Scan(std::string_view(body).substr(at, piece));
    EXPECT_EQ(counter.begun(), 4) << piece;
    EXPECT_EQ(counter.complete(), 4) << piece;
  }
}

TEST(MessageCounterTest, AMessageIsCompleteWithItsLastByteOnly) {
  MessageCounter counter;
  const std::string body = FrameMessage("abc");
  counter.Scan(std::string_view(body).substr(0, 7));
  EXPECT_EQ(counter.begun(), 1);
  EXPECT_EQ(counter.complete(), 0);
  counter.Scan(std::string_view(body).substr(7));
  EXPECT_EQ(counter.complete(), 1);
}

}  // namespace
}  // namespace weir::dataplane
