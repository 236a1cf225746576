// The calls of weir.v1.Admin, as weirctl makes them.

#ifndef WEIR_ROUTER_CLI_ADMIN_CLIENT_H_
#define WEIR_ROUTER_CLI_ADMIN_CLIENT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/weir/v1/admin.grpc.pb.h"

namespace weir::cli {

// One thread. Each call waits for its answer, for `patience` at most. An error has the code of admin.proto; that
// nothing answered is `IsUnreachable`, and says whether nobody was there or the answer did not come in time.
class AdminClient {
 public:
  explicit AdminClient(std::string address, absl::Duration patience = absl::Seconds(10));

  absl::StatusOr<weir::v1::Status> GetStatus();
  // Without an answer in time it may still be carried out, which the error says.
  absl::StatusOr<weir::v1::CommandResponse> Command(const weir::v1::CommandRequest& request);
  absl::StatusOr<weir::v1::ExplainResponse> Explain(const weir::v1::ExplainRequest& request);

  // Whether `error` means that the proxy was not there or did not answer, and not that it refused.
  static bool IsUnreachable(const absl::Status& error);

 private:
  bool Connect();
  template <typename Response, typename Request, typename Method>
  absl::StatusOr<Response> Call(Method method, const Request& request);

  const std::string address_;
  const absl::Duration patience_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<weir::v1::Admin::Stub> stub_;
};

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_ADMIN_CLIENT_H_
