// The backend of benchmarks: answers every request with its own body, as cheaply as one thread can, over cleartext
// HTTP/2 with prior knowledge. With --plain it is a web server instead, for conformance suites: it answers any request
// with a small text once the request is complete.
//
//   echo_server [--port N] [--plain]      port 0 or none: a free one. Prints "listening on 127.0.0.1:PORT".

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/time/clock.h"
#include "router/http2/session.h"

namespace weir::bench {
namespace {

using http2::HeaderList;
using http2::Session;
using http2::Slice;
using http2::StreamId;

constexpr size_t kReadBytes = 256 * 1024;
constexpr size_t kMinRead = 16 * 1024;
constexpr int kVectors = 256;

struct Answer {
  bool is_plain = false;
  HeaderList headers;
  HeaderList trailers;
  Slice text;
};

Answer MakeAnswer(bool is_plain) {
  Answer answer{.is_plain = is_plain, .headers = {}, .trailers = {}, .text = Slice::Copy("Weir's plain answer.\n")};
  answer.headers.Add(":status", "200");
  answer.headers.Add("content-type", is_plain ? "text/plain" : "application/grpc");
  answer.trailers.Add("grpc-status", "0");
  return answer;
}

// One client. Bytes taken in are given back to its window once they have left again.
class Client : public http2::SessionEvents {
 public:
  Client(int fd, const Answer& answer) : fd_(fd), answer_(answer) {
    http2::SessionOptions options;
    options.stream_window = 1024 * 1024;
    options.connection_window = 16 * 1024 * 1024;
    session_ = Session::Create(http2::Role::kServer, options, this);
  }
  ~Client() override {
    if (block_ != nullptr) block_->Unref();
    close(fd_);
  }

  int fd() const { return fd_; }
  // False once the connection is over.
  bool OnReadable() {
    const ssize_t n = Read();
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return false;
    return n < 0 || is_finished_ || Flush();
  }
  bool Flush() {
    while (true) {
      session_->Pump();
      iovec vectors[kVectors];
      const size_t count = session_->output().Gather(vectors);
      if (count == 0) break;
      const ssize_t n = writev(fd_, vectors, static_cast<int>(count));
      if (n < 0) return errno == EAGAIN || errno == EINTR;
      session_->output().Drop(static_cast<size_t>(n));
    }
    // After a GOAWAY for an error the client still sends: closing at once would reset it before it reads why.
    if (has_failed_ && !std::exchange(is_finished_, true)) shutdown(fd_, SHUT_WR);
    return true;
  }
  bool has_output() const { return !session_->output().empty(); }

  void OnHeaders(StreamId stream, HeaderList&, bool end_stream) override {
    if (!answer_.is_plain && calls_.try_emplace(stream).second) session_->SendHeaders(stream, answer_.headers, false);
    if (end_stream) Finish(stream);
  }
  void OnData(StreamId stream, Slice data, uint32_t flow_bytes, bool end_stream) override {
    if (answer_.is_plain) {
      session_->Consume(stream, flow_bytes);
    } else {
      calls_[stream].unsent_bytes += flow_bytes;
      session_->SendData(stream, std::move(data), false);
    }
    if (end_stream) Finish(stream);
  }
  void OnReset(StreamId stream, http2::ErrorCode, bool) override {
    const auto call = calls_.find(stream);
    if (call == calls_.end()) return;
    session_->Consume(stream, call->second.unsent_bytes);
    calls_.erase(call);
  }
  void OnDataSent(StreamId stream, size_t bytes) override {
    const auto call = calls_.find(stream);
    if (call == calls_.end()) return;
    session_->Consume(stream, static_cast<uint32_t>(bytes));
    call->second.unsent_bytes -= static_cast<uint32_t>(bytes);
    if (call->second.is_answered && call->second.unsent_bytes == 0) calls_.erase(call);
  }
  void OnGoAway(StreamId, http2::ErrorCode, std::string_view) override {}
  void OnSettings() override {}
  void OnPingAck(uint64_t) override {}

