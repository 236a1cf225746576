#include "router/runtime/scripted_http_server.h"

#include <poll.h>
#include <sys/socket.h>

#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "router/runtime/lock.h"
#include "router/runtime/socket.h"

namespace weir::runtime {
namespace {

constexpr int kPollMs = 20;  // How soon it sees that it ends.

// Whether head and body are there.
bool IsWhole(const std::string& request) {
  const size_t head = request.find("\r\n\r\n");
  if (head == std::string::npos) return false;
  const size_t length = request.find("Content-Length: ");
  if (length == std::string::npos || length > head) return true;
  return request.size() >= head + 4 + std::strtoul(request.c_str() + length + 16, nullptr, 10);
}

}  // namespace

ScriptedHttpServer::ScriptedHttpServer(Script script) : script_(std::move(script)) {
  listener_ = Listen(*SocketAddress::FromNumeric("127.0.0.1", 0)).value();
  port_ = LocalAddress(listener_.get())->port();
  thread_ = std::thread([this] { Run(); });
}

ScriptedHttpServer::~ScriptedHttpServer() {
  is_stopping_ = true;
  thread_.join();
}

std::vector<std::string> ScriptedHttpServer::Requests() const {
  Lock lock(&mutex_);
  return requests_;
}

void ScriptedHttpServer::WaitForRequests(size_t count) const {
  Lock lock(&mutex_);
  while (requests_.size() < count) lock.Wait(has_changed_);
}

ScriptedHttpServer::Reply ScriptedHttpServer::Answer(int status, const std::string& body) {
  return {.bytes =
              absl::StrCat("HTTP/1.1 ", status, " As scripted\r\nContent-Length: ", body.size(), "\r\n\r\n", body)};
}

void ScriptedHttpServer::Run() {
  while (!is_stopping_) {
    pollfd one{listener_.get(), POLLIN, 0};
    if (poll(&one, 1, kPollMs) <= 0) continue;
    absl::StatusOr<Accepted> accepted = Accept(listener_.get());
    if (accepted.ok()) Serve(std::move(accepted->fd));
  }
}

void ScriptedHttpServer::Serve(FileDescriptor fd) {
  std::string request;
  char buffer[4096];
  while (!IsWhole(request)) {
    pollfd one{fd.get(), POLLIN, 0};
    if (is_stopping_) return;
    if (poll(&one, 1, kPollMs) <= 0) continue;
    const ssize_t n = recv(fd.get(), buffer, sizeof buffer, 0);
    if (n <= 0) return;
    request.append(buffer, static_cast<size_t>(n));
  }
  const Reply reply = script_(request);
  {
    Lock lock(&mutex_);
    requests_.push_back(std::move(request));
    has_changed_.SignalAll();
  }
  for (size_t sent = 0; sent < reply.bytes.size() && !is_stopping_;) {
    pollfd one{fd.get(), POLLOUT, 0};
    if (poll(&one, 1, kPollMs) <= 0) continue;
    const ssize_t n = send(fd.get(), reply.bytes.data() + sent, reply.bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return;
    sent += static_cast<size_t>(n);
  }
  if (reply.is_reset) {
    const linger at_once{1, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  if (reply.keeps_open) kept_.push_back(std::move(fd));
}

}  // namespace weir::runtime
