#include "router/runtime/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "absl/strings/str_cat.h"
#include "router/runtime/timer_queue.h"

namespace weir::runtime {
namespace {

std::string ServerOf(const HttpRequest& request) {
  const bool is_ipv6 = request.host.find(':') != std::string::npos;
  return absl::StrCat(is_ipv6 ? "[" : "", request.host, is_ipv6 ? "]:" : ":", request.port);
}

std::string UrlOf(const HttpRequest& request) {
  return absl::StrCat(request.is_tls ? "https://" : "http://", ServerOf(request), request.target);
}

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

HeaderList HeadersOf(const HttpRequest& request) {
  curl_slist* list = curl_slist_append(nullptr, "Expect:");  // No asking first whether a body may come.
  list = curl_slist_append(list, "Accept:");
  for (const auto& [name, value] : request.headers) {
    list = curl_slist_append(list, absl::StrCat(name, ": ", value).c_str());
  }
  return HeaderList(list);
}

}  // namespace

// libcurl's side: a multi handle whose sockets and timer are the loop's.
class HttpClient::Transfers {
 public:
  Transfers(EventLoop& loop, HttpLimits limits)
      : loop_(loop), limits_(limits), timer_([this] { Act(CURL_SOCKET_TIMEOUT, 0); }) {
    curl_global_init(CURL_GLOBAL_DEFAULT);  // Counted, and safe from several threads, since 7.84.
    multi_ = curl_multi_init();
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Transfers::OnSocket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Transfers::OnTimer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  }
  ~Transfers() {
    for (auto& [easy, call] : calls_) curl_multi_remove_handle(multi_, easy);
    calls_.clear();
    curl_multi_cleanup(multi_);
    curl_global_cleanup();
  }

  void Begin(HttpRequest request, absl::Duration timeout, Answer answer) {
    auto call = std::make_unique<Call>(std::move(request), timeout, std::move(answer), limits_);
    CURL* easy = call->easy.get();
    calls_.emplace(easy, std::move(call));
    curl_multi_add_handle(multi_, easy);
  }

  // Answers may begin other transfers.
  void GiveAnswers() {
    for (;;) {
      int left = 0;
      const CURLMsg* message = curl_multi_info_read(multi_, &left);
      if (message == nullptr) return;
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      const std::unique_ptr<Call> call = std::move(calls_.extract(message->easy_handle).mapped());
      curl_multi_remove_handle(multi_, call->easy.get());
      call->answer(call->ResultOf(code));
    }
  }

 private:
  struct FreeEasy {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
  };

