#include "router/dataplane/feedback_call.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/dataplane/call_simulation.h"

namespace weir::dataplane {
namespace {

using http2::StreamId;
using testing::Contains;
using testing::HasSubstr;
using testing::StartsWith;

// A proxy that takes no outcomes: each report has its receipt at once.
class FeedbackSimulation final : public CallSimulation {
 public:
  ~FeedbackSimulation() override { LoseClient(); }

  void OnRequest(ClientSession& client, StreamId stream, http2::HeaderList& headers, bool end_stream) override {
    desk_.Start(client, stream, *headers.Find(":path"), headers, end_stream);
  }
  FeedbackDesk& desk() { return desk_; }
  int64_t received() { return counts().proxy.feedback_received; }

 private:
  FeedbackDesk desk_{nullptr, nullptr, &services_, [] {}};
};

std::string Reports(int n) {
  std::string all;
  for (int i = 0; i < n; ++i) all += Message("x");
  return all;
}

TEST(FeedbackCallTest, ManyReportsThatAreRefusedAtOnceEachGetTheirReceiptAndTheStreamItsEnd) {
  FeedbackSimulation proxy;
  proxy.Ask("/weir.v1.Feedback/ReportStream", Reports(1000), true);
  EXPECT_EQ(proxy.received(), 1000);
  EXPECT_THAT(CallEvents(proxy.client()).back(), StartsWith("H1 grpc-status=0"));
  EXPECT_GT(proxy.client().body(1).size(), 5000u);
}

TEST(FeedbackCallTest, ReportOfManyMessagesIsRefused) {
  FeedbackSimulation proxy;
  proxy.Ask("/weir.v1.Feedback/Report", Reports(1000), false);
  EXPECT_LE(proxy.received(), 1);
  EXPECT_THAT(CallEvents(proxy.client()), Contains(HasSubstr("grpc-status=13")));
}

TEST(FeedbackCallTest, OneClientHasItsShareOfStreamsAloneAndGetsItBack) {
  FeedbackSimulation proxy;
  for (int round = 0; round < 2; ++round) {
    StreamId first = 0;
    for (int i = 0; i < 256; ++i) {
      const StreamId stream = proxy.Ask("/weir.v1.Feedback/ReportStream", "", false);
      if (i == 0) first = stream;
    }
    EXPECT_THAT(CallEvents(proxy.client()), testing::IsEmpty());
    const StreamId last = proxy.Ask("/weir.v1.Feedback/ReportStream", "", false);
    EXPECT_THAT(CallEvents(proxy.client()), Contains(HasSubstr("grpc-status=8")));
    for (StreamId stream = first; stream < last; stream += 2) {
      proxy.client().session().Reset(stream, http2::ErrorCode::kCancel);
    }
    proxy.Advance(absl::Seconds(2));
  }
}

TEST(FeedbackCallTest, AClientThatDoesNotReadItsReceiptsIsReadNoFurtherUntilItDoes) {
  FeedbackSimulation proxy;
  proxy.client().is_consuming = false;
  const int reports = 50'000;
  const StreamId stream = proxy.Ask("/weir.v1.Feedback/ReportStream", Reports(reports), true);
  const int64_t before = proxy.received();
  EXPECT_LT(before, 10'000);
  EXPECT_GT(proxy.client().session().queued_bytes(stream), 150'000u);
  proxy.client().is_consuming = true;
  proxy.client().session().Consume(stream, static_cast<uint32_t>(proxy.client().body(stream).size()));
  proxy.Run();
  EXPECT_EQ(proxy.received(), reports);
  EXPECT_THAT(CallEvents(proxy.client()).back(), StartsWith("H1 grpc-status=0"));
}

TEST(FeedbackCallTest, ADrainEndsAStreamAfterItsReceiptsAndReadsNoFurther) {
  FeedbackSimulation proxy;
  const StreamId stream = proxy.Ask("/weir.v1.Feedback/ReportStream", Reports(3), false);
  proxy.desk().Drain();
  proxy.Run();
  EXPECT_THAT(CallEvents(proxy.client()), Contains(HasSubstr("grpc-status=14")));
  EXPECT_EQ(proxy.client().session().open_streams(), 0u) << stream;
  EXPECT_EQ(proxy.received(), 3);
}

}  // namespace
}  // namespace weir::dataplane
