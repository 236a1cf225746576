#include "examples/replay.h"

#include <algorithm>
#include <csignal>
#include <functional>
#include <memory>
#include <queue>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/mutex.h"
#include "examples/inference_call.h"
#include "examples/summary.h"
#include "grpcpp/grpcpp.h"
#include "proto/weir/v1/feedback.grpc.pb.h"

namespace weir::examples {
namespace {

// "name=value".
std::pair<std::string, std::string> HeaderOf(const std::string& text) {
  return absl::StrSplit(text, absl::MaxSplits('=', 1));
}

// gRPC ends the program that gives it what is no header.
bool IsHeader(const std::string& text) {
  const auto [name, value] = HeaderOf(text);
  const auto is_of_name = [](unsigned char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-' || c == '_' || c == '.';
  };
  const auto is_of_value = [](unsigned char c) { return absl::ascii_isprint(c); };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_of_name) && !name.ends_with("-bin") &&
         text.size() > name.size() && std::all_of(value.begin(), value.end(), is_of_value);
}

// Signals and the bound in flight are looked at no less often.
constexpr absl::Duration kLongestSleep = absl::Milliseconds(50);

// Results on their way from gRPC's threads to the one that replays. Holds at most what is in flight.
class Finished {
 public:
  // Any thread. The work runs on the replaying thread.
  void Post(std::function<void()> work) {
    absl::MutexLock lock(&mutex_);
    work_.push_back(std::move(work));
  }
  // Waits for work, not beyond `deadline`.
  std::vector<std::function<void()>> TakeBefore(absl::Time deadline) {
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithDeadline(absl::Condition(
                                 +[](decltype(work_)* work) { return !work->empty(); }, &work_),
                             deadline);
    return std::exchange(work_, {});
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::function<void()>> work_ ABSL_GUARDED_BY(mutex_);
};

struct Report {
  absl::Time due;
  bool was_late = false;
  size_t connection = 0;
  weir::v1::Outcome outcome;
};
struct LaterFirst {
  bool operator()(const Report& a, const Report& b) const { return a.due > b.due; }
};

// The state of one replay. Everything but `finished_` belongs to the thread that calls Run.
class Replayer {
 public:
  Replayer(const ReplayOptions& options, const std::vector<HeldOutRow>& rows, LoadPlan plan)
      : options_(options), rows_(rows), plan_(std::move(plan)), next_(plan_.Next()) {}

  absl::StatusOr<example::Summary> Run();

 private:
  absl::Status Connect();
  void StartDueCalls(absl::Time now);
  void StartCall(const PlannedCall& call);
  void EndCall(const InferenceCall& call, const PlannedCall& planned, size_t connection);
  void SendDueReports(absl::Time now);
  void SendReport(Report report);
  absl::Time NextEvent(absl::Time now) const;
  bool HasRoom() const { return in_flight_ < options_.max_in_flight; }
  bool IsOver() const { return !next_ && in_flight_ == 0 && reports_in_flight_ == 0 && reports_.empty(); }
  void StopIfSignalled();

