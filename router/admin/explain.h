// Where a user goes and why, by the tables in force: the assignment rule with each of its draws shown. Pure.

#ifndef WEIR_ROUTER_ADMIN_EXPLAIN_H_
#define WEIR_ROUTER_ADMIN_EXPLAIN_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proto/weir/v1/admin.pb.h"
#include "router/routing/route_table.h"

namespace weir::admin {

// The user `key` in `experiment`, or in every experiment when that is empty. NotFound when there is no such experiment.
absl::StatusOr<weir::v1::ExplainResponse> Explain(const routing::RouteTable& table, std::string_view key,
                                                  std::string_view experiment);

}  // namespace weir::admin

#endif  // WEIR_ROUTER_ADMIN_EXPLAIN_H_