 private:
  ssize_t Read() {
    if (block_ != nullptr && !block_->is_shared()) used_ = 0;
    if (block_ == nullptr || block_->capacity() - used_ < kMinRead) {
      if (block_ != nullptr) block_->Unref();
      block_ = http2::Block::Make(kReadBytes);
      used_ = 0;
    }
    const ssize_t n = recv(fd_, block_->data() + used_, block_->capacity() - used_, 0);
    if (n <= 0 || has_failed_) return n;
    const Slice bytes(block_, block_->data() + used_, static_cast<size_t>(n));
    used_ += static_cast<size_t>(n);
    has_failed_ = !session_->Receive(bytes, absl::Now()).ok();
    return n;
  }
  void Finish(StreamId stream) {
    if (answer_.is_plain) {
      session_->SendHeaders(stream, answer_.headers, false);
      session_->SendData(stream, answer_.text, true);
      return;
    }
    session_->SendHeaders(stream, answer_.trailers, true);
    const auto call = calls_.find(stream);
    call->second.is_answered = true;
    if (call->second.unsent_bytes == 0) calls_.erase(call);
  }

  const int fd_;
  const Answer& answer_;
  std::unique_ptr<Session> session_;
  struct Call {
    uint32_t unsent_bytes = 0;  // Taken in and not yet sent.
    bool is_answered = false;
  };
  absl::flat_hash_map<StreamId, Call> calls_;
  http2::Block* block_ = nullptr;
  size_t used_ = 0;
  bool has_failed_ = false;
  bool is_finished_ = false;
};

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::exit(1);
}

int Listen(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof(address);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, 1024) != 0) Die("listen");
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
  std::fflush(stdout);
  return fd;
}

class Server {
 public:
  Server(uint16_t port, bool is_plain)
      : answer_(MakeAnswer(is_plain)), epoll_(epoll_create1(0)), listener_(Listen(port)) {
    Watch(listener_, EPOLLIN, EPOLL_CTL_ADD);
  }
  [[noreturn]] void Run() {
    while (true) {
      epoll_event events[128];
      const int n = epoll_wait(epoll_, events, 128, -1);
      for (int i = 0; i < n; ++i) {
        if (events[i].data.fd == listener_)
          Accept();
        else
          Serve(events[i].data.fd, events[i].events);
      }
    }
  }

 private:
  struct Watched {
    std::unique_ptr<Client> client;
    bool is_writing = false;
  };

  void Watch(int fd, uint32_t events, int operation) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epoll_, operation, fd, &event) != 0) Die("epoll_ctl");
  }
  void Accept() {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    clients_[fd].client = std::make_unique<Client>(fd, answer_);
    clients_[fd].client->Flush();
    Watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  }
  void Serve(int fd, uint32_t events) {
    Watched& watched = clients_[fd];
    const bool is_alive = (events & EPOLLOUT) == 0 || watched.client->Flush();
    if (!is_alive || ((events & ~EPOLLOUT) != 0 && !watched.client->OnReadable())) {
      clients_.erase(fd);
      return;
    }
    if (watched.client->has_output() == watched.is_writing) return;
    watched.is_writing = !watched.is_writing;
    Watch(fd, watched.is_writing ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
  }

  const Answer answer_;
  const int epoll_;
  const int listener_;
  absl::flat_hash_map<int, Watched> clients_;
};

}  // namespace
}  // namespace weir::bench

int main(int argc, char** argv) {
  uint16_t port = 0;
  bool is_plain = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--plain") {
      is_plain = true;
    } else if (argument == "--port" && i + 1 < argc) {
      const std::string_view value = argv[++i];
      std::from_chars(value.data(), value.data() + value.size(), port);
    } else {
      std::fprintf(stderr, "usage: %s [--port N] [--plain]\n", argv[0]);
      return 2;
    }
  }
  weir::bench::Server(port, is_plain).Run();
}
