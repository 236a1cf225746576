// The status of a proxy, for people. Pure.

#ifndef WEIR_ROUTER_CLI_STATUS_TEXT_H_
#define WEIR_ROUTER_CLI_STATUS_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "proto/weir/v1/admin.pb.h"

namespace weir::cli {

// A page: the proxy, then each experiment with its variants, guardrails and mirrors. Ends with a line end.
std::string StatusText(const weir::v1::Status& status);

// Where one experiment stands, in a line without its end.
std::string PhaseText(const weir::v1::ExperimentStatus& experiment);

// weir.v1.Status as JSON, with the names of admin.proto and every field of a plain type, zero ones too.
absl::StatusOr<std::string> StatusJson(const weir::v1::Status& status);

// Where a user goes, for people.
std::string ExplainText(const weir::v1::ExplainResponse& response);

// What keeps `status --exit-code` from saying that all is well; empty when it is.
std::string Trouble(const weir::v1::Status& status);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_STATUS_TEXT_H_
