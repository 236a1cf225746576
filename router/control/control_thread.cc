#include "router/control/control_thread.h"

#include <utility>
#include <variant>

#include "config/error.h"
#include "config/files.h"
#include "config/limits.h"
#include "config/load.h"
#include "router/control/command_request.h"
#include "router/control/report_folder.h"
#include "router/control/target_view.h"
#include "router/experiment/report.h"

namespace weir::control {
namespace {

std::vector<std::string> Lines(const std::vector<config::ConfigError>& errors) {
  std::vector<std::string> lines;
  for (const config::ConfigError& error : errors) lines.push_back(error.ToString());
  return lines;
}

// What the journal's thread does for a report, which is never in the way of the rollback.
JournalWriter::Report ReportWriter(const std::string& folder) {
  if (folder.empty()) return nullptr;
  return [folder](experiment::Journal& journal, const ReportRequest& request) -> absl::StatusOr<std::string> {
    if (ReportFolder(folder).Has(request.experiment, request.run, request.at)) return "";
    absl::StatusOr<std::vector<v1::AuditRecord>> history = journal.History(request.experiment);
    if (!history.ok()) return history.status();
    const absl::StatusOr<v1::RunReport> report = experiment::ReportOf(
        {.history = *std::move(history), .head = request.head, .failed_calls = request.failed_calls});
    if (!report.ok()) return report.status();
    // It was opened again meanwhile.
    return report->is_rolled_back() ? ReportFolder(folder).Write(*report) : "";
  };
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlThread>> ControlThread::Start(ControlThreadOptions options, config::Config config,
                                                                    Publish publish) {
  absl::StatusOr<std::unique_ptr<runtime::EventLoop>> loop = runtime::EventLoop::Create(options.clock);
  if (!loop.ok()) return loop.status();
  auto control =
      std::unique_ptr<ControlThread>(new ControlThread(std::move(options), std::move(publish), *std::move(loop)));
  absl::StatusOr<experiment::Remembered> remembered = control->AskForMemory();
  control->controller_.emplace(std::move(remembered), control->options_.version, control->options_.issuer,
                               control->options_.clock.Now());
  ConfigWatch::Read read = control->options_.read_files;
  if (!read) {
    read = [file = control->options_.proxy_file] { return config::Load(file, config::DiskFiles()); };
  }
  absl::StatusOr<std::unique_ptr<ConfigWatch>> files =
      ConfigWatch::Start(control->options_.clock, control->options_.proxy_file, config.proxy.experiments,
                         std::move(read), control->options_.watch);
  if (!files.ok()) return files.status();
  control->files_ = *std::move(files);
  if (absl::Status status = control->StartOutside(); !status.ok()) return status;
  control->thread_ =
      std::thread([raw = control.get(), config = std::move(config)]() mutable { raw->Run(std::move(config)); });
  control->first_table_.WaitForNotification();
  return control;
}

ControlThread::ControlThread(ControlThreadOptions options, Publish publish, std::unique_ptr<runtime::EventLoop> loop)
    : options_(std::move(options)),
      publish_(std::move(publish)),
      loop_(std::move(loop)),
      reports_(config::limits::kCountsMailbox, [this] { loop_->Wake(); }),
      outcomes_(config::limits::kFeedbackMailbox, [this] { loop_->Wake(); }),
      commands_(config::limits::kCommandMailbox, [this] { loop_->Wake(); }),
      replies_(config::limits::kJournalRequests, [this] { loop_->Wake(); }),
      answers_(config::limits::kQueryMailbox, [this] { loop_->Wake(); }),
      tick_timer_([this] { Tick(); }) {}

ControlThread::~ControlThread() { Stop(); }

// What the journal remembers, as its writer reads it.
absl::StatusOr<experiment::Remembered> ControlThread::AskForMemory() {
  // The first reply comes here, if it comes in time; all others, and a late one, go the ordinary way.
  struct First {
    absl::Mutex mutex;
    bool is_awaited ABSL_GUARDED_BY(mutex) = true;
    std::optional<JournalReply> reply ABSL_GUARDED_BY(mutex);
  };
  auto first = std::make_shared<First>();
  const auto take_reply = [this, first](JournalReply reply) {
    {
      absl::MutexLock lock(&first->mutex);
      if (std::exchange(first->is_awaited, false)) {
        first->reply = std::move(reply);
        return;
      }
    }
    // Never full: the controller has fewer requests outstanding.
    (void)replies_.Post(reply);
  };
  writer_ = std::make_unique<JournalWriter>(options_.open_journal, take_reply, ReportWriter(options_.report_folder));
  writer_->Ask(LoadRequest{});
  absl::MutexLock lock(&first->mutex);
  const auto has_reply = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(first->mutex) { return first->reply.has_value(); };
  if (!first->mutex.AwaitWithTimeout(absl::Condition(&has_reply), kJournalPatience)) {
    first->is_awaited = false;
    return absl::UnavailableError("the disk does not answer");
  }
  if (!first->reply->status.ok()) return first->reply->status;
  return *std::move(first->reply->remembered);
}

absl::Status ControlThread::StartOutside() {
  absl::StatusOr<std::unique_ptr<QueryThread>> queries = QueryThread::Start(options_.clock, [this](QueryAnswer answer) {
    // Full only when the control thread stands still: the next answer is as good.
    (void)answers_.Post(std::move(answer));
  });
  if (!queries.ok()) return queries.status();
  absl::StatusOr<std::unique_ptr<Notifier>> notifier =
      Notifier::Start(options_.clock, options_.log,
                      [this](std::vector<TargetReport> targets) { targets_told_.Put(std::move(targets)); });
  if (!notifier.ok()) return notifier.status();
  queries_ = *std::move(queries);
  notifier_ = *std::move(notifier);
  return absl::OkStatus();
}

void ControlThread::Follow(config::Config config) {
  queries_->Follow(QuestionsOf(config));
  controller_->TakeConfig(std::move(config), loop_->now());
}

void ControlThread::Run(config::Config config) {
  Follow(std::move(config));
  CarryOut();
  loop_->timers().Set(tick_timer_, loop_->now());
  loop_->OnTurnEnd([this] { OnTurnEnd(); });
  loop_->Run();
  tick_timer_.Cancel();
}

void ControlThread::TakeFiles() {
  std::optional<config::Loaded> loaded = files_->TakeNewest();
  if (!loaded) return;
  if (std::vector<std::string> warnings = Lines(loaded->warnings); warnings != warnings_) {
    warnings_ = std::move(warnings);
    for (const std::string& warning : warnings_) options_.log->Warning("in the files", {{"warning", warning}});
  }
  if (loaded->config) {
    Follow(*std::move(loaded->config));
  } else {
    controller_->RefuseConfig(Lines(loaded->errors), loop_->now());
  }
}

void ControlThread::OnTurnEnd() {
  TakeMail();
  if (has_new_counts_ && loop_->now() >= last_tick_ + kLeastBetweenTicks) Tick();
}

void ControlThread::Tick() {
  TakeMail();
  TakeFiles();
  has_new_counts_ = false;
  last_tick_ = loop_->now();
  loop_->timers().Set(tick_timer_, last_tick_ + stats::kTick);
  controller_->Tick(last_tick_);
  CarryOut();
  if (last_tick_ >= last_shown_ + stats::kTick) ShowNow();
}

void ControlThread::TakeMail() {
  for (const stats::WorkerReport& report : reports_.TakeAll()) {
    controller_->TakeReport(report);
    has_new_counts_ = true;
  }
  for (PostedOutcome& posted : outcomes_.TakeAll()) {
    posted.reply(controller_->TakeOutcome(posted.report, loop_->now()));
  }
  TakeCommands();
  for (JournalReply& reply : replies_.TakeAll()) controller_->TakeReply(std::move(reply), loop_->now());
  for (const QueryAnswer& answer : answers_.TakeAll()) controller_->TakeAnswer(answer, loop_->now());
  CarryOut();
}

void ControlThread::TakeCommands() {
  for (PostedCommand& posted : commands_.TakeAll()) {
    unanswered_[++last_token_] = std::move(posted.done);
    controller_->Obey(last_token_, posted.experiment, posted.command, loop_->now());
  }
}

void ControlThread::CarryOut() {
  for (Effect& effect : controller_->TakeEffects()) {
    if (auto* publish = std::get_if<PublishTable>(&effect)) {
      publish_(std::move(publish->table));
      if (!first_table_.HasBeenNotified()) {
        ShowNow();
        first_table_.Notify();
      }
    } else if (auto* ask = std::get_if<AskJournal>(&effect)) {
      if (writer_ != nullptr) writer_->Ask(std::move(ask->request));  // Null: it has ended.
    } else if (const auto* answer = std::get_if<AnswerCommand>(&effect)) {
      ShowNow();  // Before: whoever is answered sees what came of it.
      Answer(answer->token, answer->status);
    } else if (auto* notification = std::get_if<Notification>(&effect)) {
      notifier_->Post(std::move(*notification));
    } else if (auto* standing = std::get_if<Standing>(&effect)) {
      notifier_->Follow(std::move(*standing));
    } else {
      Log(std::get<Notice>(effect));
    }
  }
}

void ControlThread::ShowNow() {
  last_shown_ = loop_->now();
  if (std::optional<std::vector<TargetReport>> targets = targets_told_.Take()) targets_ = *std::move(targets);
  Snapshot view = controller_->View(last_shown_);
  ShowTargets(targets_, view);
  snapshot_.store(std::make_shared<const Snapshot>(std::move(view)));
}

void ControlThread::Answer(uint64_t token, const absl::Status& status) {
  if (auto waiting = unanswered_.extract(token)) waiting.mapped()(status);
}

void ControlThread::Log(const Notice& notice) const {
  const runtime::Severity severity = notice.is_warning ? runtime::Severity::kWarning : runtime::Severity::kInfo;
  if (notice.experiment.empty()) {
    options_.log->Write(severity, notice.message, {{"detail", notice.detail}});
  } else {
    options_.log->Write(severity, notice.message, {{"experiment", notice.experiment}, {"detail", notice.detail}});
  }
}

bool ControlThread::PostOutcome(stats::OutcomeReport& report, std::function<void(absl::Status)> reply) {
  if (is_stopped_) return false;
  PostedOutcome posted{std::move(report), std::move(reply)};
  if (outcomes_.Post(posted)) return true;
  report = std::move(posted.report);
  return false;
}

void ControlThread::Obey(weir::v1::CommandRequest request, std::function<void(absl::Status)> done) {
  absl::StatusOr<experiment::Command> command = CommandOf(request);
  if (!command.ok()) return done(command.status());
  PostedCommand posted{request.experiment(), *std::move(command), std::move(done)};
  if (!is_stopped_ && commands_.Post(posted)) return;
  posted.done(absl::UnavailableError(is_stopped_ ? "weir is ending" : "too many commands at once: try again"));
}

bool ControlThread::Stop() {
  if (!thread_.joinable()) return true;
  loop_->Stop();
  thread_.join();
  is_stopped_ = true;
  queries_.reset();
  TakeMail();
  controller_->CheckpointNow(options_.clock.Now());
  CarryOut();
  ShowNow();
  writer_.reset();  // After it has written what it was asked.
  for (JournalReply& reply : replies_.TakeAll()) controller_->TakeReply(std::move(reply), options_.clock.Now());
  CarryOut();
  const std::vector<std::string> lost = controller_->UnjournalledChanges();
  for (const std::string& change : lost) {
    options_.log->Error("the journal does not hold it: the next start may find it otherwise", {{"change", change}});
  }
  notifier_.reset();  // After it has sent what it can.
  for (auto& [token, done] : std::exchange(unanswered_, {})) done(absl::UnavailableError("weir is ending"));
  return lost.empty();
}

}  // namespace weir::control
