// Asks HTTP/1.1 servers, over cleartext or TLS: one request a connection, each with a time by which it ends. The one
// includer of libcurl, whose transfers it runs on the owner's event loop: a server that stalls delays nobody.
//
// Redirects are answers like all others. Proxies that the environment names are not used: a notice goes where its
// specification says, and nowhere else. TLS is 1.2 or later, and the server's certificate and name are verified.

#ifndef WEIR_ROUTER_RUNTIME_HTTP_CLIENT_H_
#define WEIR_ROUTER_RUNTIME_HTTP_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "router/runtime/event_loop.h"

namespace weir::runtime {

struct HttpRequest {
  std::string host;  // A name or a numeric address, without brackets.
  uint16_t port = 80;
  bool is_tls = false;
  std::string ca_file{};  // Of certificates to trust in place of the system's; empty: the system's.
  std::string method = "GET";
  std::string target = "/";                                    // Path and query.
  std::vector<std::pair<std::string, std::string>> headers{};  // Beside Host and Content-Length.
  std::string body{};                                          // Of a POST.
};

struct HttpResponse {
  int status = 0;
  std::string body;
  bool operator==(const HttpResponse&) const = default;
};

struct HttpLimits {
  size_t head_bytes = 0;  // Of an answer: its status lines and headers.
  size_t body_bytes = 0;
};

// The loop's thread. Whoever owns it calls OnTurnEnd at the end of every turn of the loop.
class HttpClient {
 public:
  // Called within OnTurnEnd, once. UNAVAILABLE: there is no such server, or it breaks off. DEADLINE_EXCEEDED: its
  // answer is not whole in time. INVALID_ARGUMENT: it does not speak HTTP. RESOURCE_EXHAUSTED: beyond the limits.
  // UNAUTHENTICATED: its certificate is not to be trusted. Messages name the server, and never the target.
  using Answer = std::function<void(absl::StatusOr<HttpResponse>)>;

  HttpClient(EventLoop& loop, HttpLimits limits);
  // What is under way ends, and is not answered.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `timeout`: of the whole, from the resolution of the name to the last byte.
  void Send(HttpRequest request, absl::Duration timeout, Answer answer);
  // Gives the answers that have come. An answer may send again.
  void OnTurnEnd();

 private:
  class Transfers;
  std::unique_ptr<Transfers> transfers_;
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_HTTP_CLIENT_H_
