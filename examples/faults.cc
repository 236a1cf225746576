#include "examples/faults.h"

#include "absl/random/distributions.h"
#include "absl/strings/str_cat.h"

namespace weir::examples {
namespace {

constexpr int kUnavailable = 14;

absl::Duration ToAbsl(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

absl::Status CheckShare(double share, const char* name) {
  if (share >= 0 && share <= 1) return absl::OkStatus();  // Not so for NaN.
  return absl::InvalidArgumentError(absl::StrCat(name, ": must be from 0 to 1, got ", share));
}

absl::Status CheckTime(const google::protobuf::Duration& time, const char* name) {
  const absl::Duration value = ToAbsl(time);
  if (value >= absl::ZeroDuration() && value <= kMaxAddedLatency) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(name, ": must be from 0 to ", absl::FormatDuration(kMaxAddedLatency),
                                                 ", got ", absl::FormatDuration(value)));
}

}  // namespace

absl::Status CheckFaults(const example::FaultSettings& settings) {
  absl::Status status = CheckTime(settings.latency(), "latency");
  status.Update(CheckTime(settings.jitter(), "jitter"));
  status.Update(CheckShare(settings.fail_share(), "fail_share"));
  status.Update(CheckShare(settings.worse_share(), "worse_share"));
  if (settings.fail_code() < 0 || settings.fail_code() > 16) {
    status.Update(absl::InvalidArgumentError(
        absl::StrCat("fail_code: must be a gRPC status code from 1 to 16, got ", settings.fail_code())));
  }
  return status;
}

Misfortune Draw(const example::FaultSettings& settings, absl::BitGenRef rng) {
  Misfortune misfortune;
  misfortune.hang = settings.hang();
  misfortune.delay = ToAbsl(settings.latency()) + ToAbsl(settings.jitter()) * absl::Uniform<double>(rng, 0, 1);
  if (absl::Bernoulli(rng, settings.fail_share())) {
    misfortune.fail_code = settings.fail_code() == 0 ? kUnavailable : settings.fail_code();
  }
  misfortune.worse_share = settings.worse_share();
  return misfortune;
}

absl::Status FaultInjector::Set(const example::FaultSettings& settings) {
  absl::Status status = CheckFaults(settings);
  if (!status.ok()) return status;
  absl::MutexLock lock(&mutex_);
  settings_ = settings;
  return absl::OkStatus();
}

example::FaultSettings FaultInjector::settings() const {
  absl::MutexLock lock(&mutex_);
  return settings_;
}

Misfortune FaultInjector::DrawForCall() {
  absl::MutexLock lock(&mutex_);
  return Draw(settings_, rng_);
}

uint64_t FaultInjector::DrawSeed() {
  absl::MutexLock lock(&mutex_);
  return rng_();
}

}  // namespace weir::examples
