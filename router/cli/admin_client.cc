#include "router/cli/admin_client.h"

#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>

#include <type_traits>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace weir::cli {
namespace {

constexpr char kUnreachableUrl[] = "weir.cli/unreachable";
constexpr absl::Duration kConnectTimeout = absl::Seconds(3);

absl::Status Unreachable(absl::Status status) {
  status.SetPayload(kUnreachableUrl, absl::Cord(""));
  return status;
}

absl::Status NobodyThere(const std::string& address) {
  return Unreachable(absl::UnavailableError(
      absl::StrCat("no proxy answers at ", address, " (--address or WEIR_ADMIN name its admin address)")));
}

// Nobody knows what became of it: the proxy answers a command when it is done.
absl::Status NoAnswer(absl::Duration patience, bool is_command) {
  return Unreachable(absl::DeadlineExceededError(
      absl::StrCat("no answer within ", absl::FormatDuration(patience),
                   is_command ? ": it may still be carried out; look at `weirctl status`" : "")));
}

gpr_timespec In(absl::Duration duration) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                      gpr_time_from_millis(absl::ToInt64Milliseconds(duration), GPR_TIMESPAN));
}

}  // namespace

AdminClient::AdminClient(std::string address, absl::Duration patience)
    : address_(std::move(address)), patience_(patience) {
  channel_ = grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
  stub_ = weir::v1::Admin::NewStub(channel_);
}

bool AdminClient::IsUnreachable(const absl::Status& error) { return error.GetPayload(kUnreachableUrl).has_value(); }

// Whether the channel connects in time. A refused connection is an answer, not a reason to wait.
bool AdminClient::Connect() {
  const gpr_timespec deadline = In(kConnectTimeout);
  for (;;) {
    const grpc_connectivity_state state = channel_->GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return false;
    if (!channel_->WaitForStateChange(state, deadline)) return false;
  }
}

template <typename Response, typename Request, typename Method>
absl::StatusOr<Response> AdminClient::Call(Method method, const Request& request) {
  if (!Connect()) return NobodyThere(address_);
  grpc::ClientContext context;
  context.set_deadline(In(patience_));
  Response response;
  const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
  if (status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return NoAnswer(patience_, std::is_same_v<Request, weir::v1::CommandRequest>);
  }
  if (!status.ok()) return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  return response;
}

absl::StatusOr<weir::v1::Status> AdminClient::GetStatus() {
  return Call<weir::v1::Status>(&weir::v1::Admin::Stub::GetStatus, weir::v1::GetStatusRequest());
}

absl::StatusOr<weir::v1::CommandResponse> AdminClient::Command(const weir::v1::CommandRequest& request) {
  return Call<weir::v1::CommandResponse>(&weir::v1::Admin::Stub::Command, request);
}

absl::StatusOr<weir::v1::ExplainResponse> AdminClient::Explain(const weir::v1::ExplainRequest& request) {
  return Call<weir::v1::ExplainResponse>(&weir::v1::Admin::Stub::Explain, request);
}

}  // namespace weir::cli
