#include "router/control/query_thread.h"

#include <algorithm>
#include <atomic>
#include <string>

#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/runtime/lock.h"
#include "router/runtime/scripted_http_server.h"

namespace weir::control {
namespace {

using runtime::ScriptedHttpServer;
using ::testing::HasSubstr;

ScriptedHttpServer::Reply NumberReply(const std::string& number) {
  return ScriptedHttpServer::Answer(
      200, R"({"status":"success","data":{"resultType":"scalar","result":[1700000000,")" + number + "\"]}}");
}

class QueryThreadTest : public ::testing::Test {
 protected:
  void Start() {
    thread_ = QueryThread::Start(runtime::Clock(), [this](QueryAnswer answer) {
                runtime::Lock lock(&mutex_);
                answers_.push_back(std::move(answer));
                has_changed_.SignalAll();
              }).value();
  }
  void TearDown() override { thread_.reset(); }

  static Question Ask(const std::string& name, const ScriptedHttpServer& server,
                      absl::Duration interval = absl::Milliseconds(100)) {
    return {"income", config::QueryMetric{.name = name,
                                          .server = {"127.0.0.1", server.port(), ""},
                                          .query = name,
                                          .interval = interval,
                                          .timeout = absl::Milliseconds(100)}};
  }

  // The answer to `name` that comes next. One that never comes ends the test by its time.
  QueryAnswer Next(const std::string& name) {
    runtime::Lock lock(&mutex_);
    for (;;) {
      const auto found = std::find_if(answers_.begin(), answers_.end(),
                                      [&](const QueryAnswer& answer) { return answer.metric == name; });
      if (found != answers_.end()) {
        QueryAnswer next = std::move(*found);
        answers_.erase(found);
        return next;
      }
      lock.Wait(has_changed_);
    }
  }

  absl::Mutex mutex_;
  absl::CondVar has_changed_;
  std::vector<QueryAnswer> answers_;
  std::unique_ptr<QueryThread> thread_;
};

TEST_F(QueryThreadTest, AsksAtOnceAndAgainAtTheInterval) {
  std::atomic<int> count = 0;
  ScriptedHttpServer server([&](const std::string&) { return NumberReply(std::to_string(++count)); });
  Start();
  thread_->Follow({Ask("revenue", server)});
  EXPECT_EQ(Next("revenue").value->value, 1);
  EXPECT_EQ(Next("revenue").value->value, 2);
  EXPECT_EQ(Next("revenue").experiment, "income");
  EXPECT_THAT(server.Requests().at(0), HasSubstr("POST /api/v1/query HTTP/1.1\r\n"));
}

TEST_F(QueryThreadTest, AServerThatHangsIsAFailureAndDelaysNoOtherQuestion) {
  ScriptedHttpServer hangs([](const std::string&) { return ScriptedHttpServer::Hang(); });
  ScriptedHttpServer well([](const std::string&) { return NumberReply("7"); });
  Start();
  thread_->Follow({Ask("hung", hangs), Ask("well", well)});
  EXPECT_EQ(Next("hung").value.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(Next("well").value.ok());
  EXPECT_TRUE(Next("well").value.ok());
}

TEST_F(QueryThreadTest, AFailureIsFollowedByTheNextQuestion) {
  std::atomic<int> count = 0;
  ScriptedHttpServer server([&](const std::string&) {
    return ++count == 1 ? ScriptedHttpServer::Answer(503, "starting") : NumberReply("7");
  });
  Start();
  thread_->Follow({Ask("revenue", server)});
  EXPECT_EQ(Next("revenue").value.status().message(), "it answers HTTP 503");
  EXPECT_EQ(Next("revenue").value->value, 7);
}

TEST_F(QueryThreadTest, AQuestionThatIsChangedIsAskedAtOnceAndOneThatIsGoneNoMore) {
  ScriptedHttpServer server([](const std::string& request) {
    return NumberReply(request.find("query=second") == std::string::npos ? "1" : "2");
  });
  Start();
  Question question = Ask("revenue", server, absl::Hours(1));
  thread_->Follow({question, Ask("gone", server)});
  EXPECT_EQ(Next("revenue").value->value, 1);
  Next("gone");
  question.metric.query = "second";
  thread_->Follow({question});
  EXPECT_EQ(Next("revenue").value->value, 2);  // Within the hour.
  // Follow was seen: of the other nothing is told after this.
  {
    runtime::Lock lock(&mutex_);
    answers_.clear();
  }
  thread_->Follow({question, Ask("other", server)});
  Next("other");
  Next("other");
  Next("other");
  runtime::Lock lock(&mutex_);
  for (const QueryAnswer& answer : answers_) EXPECT_NE(answer.metric, "gone");
}

TEST_F(QueryThreadTest, EndsWhileAServerHangs) {
  ScriptedHttpServer hangs([](const std::string&) { return ScriptedHttpServer::Hang(); });
  Start();
  Question question = Ask("hung", hangs, absl::Hours(1));
  question.metric.timeout = absl::Hours(1);
  thread_->Follow({question});
  hangs.WaitForRequests(1);
  thread_.reset();
  runtime::Lock lock(&mutex_);
  EXPECT_TRUE(answers_.empty());
}

}  // namespace
}  // namespace weir::control
