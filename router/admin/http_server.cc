#include "router/admin/http_server.h"

#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "router/runtime/lock.h"

namespace weir::admin {
namespace {

constexpr size_t kThreads = 4;
constexpr size_t kMostWaiting = 32;
constexpr size_t kMostRequestBytes = 16 * 1024;
constexpr absl::Duration kMostTime = absl::Seconds(5);
constexpr int kBacklog = 128;
constexpr int kPollMs = 100;  // How soon a stalled connection sees that the server stops.

struct Connection {
  int socket = -1;
  absl::Time deadline;  // Its reply is taken by then, or it is closed.
};

void Close(const Connection& connection) {
  shutdown(connection.socket, SHUT_RDWR);
  close(connection.socket);
}

// One connection of which only so much is read, for only so long.
class BoundedStream : public httplib::Stream {
 public:
  BoundedStream(const Connection& connection, const std::function<absl::Time()>& now,
                const std::atomic<bool>& is_stopping)
      : socket_(connection.socket), now_(now), is_stopping_(is_stopping), deadline_(connection.deadline) {}

  bool is_readable() const override { return WaitFor(POLLIN); }
  bool is_writable() const override { return WaitFor(POLLOUT); }

  ssize_t read(char* to, size_t size) override {
    if (next_ == buffered_ && !Fill()) return -1;
    const size_t n = std::min(size, buffered_ - next_);
    std::memcpy(to, buffer_ + next_, n);
    next_ += n;
    return static_cast<ssize_t>(n);
  }

  ssize_t write(const char* from, size_t size) override {
    if (!WaitFor(POLLOUT)) return -1;
    return send(socket_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  socket_t socket() const override { return socket_; }

 private:
  // The library reads headers a byte at a time.
  bool Fill() {
    const size_t room = std::min(sizeof(buffer_), allowance_);
    if (room == 0 || !WaitFor(POLLIN)) return false;
    const ssize_t n = recv(socket_, buffer_, room, MSG_DONTWAIT);
    if (n <= 0) return false;
    allowance_ -= n;
    next_ = 0;
    buffered_ = n;
    return true;
  }

  bool WaitFor(short event) const {
    while (!is_stopping_) {
      const absl::Duration left = deadline_ - now_();
      if (left <= absl::ZeroDuration()) return false;
      pollfd one{socket_, event, 0};
      const int ready =
          poll(&one, 1, static_cast<int>(std::clamp<int64_t>(absl::ToInt64Milliseconds(left), 1, kPollMs)));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
    return false;
  }

  const int socket_;
  const std::function<absl::Time()>& now_;
  const std::atomic<bool>& is_stopping_;
  const absl::Time deadline_;
  size_t allowance_ = kMostRequestBytes;
  char buffer_[2048];
  size_t next_ = 0;
  size_t buffered_ = 0;
};

// Connections that wait for a thread, the oldest first.
class WaitingLine {
 public:
  // The one that makes room for it, where the line is full: the oldest, which is the likeliest to say nothing.
  std::optional<Connection> Add(Connection connection) {
    runtime::Lock lock(&mutex_);
    waiting_.push_back(connection);
    has_changed_.Signal();
    return waiting_.size() > kMostWaiting ? TakeFirst() : std::nullopt;
  }
  // Waits for one; nullopt once the line is ended and empty.
  std::optional<Connection> Take() {
    runtime::Lock lock(&mutex_);
    while (waiting_.empty() && !is_ended_) lock.Wait(has_changed_);
    return TakeFirst();
  }
  void End() {
    runtime::Lock lock(&mutex_);
    is_ended_ = true;
    has_changed_.SignalAll();
  }

 private:
  std::optional<Connection> TakeFirst() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (waiting_.empty()) return std::nullopt;
    const Connection first = waiting_.front();
    waiting_.pop_front();
    return first;
  }

  absl::Mutex mutex_;
  absl::CondVar has_changed_;
  std::deque<Connection> waiting_ ABSL_GUARDED_BY(mutex_);
  bool is_ended_ ABSL_GUARDED_BY(mutex_) = false;
};

// The library's tasks say nothing of what they are: each is run at once, on the acceptor's thread, and hands over its
// connection there (BoundedServer::process_and_close_socket).
class ImmediateQueue : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> hand_over) override { hand_over(); }
  void shutdown() override {}
};

absl::Status CannotListen(const config::Address& address, int error) {
  const std::string where = address.ToString();
  if (error == EADDRINUSE)
    return absl::AlreadyExistsError(absl::StrCat("cannot listen on ", where, ": the port is in use"));
  return absl::UnavailableError(absl::StrCat("cannot listen on ", where, ": ", std::strerror(error)));
}

}  // namespace

class HttpServer::BoundedServer : public httplib::Server {
 public:
  explicit BoundedServer(const std::function<absl::Time()>& now) : now_(now) {
    new_task_queue = [] { return new ImmediateQueue; };
    set_payload_max_length(0);
    // The library's own choice, SO_REUSEPORT, would let a second process take half of the requests unseen.
    set_socket_options([](int socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    });
  }

