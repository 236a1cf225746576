#include "router/cli/admin_client.h"

#include <functional>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
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
  weir::v1::CommandRequest command;
  command.set_kind(weir::v1::CommandRequest::PAUSE);
  command.set_experiment("e");
  command.set_actor("eve");
  EXPECT_EQ(client.Command(command)->experiment().name(), "e");
  EXPECT_EQ(control_.commands.at(0).kind(), weir::v1::CommandRequest::PAUSE);
  EXPECT_EQ(control_.commands.at(0).actor(), "eve");
}

TEST_F(AdminClientTest, ARefusalIsNoMissingProxyEvenWhenItIsCalledUnavailable) {
  AdminClient client(server_->address().ToString());
  control_.answer = absl::UnavailableError("the journal refused");
  weir::v1::CommandRequest request;
  request.set_kind(weir::v1::CommandRequest::RESET);
  request.set_experiment("e");
  const absl::Status refusal = client.Command(request).status();
  EXPECT_EQ(refusal.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(std::string(refusal.message()), "the journal refused");
  EXPECT_FALSE(AdminClient::IsUnreachable(refusal));
}

// Answers when its disk does.
class SlowControl : public admin::RecordingControl {
 public:
  void Obey(weir::v1::CommandRequest, std::function<void(absl::Status)> done) override {
    const absl::MutexLock lock(&mutex_);
    if (is_answering_) return done(absl::OkStatus());
    waiting_.push_back(std::move(done));
  }
  void Answer() {
    const absl::MutexLock lock(&mutex_);
    is_answering_ = true;
    for (auto& done : waiting_) done(absl::OkStatus());
    waiting_.clear();
  }

 private:
  absl::Mutex mutex_;
  bool is_answering_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::function<void(absl::Status)>> waiting_ ABSL_GUARDED_BY(mutex_);
};

TEST(SlowProxyTest, ACommandWithoutAnAnswerInTimeMayStillBeCarriedOut) {
  SlowControl control;
  const auto server = admin::GrpcServer::Create({"127.0.0.1", 0}, &control).value();
  AdminClient client(server->address().ToString(), absl::Milliseconds(200));
  weir::v1::CommandRequest request;
  request.set_kind(weir::v1::CommandRequest::ROLLBACK);
  request.set_experiment("e");
  const absl::Status unknown = client.Command(request).status();
  EXPECT_TRUE(absl::IsDeadlineExceeded(unknown)) << unknown;
  EXPECT_EQ(std::string(unknown.message()),
            "no answer within 200ms: it may still be carried out; look at `weirctl status`");
  EXPECT_TRUE(AdminClient::IsUnreachable(unknown));
  control.Answer();
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
