#include "examples/load_plan.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/random/distributions.h"
#include "absl/status/status.h"

namespace weir::examples {
namespace {

constexpr int64_t kMaxUsers = 10'000'000;     // Their table is held in memory.
constexpr int64_t kMaxStreamLength = 10'000;  // Rows of one planned call, likewise.

absl::Status Check(const LoadOptions& options) {
  const auto wrong = [](const char* what) { return absl::InvalidArgumentError(what); };
  if (options.users < 1 || options.users > kMaxUsers) return wrong("--users: must be from 1 to 10,000,000");
  if (options.stream_length < 1 || options.stream_length > kMaxStreamLength) {
    return wrong("--stream-length: must be from 1 to 10,000");
  }
  if (options.streaming_share < 0 || options.streaming_share > 1)
    return wrong("--streaming: must be a share from 0 to 1");
  if (options.late_share < 0 || options.late_share > 1) return wrong("--late-share: must be a share from 0 to 1");
  if (options.rate < 0 || options.rate > 1e6) return wrong("--rate: must be from 0 to 1,000,000");
  if (options.zipf < 0 || options.zipf > 10) return wrong("--zipf: must be from 0 to 10");
  if (options.requests == 0 && options.duration == absl::ZeroDuration()) {
    return wrong("one of --requests, --duration and --replay-once is needed: nothing else ends the load");
  }
  if (options.requests == 0 && options.rate == 0) return wrong("--duration needs a --rate above 0");
  return absl::OkStatus();
}

}  // namespace

ZipfUsers::ZipfUsers(int64_t users, double exponent) : cumulative_(users) {
  double sum = 0;
  for (int64_t k = 0; k < users; ++k) cumulative_[k] = sum += std::pow(k + 1, -exponent);
}

int64_t ZipfUsers::Draw(absl::BitGenRef rng) const {
  const double at = absl::Uniform<double>(rng, 0, cumulative_.back());
  return std::upper_bound(cumulative_.begin(), cumulative_.end() - 1, at) - cumulative_.begin();
}

absl::StatusOr<LoadPlan> LoadPlan::Create(const LoadOptions& options, size_t rows) {
  absl::Status status = Check(options);
  if (!status.ok()) return status;
  return LoadPlan(options, rows);
}

LoadPlan::LoadPlan(const LoadOptions& options, size_t rows)
    : options_(options), users_(options.users, options.zipf), rng_(options.seed), order_(rows), place_(rows) {
  std::iota(order_.begin(), order_.end(), size_t{0});
}

std::optional<PlannedCall> LoadPlan::Next() {
  if (options_.requests != 0 && planned_ == options_.requests) return std::nullopt;
  if (options_.rate > 0) due_ += absl::Seconds(absl::Exponential<double>(rng_, options_.rate));
  if (options_.duration != absl::ZeroDuration() && due_ >= options_.duration) return std::nullopt;
  ++planned_;
  PlannedCall call;
  call.due = due_;
  call.user = users_.Draw(rng_);
  call.streaming = absl::Bernoulli(rng_, options_.streaming_share);
  const int64_t rows = call.streaming ? options_.stream_length : 1;
  for (int64_t i = 0; i < rows; ++i) call.rows.push_back(NextRow());
  if (absl::Bernoulli(rng_, options_.late_share)) call.outcome_delay = options_.late_by;
  return call;
}

size_t LoadPlan::NextRow() {
  if (place_ == order_.size()) {
    std::shuffle(order_.begin(), order_.end(), rng_);
    place_ = 0;
  }
  return order_[place_++];
}

}  // namespace weir::examples
