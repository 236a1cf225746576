// The real model server as a process, and the client's replay against it.

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "examples/faults.grpc.pb.h"
#include "examples/heldout.h"
#include "examples/replay.h"
#include "google/protobuf/text_format.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "proto/inference/open_inference.grpc.pb.h"

namespace weir::examples {
namespace {

constexpr absl::Duration kLongEnough = absl::Seconds(60);  // For what ends by itself long before.

// Runs the server until the end of its life, with what it prints on standard output.
class ModelServerProcess {
 public:
  explicit ModelServerProcess(const std::string& model) {
    int output[2];
    EXPECT_EQ(pipe2(output, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
    const std::string file = "examples/models/" + model + ".json";
    // setpriv: a test that crashes takes its server along.
    std::vector<const char*> argv = {"setpriv", "--pdeathsig", "KILL", "examples/model_server", "--model", file.c_str(),
                                     "--grace", "100ms",       nullptr};
    EXPECT_EQ(posix_spawnp(&pid_, "setpriv", &actions, nullptr, const_cast<char**>(argv.data()), environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    close(output[1]);
    std::string line;
    for (char c; read(output[0], &c, 1) == 1 && c != '\n';) line += c;
    close(output[0]);
    const std::string announced = "listening on ";
    EXPECT_EQ(line.substr(0, announced.size()), announced);
    address_ = line.substr(announced.size());
  }
  ~ModelServerProcess() {
    if (pid_ > 0) Terminate();
  }

  const std::string& address() const { return address_; }

  // The exit status after SIGTERM.
  int Terminate() {
    int status = 0;
    kill(pid_, SIGTERM);
    EXPECT_EQ(waitpid(std::exchange(pid_, -1), &status, 0) > 0, true);
    return status;
  }

 private:
  pid_t pid_ = -1;
  std::string address_;
};

std::vector<HeldOutRow> HeldOutRows() {
  std::ifstream file("examples/models/heldout.csv");
  std::stringstream content;
  content << file.rdbuf();
  return ParseHeldOut(content.str()).value();
}

class ModelServerTest : public testing::Test {
 protected:
  explicit ModelServerTest(const std::string& model = "enhanced") : server_(model) {
    const auto channel = grpc::CreateChannel(server_.address(), grpc::InsecureChannelCredentials());
    stub_ = inference::GRPCInferenceService::NewStub(channel);
    faults_ = example::Faults::NewStub(channel);
  }

  void Tell(const std::string& settings_text) {
    example::FaultSettings settings, in_force;
    ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(settings_text, &settings));
    grpc::ClientContext context;
    const grpc::Status status = faults_->Set(&context, settings, &in_force);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  example::VariantSummary ReplayWith(const LoadOptions& load, absl::Duration deadline = kLongEnough) {
    ReplayOptions options;
    options.target = server_.address();
    options.deadline = deadline;
    options.load = load;
    const absl::StatusOr<example::Summary> summary = Replay(options, rows_);
    EXPECT_TRUE(summary.ok()) << summary.status();
    if (!summary.ok() || summary->variants_size() != 1) return {};
    return summary->variants(0);
  }

  inference::ModelInferRequest GoodRequest() const {
    inference::ModelInferRequest request;
    request.set_model_name("digits");
    auto& input = *request.add_inputs();
    input.set_name("pixels");
    input.set_datatype("FP32");
    input.add_shape(1);
    input.add_shape(64);
    input.mutable_contents()->mutable_fp32_contents()->Resize(64, 1);
    return request;
  }

  grpc::StatusCode CodeOf(const inference::ModelInferRequest& request, absl::Duration deadline = kLongEnough) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + deadline));
    inference::ModelInferResponse response;
    return stub_->ModelInfer(&context, request, &response).error_code();
  }

  bool SaysReady() {
    grpc::ClientContext server_context, model_context;
    inference::ServerReadyResponse server;
    inference::ModelReadyResponse model;
    inference::ModelReadyRequest request;
    request.set_name("digits");
    EXPECT_TRUE(stub_->ServerReady(&server_context, {}, &server).ok());
    EXPECT_TRUE(stub_->ModelReady(&model_context, request, &model).ok());
    EXPECT_EQ(server.ready(), model.ready());
    return model.ready();
  }

  ModelServerProcess server_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
  std::unique_ptr<example::Faults::Stub> faults_;
  const std::vector<HeldOutRow> rows_ = HeldOutRows();
};

class EachModelTest : public ModelServerTest, public testing::WithParamInterface<const char*> {
 protected:
  EachModelTest() : ModelServerTest(GetParam()) {}
};

TEST_P(EachModelTest, AFullReplayGivesTheAccuracyThatTheTrainingScriptPrinted) {
  int right = 0;  // The script counts the same way over the same predictions.
  for (const HeldOutRow& row : rows_) right += row.prediction.at(GetParam()) == row.digit;
  const int rows = static_cast<int>(rows_.size());
  for (const double streaming : {0.0, 0.5, 1.0}) {
    LoadOptions load;
    load.rate = 0, load.requests = rows, load.streaming_share = streaming, load.stream_length = 1;
    const example::VariantSummary seen = ReplayWith(load);
    EXPECT_EQ(seen.rows(), rows) << streaming;
    EXPECT_EQ(seen.right(), right) << streaming;
    EXPECT_EQ(seen.errors_size(), 0);
    EXPECT_EQ(seen.streaming() > 0, streaming > 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, EachModelTest, testing::Values("baseline", "enhanced"));

TEST_F(ModelServerTest, SaysWhoItIsAndWhatItTakes) {
  grpc::ClientContext live_context, server_context, model_context, other_context;
  inference::ServerLiveResponse live;
  ASSERT_TRUE(stub_->ServerLive(&live_context, {}, &live).ok());
  EXPECT_TRUE(live.live());
  inference::ServerMetadataResponse server;
  ASSERT_TRUE(stub_->ServerMetadata(&server_context, {}, &server).ok());
  EXPECT_FALSE(server.name().empty());
  inference::ModelMetadataRequest request;
  inference::ModelMetadataResponse model;
  request.set_name("digits");
  ASSERT_TRUE(stub_->ModelMetadata(&model_context, request, &model).ok());
  EXPECT_EQ(model.versions(0), "2");
  EXPECT_EQ(model.inputs(0).shape(1), 64);
  request.set_name("letters");
  EXPECT_EQ(stub_->ModelMetadata(&other_context, request, &model).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ModelServerTest, WhatItDoesNotServeIsNotFoundAndWhatDoesNotFitIsInvalid) {
  EXPECT_EQ(CodeOf(GoodRequest()), grpc::StatusCode::OK);
  inference::ModelInferRequest request = GoodRequest();
  request.set_model_name("letters");
  EXPECT_EQ(CodeOf(request), grpc::StatusCode::NOT_FOUND);
  request = GoodRequest();
  request.mutable_inputs(0)->set_shape(1, 63);
  EXPECT_EQ(CodeOf(request), grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ModelServerTest, AStreamOutlivesARequestThatIsWrong) {
  grpc::ClientContext context;
  const auto stream = stub_->ModelStreamInfer(&context);
  inference::ModelInferRequest wrong = GoodRequest();
  wrong.set_id("first");
  wrong.clear_inputs();
  inference::ModelStreamInferResponse response;
  ASSERT_TRUE(stream->Write(wrong));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_NE(response.error_message(), "");
  EXPECT_EQ(response.infer_response().id(), "first");
  ASSERT_TRUE(stream->Write(GoodRequest()));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.error_message(), "");
  EXPECT_EQ(response.infer_response().outputs_size(), 2);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ModelServerTest, AShareOfTheCallsFailsWithTheStatusItWasTold) {
  Tell("fail_share: 0.2 fail_code: 13");
  LoadOptions load;
  load.rate = 0, load.requests = 2000, load.streaming_share = 0.3;
  const example::VariantSummary seen = ReplayWith(load);
  EXPECT_EQ(seen.calls(), 2000);
  ASSERT_EQ(seen.errors_size(), 1);
  EXPECT_NEAR(seen.errors().at("INTERNAL"), 400, 90);  // Five standard deviations.
  Tell("");
  EXPECT_EQ(ReplayWith(load).errors_size(), 0);
}

TEST_F(ModelServerTest, AddedLatencyHoldsNoThread) {
  Tell("latency { nanos: 300000000 } jitter { nanos: 100000000 }");
  LoadOptions load;
  load.rate = 0, load.requests = 500;
  const absl::Time start = absl::Now();
  const example::VariantSummary seen = ReplayWith(load);
  EXPECT_EQ(seen.errors_size(), 0);
  EXPECT_GE(seen.p50_ms(), 300);
  EXPECT_LT(absl::Now() - start, absl::Seconds(50));  // One after the other they would take 150 s at least.
}

TEST_F(ModelServerTest, AWorseShareOfOneMakesEveryRightAnswerWrong) {
  Tell("worse_share: 1");
  LoadOptions load;
  load.rate = 0, load.requests = static_cast<int64_t>(rows_.size()), load.stream_length = 1;
  EXPECT_LT(ReplayWith(load).accuracy(), 0.03);  // A wrong answer may become right by chance.
}

TEST_F(ModelServerTest, AServerThatIsNotReadySaysSoAndStillInfers) {
  EXPECT_TRUE(SaysReady());
  Tell("not_ready: true");
  EXPECT_FALSE(SaysReady());
  EXPECT_EQ(CodeOf(GoodRequest()), grpc::StatusCode::OK);
  Tell("");
  EXPECT_TRUE(SaysReady());
}

TEST_F(ModelServerTest, AServerThatHangsAcceptsAndNeverAnswersUntilItIsWellAgain) {
  Tell("hang: true");
  LoadOptions load;
  load.rate = 0, load.requests = 50, load.streaming_share = 0.5;
  const example::VariantSummary seen = ReplayWith(load, absl::Milliseconds(200));
  EXPECT_EQ(seen.errors().at("DEADLINE_EXCEEDED"), 50);
  Tell("");
  EXPECT_EQ(CodeOf(GoodRequest()), grpc::StatusCode::OK);
}

TEST_F(ModelServerTest, ItEndsInOrderWhenTerminatedEvenWithCallsThatHang) {
  Tell("hang: true");
  grpc::ClientContext unary_context, stream_context;
  const auto stream = stub_->ModelStreamInfer(&stream_context);
  ASSERT_TRUE(stream->Write(GoodRequest()));
  grpc::CompletionQueue queue;
  const auto call = stub_->AsyncModelInfer(&unary_context, GoodRequest(), &queue);
  inference::ModelInferResponse response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  EXPECT_EQ(server_.Terminate(), 0);
  void* tag;
  bool ok;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_FALSE(status.ok());
  EXPECT_FALSE(stream->Finish().ok());
}

TEST_F(ModelServerTest, FaultsOutOfRangeAreRefused) {
  example::FaultSettings settings, in_force;
  settings.set_fail_share(2);
  grpc::ClientContext context;
  EXPECT_EQ(faults_->Set(&context, settings, &in_force).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace weir::examples
