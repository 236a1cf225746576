// What is kept of a call that its model failed, for the post-mortem: never its bodies, and of its metadata only what
// carries no secret.

#ifndef WEIR_STATS_FAILED_CALL_H_
#define WEIR_STATS_FAILED_CALL_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace weir::stats {

struct FailedCall {
  uint32_t run = 0;  // As in CountsKey.
  uint32_t epoch = 0;
  uint16_t variant = 0;  // That it was assigned to.
  absl::Time started{};
  absl::Duration latency{};
  int grpc_code = 0;
  std::string path{};                                           // "/package.Service/Method"
  std::string message{};                                        // grpc-message, shortened.
  std::string endpoint{};                                       // "host:port" that failed; empty: none was reached.
  std::vector<std::pair<std::string, std::string>> metadata{};  // Of the request, shortened.
};

}  // namespace weir::stats

#endif  // WEIR_STATS_FAILED_CALL_H_
