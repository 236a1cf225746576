// The client against a server that answers as weir does: with a variant, a reason and a ticket, and a feedback service.

#include "examples/replay.h"

#include <map>
#include <memory>
#include <set>

#include "absl/synchronization/mutex.h"
#include "examples/inference.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/inference/open_inference.grpc.pb.h"
#include "proto/weir/v1/feedback.grpc.pb.h"

namespace weir::examples {
namespace {

// Two classes: the brighter of two pixels. Right for every row below but the last.
ServedModel Comparer() {
  return {"digits", Classifier::FromJson(R"({"version": "7", "layers": [
      {"inputs": 2, "outputs": 2, "weights": [1, 0, 0, 1], "bias": [0, 0]}]})")
                        .value()};
}
std::vector<HeldOutRow> Rows() { return ParseHeldOut("digit,p0,p1\n0,5,1\n1,0,9\n0,3,2\n1,4,3\n").value(); }

// Answers, numbers its tickets, and writes down what it hears.
class RecordingServer : public inference::GRPCInferenceService::Service, public weir::v1::Feedback::Service {
 public:
  RecordingServer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(static_cast<inference::GRPCInferenceService::Service*>(this));
    builder.RegisterService(static_cast<weir::v1::Feedback::Service*>(this));
    server_ = builder.BuildAndStart();
  }

  grpc::Status ModelInfer(grpc::ServerContext* context, const inference::ModelInferRequest* request,
                          inference::ModelInferResponse* response) override {
    Welcome(context);
    if (fail_)
      return grpc::Status(grpc::StatusCode::INTERNAL, "told to fail");  // Trailers alone, with the metadata in them.
    *response = Infer(model_, *request, 0, rng_).value();
    return grpc::Status::OK;
  }

  grpc::Status ModelStreamInfer(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<inference::ModelStreamInferResponse, inference::ModelInferRequest>* stream) override {
    Welcome(context);
    inference::ModelInferRequest request;
    while (stream->Read(&request)) {
      inference::ModelStreamInferResponse response;
      *response.mutable_infer_response() = Infer(model_, request, 0, rng_).value();
      stream->Write(response);
    }
    return grpc::Status::OK;
  }

  grpc::Status Report(grpc::ServerContext*, const weir::v1::Outcome* outcome, weir::v1::Receipt*) override {
    absl::MutexLock lock(&mutex_);
    const bool is_new = reported_.emplace(outcome->ticket(), outcome->metrics().at("correct")).second;
    if (!is_new) return grpc::Status(grpc::StatusCode::ALREADY_EXISTS, "twice");
    return refuse_reports_ ? grpc::Status(grpc::StatusCode::OUT_OF_RANGE, "late") : grpc::Status::OK;
  }

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::map<std::string, double> reported() { return absl::MutexLock(&mutex_), reported_; }
  std::multiset<std::string> users() { return absl::MutexLock(&mutex_), users_; }
  int previews() { return absl::MutexLock(&mutex_), previews_; }  // Calls with that header.
  void RefuseReports() { refuse_reports_ = true; }
  void Fail() { fail_ = true; }

 private:
  void Welcome(grpc::ServerContext* context) {
    absl::MutexLock lock(&mutex_);
    previews_ += static_cast<int>(context->client_metadata().count("x-preview"));
    const auto user = context->client_metadata().find("x-user-id");
    if (user != context->client_metadata().end()) users_.emplace(user->second.data(), user->second.size());
    if (fail_) {
      context->AddTrailingMetadata("x-weir-variant", "enhanced");
      return;
    }
    context->AddInitialMetadata("x-weir-variant", "enhanced");
    context->AddInitialMetadata("x-weir-reason", "assigned");
    context->AddInitialMetadata("x-weir-ticket", "ticket-" + std::to_string(++tickets_));
  }

  const ServedModel model_ = Comparer();
  std::mt19937_64 rng_;
  bool refuse_reports_ = false;
  bool fail_ = false;
  absl::Mutex mutex_;
  int tickets_ = 0;
  int previews_ = 0;
  std::map<std::string, double> reported_;
  std::multiset<std::string> users_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class ReplayTest : public testing::Test {
 protected:
  ReplayTest() {
    options_.target = server_.address();
    options_.deadline = absl::Seconds(60);
    options_.load.rate = 0;
    options_.load.requests = 200;
    options_.load.users = 10;
    options_.load.streaming_share = 0.25;
    options_.load.stream_length = 3;
    options_.load.late_share = 0.5;
    options_.load.late_by = absl::Milliseconds(20);
  }

  RecordingServer server_;
  ReplayOptions options_;
};

