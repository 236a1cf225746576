#include "router/admin/grpc_server.h"

#include <grpcpp/grpcpp.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/weir/v1/admin.grpc.pb.h"
#include "router/admin/recording_control.h"
#include "router/routing/assignment.h"

namespace weir::admin {
namespace {

using ::testing::HasSubstr;

class GrpcServerTest : public ::testing::Test {
 protected:
  GrpcServerTest() : server_(GrpcServer::Create({"127.0.0.1", 0}, &control_).value()) {
    admin_ = weir::v1::Admin::NewStub(
        grpc::CreateChannel(server_->address().ToString(), grpc::InsecureChannelCredentials()));
  }

  void Publish() {
    auto table = std::make_shared<routing::RouteTable>();
    routing::ExperimentRoute experiment;
    experiment.name = "income";
    experiment.salt_seed = routing::SaltSeed("income");
    experiment.variants = {{"baseline", 70}, {"enhanced", 30}};
    table->experiments = {experiment};
    auto snapshot = std::make_shared<control::Snapshot>();
    snapshot->status.set_proxy("income-proxy");
    snapshot->status.add_experiments()->set_name("income");
    snapshot->status.mutable_experiments(0)->set_run(2);
    snapshot->table = table;
    control_.Publish(snapshot);
  }

  RecordingControl control_;
  std::unique_ptr<GrpcServer> server_;
  std::unique_ptr<weir::v1::Admin::Stub> admin_;
};

TEST_F(GrpcServerTest, StatusIsTheNewestSnapshot) {
  grpc::ClientContext before, after;
  weir::v1::Status status;
  EXPECT_EQ(admin_->GetStatus(&before, {}, &status).error_code(), grpc::StatusCode::UNAVAILABLE);
  Publish();
  ASSERT_TRUE(admin_->GetStatus(&after, {}, &status).ok());
  EXPECT_EQ(status.proxy(), "income-proxy");
}

TEST_F(GrpcServerTest, AResetIsAnsweredWithWhatItOpened) {
  Publish();
  control_.answer = absl::OkStatus();
  grpc::ClientContext context;
  weir::v1::ResetRequest request;
  request.set_experiment("income");
  request.set_actor("eve");
  weir::v1::ResetResponse response;
  ASSERT_TRUE(admin_->Reset(&context, request, &response).ok());
  ASSERT_EQ(control_.commands.size(), 1u);
  EXPECT_EQ(control_.commands[0].kind(), weir::v1::CommandRequest::RESET);
  EXPECT_EQ(control_.commands[0].experiment(), "income");
  EXPECT_EQ(control_.commands[0].actor(), "eve");
  EXPECT_EQ(response.experiment().run(), 2u);
}

TEST_F(GrpcServerTest, ARefusalKeepsItsCodeAndItsWords) {
  for (const absl::Status& refusal :
       {absl::NotFoundError("no such experiment"), absl::FailedPreconditionError("it is running: nothing to reset"),
        absl::UnavailableError("the journal refused")}) {
    control_.answer = refusal;
    grpc::ClientContext context;
    weir::v1::ResetRequest request;
    request.set_experiment("income");
    weir::v1::ResetResponse response;
    const grpc::Status status = admin_->Reset(&context, request, &response);
    EXPECT_EQ(static_cast<int>(status.error_code()), static_cast<int>(refusal.code()));
    EXPECT_EQ(status.error_message(), std::string(refusal.message()));
  }
}

TEST_F(GrpcServerTest, AResetWithoutAnActorIsBookedOnThePeer) {
  grpc::ClientContext context;
  weir::v1::ResetRequest request;
  request.set_experiment("income");
  weir::v1::ResetResponse response;
  EXPECT_TRUE(admin_->Reset(&context, request, &response).ok());
  EXPECT_THAT(control_.commands.at(0).actor(), HasSubstr("127.0.0.1"));
}

TEST_F(GrpcServerTest, ACommandArrivesAsItWasGivenAndIsAnsweredWithWhatCameOfIt) {
  Publish();
  weir::v1::CommandRequest request;
  request.set_kind(weir::v1::CommandRequest::SET_WEIGHT);
  request.set_experiment("income");
  request.set_actor("eve");
  request.add_roles("operator");
  request.set_percent(12.5);
  grpc::ClientContext context;
  weir::v1::CommandResponse response;
  ASSERT_TRUE(admin_->Command(&context, request, &response).ok());
  EXPECT_EQ(control_.commands.at(0).SerializeAsString(), request.SerializeAsString());
  EXPECT_EQ(response.experiment().run(), 2u);
}

TEST_F(GrpcServerTest, BadRequestsAreRefusedBeforeTheControlSideSeesThem) {
  Publish();
  weir::v1::ResetResponse reset;
  weir::v1::ExplainResponse explained;
  weir::v1::ResetRequest nameless;
  weir::v1::ExplainRequest keyless, huge;
  huge.set_key(std::string(100'000, 'k'));
  grpc::ClientContext contexts[3];
  EXPECT_EQ(admin_->Reset(&contexts[0], nameless, &reset).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(admin_->Explain(&contexts[1], keyless, &explained).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(admin_->Explain(&contexts[2], huge, &explained).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(control_.commands.empty());
}

TEST_F(GrpcServerTest, ExplainsByTheTableInForce) {
  weir::v1::ExplainRequest request;
  request.set_key("alice");
  weir::v1::ExplainResponse response;
  grpc::ClientContext before, after, wrong;
  EXPECT_EQ(admin_->Explain(&before, request, &response).error_code(), grpc::StatusCode::UNAVAILABLE);
  Publish();
  ASSERT_TRUE(admin_->Explain(&after, request, &response).ok());
  EXPECT_EQ(response.assignments(0).experiment(), "income");
  request.set_experiment("absent");
  EXPECT_EQ(admin_->Explain(&wrong, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(GrpcServerTest, APortInUseIsAnError) {
  const auto second = GrpcServer::Create(server_->address(), &control_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(server_->address().ToString()));
}

TEST_F(GrpcServerTest, NeverListensBeyondLoopback) {
  for (const char* host : {"0.0.0.0", "::", "192.168.0.1", "example.com"}) {
    EXPECT_EQ(GrpcServer::Create({host, 0}, &control_).status().code(), absl::StatusCode::kInvalidArgument) << host;
  }
}

}  // namespace
}  // namespace weir::admin
