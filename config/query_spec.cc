#include "config/query_spec.h"

#include <algorithm>
#include <string>
#include <utility>

#include "config/limits.h"
#include "config/url_spec.h"

namespace weir::config {
namespace {

constexpr char kPrometheus[] = "prometheus";
constexpr int kAnswersThatAnAgeSpans = 4;  // Unless the specification says: a few failures are no reason to disbelieve.

HttpUrl ReadServer(const Field& field) {
  HttpUrl url = ReadHttpUrl(field, UrlMay::kBeShown);
  if (url.path.find('?') != std::string::npos) field.ReportGot("must have no query: it is made of `query`");
  while (!url.path.empty() && url.path.back() == '/') url.path.pop_back();
  return url;
}

}  // namespace

bool IsQueryMetric(const Field& metric) {
  if (metric.node().kind != Node::Kind::kMapping) return false;
  return std::any_of(metric.node().children.begin(), metric.node().children.end(), [](const Node& child) {
    return child.key == "source" && child.kind == Node::Kind::kScalar && child.text == kPrometheus;
  });
}

QueryMetric ReadQueryMetric(const Field& field) {
  Mapping mapping(field);
  QueryMetric metric;
  mapping.Optional("source");
  if (Field f = mapping.Required("name")) metric.name = f.ReadName().value_or("");
  if (Field f = mapping.Required("address")) metric.server = ReadServer(f);
  if (Field f = mapping.Optional("caFile")) metric.ca_file = ReadCaFile(f, metric.server);
  if (Field f = mapping.Required("query")) {
    metric.query = f.ReadText().value_or(" ");
    if (metric.query.empty() || metric.query.size() > limits::kQueryBytes) {
      f.ReportGot(absl::StrCat("must be an expression of PromQL of 1 to ", limits::kQueryBytes, " bytes"));
    }
  }
  if (Field f = mapping.Optional("interval")) {
    metric.interval =
        f.ReadDuration(limits::kShortestQueryInterval, limits::kLongestQueryInterval).value_or(metric.interval);
  }
  metric.timeout = std::min(metric.timeout, metric.interval);
  metric.max_age = std::max(metric.max_age, kAnswersThatAnAgeSpans * metric.interval);
  if (Field f = mapping.Optional("timeout")) {
    metric.timeout =
        f.ReadDuration(limits::kShortestQueryTimeout, limits::kLongestQueryTimeout).value_or(metric.timeout);
    if (metric.timeout > metric.interval) {
      f.ReportGot(absl::StrCat("must be at most the interval, ", absl::FormatDuration(metric.interval)));
    }
  }
  if (Field f = mapping.Optional("maxAge")) {
    metric.max_age = f.ReadDuration(absl::Milliseconds(1), limits::kLongestQueryAge).value_or(metric.max_age);
    if (metric.max_age < metric.interval) {
      f.ReportGot(absl::StrCat("must be at least the interval, ", absl::FormatDuration(metric.interval),
                               ", or no answer would be believed until the next"));
    }
  }
  mapping.Finish({"labels", "headers", "token", "tls", "range", "alpha", "goal", "role"});
  return metric;
}

}  // namespace weir::config
