#include "router/cli/admin_client.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/admin/grpc_server.h"
#include "router/admin/recording_control.h"

namespace weir::cli {
namespace {

using ::testing::HasSubstr;

class AdminClientTest : public ::testing::Test {
 protected:
  AdminClientTest() : server_(admin::GrpcServer::Create({"127.0.0.1", 0}, &control_).value()) {
    auto snapshot = std::make_shared<control::Snapshot>();
    snapshot->status.set_proxy("income");
    snapshot->status.add_experiments()->set_name("e");
    control_.Publish(snapshot);
  }

  admin::RecordingControl control_;
  std::unique_ptr<admin::GrpcServer> server_;
};

TEST_F(AdminClientTest, AsksAndCommands) {
  AdminClient client(server_->address().ToString());
  EXPECT_EQ(client.GetStatus()->proxy(), "income");
  weir::v1::ResetRequest request;
  request.set_experiment("e");
  request.set_actor("eve");
  EXPECT_EQ(client.Reset(request)->experiment().name(), "e");
  EXPECT_EQ(control_.commands.at(0).actor(), "eve");
  weir::v1::CommandRequest command;
  command.set_kind(weir::v1::CommandRequest::PAUSE);
  command.set_experiment("e");
  EXPECT_EQ(client.Command(command)->experiment().name(), "e");
  EXPECT_EQ(control_.commands.at(1).kind(), weir::v1::CommandRequest::PAUSE);
}

TEST_F(AdminClientTest, ARefusalIsNoMissingProxyEvenWhenItIsCalledUnavailable) {
  AdminClient client(server_->address().ToString());
  control_.answer = absl::UnavailableError("the journal refused");
  weir::v1::ResetRequest request;
  request.set_experiment("e");
  const absl::Status refusal = client.Reset(request).status();
  EXPECT_EQ(refusal.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(refusal.message()), "the journal refused");
  EXPECT_FALSE(AdminClient::IsUnreachable(refusal));
}

TEST_F(AdminClientTest, AMissingProxyIsToldApartAndNamed) {
  const std::string address = server_->address().ToString();
  server_.reset();
  const absl::Status missing = AdminClient(address).GetStatus().status();
  EXPECT_TRUE(AdminClient::IsUnreachable(missing));
  EXPECT_THAT(std::string(missing.message()), HasSubstr(address));
}

}  // namespace
}  // namespace weir::cli
