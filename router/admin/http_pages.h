// What the read-only HTTP pages say: /metrics for Prometheus, /healthz and /readyz for whoever starts and stops us.
// Pure.

#ifndef WEIR_ROUTER_ADMIN_HTTP_PAGES_H_
#define WEIR_ROUTER_ADMIN_HTTP_PAGES_H_

#include <functional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "router/control/control_interface.h"

namespace weir::admin {

// The control thread ticks ten times a second; silent for this long, it hangs, and a restart is the best that is left.
inline constexpr absl::Duration kSilenceOfAHang = absl::Seconds(10);

struct HttpReply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  bool operator==(const HttpReply&) const = default;
};

// What a page is made from.
struct HttpState {
  const control::Snapshot* snapshot = nullptr;  // nullptr before the first tick.
  absl::Time now;
  bool is_draining = false;
  // The text of /metrics, of media type `metrics_type`.
  std::function<std::string(const stats::MetricsSnapshot&)> render_metrics;
  std::string metrics_type;
};

// The answer to GET `path`:
//   /metrics   200; 503 before the first tick
//   /healthz   200 while the process lives and the control thread ticks, or has not begun to; else 503
//   /readyz    200 while traffic is welcome; 503 before, and as soon as the drain begins
//   /          200, a list of these
//   else       404
HttpReply AnswerHttp(std::string_view path, const HttpState& state);

}  // namespace weir::admin

#endif  // WEIR_ROUTER_ADMIN_HTTP_PAGES_H_
