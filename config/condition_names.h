// The names that conditions may mention: "accuracy.candidate", "error_rate.default", "revenue.lift", "checkout-rate".
//
//   <metric>.<variant>   an outcome metric's mean, error_rate (a fraction), latency_p95 and latency_p99 (milliseconds),
//                        and requests (calls that started), of the present step; with one candidate also .candidate,
//                        and always .default
//   <metric>.lift        with one candidate: (candidate's - default's) / default's; not of requests
//   preview_requests.<variant>, preview_error_rate.<variant>
//                        with a preview, of a candidate: its previewed calls, in nothing of the above; .candidate too
//   <query>              the newest answer of a metric with `source: prometheus`

#ifndef WEIR_CONFIG_CONDITION_NAMES_H_
#define WEIR_CONFIG_CONDITION_NAMES_H_

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace weir::config {

inline constexpr char kErrorRateName[] = "error_rate";
inline constexpr char kLatencyP95Name[] = "latency_p95";
inline constexpr char kLatencyP99Name[] = "latency_p99";
inline constexpr char kRequestsName[] = "requests";
inline constexpr char kPreviewRequestsName[] = "preview_requests";
inline constexpr char kPreviewErrorRateName[] = "preview_error_rate";
inline constexpr char kLiftName[] = "lift";

// What there is to be named.
struct Nameable {
  std::vector<std::string> metrics{};  // Of outcomes.
  std::vector<std::string> queries{};
  std::vector<std::string> variants{};  // Of which one is the default.
  std::string default_variant{};
  bool has_preview = false;
};

// What a name stands for.
struct NamedValue {
  enum class Kind { kQuery, kOfVariant, kLift };
  Kind kind = Kind::kQuery;
  std::string metric{};   // Or the query.
  std::string variant{};  // Of kLift: the candidate.
  bool operator==(const NamedValue&) const = default;
};

// Whether the metric is of previewed calls.
bool IsOfPreview(std::string_view metric);

std::optional<NamedValue> Resolve(const Nameable& nameable, std::string_view name);

// What was most likely meant by a metric that names no variant: of its candidate, else of the default.
std::optional<std::string> WithVariant(const Nameable& nameable, std::string_view name);

// Every name there is.
std::set<std::string> NamesOf(const Nameable& nameable);
// For messages: "requests, error_rate, ... (each with .a, .b, .candidate, .default, and .lift, but not requests),
// preview_requests, preview_error_rate (each with .b, .candidate), checkout-rate"
std::string DescribeNames(const Nameable& nameable);

}  // namespace weir::config

#endif  // WEIR_CONFIG_CONDITION_NAMES_H_
