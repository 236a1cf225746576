#include "config/condition_names.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace weir::config {
namespace {

std::vector<std::string> MetricsOf(const Nameable& nameable) {
  std::vector<std::string> metrics = {kRequestsName, kErrorRateName, kLatencyP95Name, kLatencyP99Name};
  metrics.insert(metrics.end(), nameable.metrics.begin(), nameable.metrics.end());
  if (nameable.has_preview) metrics.insert(metrics.end(), {kPreviewRequestsName, kPreviewErrorRateName});
  return metrics;
}

// The only one; nullopt where there are several, or none.
std::optional<std::string> CandidateOf(const Nameable& nameable) {
  std::optional<std::string> candidate;
  for (const std::string& variant : nameable.variants) {
    if (variant == nameable.default_variant) continue;
    if (candidate) return std::nullopt;
    candidate = variant;
  }
  return candidate;
}

// What may stand after a metric and a dot, and what it stands for.
std::vector<std::pair<std::string, NamedValue>> Suffixes(const Nameable& nameable, const std::string& metric) {
  using Kind = NamedValue::Kind;
  std::vector<std::pair<std::string, NamedValue>> suffixes;
  // A variant's own name goes first.
  for (const std::string& variant : nameable.variants) {
    if (IsOfPreview(metric) && variant == nameable.default_variant) continue;
    suffixes.emplace_back(variant, NamedValue{Kind::kOfVariant, metric, variant});
  }
  if (!IsOfPreview(metric)) {
    suffixes.emplace_back("default", NamedValue{Kind::kOfVariant, metric, nameable.default_variant});
  }
  if (const std::optional<std::string> candidate = CandidateOf(nameable)) {
    const bool is_taken = nameable.default_variant == "candidate";
    if (!is_taken) suffixes.emplace_back("candidate", NamedValue{Kind::kOfVariant, metric, *candidate});
    if (metric != kRequestsName && !IsOfPreview(metric))
      suffixes.emplace_back(kLiftName, NamedValue{Kind::kLift, metric, *candidate});
  }
  return suffixes;
}

// "requests, error_rate (each with .a, .b"
std::string DescribeMetrics(const Nameable& nameable, const std::vector<std::string>& metrics) {
  std::set<std::string> suffixes;  // Of each metric.
  for (const auto& [suffix, value] : Suffixes(nameable, metrics[0])) suffixes.insert(absl::StrCat(".", suffix));
  return absl::StrCat(absl::StrJoin(metrics, ", "), " (each with ", absl::StrJoin(suffixes, ", "));
}

}  // namespace

bool IsOfPreview(std::string_view metric) { return metric == kPreviewRequestsName || metric == kPreviewErrorRateName; }

std::optional<NamedValue> Resolve(const Nameable& nameable, std::string_view name) {
  if (std::find(nameable.queries.begin(), nameable.queries.end(), name) != nameable.queries.end()) {
    return NamedValue{NamedValue::Kind::kQuery, std::string(name), ""};
  }
  for (const std::string& metric : MetricsOf(nameable)) {
    if (!name.starts_with(metric) || name.size() <= metric.size() + 1 || name[metric.size()] != '.') continue;
    const std::string_view rest = name.substr(metric.size() + 1);
    for (const auto& [suffix, value] : Suffixes(nameable, metric)) {
      if (rest == suffix) return value;
    }
  }
  return std::nullopt;
}

std::optional<std::string> WithVariant(const Nameable& nameable, std::string_view name) {
  const std::vector<std::string> metrics = MetricsOf(nameable);
  if (std::find(metrics.begin(), metrics.end(), name) == metrics.end()) return std::nullopt;
  if (CandidateOf(nameable)) return absl::StrCat(std::string(name), ".candidate");
  if (IsOfPreview(name)) return std::nullopt;
  return absl::StrCat(std::string(name), ".default");
}

std::set<std::string> NamesOf(const Nameable& nameable) {
  std::set<std::string> names(nameable.queries.begin(), nameable.queries.end());
  for (const std::string& metric : MetricsOf(nameable)) {
    for (const auto& [suffix, value] : Suffixes(nameable, metric)) names.insert(absl::StrCat(metric, ".", suffix));
  }
  return names;
}

std::string DescribeNames(const Nameable& nameable) {
  std::vector<std::string> compared = MetricsOf(nameable);
  std::erase_if(compared, IsOfPreview);
  std::string text = DescribeMetrics(nameable, compared);
  if (CandidateOf(nameable)) absl::StrAppend(&text, ", and .", kLiftName, ", but not ", kRequestsName);
  absl::StrAppend(&text, ")");
  if (nameable.has_preview) {
    absl::StrAppend(&text, ", ", DescribeMetrics(nameable, {kPreviewRequestsName, kPreviewErrorRateName}), ")");
  }
  if (!nameable.queries.empty()) absl::StrAppend(&text, ", ", absl::StrJoin(nameable.queries, ", "));
  return text;
}

}  // namespace weir::config
