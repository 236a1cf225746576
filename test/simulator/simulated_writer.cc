#include "test/simulator/simulated_writer.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace weir::simulator {

absl::StatusOr<experiment::Journal*> SimulatedWriter::EnsureOpen() {
  if (!faults_.refusal.ok()) return faults_.refusal;
  if (journal_ == nullptr) {
    absl::StatusOr<std::unique_ptr<experiment::Journal>> opened = disk_.Open();
    if (!opened.ok()) return opened.status();
    journal_ = *std::move(opened);
  }
  return journal_.get();
}

absl::StatusOr<experiment::Remembered> SimulatedWriter::Load() {
  control::JournalReply reply;
  absl::StatusOr<experiment::Journal*> journal = EnsureOpen();
  if (!journal.ok()) return journal.status();
  Read(**journal, reply);
  if (!reply.status.ok()) return reply.status;
  return *std::move(reply.remembered);
}

void SimulatedWriter::Read(experiment::Journal& journal, control::JournalReply& reply) {
  absl::StatusOr<experiment::Remembered> remembered = journal.Load();
  reply.status = faults_.unreadable.ok() ? remembered.status() : faults_.unreadable;
  if (!reply.status.ok()) {
    journal_.reset();  // What cannot be read is not written to.
    return;
  }
  reply.head = head_ = remembered->head;
  sequence_ = remembered->sequence;
  reply.remembered = *std::move(remembered);
}

void SimulatedWriter::Ask(control::JournalRequest request, absl::Time now) {
  const absl::Time begin = requests_.empty() ? now : std::max(now, requests_.back().at);
  requests_.push_back({std::move(request), begin + faults_.until_write});
}

std::optional<Event> SimulatedWriter::Append(experiment::Journal& journal, const experiment::Change& change,
                                             Reply& reply) {
  const absl::StatusOr<std::string> head = journal.Append(change);
  reply.reply.status = head.status();
  if (!head.ok()) return std::nullopt;
  reply.is_on_disk = true;
  if (faults_.unsynced.ok()) {
    reply.reply.head = *head;
  } else {
    reply.reply.status = faults_.unsynced;
  }
  if (std::exchange(head_, *head) == *head) return RowRepeated{change.experiment};
  return RowWritten{.record = experiment::RecordOf(change, ++sequence_), .head = *head};
}

std::optional<Event> SimulatedWriter::Work(absl::Time now) {
  const Request request = std::move(requests_.front());
  requests_.pop_front();
  Reply reply{.reply = {}, .experiment = {}, .at = now + faults_.until_reply};
  if (!replies_.empty()) reply.at = std::max(reply.at, replies_.back().at);
  reply.reply.id = std::visit([](const auto& r) { return r.id; }, request.request);
  const auto* append = std::get_if<control::AppendRequest>(&request.request);
  if (append != nullptr) reply.experiment = append->change.experiment;
  // A report only reads here: it is rendered and written outside of the control side.
  const auto* report = std::get_if<control::ReportRequest>(&request.request);
  if (report != nullptr) reply.reply.report = control::WrittenReport{report->experiment, ""};
  absl::StatusOr<experiment::Journal*> journal = EnsureOpen();
  reply.reply.status = journal.status();
  std::optional<Event> written;
  if (journal.ok()) {
    if (append != nullptr) {
      written = Append(**journal, append->change, reply);
    } else if (const auto* checkpoint = std::get_if<control::CheckpointRequest>(&request.request)) {
      reply.reply.status = (*journal)->WriteCheckpoint(checkpoint->rows);
      if (reply.reply.status.ok()) written = CheckpointWritten{};
    } else if (report != nullptr) {
      reply.reply.status = (*journal)->History(report->experiment).status();
    } else {
      Read(**journal, reply.reply);
    }
  }
  replies_.push_back(std::move(reply));
  return written;
}

SimulatedWriter::Reply SimulatedWriter::TakeReply() {
  Reply reply = std::move(replies_.front());
  replies_.pop_front();
  return reply;
}

}  // namespace weir::simulator
