// Asks a model server whether it is ready, over the connection that its calls use: in a few bytes encoded by hand.

#ifndef WEIR_ROUTER_DATAPLANE_ENDPOINT_HEALTH_H_
#define WEIR_ROUTER_DATAPLANE_ENDPOINT_HEALTH_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "config/config.h"
#include "router/dataplane/upstream_session.h"
#include "router/runtime/timer_queue.h"

namespace weir::dataplane {

// One question of a HealthCheck: where it goes, and its one message with the prefix of gRPC.
struct HealthQuestion {
  std::string path;
  std::string body;
};
// `model` is the name that ModelReady asks about. The methods are those of config::HealthCheck.
HealthQuestion MakeHealthQuestion(const std::string& method, const std::string& model);

// Whether the answer (a message with its prefix) says ready: field 1 is 1, which is `ready` of ModelReady and
// ServerReady, and SERVING of grpc.health.v1. Nullopt when it is not one whole, uncompressed, valid message.
std::optional<bool> ReadHealthAnswer(std::string_view body);

// Asks again and again, one question at a time, each answered within the interval or failed.
class HealthProbe final : private UpstreamStream {
 public:
  // `on_change` is told when the verdict changes.
  HealthProbe(const config::HealthCheck& check, const std::string& model, const std::string& authority,
              const absl::Time* now, runtime::TimerQueue* timers, std::function<void()> on_change);
  ~HealthProbe() { Stop(); }

  // Asks on `session` from now on; the last verdict stands until it is answered.
  void AskOn(UpstreamSession& session);
  // Asks nothing any more (the session ends, or must not be used); the next session starts with no verdict.
  void Stop();

  // Nullopt until the first answer.
  std::optional<bool> verdict() const { return verdict_; }
  const config::HealthCheck& check() const { return check_; }

 private:
  void Ask();
  void Conclude(bool is_ready);

  void OnUpstreamHeaders(http2::HeaderList& headers, bool end_stream) override;
  void OnUpstreamData(http2::Slice data, uint32_t flow_bytes, bool end_stream) override;
  void OnUpstreamReset(http2::ErrorCode code) override;
  void OnUpstreamSent(size_t) override {}
  void OnUpstreamLost() override;

  const config::HealthCheck check_;
  const HealthQuestion question_;
  const std::string authority_;
  const absl::Time* const now_;
  runtime::TimerQueue* const timers_;
  const std::function<void()> on_change_;
  UpstreamSession* session_ = nullptr;
  http2::StreamId stream_ = 0;  // 0: no question is open.
  std::string answer_;
  std::optional<bool> verdict_;
  runtime::Timer timer_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_ENDPOINT_HEALTH_H_
