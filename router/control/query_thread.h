// The thread that asks other systems for their numbers, so that no other waits for them.

#ifndef WEIR_ROUTER_CONTROL_QUERY_THREAD_H_
#define WEIR_ROUTER_CONTROL_QUERY_THREAD_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "config/analysis.h"
#include "config/config.h"
#include "router/control/query_answer.h"
#include "router/runtime/clock.h"
#include "router/runtime/event_loop.h"
#include "router/runtime/http_client.h"
#include "router/runtime/latest.h"

namespace weir::control {

struct Question {
  std::string experiment;
  config::QueryMetric metric;
};
std::vector<Question> QuestionsOf(const config::Config& config);

// Made and destroyed by one thread.
class QueryThread {
 public:
  // Called on the thread's own, for each answer and each failure to get one. Never waits.
  using Tell = std::function<void(QueryAnswer)>;

  static absl::StatusOr<std::unique_ptr<QueryThread>> Start(const runtime::Clock& clock, Tell tell);
  // What is under way ends, and is not told.
  ~QueryThread();
  QueryThread(const QueryThread&) = delete;
  QueryThread& operator=(const QueryThread&) = delete;

  // Any thread. Each is asked at once, and then at its interval; one that is asked already goes on as it was. One that
  // is not there is asked no more, and nothing of it is told after this was seen.
  void Follow(std::vector<Question> questions);

 private:
  struct Asked;
  using Key = std::pair<std::string, std::string>;  // Experiment and metric.

  QueryThread(std::unique_ptr<runtime::EventLoop> loop, Tell tell);
  void OnTurnEnd();
  void TakeQuestions(std::vector<Question> questions);
  void Ask(const Key& key);

  const std::unique_ptr<runtime::EventLoop> loop_;
  const Tell tell_;
  runtime::Latest<std::vector<Question>> newest_;
  // --- The thread's own.
  std::unique_ptr<runtime::HttpClient> client_;
  std::map<Key, std::unique_ptr<Asked>> asked_;
  uint64_t last_serial_ = 0;
  std::thread thread_;
};

}  // namespace weir::control

#endif  // WEIR_ROUTER_CONTROL_QUERY_THREAD_H_