  struct Call {
    Call(HttpRequest asked, absl::Duration timeout_after, Answer to, HttpLimits most)
        : request(std::move(asked)),
          headers(HeadersOf(request)),
          timeout(timeout_after),
          answer(std::move(to)),
          limits(most),
          easy(curl_easy_init()) {
      CURL* handle = easy.get();
      curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
      curl_easy_setopt(handle, CURLOPT_URL, UrlOf(request).c_str());
      curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, request.is_tls ? "https" : "http");
      curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
      curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
      curl_easy_setopt(handle, CURLOPT_PROXY, "");
      curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, 1L);
      curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
      if (!request.ca_file.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, request.ca_file.c_str());
      curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
      if (request.method == "POST") {
        curl_easy_setopt(handle, CURLOPT_POST, 1L);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
      } else if (request.method != "GET") {
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
      }
      const int64_t milliseconds = std::max<int64_t>(1, absl::ToInt64Milliseconds(timeout));
      curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(milliseconds));
      // A name whose server does not answer is left to its thread: waiting for that would hold up everybody's requests.
      curl_easy_setopt(handle, CURLOPT_QUICK_EXIT, 1L);
      curl_easy_setopt(handle, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(limits.body_bytes));
      curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &Call::OnBody);
      curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
      curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &Call::OnHeader);
      curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
    }

    // What libcurl is told to break off when it is not taken whole.
    static size_t OnBody(char* bytes, size_t, size_t count, void* self) {
      auto* call = static_cast<Call*>(self);
      if (call->body.size() + count > call->limits.body_bytes) return call->is_too_large = true, 0;
      call->body.append(bytes, count);
      return count;
    }
    static size_t OnHeader(char*, size_t, size_t count, void* self) {
      auto* call = static_cast<Call*>(self);
      call->head_bytes += count;
      if (call->head_bytes > call->limits.head_bytes) return call->is_too_large = true, 0;
      return count;
    }

    absl::StatusOr<HttpResponse> ResultOf(CURLcode code) {
      if (code != CURLE_OK) return ErrorOf(code);
      long status = 0;
      curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
      return HttpResponse{static_cast<int>(status), std::move(body)};
    }

    absl::Status ErrorOf(CURLcode code) const {
      const std::string server = ServerOf(request);
      const auto say = [&](auto&&... words) { return absl::StrCat(server, ": ", words...); };
      if (is_too_large || code == CURLE_FILESIZE_EXCEEDED) {
        const bool is_head = head_bytes > limits.head_bytes;
        return absl::ResourceExhaustedError(say("its ", is_head ? "headers exceed " : "answer exceeds ",
                                                is_head ? limits.head_bytes : limits.body_bytes, " bytes"));
      }
      switch (code) {
        case CURLE_OPERATION_TIMEDOUT:
          return absl::DeadlineExceededError(say("no whole answer within ", absl::FormatDuration(timeout)));
        case CURLE_COULDNT_RESOLVE_HOST:
          return absl::UnavailableError(say("there is no such name"));
        case CURLE_COULDNT_CONNECT: {
          long error = 0;
          curl_easy_getinfo(easy.get(), CURLINFO_OS_ERRNO, &error);
          return absl::UnavailableError(
              say("cannot connect", error == 0 ? "" : ": ", error == 0 ? "" : std::strerror(static_cast<int>(error))));
        }
        case CURLE_GOT_NOTHING:
        case CURLE_PARTIAL_FILE:
          return absl::UnavailableError(say("closed the connection before its answer was whole"));
        case CURLE_UNSUPPORTED_PROTOCOL:  // Also what has no status line, for that would be HTTP/0.9.
        case CURLE_WEIRD_SERVER_REPLY:
        case CURLE_BAD_CONTENT_ENCODING:
          return absl::InvalidArgumentError(say("its answer is not HTTP"));
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_CONNECT_ERROR:
          return absl::UnauthenticatedError(say(curl_easy_strerror(code)));
        default:
          return absl::UnavailableError(say(curl_easy_strerror(code)));
      }
    }

    const HttpRequest request;
    const HeaderList headers;
    const absl::Duration timeout;
    const Answer answer;
    const HttpLimits limits;
    std::string body;
    size_t head_bytes = 0;
    bool is_too_large = false;
    std::unique_ptr<CURL, FreeEasy> easy;  // Last: it points at all of the above.
  };

  // A descriptor of libcurl's that the loop watches. Told no more once it is destroyed, which OnSocket does.
  struct Watch : ReadyEvents {
    Watch(Transfers& its, int descriptor) : transfers(its), fd(descriptor) {}
    ~Watch() override { transfers.loop_.Remove(fd, this); }
    void OnReady(uint32_t ready) override {
      int action = 0;
      if ((ready & EPOLLIN) != 0) action |= CURL_CSELECT_IN;
      if ((ready & EPOLLOUT) != 0) action |= CURL_CSELECT_OUT;
      if ((ready & (EPOLLERR | EPOLLHUP)) != 0) action |= CURL_CSELECT_ERR;
      transfers.Act(fd, action);
    }
    Transfers& transfers;
    const int fd;
  };

  static int OnSocket(CURL*, curl_socket_t fd, int what, void* self, void*) {
    auto* transfers = static_cast<Transfers*>(self);
    if (what == CURL_POLL_REMOVE) return transfers->watches_.erase(fd), 0;
    const uint32_t interest =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0u) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0u);
    if (const auto watch = transfers->watches_.find(fd); watch != transfers->watches_.end()) {
      transfers->loop_.Change(fd, interest, watch->second.get());
      return 0;
    }
    auto watch = std::make_unique<Watch>(*transfers, fd);
    const absl::Status status = transfers->loop_.Add(fd, interest, watch.get());
    transfers->watches_.emplace(fd, std::move(watch));
    return status.ok() ? 0 : -1;
  }

  static int OnTimer(CURLM*, long milliseconds, void* self) {
    auto* transfers = static_cast<Transfers*>(self);
    if (milliseconds < 0) return transfers->timer_.Cancel(), 0;
    transfers->loop_.timers().Set(transfers->timer_, transfers->loop_.now() + absl::Milliseconds(milliseconds));
    return 0;
  }

  void Act(curl_socket_t fd, int action) {
    int running = 0;
    curl_multi_socket_action(multi_, fd, action, &running);
  }

  EventLoop& loop_;
  const HttpLimits limits_;
  CURLM* multi_ = nullptr;
  std::map<curl_socket_t, std::unique_ptr<Watch>> watches_;
  std::map<CURL*, std::unique_ptr<Call>> calls_;
  Timer timer_;
};

HttpClient::HttpClient(EventLoop& loop, HttpLimits limits) : transfers_(std::make_unique<Transfers>(loop, limits)) {}

HttpClient::~HttpClient() = default;

void HttpClient::Send(HttpRequest request, absl::Duration timeout, Answer answer) {
  transfers_->Begin(std::move(request), timeout, std::move(answer));
}

void HttpClient::OnTurnEnd() { transfers_->GiveAnswers(); }

}  // namespace weir::runtime
