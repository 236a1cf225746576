#include "config/config.h"

#include <string_view>

#include "absl/strings/str_cat.h"

namespace weir::config {
namespace {

std::string QuantileName(double quantile) { return absl::StrCat("p", quantile * 100); }

struct RuleInWords {
  std::string operator()(const ErrorRatio& r) const {
    return absl::StrCat("error rate > ", r.max_ratio, " x default's");
  }
  std::string operator()(const ErrorCeiling& r) const { return absl::StrCat("error rate > ", r.max * 100, " %"); }
  std::string operator()(const TailRatio& r) const {
    return absl::StrCat(QuantileName(r.quantile), " latency > ", r.max_ratio, " x default's");
  }
  std::string operator()(const TailCeiling& r) const {
    return absl::StrCat(QuantileName(r.quantile), " latency > ", absl::FormatDuration(r.max));
  }
  std::string operator()(const OutcomeBound& r) const {
    std::string text;
    if (r.min.has_value()) absl::StrAppend(&text, r.metric, " < ", *r.min);
    if (r.max.has_value()) absl::StrAppend(&text, text.empty() ? "" : " or ", r.metric, " > ", *r.max);
    return text;
  }
};

}  // namespace

std::string Address::ToString() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return is_v6 ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

std::set<int> DefaultErrorCodes() {
  return {
      2,   // UNKNOWN
      4,   // DEADLINE_EXCEEDED
      8,   // RESOURCE_EXHAUSTED
      12,  // UNIMPLEMENTED
      13,  // INTERNAL
      14,  // UNAVAILABLE
      15,  // DATA_LOSS
  };
}

std::string ToString(const GuardrailRule& rule) { return std::visit(RuleInWords(), rule); }

}  // namespace weir::config
