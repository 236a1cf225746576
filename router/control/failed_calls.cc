#include "router/control/failed_calls.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "router/experiment/proto_time.h"

namespace weir::control {
namespace {

v1::FailedCallRecord RecordOf(const std::string& variant, const stats::FailedCall& call) {
  v1::FailedCallRecord record;
  record.set_variant(variant);
  record.set_epoch(call.epoch);
  *record.mutable_started_at() = experiment::TimestampOf(call.started);
  record.set_latency_ms(absl::ToDoubleMilliseconds(call.latency));
  record.set_grpc_code(call.grpc_code);
  record.set_path(call.path);
  record.set_message(call.message);
  record.set_endpoint(call.endpoint);
  for (const auto& [name, value] : call.metadata) {
    v1::FailedCallRecord::Header* header = record.add_metadata();
    header->set_name(name);
    header->set_value(value);
  }
  return record;
}

}  // namespace

void FailedCalls::Add(uint32_t run, const std::string& variant, const stats::FailedCall& call) {
  if (run < run_) return;
  if (run > run_) kept_.clear();
  run_ = run;
  std::deque<stats::FailedCall>& calls = kept_[variant];
  calls.push_back(call);
  if (calls.size() > kKept) calls.pop_front();
}

std::vector<v1::FailedCallRecord> FailedCalls::Of(uint32_t run) const {
  std::vector<std::pair<absl::Time, v1::FailedCallRecord>> calls;
  if (run == run_) {
    for (const auto& [variant, kept] : kept_) {
      for (const stats::FailedCall& call : kept) calls.push_back({call.started, RecordOf(variant, call)});
    }
  }
  std::stable_sort(calls.begin(), calls.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<v1::FailedCallRecord> records;
  for (auto& [started, record] : calls) records.push_back(std::move(record));
  return records;
}

}  // namespace weir::control
