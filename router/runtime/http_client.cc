#include "router/runtime/http_client.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "absl/strings/str_cat.h"
#include "router/runtime/file_descriptor.h"
#include "router/runtime/socket.h"
#include "router/runtime/timer_queue.h"

namespace weir::runtime {
namespace {

// Names under way at once: more than all targets and questions that a configuration can have.
constexpr size_t kMostResolved = 4096;
constexpr size_t kReadBytes = 16 * 1024;

std::string ServerOf(const HttpRequest& request) {
  const bool is_ipv6 = request.host.find(':') != std::string::npos;
  return absl::StrCat(is_ipv6 ? "[" : "", request.host, is_ipv6 ? "]:" : ":", request.port);
}

}  // namespace

std::string WriteHttpRequest(const HttpRequest& request) {
  std::string text = absl::StrCat(request.method, " ", request.target, " HTTP/1.1\r\nHost: ", ServerOf(request),
                                  "\r\nConnection: close\r\n");
  for (const auto& [name, value] : request.headers) absl::StrAppend(&text, name, ": ", value, "\r\n");
  if (!request.body.empty() || request.method == "POST") {
    absl::StrAppend(&text, "Content-Length: ", request.body.size(), "\r\n");
  }
  absl::StrAppend(&text, "\r\n", request.body);
  return text;
}

// One request and its connection.
class HttpClient::Call : public ReadyEvents {
 public:
  Call(HttpClient& client, uint64_t id, const HttpRequest& request, absl::Duration timeout, HttpClient::Answer answer)
      : client_(client),
        id_(id),
        server_(ServerOf(request)),
        timeout_(timeout),
        deadline_(client.loop_.now() + timeout),
        answer_(std::move(answer)),
        out_(WriteHttpRequest(request)),
        reader_(client.limits_),
        deadline_timer_([this] { OnDeadline(); }),
        connect_timer_([this] { NextAddress(absl::DeadlineExceededError("it does not answer")); }) {
    client_.loop_.timers().Set(deadline_timer_, deadline_);
  }
  ~Call() override { CloseSocket(); }

  void OnResolved(Resolver::Addresses addresses) {
    if (result_) return;
    if (!addresses.ok()) return End(absl::UnavailableError(std::string(addresses.status().message())));
    addresses_ = *std::move(addresses);
    NextAddress(absl::UnavailableError("the name has no address"));
  }

  void OnReady(uint32_t) override {
    if (result_) return;
    if (is_connecting_) {
      if (absl::Status status = ConnectError(fd_.get()); !status.ok()) return NextAddress(status);
      is_connecting_ = false;
      connect_timer_.Cancel();
    }
    if (sent_ < out_.size() && !Write()) return;
    Read();
  }

  // Once it is in `ended_`.
  void GiveAnswer() {
    Answer answer = std::move(answer_);
    answer(*std::move(result_));
  }

 private:
  void NextAddress(const absl::Status& why) {
    CloseSocket();
    if (next_address_ == addresses_.size()) {
      return End(absl::UnavailableError(absl::StrCat("cannot connect to ", server_, ": ", std::string(why.message()))));
    }
    const size_t left = addresses_.size() - next_address_;
    const SocketAddress& address = addresses_[next_address_++];
    absl::StatusOr<FileDescriptor> fd = BeginConnect(address);
    if (!fd.ok()) return NextAddress(fd.status());
    fd_ = *std::move(fd);
    is_connecting_ = true;
    if (absl::Status status = client_.loop_.Add(fd_.get(), EPOLLOUT, this); !status.ok()) {
      fd_.Close();
      return End(status);
    }
    const absl::Time now = client_.loop_.now();
    if (left > 1) client_.loop_.timers().Set(connect_timer_, now + (deadline_ - now) / static_cast<int64_t>(left));
  }

  // Whether all is sent.
  bool Write() {
    const ssize_t n = send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
    // A server may answer and close before it has read all: its answer is then still to be read.
    if (n < 0 && errno != EAGAIN && errno != EINTR) sent_ = out_.size();
    if (n > 0) sent_ += static_cast<size_t>(n);
    if (sent_ < out_.size()) return false;
    client_.loop_.Change(fd_.get(), EPOLLIN, this);
    return true;
  }

  void Read() {
    char buffer[kReadBytes];
    const ssize_t n = recv(fd_.get(), buffer, sizeof buffer, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    absl::Status status;
    if (n > 0) {
      status = reader_.Read({buffer, static_cast<size_t>(n)});
    } else {
      status = n == 0 ? reader_.Close() : absl::UnavailableError(std::strerror(errno));
    }
    if (!status.ok()) {
      return End(absl::Status(status.code(), absl::StrCat(server_, ": ", std::string(status.message()))));
    }
    if (reader_.is_whole()) End(std::move(reader_.response()));
  }

  void OnDeadline() {
    End(absl::DeadlineExceededError(
        absl::StrCat(server_, ": no whole answer within ", absl::FormatDuration(timeout_))));
  }

  void End(absl::StatusOr<HttpResponse> result) {
    if (result_) return;
    CloseSocket();
    deadline_timer_.Cancel();
    result_ = std::move(result);
    client_.ended_.push_back(id_);
    client_.loop_.Wake();  // Where the turn's end is over already.
  }

  void CloseSocket() {
    connect_timer_.Cancel();
    if (!fd_.is_open()) return;
    client_.loop_.Remove(fd_.get(), this);
    fd_.Close();
  }

  HttpClient& client_;
  const uint64_t id_;
  const std::string server_;
  const absl::Duration timeout_;
  const absl::Time deadline_;
  HttpClient::Answer answer_;
  const std::string out_;
  size_t sent_ = 0;
  std::vector<SocketAddress> addresses_;
  size_t next_address_ = 0;
  FileDescriptor fd_;
  bool is_connecting_ = false;
  HttpResponseReader reader_;
  std::optional<absl::StatusOr<HttpResponse>> result_;
  Timer deadline_timer_;
  Timer connect_timer_;
};

HttpClient::HttpClient(EventLoop& loop, HttpLimits limits)
    : loop_(loop), limits_(limits), resolved_(kMostResolved, [this] { loop_.Wake(); }) {}

HttpClient::~HttpClient() = default;

void HttpClient::Send(HttpRequest request, absl::Duration timeout, Answer answer) {
  const uint64_t id = ++last_call_;
  Call& call =
      *calls_.emplace(id, std::make_unique<Call>(*this, id, request, timeout, std::move(answer))).first->second;
  if (const auto address = SocketAddress::FromNumeric(request.host, request.port)) {
    return call.OnResolved(std::vector<SocketAddress>{*address});
  }
  resolver_.Resolve(request.host, request.port, [this, id](Resolver::Addresses addresses) {
    // Full only when thousands of names wait: then the call ends at its deadline.
    (void)resolved_.Post({id, std::move(addresses)});
  });
}

void HttpClient::OnTurnEnd() {
  for (Resolved& resolved : resolved_.TakeAll()) {
    if (const auto call = calls_.find(resolved.call); call != calls_.end()) {
      call->second->OnResolved(std::move(resolved.addresses));
    }
  }
  for (uint64_t id : std::exchange(ended_, {})) {
    const auto call = calls_.extract(id);
    call.mapped()->GiveAnswer();
  }
}

}  // namespace weir::runtime
