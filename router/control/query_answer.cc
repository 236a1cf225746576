#include "router/control/query_answer.h"

#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "config/plain_text.h"
#include "router/runtime/json.h"

namespace weir::control {
namespace {

using experiment::ExternalValue;
using runtime::Json;

constexpr size_t kShownBytes = 200;

std::string FormEncoded(const std::string& text) {
  std::string encoded;
  for (const char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
      encoded += c;
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", static_cast<uint8_t>(c));
    }
  }
  return encoded;
}

// What another system wrote ends up in the status and on terminals.
std::string Shown(const std::string& text) { return config::ToPlainText(config::Beginning(text, kShownBytes)); }

std::string TextOf(const Json* json) {
  const auto* text = json == nullptr ? nullptr : json->As<std::string>();
  return text == nullptr ? "" : Shown(*text);
}

absl::Status Unusable(const std::string& why) { return absl::FailedPreconditionError(why); }

// [seconds, "number"]
absl::StatusOr<ExternalValue> ReadSample(const Json* sample) {
  const auto* parts = sample == nullptr ? nullptr : sample->As<Json::Array>();
  if (parts == nullptr || parts->size() != 2 || !parts->at(0).IsNumber()) return Unusable("its sample has no value");
  const auto* text = parts->at(1).As<std::string>();
  double value = 0;
  if (text == nullptr || !absl::SimpleAtod(*text, &value)) return Unusable("its value is no number");
  if (!std::isfinite(value)) return Unusable(absl::StrCat("its value is ", Shown(*text)));
  const absl::Time at = absl::UnixEpoch() + absl::Seconds(parts->at(0).ToNumber());
  return ExternalValue{value, at};
}

absl::StatusOr<ExternalValue> ReadVector(const Json* result) {
  const auto* series = result == nullptr ? nullptr : result->As<Json::Array>();
  if (series == nullptr) return Unusable("its result is no vector");
  if (series->empty()) return Unusable("no series: nothing matches the query now");
  if (series->size() > 1) {
    return Unusable(absl::StrCat(series->size(), " series: one number is wanted, as sum(...) gives"));
  }
  return ReadSample(series->at(0).Find("value"));
}

}  // namespace

runtime::HttpRequest RequestOf(const config::QueryMetric& metric) {
  return {.host = metric.server.host,
          .port = metric.server.port,
          .is_tls = metric.server.is_tls,
          .ca_file = metric.ca_file,
          .method = "POST",  // A query may be longer than a line of HTTP.
          .target = absl::StrCat(metric.server.path, "/api/v1/query"),
          .headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Accept", "application/json"}},
          .body = absl::StrCat("query=", FormEncoded(metric.query),
                               "&timeout=", absl::StrFormat("%.3f", absl::ToDoubleSeconds(metric.timeout)))};
}

absl::StatusOr<ExternalValue> ReadAnswer(const runtime::HttpResponse& response) {
  const absl::StatusOr<Json> answer = runtime::ParseJson(response.body);
  const std::string status = answer.ok() ? TextOf(answer->Find("status")) : "";
  if (status == "error") {
    return Unusable(absl::StrCat(TextOf(answer->Find("errorType")), ": ", TextOf(answer->Find("error"))));
  }
  if (response.status != 200) return Unusable(absl::StrCat("it answers HTTP ", response.status));
  const Json* data = status == "success" ? answer->Find("data") : nullptr;
  if (data == nullptr) return Unusable("its answer is not that of a Prometheus server");
  const std::string type = TextOf(data->Find("resultType"));
  if (type == "vector") return ReadVector(data->Find("result"));
  if (type == "scalar") return ReadSample(data->Find("result"));
  return Unusable(absl::StrCat("the query gives a ", type, ": one number is wanted"));
}

}  // namespace weir::control
