#include "router/admin/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <latch>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/admin/recording_control.h"

namespace weir::admin {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest() {
    auto snapshot = std::make_shared<control::Snapshot>();
    snapshot->status.set_ready(true);
    control_.Publish(snapshot);
    server_ = HttpServer::Create(Options(0), &control_).value();
  }

  // A clock that only a test moves. The snapshot above is of its first moment.
  HttpServerOptions Options(uint16_t port) {
    HttpServerOptions options;
    options.address = {"127.0.0.1", port};
    options.now = [this] { return absl::UnixEpoch() + absl::Seconds(seconds_.load()); };
    options.render_metrics = [this](const stats::MetricsSnapshot&) {
      if (is_held_) {
        entered_.count_down();
        released_.wait();
      }
      return std::string(300'000, 'm') + "\n";
    };
    options.metrics_type = "text/metrics";
    return options;
  }

  int Connect() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server_->address().port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
    return socket;
  }

  // Everything until the server closes.
  static std::string ReadAll(int socket) {
    std::string all;
    char buffer[4096];
    for (ssize_t n; (n = recv(socket, buffer, sizeof(buffer), 0)) > 0;) all.append(buffer, n);
    close(socket);
    return all;
  }

  std::string Ask(const std::string& request) {
    const int socket = Connect();
    send(socket, request.data(), request.size(), MSG_NOSIGNAL);
    return ReadAll(socket);
  }

  // All four threads are at work until `released_`.
  void HoldTheThreads() {
    is_held_ = true;
    for (int i = 0; i < 4; ++i) {
      held_.push_back(Connect());
      send(held_.back(), "GET /metrics HTTP/1.1\r\n\r\n", 25, MSG_NOSIGNAL);
    }
    entered_.wait();
  }
  void Release() {
    is_held_ = false;
    released_.count_down();
    for (const int socket : held_) ReadAll(socket);
  }

  RecordingControl control_;
  std::atomic<int> seconds_ = 0;
  std::atomic<bool> is_held_ = false;
  std::latch entered_{4}, released_{1};
  std::vector<int> held_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ServesThePagesAndClosesTheConnection) {
  EXPECT_THAT(Ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("ready\n"));
  const std::string metrics = Ask("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(metrics.substr(0, 300), HasSubstr("Content-Type: text/metrics\r\n"));
  EXPECT_THAT(metrics, EndsWith("\r\n\r\n" + std::string(300'000, 'm') + "\n"));
}

TEST_F(HttpServerTest, AQueryDoesNotChangeThePage) {
  EXPECT_THAT(Ask("GET /readyz?verbose=1 HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("ready\n"));
}

TEST_F(HttpServerTest, HeadHasHeadersAlone) {
  const std::string answer = Ask("HEAD /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, APageIsWholeHoweverManyRangesAreAskedFor) {
  std::string ranges = "0-";
  for (int i = 0; i < 1000; ++i) ranges += ",0-";
  const std::string reply = Ask("GET /metrics HTTP/1.1\r\nHost: a\r\nRange: bytes=" + ranges + "\r\n\r\n");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200"));
  EXPECT_LT(reply.size(), 301'000u);
}

TEST_F(HttpServerTest, ALongPathIsAPathThatThereIsNot) {
  EXPECT_THAT(Ask("GET /" + std::string(8000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 404"));
}

TEST_F(HttpServerTest, ADrainIsSeenByReadinessAtOnce) {
  server_->BeginDrain();
  EXPECT_THAT(Ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 503"));
}

TEST_F(HttpServerTest, WritesAreRefused) {
  EXPECT_THAT(Ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), StartsWith("HTTP/1.1 4"));
  EXPECT_THAT(Ask("DELETE /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), StartsWith("HTTP/1.1 4"));
  EXPECT_THAT(Ask("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"), StartsWith("HTTP/1.1 4"));
}

TEST_F(HttpServerTest, GarbageIsAnsweredOrClosedAndTheNextOneServed) {
  for (const std::string& bad :
       {std::string("\r\n\r\n"), std::string("GET\r\n\r\n"), std::string(10, '\0') + "\r\n\r\n",
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n"}) {
    EXPECT_THAT(Ask(bad), ::testing::Not(HasSubstr("200 OK"))) << bad.substr(0, 20);
  }
  EXPECT_THAT(Ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("ready\n"));
}

TEST_F(HttpServerTest, HeadersWithoutEndAreCutOff) {
  std::string request = "GET /readyz HTTP/1.1\r\n";
  while (request.size() < 200'000) request += "x-many: yes\r\n";
  EXPECT_THAT(Ask(request), ::testing::Not(HasSubstr("200 OK")));
}

TEST_F(HttpServerTest, APeerThatSaysNothingIsCutOffInTime) {
  const int silent = Connect();
  send(silent, "GET /rea", 8, MSG_NOSIGNAL);
  // It is being served once a later one is answered: four threads, so that one is free.
  Ask("GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n");
  seconds_ = 6;
  EXPECT_THAT(ReadAll(silent), ::testing::Not(HasSubstr("200")));
}

TEST_F(HttpServerTest, StoppingDoesNotWaitForASilentPeer) {
  const int silent = Connect();
  server_.reset();  // The clock stands still: only the stop can end the connection.
  EXPECT_EQ(ReadAll(silent), "");
}

// 32 may wait.
TEST_F(HttpServerTest, TheOldestThatWaitsMakesRoomForANewcomer) {
  HoldTheThreads();
  std::vector<int> silent;
  for (int i = 0; i < 32; ++i) silent.push_back(Connect());
  const int newcomer = Connect();
  send(newcomer, "GET /healthz HTTP/1.1\r\n\r\n", 25, MSG_NOSIGNAL);
  EXPECT_EQ(ReadAll(silent[0]), "") << "the clock stands still: closed to make room";
  Release();
  for (size_t i = 1; i < silent.size(); ++i) close(silent[i]);
  EXPECT_THAT(ReadAll(newcomer), EndsWith("ok\n"));
}

TEST_F(HttpServerTest, ABurstThatSaysNothingIsOverTogetherFiveSecondsAfterItCame) {
  HoldTheThreads();
  std::vector<int> silent;
  for (int i = 0; i < 33; ++i) silent.push_back(Connect());
  EXPECT_EQ(ReadAll(silent[0]), "") << "so all others were accepted by now";
  seconds_ = 6;
  Release();
  // Served one after the other, of which each would have five seconds more by a clock that stands still again.
  EXPECT_THAT(Ask("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), EndsWith("ok\n"));
  for (size_t i = 1; i < silent.size(); ++i) EXPECT_EQ(ReadAll(silent[i]), "");
}

TEST_F(HttpServerTest, APortInUseIsAnErrorThatNamesIt) {
  const auto second = HttpServer::Create(Options(server_->address().port), &control_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(second.status().message()),
              HasSubstr(server_->address().ToString() + ": the port is in use"));
}

}  // namespace
}  // namespace weir::admin
