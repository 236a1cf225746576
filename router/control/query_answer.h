// What a Prometheus server is asked, and what its answer says (its HTTP API, version 1: an instant query).

#ifndef WEIR_ROUTER_CONTROL_QUERY_ANSWER_H_
#define WEIR_ROUTER_CONTROL_QUERY_ANSWER_H_

#include <string>

#include "absl/status/statusor.h"
#include "config/analysis.h"
#include "router/experiment/external_values.h"
#include "router/runtime/http_client.h"

namespace weir::control {

runtime::HttpRequest RequestOf(const config::QueryMetric& metric);

// The number, as of the time that the answer gives it: when the server evaluated the query, or what the query says by
// `timestamp()`. Errors say in words what came instead: the server's own error, no series, several, NaN, a range.
absl::StatusOr<experiment::ExternalValue> ReadAnswer(const runtime::HttpResponse& response);

// An answer on its way to whoever asked.
struct QueryAnswer {
  std::string experiment;
  std::string metric;
  absl::StatusOr<experiment::ExternalValue> value;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_QUERY_ANSWER_H_