  // On the acceptor's thread, until Stop.
  void Run() {
    std::vector<std::thread> threads;
    for (size_t i = 0; i < kThreads; ++i) threads.emplace_back([this] { ServeAll(); });
    ::listen(svr_sock_, kBacklog);  // The library's own choice, 5, makes a burst of probes wait for a second.
    listen_after_bind();
    line_.End();
    for (std::thread& thread : threads) thread.join();
  }
  void Stop() {
    is_stopping_ = true;
    stop();
  }

 private:
  // On the acceptor's thread, which serves nobody. The deadline is of now, so that a burst of connections that say
  // nothing is over together, however many of them wait.
  bool process_and_close_socket(socket_t socket) override {
    if (const std::optional<Connection> oldest = line_.Add({socket, now_() + kMostTime})) Close(*oldest);
    return true;
  }

  void ServeAll() {
    while (const std::optional<Connection> connection = line_.Take()) {
      ServeOne(*connection);
      Close(*connection);
    }
  }

  void ServeOne(const Connection& connection) {
    BoundedStream stream(connection, now_, is_stopping_);
    bool is_closed = false;
    // The pages are whole: of each range that a request names the library would make a copy, thousands of them.
    process_request(stream, /*close_connection=*/true, is_closed,
                    [](httplib::Request& request) { request.ranges.clear(); });
  }

  const std::function<absl::Time()>& now_;
  std::atomic<bool> is_stopping_ = false;
  WaitingLine line_;
};

HttpServer::HttpServer(HttpServerOptions options, control::ControlInterface* control)
    : options_(std::move(options)), control_(control), address_(options_.address) {}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Create(HttpServerOptions options,
                                                               control::ControlInterface* control) {
  std::unique_ptr<HttpServer> self(new HttpServer(std::move(options), control));
  self->server_ = std::make_unique<BoundedServer>(self->options_.now);
  // Every path, so that `AnswerHttp` alone says what there is; before routes, whose expressions would recurse once for
  // each character of it.
  self->server_->set_pre_routing_handler(
      [http = self.get()](const httplib::Request& request, httplib::Response& response) {
        if (request.method != "GET" && request.method != "HEAD") return httplib::Server::HandlerResponse::Unhandled;
        HttpReply reply = http->Answer(request.path);
        response.status = reply.status;
        response.set_content(std::move(reply.body), reply.content_type);
        return httplib::Server::HandlerResponse::Handled;
      });
  config::Address& address = self->address_;
  errno = 0;
  if (address.port == 0) {
    const int port = self->server_->bind_to_any_port(address.host);
    if (port <= 0) return CannotListen(address, errno);
    address.port = static_cast<uint16_t>(port);
  } else if (!self->server_->bind_to_port(address.host, address.port)) {
    return CannotListen(address, errno);
  }
  self->acceptor_ = std::thread([server = self->server_.get()] { server->Run(); });
  // Until it runs, a stop would not be noticed. This takes as long as a thread takes to start.
  while (!self->server_->is_running()) std::this_thread::yield();
  return self;
}

HttpServer::~HttpServer() {
  if (!acceptor_.joinable()) return;
  server_->Stop();
  acceptor_.join();
}

HttpReply HttpServer::Answer(const std::string& path) const {
  const std::shared_ptr<const control::Snapshot> snapshot = control_->Current();
  HttpState state;
  state.snapshot = snapshot.get();
  state.now = options_.now();
  state.is_draining = is_draining_;
  state.render_metrics = options_.render_metrics;
  state.metrics_type = options_.metrics_type;
  return AnswerHttp(path, state);
}

}  // namespace weir::admin
