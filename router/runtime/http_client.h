// Asks HTTP/1.1 servers over cleartext: one request a connection, each with a time by which it ends. Redirects are
// answers like all others.
//
// Our own rather than cpp-httplib's client, which waits in its caller's thread, has no bound on the whole of a call,
// and none on what a hostile server sends: here one thread has any number of calls under way, and a server that stalls
// delays nobody.

#ifndef WEIR_ROUTER_RUNTIME_HTTP_CLIENT_H_
#define WEIR_ROUTER_RUNTIME_HTTP_CLIENT_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "router/runtime/event_loop.h"
#include "router/runtime/http_response.h"
#include "router/runtime/mailbox.h"
#include "router/runtime/resolver.h"

namespace weir::runtime {

struct HttpRequest {
  std::string host;  // A name or a numeric address, without brackets.
  uint16_t port = 80;
  std::string method = "GET";
  std::string target = "/";                                    // Path and query.
  std::vector<std::pair<std::string, std::string>> headers{};  // Beside Host, Connection and Content-Length.
  std::string body{};
};

// The bytes of a request. The caller vouches that no part has a line's end in it.
std::string WriteHttpRequest(const HttpRequest& request);

// The loop's thread. Whoever owns it calls OnTurnEnd at the end of every turn of the loop.
class HttpClient {
 public:
  // Called within OnTurnEnd, once. Errors, beside those of HttpResponseReader: Unavailable where there is no such
  // server or it closes, DeadlineExceeded where its answer is not whole in time. Their messages name the server.
  using Answer = std::function<void(absl::StatusOr<HttpResponse>)>;

  HttpClient(EventLoop& loop, HttpLimits limits);
  // What is under way ends, and is not answered.
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // `timeout`: of the whole, from the resolution of the name to the last byte. Of a name with several addresses each
  // gets an equal part of what is left to be connected to.
  void Send(HttpRequest request, absl::Duration timeout, Answer answer);
  // Gives the answers that have come. An answer may send again.
  void OnTurnEnd();

 private:
  class Call;
  struct Resolved {
    uint64_t call;
    Resolver::Addresses addresses;
  };

  EventLoop& loop_;
  const HttpLimits limits_;
  std::map<uint64_t, std::unique_ptr<Call>> calls_;
  uint64_t last_call_ = 0;
  std::vector<uint64_t> ended_;  // To be answered at the turn's end.
  Mailbox<Resolved> resolved_;
  Resolver resolver_;  // Last: its thread posts to the mailbox.
};

}  // namespace weir::runtime

#endif  // WEIR_ROUTER_RUNTIME_HTTP_CLIENT_H_
