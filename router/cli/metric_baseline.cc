#include "router/cli/metric_baseline.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "router/cli/quantities.h"

namespace weir::cli {
namespace {

constexpr double kUsualProportion = 0.9, kUsualMean = 1, kUsualDeviation = 1;

MetricBaseline OfProportion(double p, bool is_given) {
  return {
      .type = config::MetricType::kProportion, .mean = p, .deviation = std::sqrt(p * (1 - p)), .is_given = is_given};
}

std::optional<MetricBaseline> ReadMean(const std::string& text) {
  const size_t slash = text.find('/');
  double mean = 0, deviation = 0;
  if (slash == std::string::npos || !absl::SimpleAtod(text.substr(0, slash), &mean) ||
      !absl::SimpleAtod(text.substr(slash + 1), &deviation) || !std::isfinite(mean) || !(deviation > 0) ||
      !std::isfinite(deviation)) {
    return std::nullopt;
  }
  return MetricBaseline{.type = config::MetricType::kMean, .mean = mean, .deviation = deviation, .is_given = true};
}

absl::Status Refusal(const std::string& text, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat("--baseline ", text, ": ", why));
}

}  // namespace

absl::StatusOr<MetricBaselines> BaselinesOf(const config::Experiment& experiment,
                                            const std::vector<std::string>& given) {
  MetricBaselines baselines;
  for (const config::OutcomeMetric& metric : experiment.metrics) {
    baselines[metric.name] =
        metric.type == config::MetricType::kProportion
            ? OfProportion(kUsualProportion, false)
            : MetricBaseline{.type = metric.type, .mean = kUsualMean, .deviation = kUsualDeviation};
  }
  for (const std::string& text : given) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) return Refusal(text, "must be METRIC=RATE or METRIC=MEAN/DEVIATION");
    const std::string name = text.substr(0, equals), value = text.substr(equals + 1);
    const auto metric = std::find_if(experiment.metrics.begin(), experiment.metrics.end(),
                                     [&](const config::OutcomeMetric& m) { return m.name == name; });
    if (metric == experiment.metrics.end()) {
      const std::string known =
          absl::StrJoin(baselines, ", ", [](std::string* out, const auto& entry) { out->append(entry.first); });
      return Refusal(
          text, absl::StrCat(experiment.name, " has no metric ", name, "; it has ", known.empty() ? "none" : known));
    }
    if (metric->type == config::MetricType::kProportion) {
      const absl::StatusOr<double> rate = ReadRate(value);
      if (!rate.ok()) return Refusal(text, absl::StrCat(rate.status().message(), ": ", name, " is a proportion"));
      baselines[name] = OfProportion(*rate, true);
    } else {
      const std::optional<MetricBaseline> mean = ReadMean(value);
      if (!mean) return Refusal(text, absl::StrCat("must be MEAN/DEVIATION, such as 3.2/5: ", name, " is a mean"));
      baselines[name] = *mean;
    }
  }
  return baselines;
}

std::string ToString(const MetricBaseline& baseline) {
  if (baseline.type == config::MetricType::kProportion) return PercentText(baseline.mean);
  return absl::StrFormat("%.4g (deviation %.4g)", baseline.mean, baseline.deviation);
}

}  // namespace weir::cli
