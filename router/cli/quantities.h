// Quantities as people write them on a command line: "50/s", "5%", "20ms". Pure.

#ifndef WEIR_ROUTER_CLI_QUANTITIES_H_
#define WEIR_ROUTER_CLI_QUANTITIES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace weir::cli {

// Calls a second: "50/s", "3000/m", "1e6/d", "200/h", or a bare number of calls a second. Positive, at most a million a
// second.
absl::StatusOr<double> ReadTraffic(const std::string& text);

// A fraction strictly between 0 and 1: "5%" or "0.05".
absl::StatusOr<double> ReadRate(const std::string& text);

// Positive, at most an hour: "20ms", "1.5s", or a bare number of milliseconds.
absl::StatusOr<absl::Duration> ReadLatency(const std::string& text);

// --- And as they like to read them.

// "12,345", "3.4", "1.23 million"; "never" for infinity.
std::string CountText(double count);
// "45 s", "12 min", "2.8 h", "3.4 d"; "never" for infinity.
std::string SpanText(double seconds);
// "1.25 %", of a fraction, to three digits.
std::string PercentText(double fraction);

}  // namespace weir::cli

#endif  // WEIR_ROUTER_CLI_QUANTITIES_H_
