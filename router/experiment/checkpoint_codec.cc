#include <algorithm>
#include <utility>

#include "router/experiment/run_evidence.h"

namespace weir::experiment {
namespace {

absl::Status Damaged(const char* what) { return absl::DataLossError(what); }

void Encode(const stats::LatencyHistogram& histogram, v1::HistogramCheckpoint& record) {
  histogram.ForEachNonzero([&](int bucket, int64_t count) {
    record.add_bucket(static_cast<uint32_t>(bucket));
    record.add_count(count);
  });
}

absl::StatusOr<stats::LatencyHistogram> Decode(const v1::HistogramCheckpoint& record) {
  stats::LatencyHistogram histogram;
  if (record.bucket_size() != record.count_size()) return Damaged("a histogram's buckets and counts differ in number");
  for (int i = 0; i < record.bucket_size(); ++i) {
    if (record.bucket(i) >= stats::LatencyHistogram::kBuckets || record.count(i) < 0) {
      return Damaged("a histogram has a bucket that there is not, or a negative count");
    }
    histogram.Add(static_cast<int>(record.bucket(i)), record.count(i));
  }
  return histogram;
}

absl::Status DecodeCohorts(const v1::CohortsCheckpoint& record, std::vector<stats::VariantCounts::Cohort>& cohorts) {
  const int size = record.tick_size();
  if (record.started_size() != size || record.ended_size() != size || record.errors_size() != size ||
      record.neutral_size() != size || (record.lost_size() != size && record.lost_size() != 0)) {
    return Damaged("cohorts have fields of different lengths");
  }
  for (int i = 0; i < size; ++i) {
    cohorts.push_back({record.tick(i),
                       {.started = record.started(i),
                        .ended = record.ended(i),
                        .errors = record.errors(i),
                        .neutral = record.neutral(i),
                        .lost = record.lost_size() == 0 ? 0 : record.lost(i)}});
  }
  return absl::OkStatus();
}

bool IsPerUserBucket(int size) { return size == 0 || size == stats::kUserBuckets; }

}  // namespace

void Encode(const stats::VariantCounts& counts, v1::VariantCheckpoint& record) {
  record.set_started(counts.started());
  record.set_ended(counts.ended());
  record.set_errors(counts.errors());
  record.set_neutral(counts.neutral());
  record.set_lost(counts.lost());
  Encode(counts.latencies(), *record.mutable_latencies());
  Encode(counts.cancelled(), *record.mutable_cancelled());
  const bool has_lost = std::any_of(counts.cohorts().begin(), counts.cohorts().end(),
                                    [](const auto& cohort) { return cohort.second.lost > 0; });
  for (const auto& [tick, cohort] : counts.cohorts()) {
    if (has_lost) record.mutable_cohorts()->add_lost(cohort.lost);
    record.mutable_cohorts()->add_tick(tick);
    record.mutable_cohorts()->add_started(cohort.started);
    record.mutable_cohorts()->add_ended(cohort.ended);
    record.mutable_cohorts()->add_errors(cohort.errors);
    record.mutable_cohorts()->add_neutral(cohort.neutral);
  }
  if (const stats::PreviewCounts& previews = counts.previews(); previews != stats::PreviewCounts{}) {
    record.mutable_previews()->set_started(previews.started);
    record.mutable_previews()->set_ended(previews.ended);
    record.mutable_previews()->set_errors(previews.errors);
    record.mutable_previews()->set_neutral(previews.neutral);
    record.mutable_previews()->set_newest(previews.newest);
  }
  if (counts.empty()) return;
  for (const stats::UserBucketCounts& bucket : counts.users()) {
    record.add_user_calls(bucket.calls);
    record.add_user_errors(bucket.errors);
  }
  for (const stats::UserLatencies& bucket : counts.user_latencies()) {
    record.add_user_timed(bucket.calls);
    record.add_user_microseconds(bucket.microseconds);
  }
  const auto& uncompared = counts.uncompared();
  const bool has_uncompared =
      std::any_of(uncompared.begin(), uncompared.end(), [](int64_t calls) { return calls > 0; });
  if (has_uncompared) record.mutable_user_uncompared()->Add(uncompared.begin(), uncompared.end());
}

absl::StatusOr<stats::VariantCounts> Decode(const v1::VariantCheckpoint& record) {
  stats::VariantCounts::Parts parts;
  parts.started = record.started();
  parts.ended = record.ended();
  parts.errors = record.errors();
  parts.neutral = record.neutral();
  parts.lost = record.lost();
  absl::StatusOr<stats::LatencyHistogram> latencies = Decode(record.latencies());
  if (!latencies.ok()) return latencies.status();
  parts.latencies = *std::move(latencies);
  absl::StatusOr<stats::LatencyHistogram> cancelled = Decode(record.cancelled());
  if (!cancelled.ok()) return cancelled.status();
  parts.cancelled = *std::move(cancelled);
  if (absl::Status status = DecodeCohorts(record.cohorts(), parts.cohorts); !status.ok()) return status;
  if (!IsPerUserBucket(record.user_calls_size()) || record.user_errors_size() != record.user_calls_size()) {
    return Damaged("users are not by bucket");
  }
  for (int i = 0; i < record.user_calls_size(); ++i) {
    parts.users[static_cast<size_t>(i)] = {.calls = record.user_calls(i), .errors = record.user_errors(i)};
  }
  if (!IsPerUserBucket(record.user_timed_size()) || record.user_microseconds_size() != record.user_timed_size()) {
    return Damaged("latencies are not by user bucket");
  }
  for (int i = 0; i < record.user_timed_size(); ++i) {
    parts.user_latencies[static_cast<size_t>(i)] = {.calls = record.user_timed(i),
                                                    .microseconds = record.user_microseconds(i)};
  }
  if (!IsPerUserBucket(record.user_uncompared_size())) return Damaged("uncompared calls are not by user bucket");
  std::copy(record.user_uncompared().begin(), record.user_uncompared().end(), parts.uncompared.begin());
  parts.previews = {.started = record.previews().started(),
                    .ended = record.previews().ended(),
                    .errors = record.previews().errors(),
                    .neutral = record.previews().neutral(),
                    .newest = record.previews().newest()};
  absl::StatusOr<stats::VariantCounts> counts = stats::VariantCounts::FromParts(std::move(parts));
  if (!counts.ok()) return absl::DataLossError(counts.status().message());
  return counts;
}

void Encode(const std::string& metric, const stats::OutcomeCounts& counts, v1::OutcomeCheckpoint& record) {
  record.set_metric(metric);
  record.set_count(counts.n);
  record.set_mean(counts.mean);
  record.set_m2(counts.m2);
  for (const stats::OutcomeBucket& bucket : counts.users) {
    record.add_user_count(bucket.n);
    record.add_user_sum(bucket.sum);
    record.add_user_sum_squares(bucket.sum_squares);
  }
}

absl::StatusOr<stats::OutcomeCounts> Decode(const v1::OutcomeCheckpoint& record) {
  if (record.user_count_size() != stats::kUserBuckets || record.user_sum_size() != stats::kUserBuckets ||
      record.user_sum_squares_size() != stats::kUserBuckets || record.count() < 0) {
    return Damaged("outcomes are not by user bucket");
  }
  stats::OutcomeCounts counts;
  counts.n = record.count();
  counts.mean = record.mean();
  counts.m2 = record.m2();
  for (int i = 0; i < stats::kUserBuckets; ++i) {
    counts.users[static_cast<size_t>(i)] = {
        .n = record.user_count(i), .sum = record.user_sum(i), .sum_squares = record.user_sum_squares(i)};
  }
  return counts;
}

}  // namespace weir::experiment
