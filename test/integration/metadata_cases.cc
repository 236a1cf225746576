// Metadata and statuses pass byte for byte.

#include <memory>
#include <string>
#include <vector>

#include "test/integration/echo_fixture.h"

namespace weir::test {
namespace {

using Strings = std::vector<std::string>;

class MetadataTest : public EchoTest {};

std::string AllBytes() {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  return bytes;
}

std::string PrintableAscii() {
  std::string text;
  for (char c = 0x21; c < 0x7f; ++c) text.push_back(c);  // A space may stand inside only.
  return text + " inside " + text;
}

TEST_F(MetadataTest, OfARequestArrivesByteForByte) {
  auto context = Context();
  context->AddMetadata("bytes-bin", AllBytes());
  context->AddMetadata("empty-bin", "");
  context->AddMetadata("text", PrintableAscii());
  context->AddMetadata("empty", "");
  context->AddMetadata("odd_name.with-0123456789", "v");
  context->AddMetadata("grpc-unknown-extension", "kept");
  Note reply;
  ASSERT_TRUE(echo_->Unary(context.get(), NoteOf(""), &reply).ok());
  EXPECT_EQ(Values(reply.seen(), "bytes-bin"), Strings{AllBytes()});
  EXPECT_EQ(Values(reply.seen(), "empty-bin"), Strings{""});
  EXPECT_EQ(Values(reply.seen(), "text"), Strings{PrintableAscii()});
  EXPECT_EQ(Values(reply.seen(), "empty"), Strings{""});
  EXPECT_EQ(Values(reply.seen(), "odd_name.with-0123456789"), Strings{"v"});
  EXPECT_EQ(Values(reply.seen(), "grpc-unknown-extension"), Strings{"kept"});
}

TEST_F(MetadataTest, DuplicatesOfARequestKeepTheirOrder) {
  auto context = Context();
  for (const char* value : {"c", "a", "b", "a"}) context->AddMetadata("dup", value);
  for (const char* value : {"\x01", "\xff", "\x01"}) context->AddMetadata("dup-bin", value);
  Note reply;
  ASSERT_TRUE(echo_->Unary(context.get(), NoteOf(""), &reply).ok());
  EXPECT_EQ(Values(reply.seen(), "dup"), (Strings{"c", "a", "b", "a"}));
  EXPECT_EQ(Values(reply.seen(), "dup-bin"), (Strings{"\x01", "\xff", "\x01"}));
}

TEST_F(MetadataTest, OfAResponseArrivesByteForByteAtBothEnds) {
  Knobs knobs;
  for (auto* entries : {knobs.mutable_initial(), knobs.mutable_trailing()}) {
    *entries->Add() = Entry("bytes-bin", AllBytes());
    *entries->Add() = Entry("text", PrintableAscii());
    for (const char* value : {"c", "a", "b", "a"}) *entries->Add() = Entry("dup", value);
  }
  *knobs.add_trailing() = Entry("last", "only at the end");
  auto context = Context(knobs);
  Note reply;
  ASSERT_TRUE(echo_->Unary(context.get(), NoteOf(""), &reply).ok());
  for (const auto& metadata : {context->GetServerInitialMetadata(), context->GetServerTrailingMetadata()}) {
    EXPECT_EQ(Values(metadata, "bytes-bin"), Strings{AllBytes()});
    EXPECT_EQ(Values(metadata, "text"), Strings{PrintableAscii()});
    EXPECT_EQ(Values(metadata, "dup"), (Strings{"c", "a", "b", "a"}));
  }
  EXPECT_EQ(Values(context->GetServerInitialMetadata(), "last"), Strings{});
  EXPECT_EQ(Values(context->GetServerTrailingMetadata(), "last"), Strings{"only at the end"});
}

TEST_F(MetadataTest, OneHundredEntriesPass) {
  auto context = Context();
  for (int i = 0; i < 100; ++i) context->AddMetadata("key-" + std::to_string(i), "value-" + std::to_string(i));
  Note reply;
  ASSERT_TRUE(echo_->Unary(context.get(), NoteOf(""), &reply).ok());
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(Values(reply.seen(), "key-" + std::to_string(i)), Strings{"value-" + std::to_string(i)});
  }
}

TEST_F(MetadataTest, LargeOnesPassWithinTheLimit) {
  Knobs knobs;
  *knobs.add_initial() = Entry("large", std::string(7000, 'i'));
  auto context = Context(knobs);
  context->AddMetadata("large", std::string(4000, 'r'));
  Note reply;
  ASSERT_TRUE(echo_->Unary(context.get(), NoteOf(""), &reply).ok());
  EXPECT_EQ(Values(reply.seen(), "large"), Strings{std::string(4000, 'r')});
  EXPECT_EQ(Values(context->GetServerInitialMetadata(), "large"), Strings{std::string(7000, 'i')});
}

TEST_F(MetadataTest, EveryStatusCodePassesWithItsMessage) {
  for (int code = 0; code <= 16; ++code) {
    for (const bool no_reply : {false, true}) {
      if (code == 0 && no_reply) continue;  // Success without a message is a fault of a unary call.
      Knobs knobs;
      knobs.set_status_code(code);
      knobs.set_status_message(code == 0 ? "" : "code " + std::to_string(code));
      knobs.set_no_reply(no_reply);
      Note reply;
      const grpc::Status status = echo_->Unary(Context(knobs).get(), NoteOf(""), &reply);
      EXPECT_EQ(status.error_code(), code);
      EXPECT_EQ(status.error_message(), knobs.status_message());
    }
  }
}

TEST_F(MetadataTest, AMessageOfAnyCharactersPassesInATrailersOnlyAnswer) {
  const std::string message = "50 % of \"Grüße\"\tfrom 東京 \xF0\x9F\x8C\x8A\nand a second line, %41%";
  Knobs knobs;
  knobs.set_status_code(grpc::StatusCode::FAILED_PRECONDITION);
  knobs.set_status_message(message);
  knobs.set_no_reply(true);
  *knobs.add_trailing() = Entry("detail-bin", AllBytes());
  auto context = Context(knobs);
  Note reply;
  const grpc::Status status = echo_->Unary(context.get(), NoteOf(""), &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), message);
  EXPECT_EQ(Values(context->GetServerTrailingMetadata(), "detail-bin"), Strings{AllBytes()});
}

TEST_F(MetadataTest, AMethodThatTheServerDoesNotHaveIsUnimplemented) {
  Note reply;
  const grpc::Status status = echo_->Absent(Context().get(), NoteOf(""), &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

}  // namespace
}  // namespace weir::test
