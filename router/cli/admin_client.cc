#include "router/cli/admin_client.h"

#include <grpc/support/time.h>
#include <grpcpp/grpcpp.h>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace weir::cli {
namespace {

constexpr char kUnreachableUrl[] = "weir.cli/unreachable";
constexpr int kConnectSeconds = 3;
constexpr int kCallSeconds = 10;

absl::Status Unreachable(const std::string& address) {
  absl::Status status = absl::UnavailableError(
      absl::StrCat("no proxy answers at ", address, " (--address or WEIR_ADMIN name its admin address)"));
  status.SetPayload(kUnreachableUrl, absl::Cord(""));
  return status;
}

gpr_timespec In(int seconds) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(seconds, GPR_TIMESPAN));
}

}  // namespace

AdminClient::AdminClient(std::string address) : address_(std::move(address)) {
  channel_ = grpc::CreateChannel(address_, grpc::InsecureChannelCredentials());
  stub_ = weir::v1::Admin::NewStub(channel_);
}

bool AdminClient::IsUnreachable(const absl::Status& error) { return error.GetPayload(kUnreachableUrl).has_value(); }

// Whether the channel connects in time. A refused connection is an answer, not a reason to wait.
bool AdminClient::Connect() {
  const gpr_timespec deadline = In(kConnectSeconds);
  for (;;) {
    const grpc_connectivity_state state = channel_->GetState(/*try_to_connect=*/true);
    if (state == GRPC_CHANNEL_READY) return true;
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE || state == GRPC_CHANNEL_SHUTDOWN) return false;
    if (!channel_->WaitForStateChange(state, deadline)) return false;
  }
}

template <typename Response, typename Request, typename Method>
absl::StatusOr<Response> AdminClient::Call(Method method, const Request& request) {
  if (!Connect()) return Unreachable(address_);
  grpc::ClientContext context;
  context.set_deadline(In(kCallSeconds));
  Response response;
  const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
  if (!status.ok()) return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  return response;
}

absl::StatusOr<weir::v1::Status> AdminClient::GetStatus() {
  return Call<weir::v1::Status>(&weir::v1::Admin::Stub::GetStatus, weir::v1::GetStatusRequest());
}

absl::StatusOr<weir::v1::ResetResponse> AdminClient::Reset(const weir::v1::ResetRequest& request) {
  return Call<weir::v1::ResetResponse>(&weir::v1::Admin::Stub::Reset, request);
}

absl::StatusOr<weir::v1::CommandResponse> AdminClient::Command(const weir::v1::CommandRequest& request) {
  return Call<weir::v1::CommandResponse>(&weir::v1::Admin::Stub::Command, request);
}

absl::StatusOr<weir::v1::ExplainResponse> AdminClient::Explain(const weir::v1::ExplainRequest& request) {
  return Call<weir::v1::ExplainResponse>(&weir::v1::Admin::Stub::Explain, request);
}

}  // namespace weir::cli
