#include "router/control/assignment_log.h"

#include <utility>

#include "router/routing/assignment.h"

namespace weir::control {

absl::StatusOr<std::unique_ptr<AssignmentLog>> AssignmentLog::Start(config::AssignmentLog options, runtime::Clock clock,
                                                                    const runtime::Log* log) {
  auto loop = runtime::EventLoop::Create(clock);
  if (!loop.ok()) return loop.status();
  return std::unique_ptr<AssignmentLog>(new AssignmentLog(std::move(options), clock, log, *std::move(loop)));
}

AssignmentLog::AssignmentLog(config::AssignmentLog options, runtime::Clock clock, const runtime::Log* log,
                             std::unique_ptr<runtime::EventLoop> loop)
    : options_(std::move(options)),
      clock_(clock),
      log_(log),
      loop_(std::move(loop)),
      tables_(kTables, [this] { loop_->Wake(); }),
      records_(config::limits::kLoggedBatches, [this] { loop_->Wake(); }),
      outcomes_(config::limits::kFeedbackMailbox, [this] { loop_->Wake(); }),
      file_(options_.file, options_.file_bytes, options_.files) {
  loop_->OnTurnEnd([this] { TakeAll(); });
  thread_ = std::thread([this] { loop_->Run(); });
}

AssignmentLog::~AssignmentLog() {
  loop_->Stop();
  thread_.join();
  TakeAll();
}

void AssignmentLog::Learn(routing::RouteTablePtr table) {
  // Were the box full, records of the new runs would be dropped for want of their names.
  (void)tables_.Post(std::move(table));
}

void AssignmentLog::Post(std::vector<stats::AssignmentRecord> records) {
  const auto lines = static_cast<int64_t>(records.size());
  if (!records_.Post(records)) Drop(lines);
}

void AssignmentLog::Post(stats::OutcomeReport report) {
  if (!outcomes_.Post({std::move(report), clock_.Now()})) Drop(1);
}

void AssignmentLog::TakeAll() {
  // Records first: their tables were posted before them.
  const std::vector<std::vector<stats::AssignmentRecord>> batches = records_.TakeAll();
  const std::vector<PostedOutcome> outcomes = outcomes_.TakeAll();
  for (const routing::RouteTablePtr& table : tables_.TakeAll()) {
    names_.Learn(*table);
    if (table->log_sample.has_value()) sample_ = *table->log_sample;
  }
  for (const std::vector<stats::AssignmentRecord>& batch : batches) {
    for (const stats::AssignmentRecord& record : batch) {
      AppendAssignment(record, names_, chunk_) ? void(++lines_in_chunk_) : Drop(1);
      Write(/*is_last=*/false);
    }
  }
  for (const PostedOutcome& outcome : outcomes) {
    if (!routing::MayBeInSample(outcome.report.ticket.user_bucket, sample_.basis_points())) continue;
    AppendOutcome(outcome.report, names_, outcome.at, chunk_);
    ++lines_in_chunk_;
    Write(/*is_last=*/false);
  }
  Write(/*is_last=*/true);
}

void AssignmentLog::Write(bool is_last) {
  if (chunk_.empty() || (!is_last && chunk_.size() < kChunkBytes)) return;
  const int64_t dropped = lines_dropped();
  if (dropped != dropped_told_) AppendDropped(dropped - dropped_told_, clock_.Now(), chunk_);
  const absl::Status status = file_.Append(chunk_);
  chunk_.clear();
  const int64_t lines = std::exchange(lines_in_chunk_, 0);
  if (status.ok()) {
    dropped_told_ = dropped;
    written_.fetch_add(lines, std::memory_order_relaxed);
    return;
  }
  Drop(lines);
  if (clock_.Now() < complained_ + kComplainEvery) return;
  complained_ = clock_.Now();
  log_->Warning("the assignment log loses lines", {{"error", std::string(status.message())}});
}

}  // namespace weir::control
