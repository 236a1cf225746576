#include "router/control/query_thread.h"

#include "config/limits.h"
#include "router/runtime/timer_queue.h"

namespace weir::control {

// A question that is asked again and again.
struct QueryThread::Asked {
  Asked(config::QueryMetric metric, uint64_t serial, std::function<void()> on_due)
      : metric(std::move(metric)), serial(serial), timer(std::move(on_due)) {}

  const config::QueryMetric metric;
  const uint64_t serial;  // Tells it from an earlier one of the same name, whose answer may still come.
  bool is_under_way = false;
  runtime::Timer timer;
};

std::vector<Question> QuestionsOf(const config::Config& config) {
  std::vector<Question> questions;
  for (const config::Experiment& experiment : config.experiments) {
    for (const config::QueryMetric& metric : experiment.queries) questions.push_back({experiment.name, metric});
  }
  return questions;
}

absl::StatusOr<std::unique_ptr<QueryThread>> QueryThread::Start(const runtime::Clock& clock, Tell tell) {
  absl::StatusOr<std::unique_ptr<runtime::EventLoop>> loop = runtime::EventLoop::Create(clock);
  if (!loop.ok()) return loop.status();
  return std::unique_ptr<QueryThread>(new QueryThread(*std::move(loop), std::move(tell)));
}

QueryThread::QueryThread(std::unique_ptr<runtime::EventLoop> loop, Tell tell)
    : loop_(std::move(loop)),
      tell_(std::move(tell)),
      client_(std::make_unique<runtime::HttpClient>(
          *loop_, runtime::HttpLimits{.head_bytes = config::limits::kHttpHeadBytes,
                                      .body_bytes = config::limits::kHttpBodyBytes})) {
  loop_->OnTurnEnd([this] { OnTurnEnd(); });
  thread_ = std::thread([this] { loop_->Run(); });
}

QueryThread::~QueryThread() {
  loop_->Stop();
  thread_.join();
}

void QueryThread::Follow(std::vector<Question> questions) {
  newest_.Put(std::move(questions));
  loop_->Wake();
}

void QueryThread::OnTurnEnd() {
  if (std::optional<std::vector<Question>> questions = newest_.Take()) TakeQuestions(*std::move(questions));
  client_->OnTurnEnd();
}

void QueryThread::TakeQuestions(std::vector<Question> questions) {
  std::map<Key, std::unique_ptr<Asked>> before = std::exchange(asked_, {});
  for (Question& question : questions) {
    const Key key(question.experiment, question.metric.name);
    const auto same = before.find(key);
    if (same != before.end() && same->second->metric == question.metric) {
      asked_[key] = std::move(same->second);
      continue;
    }
    asked_[key] = std::make_unique<Asked>(std::move(question.metric), ++last_serial_, [this, key] { Ask(key); });
    Ask(key);
  }
}

void QueryThread::Ask(const Key& key) {
  Asked& asked = *asked_.at(key);
  loop_->timers().Set(asked.timer, loop_->now() + asked.metric.interval);
  if (asked.is_under_way) return;  // Its timeout, which is no longer than the interval, is just about to end it.
  asked.is_under_way = true;
  client_->Send(
      RequestOf(asked.metric), asked.metric.timeout,
      [this, key, serial = asked.serial](absl::StatusOr<runtime::HttpResponse> response) {
        const auto found = asked_.find(key);
        if (found == asked_.end() || found->second->serial != serial) return;
        found->second->is_under_way = false;
        tell_({key.first, key.second,
               response.ok() ? ReadAnswer(*response) : absl::StatusOr<experiment::ExternalValue>(response.status())});
      });
}

}  // namespace weir::control
