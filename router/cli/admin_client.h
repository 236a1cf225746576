// The calls of weir.v1.Admin, as weirctl makes them.

#ifndef WEIR_ROUTER_CLI_ADMIN_CLIENT_H_
#define WEIR_ROUTER_CLI_ADMIN_CLIENT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "proto/weir/v1/admin.grpc.pb.h"

namespace weir::cli {

// One thread. Each call waits for its answer, ten seconds at most. An error has the code of admin.proto; that nothing
// answered at the address is `IsUnreachable`, and says so.
class AdminClient {
 public:
  explicit AdminClient(std::string address);

  absl::StatusOr<weir::v1::Status> GetStatus();
  absl::StatusOr<weir::v1::ResetResponse> Reset(const weir::v1::ResetRequest& request);
  absl::StatusOr<weir::v1::CommandResponse> Command(const weir::v1::CommandRequest& request);
  absl::StatusOr<weir::v1::ExplainResponse> Explain(const weir::v1::ExplainRequest& request);

  // Whether `error` means that the proxy was not there, and not that it refused.
  static bool IsUnreachable(const absl::Status& error);

 private:
  bool Connect();
  template <typename Response, typename Request, typename Method>
  absl::StatusOr<Response> Call(Method method, const Request& request);

  const std::string address_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<weir::v1::Admin::Stub> stub_;
};

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_ADMIN_CLIENT_H_
