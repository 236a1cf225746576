#include "router/control/journal_writer.h"

#include <utility>

namespace weir::control {

JournalWriter::JournalWriter(Open open, std::function<void(JournalReply)> reply, Report report)
    : open_(std::move(open)), reply_(std::move(reply)), report_(std::move(report)), thread_([this] { Run(); }) {}

JournalWriter::~JournalWriter() {
  {
    absl::MutexLock lock(&mutex_);
    is_ending_ = true;
  }
  thread_.join();
}

void JournalWriter::Ask(JournalRequest request) {
  absl::MutexLock lock(&mutex_);
  requests_.push_back(std::move(request));
}

void JournalWriter::Run() {
  const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return is_ending_ || !requests_.empty(); };
  for (;;) {
    mutex_.LockWhen(absl::Condition(&has_work));
    if (requests_.empty()) {
      mutex_.Unlock();
      return;
    }
    const JournalRequest request = std::move(requests_.front());
    requests_.pop_front();
    mutex_.Unlock();
    reply_(CarryOut(request));
  }
}

absl::Status JournalWriter::EnsureOpen() {
  if (journal_ != nullptr) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<experiment::Journal>> opened = open_();
  if (!opened.ok()) return opened.status();
  journal_ = *std::move(opened);
  return absl::OkStatus();
}

JournalReply JournalWriter::CarryOut(const JournalRequest& request) {
  JournalReply reply;
  reply.id = std::visit([](const auto& r) { return r.id; }, request);
  reply.status = EnsureOpen();
  const auto* report = std::get_if<ReportRequest>(&request);
  if (report != nullptr) reply.report = WrittenReport{report->experiment, ""};
  if (!reply.status.ok()) return reply;
  if (const auto* append = std::get_if<AppendRequest>(&request)) {
    absl::StatusOr<std::string> head = journal_->Append(append->change);
    reply.status = head.status();
    if (head.ok()) reply.head = *std::move(head);
  } else if (const auto* checkpoint = std::get_if<CheckpointRequest>(&request)) {
    reply.status = journal_->WriteCheckpoint(checkpoint->rows);
  } else if (report != nullptr) {
    absl::StatusOr<std::string> path = report_ ? report_(*journal_, *report) : "";
    reply.status = path.status();
    if (path.ok()) reply.report->path = *std::move(path);
  } else {
    absl::StatusOr<experiment::Remembered> remembered = journal_->Load();
    reply.status = remembered.status();
    if (remembered.ok()) {
      reply.head = remembered->head;
      reply.remembered = *std::move(remembered);
    } else {
      journal_.reset();  // What cannot be read is not written to: the next request opens it anew.
    }
  }
  return reply;
}

}  // namespace weir::control
