// Large messages, and many streams at once.

#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "test/integration/echo_fixture.h"

namespace weir::test {
namespace {

constexpr size_t kLarge = 4 << 20;

class BulkTest : public EchoTest {};

// Every position has its own content, so that no piece may be lost, doubled or moved.
std::string Patterned(size_t size) {
  std::string text(size, '\0');
  uint64_t state = 0x9e3779b97f4a7c15;
  for (char& c : text) {
    state = state * 6364136223846793005 + 1442695040888963407;
    c = static_cast<char>(state >> 56);
  }
  return text;
}

TEST_F(BulkTest, FourMebibytesGoAndComeInAUnaryCall) {
  const std::string payload = Patterned(kLarge);
  Note reply;
  const grpc::Status status = echo_->Unary(Context().get(), NoteOf(payload), &reply);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(reply.payload() == payload);
}

TEST_F(BulkTest, MessagesOfFourMebibytesStreamBothWays) {
  const std::string payload = Patterned(kLarge);
  auto context = Context();
  auto stream = echo_->Bidi(context.get());
  for (int i = 0; i < 8; ++i) {
    Note reply;
    ASSERT_TRUE(stream->Write(NoteOf(payload)));
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_TRUE(reply.payload() == payload);
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(BulkTest, MessagesOfFourMebibytesStreamUpAndDown) {
  Note reply;
  auto up_context = Context();
  auto writer = echo_->ClientStream(up_context.get(), &reply);
  const Note note = NoteOf(Patterned(kLarge));
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(writer->Write(note));
  writer->WritesDone();
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(reply.seen().request_bytes(), 8 * kLarge);

  Knobs knobs;
  knobs.set_replies(8);
  auto down_context = Context(knobs);
  auto reader = echo_->ServerStream(down_context.get(), note);
  int replies = 0;
  while (reader->Read(&reply)) {
    EXPECT_TRUE(reply.payload() == note.payload());
    ++replies;
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(replies, 8);
}

TEST_F(BulkTest, MessagesAtTheEdgesOfFramesAndWindowsPass) {
  auto context = Context();
  auto stream = echo_->Bidi(context.get());
  for (const size_t edge : {16384, 32768, 65535, 65536, 131072, 262144}) {
    for (size_t size = edge - 12; size <= edge + 3; ++size) {
      const std::string payload = Patterned(size);
      Note reply;
      ASSERT_TRUE(stream->Write(NoteOf(payload)));
      ASSERT_TRUE(stream->Read(&reply));
      ASSERT_TRUE(reply.payload() == payload) << size;
    }
  }
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

// A stream that says one thing, hears it, and then waits until all have been heard before it ends.
class HeldStream : public grpc::ClientBidiReactor<Note, Note> {
 public:
  HeldStream(Echo::Stub* stub, std::unique_ptr<grpc::ClientContext> context, absl::BlockingCounter* heard,
             absl::BlockingCounter* done)
      : context_(std::move(context)), heard_(*heard), done_(*done) {
    note_.set_payload("held");
    stub->async()->Bidi(context_.get(), this);
    AddHold();  // Ends later, from another thread.
    StartRead(&reply_);
    StartWrite(&note_);
    StartCall();
  }

  void End() {
    StartWritesDone();
    RemoveHold();
  }

  void OnReadDone(bool ok) override {
    if (ok) is_heard_ = true, StartRead(&after_);
    if (!has_counted_) heard_.DecrementCount();
    has_counted_ = true;
  }

  void OnDone(const grpc::Status& status) override {
    status_ = status;
    done_.DecrementCount();
  }

  bool is_heard() const { return is_heard_ && reply_.payload() == "held"; }
  const grpc::Status& status() const { return status_; }

 private:
  std::unique_ptr<grpc::ClientContext> context_;
  absl::BlockingCounter& heard_;
  absl::BlockingCounter& done_;
  Note note_, reply_, after_;
  bool is_heard_ = false;
  bool has_counted_ = false;
  grpc::Status status_;
};

class ManyStreamsTest : public BulkTest, public testing::WithParamInterface<int> {};

TEST_P(ManyStreamsTest, OneThousandAreOpenAtOnce) {
  constexpr int kStreams = 1000;
  std::vector<std::unique_ptr<Echo::Stub>> stubs;
  for (int i = 0; i < GetParam(); ++i) stubs.push_back(Echo::NewStub(NewChannel(TargetAddress())));
  absl::BlockingCounter heard(kStreams), done(kStreams);
  std::vector<std::unique_ptr<HeldStream>> streams;
  for (int i = 0; i < kStreams; ++i) {
    streams.push_back(std::make_unique<HeldStream>(stubs[i % stubs.size()].get(), Context(), &heard, &done));
  }
  heard.Wait();
  const Counts seen = Seen();
  EXPECT_EQ(seen.started() - seen.ended(), kStreams);
  for (auto& stream : streams) stream->End();
  done.Wait();
  for (auto& stream : streams) {
    EXPECT_TRUE(stream->is_heard());
    EXPECT_TRUE(stream->status().ok()) << stream->status().error_message();
  }
}

INSTANTIATE_TEST_SUITE_P(OverConnections, ManyStreamsTest, testing::Values(1, 10),
                         [](const auto& info) { return info.param == 1 ? std::string("One") : std::string("Ten"); });

}  // namespace
}  // namespace weir::test
