// What a proxy asks of other systems and tells them, for people. Pure.

#ifndef WEIR_ROUTER_CLI_OUTSIDE_TEXT_H_
#define WEIR_ROUTER_CLI_OUTSIDE_TEXT_H_

#include <string>

#include "proto/weir/v1/admin.pb.h"

namespace weir::cli {

// A table of the metrics that other systems answer; empty without any.
std::string ExternalMetricsText(const weir::v1::ExperimentStatus& experiment);

// A table of who is notified; empty without any.
std::string NotifyTargetsText(const weir::v1::Status& status);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_OUTSIDE_TEXT_H_
