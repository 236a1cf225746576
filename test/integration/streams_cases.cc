// The four kinds of call, and the order of their ends.

#include <memory>
#include <string>

#include "test/integration/echo_fixture.h"

namespace weir::test {
namespace {

class StreamsTest : public EchoTest {};

TEST_F(StreamsTest, AUnaryCallComesBackWithWhatTheServerSaw) {
  Note reply;
  ASSERT_TRUE(echo_->Unary(Context().get(), NoteOf("hello"), &reply).ok());
  EXPECT_EQ(reply.payload(), "hello");
  EXPECT_EQ(reply.seen().server(), "echo");
  EXPECT_EQ(Seen().requests(), 1);
}

TEST_F(StreamsTest, AnEmptyMessageIsAMessage) {
  Note reply;
  Knobs knobs;
  EXPECT_TRUE(echo_->Unary(Context(knobs).get(), Note(), &reply).ok());
  auto context = Context();
  auto stream = echo_->Bidi(context.get());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(stream->Write(Note()));
    EXPECT_TRUE(stream->Read(&reply));
  }
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamsTest, AClientStreamReachesTheServerWhole) {
  Note reply;
  auto context = Context();
  auto writer = echo_->ClientStream(context.get(), &reply);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(writer->Write(NoteOf(std::string(i * 37, 'x'))));
  writer->WritesDone();
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(reply.seen().requests(), 100);
  EXPECT_EQ(reply.seen().request_bytes(), 37 * 99 * 100 / 2);
}

TEST_F(StreamsTest, AClientStreamWithoutAMessageIsStillAnswered) {
  Note reply;
  auto context = Context();
  auto writer = echo_->ClientStream(context.get(), &reply);
  writer->WritesDone();
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(reply.seen().requests(), 0);
}

TEST_F(StreamsTest, AServerStreamArrivesWhole) {
  Knobs knobs;
  knobs.set_replies(500);
  auto context = Context(knobs);
  auto reader = echo_->ServerStream(context.get(), NoteOf("again"));
  Note reply;
  int replies = 0;
  while (reader->Read(&reply)) {
    EXPECT_EQ(reply.payload(), "again");
    ++replies;
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(replies, 500);
}

TEST_F(StreamsTest, AServerStreamMayEndWithoutAMessage) {
  auto context = Context();
  auto reader = echo_->ServerStream(context.get(), NoteOf("nothing"));
  Note reply;
  EXPECT_FALSE(reader->Read(&reply));
  EXPECT_TRUE(reader->Finish().ok());
}

// Each answer is awaited before the next message: nothing may be held back anywhere.
TEST_F(StreamsTest, EachMessageOfABidirectionalStreamIsAnsweredBeforeTheNextIsSent) {
  auto context = Context();
  auto stream = echo_->Bidi(context.get());
  for (int i = 0; i < 200; ++i) {
    Note reply;
    ASSERT_TRUE(stream->Write(NoteOf(std::to_string(i))));
    ASSERT_TRUE(stream->Read(&reply));
    ASSERT_EQ(reply.payload(), std::to_string(i));
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamsTest, AServerMayAnswerOnlyAfterTheClientsEnd) {
  Knobs knobs;
  knobs.set_after_half_close(true);
  auto context = Context(knobs);
  auto stream = echo_->Bidi(context.get());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(stream->Write(NoteOf(std::to_string(i))));
  ASSERT_TRUE(Eventually([](const Counts& seen) { return seen.requests() == 20; }));
  EXPECT_EQ(Seen().replies(), 0);
  stream->WritesDone();  // Alone, long after the last message.
  Note reply;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_EQ(reply.payload(), std::to_string(i));
  }
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamsTest, AServerMaySpeakFirst) {
  Knobs knobs;
  knobs.set_replies(3);
  knobs.set_reply_bytes(10);
  auto context = Context(knobs);
  auto stream = echo_->Bidi(context.get());
  Note reply;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(stream->Read(&reply));
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(StreamsTest, ResponseHeadersDoNotWaitForAMessage) {
  Knobs knobs;
  knobs.set_headers_first(true);
  knobs.set_hang(true);
  *knobs.add_initial() = Entry("early", "yes");
  auto context = Context(knobs);
  auto stream = echo_->Bidi(context.get());
  stream->WaitForInitialMetadata();
  EXPECT_EQ(Values(context->GetServerInitialMetadata(), "early"), std::vector<std::string>{"yes"});
  context->TryCancel();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

// The server ends well while the client is still sending: an early end is no error.
TEST_F(StreamsTest, AServerMayEndBeforeTheClientDoes) {
  for (const int code : {0, 10}) {
    Knobs knobs;
    knobs.set_finish_after(1);
    knobs.set_status_code(code);
    *knobs.add_trailing() = Entry("why", "enough");
    auto context = Context(knobs);
    auto stream = echo_->Bidi(context.get());
    ASSERT_TRUE(stream->Write(NoteOf("one")));
    Note reply;
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_FALSE(stream->Read(&reply));
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), code) << status.error_message();
    EXPECT_EQ(Values(context->GetServerTrailingMetadata(), "why"), std::vector<std::string>{"enough"});
  }
}

TEST_F(StreamsTest, AClientThatSendsOnHearsTheEarlyEnd) {
  Knobs knobs;
  knobs.set_finish_after(3);
  Note reply;
  auto context = Context(knobs);
  auto writer = echo_->ClientStream(context.get(), &reply);
  const Note note = NoteOf(std::string(30000, 'x'));
  while (writer->Write(note)) {
  }
  const grpc::Status status = writer->Finish();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(reply.seen().requests(), 3);
}

TEST_F(StreamsTest, MessagesBeforeAFailureArrive) {
  Knobs knobs;
  knobs.set_replies(50);
  knobs.set_status_code(grpc::StatusCode::ABORTED);
  knobs.set_status_message("half way");
  auto context = Context(knobs);
  auto reader = echo_->ServerStream(context.get(), NoteOf("x"));
  Note reply;
  int replies = 0;
  while (reader->Read(&reply)) ++replies;
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(status.error_message(), "half way");
  EXPECT_EQ(replies, 50);
}

TEST_F(StreamsTest, AServersResetReachesTheClientAsCancelled) {
  Knobs knobs;
  knobs.set_server_cancel(true);
  knobs.set_replies(2);
  auto context = Context(knobs);
  auto stream = echo_->Bidi(context.get());
  Note reply;
  EXPECT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(stream->Read(&reply));
  stream->WritesDone();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(StreamsTest, CompressedMessagesPassBothWays) {
  Knobs knobs;
  knobs.set_gzip(true);
  auto context = Context(knobs);
  context->set_compression_algorithm(GRPC_COMPRESS_GZIP);
  auto stream = echo_->Bidi(context.get());
  for (const size_t size : {0, 1, 1000, 100000}) {
    Note reply;
    ASSERT_TRUE(stream->Write(NoteOf(std::string(size, 'z'))));
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_EQ(reply.payload(), std::string(size, 'z'));
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace weir::test