  const ReplayOptions& options_;
  const std::vector<HeldOutRow>& rows_;
  LoadPlan plan_;
  std::optional<PlannedCall> next_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::priority_queue<Report, std::vector<Report>, LaterFirst> reports_;
  SummaryBuilder summary_;
  absl::Time start_;
  int64_t in_flight_ = 0;
  int64_t reports_in_flight_ = 0;
  int64_t answered_ = 0;  // Calls that somebody answered, if with an error.
  std::string last_error_;
  Finished finished_;
};

absl::Status Replayer::Connect() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);  // Else all channels would share one connection.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 250);  // A target that restarts is found again soon.
  const absl::Time deadline = absl::Now() + options_.connect_timeout;
  for (int64_t i = 0; i < std::max<int64_t>(1, options_.connections); ++i) {
    channels_.push_back(grpc::CreateCustomChannel(options_.target, grpc::InsecureChannelCredentials(), arguments));
  }
  for (const auto& channel : channels_) {
    if (!channel->WaitForConnected(absl::ToChronoTime(deadline))) {
      return absl::UnavailableError(absl::StrCat("cannot connect to '", options_.target, "' within ",
                                                 absl::FormatDuration(options_.connect_timeout)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<example::Summary> Replayer::Run() {
  absl::Status connected = Connect();
  if (!connected.ok()) return connected;
  start_ = absl::Now();
  while (!IsOver()) {
    StopIfSignalled();
    const absl::Time now = absl::Now();
    StartDueCalls(now);
    SendDueReports(now);
    for (const auto& work : finished_.TakeBefore(NextEvent(now))) work();
  }
  if (answered_ == 0)
    return absl::UnavailableError(absl::StrCat("no call was answered; the last error: ", last_error_));
  return summary_.Build(absl::Now() - start_);
}

void Replayer::StopIfSignalled() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  const timespec at_once = {};
  if (sigtimedwait(&signals, nullptr, &at_once) < 0) return;
  next_.reset();
  reports_ = {};
}

absl::Time Replayer::NextEvent(absl::Time now) const {
  absl::Time next = now + kLongestSleep;
  if (next_ && HasRoom()) next = std::min(next, start_ + next_->due);
  if (!reports_.empty()) next = std::min(next, reports_.top().due);
  return next;
}

void Replayer::StartDueCalls(absl::Time now) {
  while (next_ && start_ + next_->due <= now) {
    if (HasRoom()) {
      StartCall(*next_);
    } else if (options_.load.rate > 0) {
      summary_.AddSkipped();  // An open loop does not wait for the slow.
    } else {
      return;
    }
    next_ = plan_.Next();
  }
}

void Replayer::StartCall(const PlannedCall& planned) {
  const size_t connection = planned.user % channels_.size();
  CallSpec spec;
  spec.model = options_.model;
  spec.user = absl::StrCat("user-", planned.user);
  std::tie(spec.header_name, spec.header_value) = HeaderOf(options_.header);
  spec.streaming = planned.streaming;
  spec.deadline = absl::Now() + options_.deadline;
  for (const size_t row : planned.rows) spec.rows.push_back(&rows_[row]);
  ++in_flight_;
  StartInference(channels_[connection], std::move(spec), [this, planned, connection](InferenceCallPtr call) {
    finished_.Post([this, planned, connection, call = std::move(call)] { EndCall(*call, planned, connection); });
  });
}

void Replayer::EndCall(const InferenceCall& call, const PlannedCall& planned, size_t connection) {
  --in_flight_;
  summary_.AddCall(call.result);
  const bool was_answered = call.result.rows > 0 || !call.result.variant.empty() || call.result.code != 14;
  if (was_answered) ++answered_;
  if (call.result.code != 0) last_error_ = absl::StrCat(CodeName(call.result.code), ": ", call.result.error);
  if (call.ticket.empty() || !call.last_row_was_right) return;
  Report report;
  report.was_late = planned.outcome_delay > absl::ZeroDuration();
  report.due = absl::Now() + planned.outcome_delay;
  report.connection = connection;
  report.outcome.set_ticket(call.ticket);
  (*report.outcome.mutable_metrics())["correct"] = *call.last_row_was_right ? 1 : 0;
  reports_.push(std::move(report));
}

void Replayer::SendDueReports(absl::Time now) {
  while (!reports_.empty() && reports_.top().due <= now) {
    SendReport(reports_.top());
    reports_.pop();
  }
}

void Replayer::SendReport(Report report) {
  struct Pending {
    std::unique_ptr<weir::v1::Feedback::Stub> stub;
    grpc::ClientContext context;
    Report report;
    weir::v1::Receipt receipt;
  };
  auto* pending = new Pending;
  pending->stub = weir::v1::Feedback::NewStub(channels_[report.connection]);
  pending->report = std::move(report);
  pending->context.set_deadline(absl::ToChronoTime(absl::Now() + options_.deadline));
  ++reports_in_flight_;
  pending->stub->async()->Report(&pending->context, &pending->report.outcome, &pending->receipt,
                                 [this, pending](grpc::Status status) {
                                   const bool was_late = pending->report.was_late;
                                   delete pending;  // Before the post, as with an inference call: it holds the channel.
                                   finished_.Post([this, was_late, code = status.error_code()] {
                                     --reports_in_flight_;
                                     summary_.AddOutcome(code, was_late);
                                   });
                                 });
}

}  // namespace

absl::StatusOr<example::Summary> Replay(const ReplayOptions& options, const std::vector<HeldOutRow>& rows) {
  if (!options.header.empty() && !IsHeader(options.header)) {
    return absl::InvalidArgumentError(
        "--header: must be NAME=VALUE, the name in small letters, such as x-preview=green");
  }
  if (rows.empty()) return absl::InvalidArgumentError("no rows to replay");
  if (options.max_in_flight < 1) return absl::InvalidArgumentError("--in-flight: must be at least 1");
  absl::StatusOr<LoadPlan> plan = LoadPlan::Create(options.load, rows.size());
  if (!plan.ok()) return plan.status();
  return Replayer(options, rows, *std::move(plan)).Run();
}

}  // namespace weir::examples
