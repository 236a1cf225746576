// grpc.health.v1.Health of the proxy itself (https://github.com/grpc/grpc/blob/master/doc/health-checking.md), where no
// route and no experiment claims that service: an application's own health passes through.

#ifndef WEIR_ROUTER_DATAPLANE_HEALTH_CALL_H_
#define WEIR_ROUTER_DATAPLANE_HEALTH_CALL_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "router/dataplane/call_services.h"
#include "router/dataplane/client_session.h"
#include "router/dataplane/own_reply.h"

namespace weir::dataplane {

// One worker's watches. Only the empty service name is known, which stands for the proxy.
class HealthDesk {
 public:
  // Borrowed.
  explicit HealthDesk(CallServices* services) : services_(services) {}

  // Whether the path is the service's, and neither an experiment nor a route of the table takes it.
  bool IsOwn(std::string_view path) const;
  void Start(ClientSession& client, http2::StreamId stream, std::string_view path, bool end_stream);
  // From now on it is not serving; those who watch are told, and their calls end UNAVAILABLE.
  void StopServing();

 private:
  // Check or Watch.
  class Call final : public ClientStream {
   public:
    Call(HealthDesk& desk, uint64_t id, ClientSession& client, http2::StreamId stream, bool is_watch);
    void Begin(bool end_stream);
    void Tell();
    // Of a Watch that goes on: tells the last, and ends. May destroy this.
    void StopWatching();
    uint64_t id() const { return id_; }
    const ClientSession& client() const { return client_; }

    void OnClientTrailers(http2::HeaderList& trailers) override;
    void OnClientData(http2::Slice data, uint32_t flow_bytes, bool end_stream) override;
    void OnClientReset(http2::ErrorCode code) override;
    void OnClientSent(size_t) override {}
    void OnClientLost() override;

   private:
    void Answer();
    void End(GrpcCode code, std::string_view message);

    HealthDesk& desk_;
    const uint64_t id_;
    ClientSession& client_;
    const http2::StreamId stream_;
    const bool is_watch_;
    MessageReader reader_;
    bool is_answered_ = false;
    bool has_headers_ = false;
    bool is_known_ = false;  // The service that it asked for.
  };

  void Forget(const Call& call);  // Destroys it.

  CallServices* const services_;
  bool is_serving_ = true;
  uint64_t next_call_ = 1;
  absl::flat_hash_map<uint64_t, std::unique_ptr<Call>> calls_;
  absl::flat_hash_map<const ClientSession*, size_t> calls_of_;
};

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_HEALTH_CALL_H_
