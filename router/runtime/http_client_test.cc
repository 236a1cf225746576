#include "router/runtime/http_client.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/runtime/scripted_http_server.h"

namespace weir::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Result = absl::StatusOr<HttpResponse>;

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClientTest()
      : loop_(EventLoop::Create(Clock()).value()),
        client_(std::make_unique<HttpClient>(*loop_, HttpLimits{.head_bytes = 4096, .body_bytes = 64 * 1024})) {
    loop_->OnTurnEnd([this] {
      if (client_ != nullptr) client_->OnTurnEnd();
    });
  }

  void Send(std::optional<Result>& result, HttpRequest request, absl::Duration timeout = absl::Seconds(20)) {
    client_->Send(std::move(request), timeout, [&result](Result r) { result = std::move(r); });
  }
  Result Await(std::optional<Result>& result) {
    while (!result) loop_->Turn(absl::Seconds(1));
    return *result;
  }
  Result Ask(HttpRequest request, absl::Duration timeout = absl::Seconds(20)) {
    std::optional<Result> result;
    Send(result, std::move(request), timeout);
    return Await(result);
  }
  static HttpRequest To(const ScriptedHttpServer& server) { return {.host = "127.0.0.1", .port = server.port()}; }

  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, SendsARequestAndReadsItsAnswer) {
  ScriptedHttpServer server([](const std::string&) { return ScriptedHttpServer::Answer(201, "made"); });
  HttpRequest request = To(server);
  request.method = "POST";
  request.target = "/things?x=1";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = "{}";
  EXPECT_EQ(Ask(request).value(), (HttpResponse{201, "made"}));
  EXPECT_EQ(server.Requests().at(0), absl::StrCat("POST /things?x=1 HTTP/1.1\r\nHost: 127.0.0.1:", server.port(),
                                                  "\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"));
}

TEST_F(HttpClientTest, ANameIsResolved) {
  ScriptedHttpServer server([](const std::string&) { return ScriptedHttpServer::Answer(200, "here"); });
  HttpRequest request = To(server);
  request.host = "localhost";
  EXPECT_EQ(Ask(request).value(), (HttpResponse{200, "here"}));
}

TEST_F(HttpClientTest, ARedirectIsAnAnswerLikeAllOthers) {
  ScriptedHttpServer server([](const std::string&) {
    return ScriptedHttpServer::Reply{.bytes = "HTTP/1.1 302 Found\r\nLocation: /else\r\nContent-Length: 0\r\n\r\n"};
  });
  EXPECT_EQ(Ask(To(server)).value(), (HttpResponse{302, ""}));
  EXPECT_EQ(server.Requests().size(), 1u);
}

TEST_F(HttpClientTest, ALargeRequestArrivesWhole) {
  ScriptedHttpServer server([](const std::string&) { return ScriptedHttpServer::Answer(200, ""); });
  HttpRequest request = To(server);
  request.method = "POST";
  request.body = std::string(8 * 1024 * 1024, 'b');
  EXPECT_TRUE(Ask(request).ok());
  EXPECT_THAT(server.Requests().at(0).size(), ::testing::Gt(request.body.size()));
}

TEST_F(HttpClientTest, AServerThatHangsDelaysNoOtherAndEndsAtTheDeadline) {
  ScriptedHttpServer server([](const std::string& request) {
    return request.find("/hang") == std::string::npos ? ScriptedHttpServer::Answer(200, "well")
                                                      : ScriptedHttpServer::Hang();
  });
  std::optional<Result> hung, well;
  HttpRequest request = To(server);
  request.target = "/hang";
  Send(hung, request, absl::Milliseconds(300));
  Send(well, To(server));
  EXPECT_EQ(Await(well).value().body, "well");
  EXPECT_EQ(Await(hung).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(hung->status().message(), absl::StrCat("127.0.0.1:", server.port(), ": no whole answer within 300ms"));
}

TEST_F(HttpClientTest, AnAnswerThatTricklesEndsAtTheDeadlineToo) {
  ScriptedHttpServer server([](const std::string&) {
    return ScriptedHttpServer::Reply{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .keeps_open = true};
  });
  EXPECT_EQ(Ask(To(server), absl::Milliseconds(200)).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(HttpClientTest, FaultsOfTheServerAreErrorsThatNameIt) {
  const std::pair<ScriptedHttpServer::Reply, const char*> kFaults[] = {
      {{.bytes = ""}, "closed the connection before its answer was whole"},
      {{.bytes = "HTTP/1.1 200 OK\r\n", .is_reset = true}, ""},
      {{.bytes = "SSH-2.0-x\r\n\r\n"}, "its answer is not HTTP"},
      {{.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"}, "its answer exceeds 65536 bytes"},
      {{.bytes = absl::StrCat("HTTP/1.1 200 OK\r\n\r\n", std::string(70'000, 'x'))}, "its answer exceeds 65536 bytes"},
      {{.bytes = absl::StrCat("HTTP/1.1 200 OK\r\nA: ", std::string(5'000, 'x'), "\r\n\r\n")},
       "its headers exceed 4096 bytes"}};
  for (const auto& [reply, why] : kFaults) {
    ScriptedHttpServer server([reply = reply](const std::string&) { return reply; });
    const Result result = Ask(To(server));
    ASSERT_FALSE(result.ok());
    EXPECT_THAT(std::string(result.status().message()), StartsWith(absl::StrCat("127.0.0.1:", server.port(), ": ")));
    EXPECT_THAT(std::string(result.status().message()), HasSubstr(why));
  }
}

TEST_F(HttpClientTest, NobodyAtTheAddressIsAnError) {
  uint16_t port = 0;
  {
    ScriptedHttpServer gone([](const std::string&) { return ScriptedHttpServer::Hang(); });
    port = gone.port();
  }
  const Result result = Ask({.host = "127.0.0.1", .port = port});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(result.status().message()), HasSubstr("Connection refused"));
}

TEST_F(HttpClientTest, ANameThatIsNoneIsAnError) {
  const Result result = Ask({.host = "there-is-no-such-name.invalid"});
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(result.status().message(), "there-is-no-such-name.invalid:80: there is no such name");
}

TEST_F(HttpClientTest, AServerThatSpeaksNoTlsIsNotAskedOverTls) {
  ScriptedHttpServer server([](const std::string&) { return ScriptedHttpServer::Answer(200, "x"); });
  HttpRequest request = To(server);
  request.is_tls = true;
  EXPECT_EQ(Ask(request, absl::Seconds(2)).status().ok(), false);
  EXPECT_TRUE(server.Requests().empty());
}

TEST_F(HttpClientTest, AnAnswerMaySendAgain) {
  ScriptedHttpServer server([](const std::string&) { return ScriptedHttpServer::Answer(200, "x"); });
  std::optional<Result> second;
  client_->Send(To(server), absl::Seconds(20), [&](Result) { Send(second, To(server)); });
  EXPECT_TRUE(Await(second).ok());
}

TEST_F(HttpClientTest, WhatIsUnderWayEndsWithTheClient) {
  ScriptedHttpServer server([](const std::string&) { return ScriptedHttpServer::Hang(); });
  std::optional<Result> result;
  Send(result, To(server));
  while (server.Requests().empty()) loop_->Turn(absl::Milliseconds(10));
  client_.reset();
  loop_->Turn(absl::ZeroDuration());
  EXPECT_FALSE(result.has_value());
}

}  // namespace
}  // namespace weir::runtime