TEST_F(ReplayTest, EveryTicketIsReportedOnceWithWhetherTheAnswerWasRight) {
  const auto summary = Replay(options_, Rows());
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(server_.reported().size(), 200u);
  EXPECT_EQ(summary->outcomes().counted(), 200);
  EXPECT_NEAR(summary->outcomes().late(), 100, 36);
  double right = 0;
  for (const auto& [ticket, correct] : server_.reported()) right += correct;
  EXPECT_NEAR(right, 150, 32);  // Three rows of four; a stream tells its last one.
}

TEST_F(ReplayTest, TheSummaryNamesTheVariantReasonAndVersionThatAnswered) {
  const auto summary = Replay(options_, Rows());
  ASSERT_TRUE(summary.ok()) << summary.status();
  ASSERT_EQ(summary->variants_size(), 1);
  const example::VariantSummary& variant = summary->variants(0);
  EXPECT_EQ(variant.variant(), "enhanced");
  EXPECT_EQ(variant.reasons().at("assigned"), 200);
  EXPECT_EQ(variant.rows(), 200 + 2 * variant.streaming());
  EXPECT_EQ(variant.versions().at("7"), variant.rows());
  EXPECT_NEAR(variant.accuracy(), 0.75, 0.01);  // Rows come in turns, so all but the last turn is exact.
}

TEST_F(ReplayTest, AHeaderIsSentWithEachCall) {
  options_.header = "x-preview=green=1";
  ASSERT_TRUE(Replay(options_, Rows()).ok());
  EXPECT_EQ(server_.previews(), 200);
  for (const char* wrong : {"x-preview", "=green", "X-Preview=green", "x=a\nb", "x y=1", "x-bin=1"}) {
    options_.header = wrong;
    EXPECT_TRUE(absl::IsInvalidArgument(Replay(options_, Rows()).status())) << wrong;
  }
}

TEST_F(ReplayTest, UsersSendTheirIdAndAreUnequal) {
  options_.load.zipf = 2;
  ASSERT_TRUE(Replay(options_, Rows()).ok());
  const auto users = server_.users();
  EXPECT_EQ(users.size(), 200u);
  EXPECT_GT(users.count("user-0"), 5 * users.count("user-5"));
}

TEST_F(ReplayTest, AFailureIsCountedForTheVariantThatItsTrailersName) {
  server_.Fail();
  options_.load.streaming_share = 0;
  const auto summary = Replay(options_, Rows());
  ASSERT_TRUE(summary.ok());
  ASSERT_EQ(summary->variants_size(), 1);
  EXPECT_EQ(summary->variants(0).variant(), "enhanced");
  EXPECT_EQ(summary->variants(0).errors().at("INTERNAL"), 200);
  EXPECT_EQ(summary->variants(0).last_error(), "INTERNAL: told to fail");
}

TEST_F(ReplayTest, RefusedOutcomesAreCountedByTheirCode) {
  server_.RefuseReports();
  const auto summary = Replay(options_, Rows());
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->outcomes().refused().at("OUT_OF_RANGE"), 200);
}

TEST_F(ReplayTest, ATargetThatNobodyServesIsUnavailable) {
  options_.target = "127.0.0.1:1";
  options_.connect_timeout = absl::Milliseconds(300);
  const auto summary = Replay(options_, Rows());
  EXPECT_EQ(summary.status().code(), absl::StatusCode::kUnavailable) << summary.status();
}

}  // namespace
}  // namespace weir::examples
