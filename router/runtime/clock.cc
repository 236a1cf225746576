#include "router/runtime/clock.h"

#include <ctime>

#include "absl/time/clock.h"

namespace weir::runtime {
namespace {

absl::Duration MonotonicReading() {
  timespec reading;
  clock_gettime(CLOCK_MONOTONIC, &reading);
  return absl::DurationFromTimespec(reading);
}

}  // namespace

Clock::Clock() : start_(absl::Now()), monotonic_start_(MonotonicReading()) {}

absl::Time Clock::Now() const { return start_ + (MonotonicReading() - monotonic_start_); }

}  // namespace weir::runtime
