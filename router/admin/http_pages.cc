#include "router/admin/http_pages.h"

#include "absl/strings/str_cat.h"

namespace weir::admin {
namespace {

HttpReply Text(int status, std::string line) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(line) + "\n";
  return reply;
}

// How long the control thread has been silent.
absl::Duration SilenceOf(const HttpState& state) {
  const auto& tick = state.snapshot->status.now();
  return state.now - (absl::FromUnixSeconds(tick.seconds()) + absl::Nanoseconds(tick.nanos()));
}

bool Hangs(const HttpState& state) { return state.snapshot != nullptr && SilenceOf(state) > kSilenceOfAHang; }

std::string SayHang(const HttpState& state) {
  return absl::StrCat("the control thread has been silent for ", absl::ToInt64Seconds(SilenceOf(state)), " s");
}

HttpReply Metrics(const HttpState& state) {
  if (state.snapshot == nullptr) return Text(503, "starting");
  HttpReply reply;
  reply.content_type = state.metrics_type;
  reply.body = state.render_metrics(state.snapshot->metrics);
  return reply;
}

HttpReply Health(const HttpState& state) { return Hangs(state) ? Text(503, SayHang(state)) : Text(200, "ok"); }

HttpReply Readiness(const HttpState& state) {
  if (state.is_draining) return Text(503, "draining");
  if (state.snapshot == nullptr) return Text(503, "starting");
  if (Hangs(state)) return Text(503, SayHang(state));
  if (!state.snapshot->status.ready()) return Text(503, "not ready");
  return Text(200, "ready");
}

}  // namespace

HttpReply AnswerHttp(std::string_view path, const HttpState& state) {
  if (path == "/metrics") return Metrics(state);
  if (path == "/healthz") return Health(state);
  if (path == "/readyz") return Readiness(state);
  if (path == "/") return Text(200, "weir: /metrics /healthz /readyz");
  return Text(404, "not found: /metrics, /healthz and /readyz are here");
}

}  // namespace weir::admin
