#include "config/guardrail_spec.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "config/query_spec.h"

namespace weir::config {
namespace {

constexpr char kErrorRate[] = "error_rate";
constexpr char kDefault[] = "default";
constexpr double kLargestErrorRatioThatSeesADoubling = 1.86;
constexpr double kLargestTailRatioThatSeesADoubling = 1.96;

std::optional<double> QuantileOf(const std::string& metric) {
  if (metric == "latency_p95") return 0.95;
  if (metric == "latency_p99") return 0.99;
  return std::nullopt;
}

bool IsBuiltIn(const std::string& metric) { return metric == kErrorRate || metric.starts_with("latency_"); }

// The fields that make a rule, before the metric says which of them it takes.
struct RuleFields {
  Field guardrail;
  Field compare_to, max_ratio, max, min;
};

std::optional<double> ReadRatio(const Field& field) {
  const std::optional<double> ratio = field.ReadNumber();
  if (!ratio.has_value() || (*ratio >= 1 && *ratio <= limits::kLargestRatio)) return ratio;
  field.ReportGot(absl::StrCat("must be a ratio from 1 to ", limits::kLargestRatio));
  return std::nullopt;
}

// Reads `compareTo` and checks that it stands beside maxRatio, and only there.
void CheckComparison(const RuleFields& fields) {
  if (fields.compare_to) {
    const std::optional<std::string> text = fields.compare_to.ReadText();
    if (text.has_value() && *text != kDefault) fields.compare_to.ReportGot("must be default");
    if (!fields.max_ratio) fields.compare_to.Report("needs maxRatio beside it");
  } else if (fields.max_ratio) {
    fields.max_ratio.Report("needs \"compareTo: default\" beside it");
  }
}

// error_rate and latencies take exactly one of maxRatio and max.
bool HasOneBound(const RuleFields& fields) {
  if (fields.min)
    fields.min.Report("is for the metrics of outcomes: errors and latency are bounded by max or maxRatio");
  if (fields.max && fields.max_ratio) {
    fields.max_ratio.Report("contradicts max: write a guardrail for each");
    return false;
  }
  if (!fields.max && !fields.max_ratio) {
    fields.guardrail.Report("must have maxRatio (with \"compareTo: default\") or max");
    return false;
  }
  return true;
}

std::optional<GuardrailRule> ReadErrorRule(const RuleFields& fields) {
  CheckComparison(fields);
  if (!HasOneBound(fields)) return std::nullopt;
  if (fields.max_ratio) {
    const std::optional<double> ratio = ReadRatio(fields.max_ratio);
    if (!ratio.has_value()) return std::nullopt;
    return ErrorRatio{*ratio};
  }
  const std::optional<double> max = fields.max.ReadNumber();
  if (!max.has_value()) return std::nullopt;
  if (*max > 0 && *max < 1) return ErrorCeiling{*max};
  fields.max.ReportGot("must be a fraction above 0 and below 1, such as 0.05");
  return std::nullopt;
}

std::optional<GuardrailRule> ReadTailRule(double quantile, const RuleFields& fields) {
  CheckComparison(fields);
  if (!HasOneBound(fields)) return std::nullopt;
  if (fields.max_ratio) {
    const std::optional<double> ratio = ReadRatio(fields.max_ratio);
    if (!ratio.has_value()) return std::nullopt;
    return TailRatio{quantile, *ratio};
  }
  const std::optional<absl::Duration> max =
      fields.max.ReadDuration(limits::kLeastLatencyBound, limits::kLargestLatencyBound);
  if (!max.has_value()) return std::nullopt;
  return TailCeiling{quantile, *max};
}

std::optional<double> ReadOutcomeBound(const Field& field, MetricType type) {
  const std::optional<double> bound = field.ReadNumber();
  if (!bound.has_value() || type != MetricType::kProportion || (*bound > 0 && *bound < 1)) return bound;
  field.ReportGot("must be a fraction above 0 and below 1, since the metric is a proportion");
  return std::nullopt;
}

std::optional<GuardrailRule> ReadOutcomeRule(const OutcomeMetric& metric, const RuleFields& fields) {
  if (fields.max_ratio) {
    fields.max_ratio.Report(absl::StrCat("of an outcome ", kNotYet, ": give min or max"));
  } else if (fields.compare_to) {
    fields.compare_to.Report(absl::StrCat("of an outcome ", kNotYet, ": give min or max"));
  } else if (!fields.min && !fields.max) {
    fields.guardrail.Report("must have min or max");
  }
  OutcomeBound rule{metric.name, std::nullopt, std::nullopt};
  if (fields.min) rule.min = ReadOutcomeBound(fields.min, metric.type);
  if (fields.max) rule.max = ReadOutcomeBound(fields.max, metric.type);
  if (rule.min.has_value() && rule.max.has_value() && *rule.min >= *rule.max) {
    fields.max.ReportGot(absl::StrCat("must be above min, which is ", *rule.min));
  }
  if (!rule.min.has_value() && !rule.max.has_value()) return std::nullopt;
  return rule;
}

std::optional<GuardrailRule> ReadRule(const Field& metric_field, const RuleFields& fields,
                                      const std::vector<OutcomeMetric>& metrics) {
  const std::optional<std::string> metric = metric_field.ReadText();
  if (!metric.has_value()) return std::nullopt;
  if (*metric == kErrorRate) return ReadErrorRule(fields);
  if (const std::optional<double> quantile = QuantileOf(*metric)) return ReadTailRule(*quantile, fields);
  const auto declared =
      std::find_if(metrics.begin(), metrics.end(), [&](const OutcomeMetric& m) { return m.name == *metric; });
  if (declared != metrics.end()) return ReadOutcomeRule(*declared, fields);
  metric_field.ReportGot("must be error_rate, latency_p95, latency_p99 or the name of one of spec.metrics");
  return std::nullopt;
}

double ReadAlpha(const Field& field, double otherwise) {
  const std::optional<double> alpha = field.ReadNumber();
  if (!alpha.has_value()) return otherwise;
  if (*alpha >= limits::kSmallestAlpha && *alpha < 1) return *alpha;
  field.ReportGot("must be a probability above 0 and below 1, such as 0.001");
  return otherwise;
}

// A rate such as 1000/s, by second.
std::optional<double> ReadRate(const Field& field) {
  const std::optional<std::string> text = field.ReadText();
  if (!text) return std::nullopt;
  const std::pair<const char*, double> units[] = {{"/s", 1}, {"/m", 60}, {"/h", 3600}};
  for (const auto& [unit, seconds] : units) {
    double count = 0;
    if (!text->ends_with(unit) || !absl::SimpleAtod(text->substr(0, text->size() - 2), &count)) continue;
    if (count > 0 && count <= limits::kLargestRate) return count / seconds;
  }
  field.ReportGot("must be calls by second, minute or hour, such as 1000/s");
  return std::nullopt;
}

// `when`: {minRate: 1000/s, for: 5m}
RateGate ReadRateGate(const Field& field) {
  Mapping mapping(field);
  RateGate gate;
  if (Field f = mapping.Required("minRate")) gate.min_rate_per_second = ReadRate(f).value_or(0);
  if (Field f = mapping.Optional("for"))
    gate.held_for = f.ReadDuration(limits::kShortestRolloutSpan, limits::kLongestRolloutSpan).value_or(gate.held_for);
  mapping.Finish();
  return gate;
}

// The detector of late rises, of error rates.
void ReadDetector(Mapping& mapping, const std::optional<GuardrailRule>& rule, Guardrail& guardrail) {
  const Field detector = mapping.Optional("detector");
  const Field arl = mapping.Optional("arl");
  const bool is_of_errors =
      !rule || std::holds_alternative<ErrorRatio>(*rule) || std::holds_alternative<ErrorCeiling>(*rule);
  if (detector) {
    guardrail.detector_acts = detector.ReadChoice<bool>({{"warn", false}, {"act", true}}).value_or(false);
    if (guardrail.detector_acts && guardrail.action == GuardrailAction::kWarn) {
      detector.Report("act: the guardrail's action is warn, and it warns already");
    }
  }
  if (arl) guardrail.detector_arl = arl.ReadNumberBetween(1e3, 1e15).value_or(guardrail.detector_arl);
  for (const Field& field : {detector, arl}) {
    if (field && !is_of_errors) field.Report("is of error rates: there is no detector of latency or outcomes");
  }
}

// Nullopt when there is no rule; its errors are reported then.
std::optional<Guardrail> ReadGuardrail(const Field& field, const std::vector<OutcomeMetric>& metrics) {
  Mapping mapping(field);
  Guardrail guardrail{.name = "", .rule = ErrorRatio{1}};
  if (Field f = mapping.Required("name")) guardrail.name = f.ReadName().value_or("");
  const Field metric = mapping.Required("metric");
  const RuleFields fields = {field, mapping.Optional("compareTo"), mapping.Optional("maxRatio"),
                             mapping.Optional("max"), mapping.Optional("min")};
  const std::optional<GuardrailRule> rule = metric ? ReadRule(metric, fields, metrics) : std::nullopt;
  if (rule.has_value()) guardrail.rule = *rule;
  if (Field f = mapping.Optional("alpha")) guardrail.alpha = ReadAlpha(f, guardrail.alpha);
  if (Field f = mapping.Optional("action")) {
    guardrail.action = f.ReadChoice<GuardrailAction>({{"rollback", GuardrailAction::kRollback},
                                                      {"pause", GuardrailAction::kPause},
                                                      {"warn", GuardrailAction::kWarn}},
                                                     {"notify"})
                           .value_or(guardrail.action);
  }
  ReadDetector(mapping, rule, guardrail);
  if (Field f = mapping.Optional("when")) guardrail.when = ReadRateGate(f);
  mapping.Finish({"window", "minSamples", "margin", "segment", "baseline", "trend"});
  if (!rule.has_value()) return std::nullopt;
  const std::string why = WhyDoublingIsInvisible(*rule);
  if (!why.empty()) fields.max_ratio.Warn(why);
  return guardrail;
}

OutcomeMetric ReadMetric(const Field& field) {
  Mapping mapping(field);
  OutcomeMetric metric;
  if (Field f = mapping.Required("name")) {
    metric.name = f.ReadName().value_or("");
    if (IsBuiltIn(metric.name)) f.ReportGot("must not be a metric that Weir measures itself");
  }
  metric.field = metric.name;
  if (Field f = mapping.Optional("source")) f.ReadChoice<bool>({{"feedback", true}}, {"response", "header"});
  if (Field f = mapping.Optional("field")) metric.field = f.ReadName().value_or("");
  if (Field f = mapping.Optional("type")) {
    metric.type = f.ReadChoice<MetricType>({{"proportion", MetricType::kProportion}, {"mean", MetricType::kMean}},
                                           {"ratio", "count", "quantile"})
                      .value_or(metric.type);
  }
  if (Field f = mapping.Optional("goal")) {
    metric.goal =
        f.ReadChoice<Goal>({{"increase", Goal::kIncrease}, {"decrease", Goal::kDecrease}}).value_or(metric.goal);
  }
  if (Field f = mapping.Optional("role")) {
    metric.role = f.ReadChoice<Role>({{"primary", Role::kPrimary}, {"secondary", Role::kSecondary}}, {"guardrail"})
                      .value_or(metric.role);
  }
  mapping.Finish(
      {"alpha", "power", "minimumEffect", "margin", "test", "covariate", "denominator", "window", "unit", "interval"});
  return metric;
}

// Reports each item whose name an earlier one has.
template <typename T>
void CheckNamesDiffer(const std::vector<std::pair<Field, T>>& named) {
  std::map<std::string, std::string> seen;
  for (const auto& [field, value] : named) {
    const auto [first, is_new] = seen.emplace(value.name, field.path());
    if (is_new || value.name.empty()) continue;
    field.Report(absl::StrCat("name: must differ from that of ", first->second, ", got ", value.name));
  }
}

}  // namespace

std::vector<OutcomeMetric> ReadMetrics(const Field& field, std::vector<QueryMetric>& queries) {
  struct Named {
    std::string name;
  };
  std::vector<std::pair<Field, Named>> named;
  std::vector<OutcomeMetric> metrics;
  for (const Field& item : field.ReadList(0, limits::kMetrics)) {
    if (IsQueryMetric(item)) {
      queries.push_back(ReadQueryMetric(item));
      if (IsBuiltIn(queries.back().name)) item.Report("name: must not be a metric that Weir measures itself");
    } else {
      metrics.push_back(ReadMetric(item));
    }
    named.emplace_back(item, Named{IsQueryMetric(item) ? queries.back().name : metrics.back().name});
  }
  CheckNamesDiffer(named);
  return metrics;
}

std::vector<Guardrail> ReadGuardrails(const Field& field, const std::vector<OutcomeMetric>& metrics) {
  std::vector<std::pair<Field, Guardrail>> named;
  for (const Field& item : field.ReadList(0, limits::kGuardrails)) {
    std::optional<Guardrail> guardrail = ReadGuardrail(item, metrics);
    if (guardrail.has_value()) named.emplace_back(item, *std::move(guardrail));
  }
  CheckNamesDiffer(named);
  std::vector<Guardrail> guardrails;
  double alphas = 0;
  for (auto& [item, guardrail] : named) {
    alphas += guardrail.alpha;
    guardrails.push_back(std::move(guardrail));
  }
  if (alphas >= 1) field.Report(absl::StrCat("the alphas must sum to less than 1, got ", alphas));
  return guardrails;
}

bool ComparesWithDefault(const GuardrailRule& rule) {
  return std::holds_alternative<ErrorRatio>(rule) || std::holds_alternative<TailRatio>(rule);
}

std::string WhyDoublingIsInvisible(const GuardrailRule& rule) {
  constexpr char kWhy[] = " can never prove a rise to twice the default's, however long it looks: choose at most ";
  if (const auto* errors = std::get_if<ErrorRatio>(&rule);
      errors != nullptr && errors->max_ratio > kLargestErrorRatioThatSeesADoubling) {
    return absl::StrCat("maxRatio ", errors->max_ratio, kWhy, kLargestErrorRatioThatSeesADoubling);
  }
  if (const auto* tail = std::get_if<TailRatio>(&rule);
      tail != nullptr && tail->max_ratio > kLargestTailRatioThatSeesADoubling) {
    return absl::StrCat("maxRatio ", tail->max_ratio, kWhy, kLargestTailRatioThatSeesADoubling);
  }
  return "";
}

}  // namespace weir::config
