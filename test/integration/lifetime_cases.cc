// Deadlines and cancellation: what a client gives up, nobody works on.

#include <memory>
#include <string>
#include <vector>

#include "test/integration/echo_fixture.h"

namespace weir::test {
namespace {

class LifetimeTest : public EchoTest {
 protected:
  static Knobs Hanging() {
    Knobs knobs;
    knobs.set_hang(true);
    return knobs;
  }
};

TEST_F(LifetimeTest, ADeadlineEndsACallThatTheServerIsTooSlowFor) {
  auto context = Context(Hanging());
  context->set_deadline(After(200));
  Note reply;
  EXPECT_EQ(echo_->Unary(context.get(), NoteOf(""), &reply).error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([](const Counts& seen) { return seen.cancelled() == 1 && seen.ended() == 1; }));
}

TEST_F(LifetimeTest, ADeadlineEndsAStreamInItsMiddle) {
  auto context = Context();
  context->set_deadline(After(500));
  auto stream = echo_->Bidi(context.get());
  Note reply;
  ASSERT_TRUE(stream->Write(NoteOf("x")));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Eventually([](const Counts& seen) { return seen.cancelled() == 1 && seen.ended() == 1; }));
}

TEST_F(LifetimeTest, TheServerSeesADeadlineThatIsNeverLonger) {
  for (const int milliseconds : {1500, 20000, 3600 * 1000, 40 * 3600 * 1000}) {
    auto context = Context();
    context->set_deadline(After(milliseconds));
    Note reply;
    const grpc::Status status = echo_->Unary(context.get(), NoteOf(""), &reply);
    ASSERT_TRUE(status.ok()) << status.error_message();
    ASSERT_TRUE(reply.seen().has_deadline_ms());
    // gRPC's clients round what they send up to a few digits; raw_calls_test.py is exact.
    EXPECT_LE(reply.seen().deadline_ms(), milliseconds + milliseconds / 50);
    EXPECT_GT(reply.seen().deadline_ms(), 0);
  }
}

TEST_F(LifetimeTest, ACallWithoutADeadlineGetsNone) {
  grpc::ClientContext context;
  Note reply;
  ASSERT_TRUE(echo_->Unary(&context, NoteOf(""), &reply).ok());
  EXPECT_FALSE(reply.seen().has_deadline_ms());
}

TEST_F(LifetimeTest, ACancelledUnaryCallIsCancelledAtTheServer) {
  auto context = Context(Hanging());
  Note reply;
  grpc::CompletionQueue queue;
  auto call = echo_->AsyncUnary(context.get(), NoteOf(""), &queue);
  grpc::Status status;
  call->Finish(&reply, &status, nullptr);
  ASSERT_TRUE(Eventually([](const Counts& seen) { return seen.started() == 1; }));
  context->TryCancel();
  EXPECT_TRUE(Eventually([](const Counts& seen) { return seen.cancelled() == 1 && seen.ended() == 1; }));
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(LifetimeTest, ACancelledStreamIsCancelledAtTheServerInAnyState) {
  int streams = 0;
  for (const bool has_read : {false, true}) {
    for (const bool has_ended : {false, true}) {
      Knobs knobs;
      knobs.set_replies(1);
      knobs.set_hang(has_ended);  // Else it would end with the client.
      knobs.set_headers_first(true);
      auto context = Context(knobs);
      auto stream = echo_->Bidi(context.get());
      Note reply;
      if (has_read && !has_ended) {
        ASSERT_TRUE(stream->Read(&reply));
      }
      if (has_ended) stream->WritesDone();
      ++streams;
      ASSERT_TRUE(Eventually([&](const Counts& seen) { return seen.started() == streams; }));
      context->TryCancel();
      EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
      EXPECT_TRUE(
          Eventually([&](const Counts& seen) { return seen.cancelled() == streams && seen.ended() == streams; }));
    }
  }
}

TEST_F(LifetimeTest, ALostConnectionCancelsItsCallsAtTheServer) {
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<grpc::ClientReaderWriter<Note, Note>>> streams;
  auto survivor_context = Context();
  auto survivor = echo_->Bidi(survivor_context.get());
  {
    auto channel = NewChannel(TargetAddress());
    auto stub = Echo::NewStub(channel);
    for (int i = 0; i < 10; ++i) {
      contexts.push_back(Context(Hanging()));
      streams.push_back(stub->Bidi(contexts.back().get()));
    }
    ASSERT_TRUE(Eventually([](const Counts& seen) { return seen.started() == 11; }));
    for (auto& context : contexts) context->TryCancel();
    for (auto& stream : streams) stream->Finish();
  }
  EXPECT_TRUE(Eventually([](const Counts& seen) { return seen.cancelled() == 10 && seen.ended() == 10; }));
  Note reply;
  EXPECT_TRUE(survivor->Write(NoteOf("still here")));
  EXPECT_TRUE(survivor->Read(&reply));
  survivor->WritesDone();
  EXPECT_TRUE(survivor->Finish().ok());
}

}  // namespace
}  // namespace weir::test
