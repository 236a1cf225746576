// The read-only HTTP side: /metrics, /healthz and /readyz on an address that others may reach. The only door to
// cpp-httplib.
//
// Everything is bounded, as anybody may connect: four threads, one request a connection, 16 KiB of request, 5 s from
// the accepted connection to the last byte of the reply, 32 connections that wait for a thread; for a further one the
// oldest of those is closed. What stalls here stalls nothing else.

#ifndef WEIR_ROUTER_ADMIN_HTTP_SERVER_H_
#define WEIR_ROUTER_ADMIN_HTTP_SERVER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "router/admin/http_pages.h"
#include "router/control/control_interface.h"

namespace weir::admin {

struct HttpServerOptions {
  config::Address address;  // Port 0: any free one.
  std::function<absl::Time()> now;
  std::function<std::string(const stats::MetricsSnapshot&)> render_metrics;
  std::string metrics_type;  // The media type of what `render_metrics` gives.
};

// Owns its threads. Made and destroyed by one thread.
class HttpServer {
 public:
  // Listens, and answers from now on. `control` is borrowed. An error names the address and what is wrong with it.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Create(HttpServerOptions options,
                                                            control::ControlInterface* control);
  // Stops answering: within a tenth of a second, whatever the peers do.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  const config::Address& address() const { return address_; }  // With the port in use.
  void BeginDrain() { is_draining_ = true; }                   // Any thread. /readyz says no from now on.

 private:
  class BoundedServer;  // What we make of httplib's server.

  HttpServer(HttpServerOptions options, control::ControlInterface* control);
  HttpReply Answer(const std::string& path) const;

  const HttpServerOptions options_;
  control::ControlInterface* const control_;
  config::Address address_;
  std::atomic<bool> is_draining_ = false;
  std::unique_ptr<BoundedServer> server_;
  std::thread acceptor_;
};

}  // namespace weir::admin

#endif  // WEIR_ROUTER_ADMIN_HTTP_SERVER_H_
