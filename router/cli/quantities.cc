#include "router/cli/quantities.h"

#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weir::cli {
namespace {

absl::Status Refusal(const char* expectation, const std::string& got) {
  return absl::InvalidArgumentError(
      absl::StrCat("must be ", expectation, ", got ", got.empty() ? std::string("nothing") : got));
}

// NaN where it is no number.
double NumberOf(const std::string& text) {
  double number = 0;
  return absl::SimpleAtod(text, &number) ? number : std::numeric_limits<double>::quiet_NaN();
}

// With one digit after the point, where there is anything to see.
std::string InUnits(double number, const char* unit) {
  const double rounded = std::round(number * 10) / 10;
  const bool is_whole = rounded == std::round(rounded) || rounded >= 100;
  return absl::StrFormat(is_whole ? "%.0f %s" : "%.1f %s", rounded, unit);
}

}  // namespace

absl::StatusOr<double> ReadTraffic(const std::string& text) {
  constexpr double kMost = 1e6;
  const size_t slash = text.find('/');
  const std::string unit = slash == std::string::npos ? "s" : text.substr(slash + 1);
  double seconds = 0;
  if (unit == "s") seconds = 1;
  if (unit == "m" || unit == "min") seconds = 60;
  if (unit == "h") seconds = 3600;
  if (unit == "d") seconds = 86'400;
  const double rate = seconds == 0 ? 0 : NumberOf(text.substr(0, slash)) / seconds;
  if (rate > 0 && rate <= kMost) return rate;
  return Refusal("calls in a time, such as 50/s, 3000/m, 200/h or 1e6/d, and at most a million a second", text);
}

absl::StatusOr<double> ReadRate(const std::string& text) {
  const bool is_percentage = text.ends_with("%");
  const double rate = is_percentage ? NumberOf(text.substr(0, text.size() - 1)) / 100 : NumberOf(text);
  if (rate > 0 && rate < 1) return rate;
  return Refusal("a rate between 0 and 1, such as 0.02 or 2%", text);
}

absl::StatusOr<absl::Duration> ReadLatency(const std::string& text) {
  absl::Duration latency;
  const double bare = NumberOf(text);
  if (!std::isnan(bare)) latency = absl::Milliseconds(bare);
  if ((!std::isnan(bare) || absl::ParseDuration(text, &latency)) && latency > absl::ZeroDuration() &&
      latency <= absl::Hours(1)) {
    return latency;
  }
  return Refusal("a latency, such as 20ms or 1.5s", text);
}

std::string CountText(double count) {
  if (!std::isfinite(count)) return "never";
  if (count == 0) return "0";
  if (count < 9.95) return absl::StrFormat("%.1f", count);
  if (count >= 999'999.5) {
    return count < 1e9 ? absl::StrFormat("%.3g million", count / 1e6) : absl::StrFormat("%.3g", count);
  }
  const auto whole = static_cast<int64_t>(std::llround(count));
  return whole < 1000 ? absl::StrCat(whole) : absl::StrFormat("%d,%03d", whole / 1000, whole % 1000);
}

std::string SpanText(double seconds) {
  constexpr double kMinute = 60, kHour = 3600, kDay = 86'400, kYear = 365.25 * kDay;
  if (!std::isfinite(seconds)) return "never";
  if (seconds < 99.5) return InUnits(seconds, "s");
  if (seconds < 99.5 * kMinute) return InUnits(seconds / kMinute, "min");
  if (seconds < 47.95 * kHour) return InUnits(seconds / kHour, "h");
  if (seconds < 3 * kYear) return InUnits(seconds / kDay, "d");
  return InUnits(seconds / kYear, "years");
}

std::string PercentText(double fraction) { return absl::StrFormat("%.3g %%", 100 * fraction); }

}  // namespace weir::cli
