#include "router/cli/simulation/fault.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "router/cli/quantities.h"

namespace weir::cli {
namespace {

// "2x" or "2", positive; else NaN.
double ReadFactor(std::string text) {
  if (!text.empty() && text.back() == 'x') text.pop_back();
  double factor = 0;
  return absl::SimpleAtod(text, &factor) && factor > 0 && factor <= 1000 ? factor : std::nan("");
}

// "-0.1" or "-10%", not 0; else NaN.
double ReadShift(std::string text) {
  double scale = 1;
  if (!text.empty() && text.back() == '%') text.pop_back(), scale = 100;
  double shift = 0;
  return absl::SimpleAtod(text, &shift) && std::isfinite(shift) && shift != 0 ? shift / scale : std::nan("");
}

bool HasMetric(const config::Experiment& experiment, const std::string& name) {
  return std::any_of(experiment.metrics.begin(), experiment.metrics.end(),
                     [&](const config::OutcomeMetric& metric) { return metric.name == name; });
}

// What may stand before the "=".
std::string KindsOf(const config::Experiment& experiment) {
  std::string kinds = "errors=RATE, latency=FACTORx";
  for (const config::OutcomeMetric& metric : experiment.metrics) absl::StrAppend(&kinds, ", ", metric.name, "=SHIFT");
  return kinds;
}

// Of "@stage2"; 0 where it is none.
uint32_t ReadStage(const std::string& text) {
  uint32_t stage = 0;
  return text.starts_with("stage") && absl::SimpleAtoi(text.substr(5), &stage) ? stage : 0;
}

}  // namespace

absl::StatusOr<Fault> ParseFault(const std::string& text, const config::Experiment& experiment) {
  const auto refuse = [&](const std::string& why) {
    return absl::InvalidArgumentError(absl::StrCat("--fault ", text, ": ", why));
  };
  const absl::Status refusal = refuse(absl::StrCat(
      "must be one of ", KindsOf(experiment), ", and @stageN where it begins later: errors=5%@stage2, latency=2x"));
  const size_t at = text.find('@'), equals = text.find('=');
  if (equals == std::string::npos || at < equals) return refusal;
  Fault fault;
  const std::string kind = text.substr(0, equals);
  const std::string size = text.substr(equals + 1, at == std::string::npos ? at : at - equals - 1);
  if (kind == "errors") {
    fault.size = ReadRate(size).value_or(std::nan(""));
  } else if (kind == "latency") {
    fault.kind = Fault::Kind::kLatency;
    fault.size = ReadFactor(size);
  } else if (HasMetric(experiment, kind)) {
    fault.kind = Fault::Kind::kOutcome;
    fault.metric = kind;
    fault.size = ReadShift(size);
  } else {
    return refusal;
  }
  if (std::isnan(fault.size)) return refusal;
  if (at == std::string::npos) return fault;
  fault.stage = ReadStage(text.substr(at + 1));
  if (fault.stage == 0) return refusal;
  const size_t stages = experiment.rollout ? experiment.rollout->steps.size() : 1;
  if (fault.stage <= stages) return fault;
  return refuse(absl::StrCat(experiment.name, " has ", stages, stages == 1 ? " stage" : " stages"));
}

std::string ToString(const Fault& fault) {
  switch (fault.kind) {
    case Fault::Kind::kErrors:
      return absl::StrFormat("errors=%g%%@stage%d", 100 * fault.size, fault.stage);
    case Fault::Kind::kLatency:
      return absl::StrFormat("latency=%gx@stage%d", fault.size, fault.stage);
    case Fault::Kind::kOutcome:
      return absl::StrFormat("%s=%+g@stage%d", fault.metric, fault.size, fault.stage);
  }
  return "";
}

std::string ToString(const std::vector<Fault>& faults) {
  if (faults.empty()) return "no fault";
  return absl::StrJoin(faults, ", ", [](std::string* out, const Fault& fault) { out->append(ToString(fault)); });
}

}  // namespace weir::cli
