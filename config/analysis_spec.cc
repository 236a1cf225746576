#include "config/analysis_spec.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "config/guardrail_spec.h"
#include "config/limits.h"

namespace weir::config {
namespace {

constexpr absl::Duration kWeek = absl::Hours(7 * 24);

constexpr char kWhyNotRaw[] =
    "and the shares move by the outcomes: what drifts meanwhile would be taken for the models' difference; `weirctl "
    "status` shows the weighted means";

bool IsOutcome(const std::vector<OutcomeMetric>& metrics, const std::string& name) {
  return std::any_of(metrics.begin(), metrics.end(), [&](const OutcomeMetric& metric) { return metric.name == name; });
}

std::optional<double> ReadProbability(const Field& field) {
  const std::optional<double> value = field.ReadNumber();
  if (!value || (*value >= limits::kSmallestAlpha && *value < 1)) return value;
  field.ReportGot("must be a probability above 0 and below 1, such as 0.05");
  return std::nullopt;
}

std::optional<absl::Duration> ReadSpan(const Field& field) {
  return field.ReadDuration(limits::kShortestRolloutSpan, limits::kLongestRolloutSpan);
}

std::vector<CriterionPart> ReadCriterion(const Field& field, const std::vector<OutcomeMetric>& metrics) {
  std::vector<CriterionPart> criterion;
  for (const Field& item : field.ReadList(1, limits::kMetrics)) {
    Mapping mapping(item);
    CriterionPart part;
    if (Field f = mapping.Required("metric")) {
      part.metric = f.ReadText().value_or("");
      const bool is_given = std::any_of(criterion.begin(), criterion.end(),
                                        [&](const CriterionPart& other) { return other.metric == part.metric; });
      if (!part.metric.empty() && !IsOutcome(metrics, part.metric)) {
        f.ReportGot("must be the name of one of spec.metrics that clients report");
      } else if (is_given) {
        f.ReportGot("must be given once");
      }
    }
    if (Field f = mapping.Required("weight")) {
      part.weight = f.ReadNumberBetween(-1e12, 1e12).value_or(1);
      if (part.weight == 0) f.Report("must not be 0: the metric would count for nothing");
    }
    mapping.Finish();
    criterion.push_back(std::move(part));
  }
  return criterion;
}

std::optional<Condition> ReadCondition(const Field& field) {
  const std::optional<std::string> text = field.ReadText();
  if (!text) return std::nullopt;
  absl::StatusOr<Condition> condition = Condition::Parse(*text);
  if (condition.ok()) return *std::move(condition);
  field.Report(std::string(condition.status().message()));
  return std::nullopt;
}

// One analysis in its experiment.
struct AnalysisInPlace {
  const Field& spec;
  const Experiment& experiment;
  const RolloutStep& step;
  bool is_first;
  std::string path;

  void Report(const char* key, std::string message) const {
    spec.reading().findings.errors.push_back(
        spec.reading().places.ErrorAt(absl::StrCat(path, key), std::move(message)));
  }

  void Warn(const char* key, std::string message) const {
    spec.reading().findings.warnings.push_back(
        spec.reading().places.ErrorAt(absl::StrCat(path, key), std::move(message)));
  }

  // By the file as it is without `dryRun`, which may be taken away any time.
  bool gives_share() const { return step.weight != Percent(); }
  bool moves_shares() const { return experiment.rollout->bandit || experiment.rollout->schedule; }
  bool compares() const {
    return std::any_of(experiment.guardrails.begin(), experiment.guardrails.end(),
                       [](const Guardrail& g) { return ComparesWithDefault(g.rule); });
  }
  bool HasWeight(const std::string& name) const {
    return std::any_of(experiment.variants.begin(), experiment.variants.end(),
                       [&](const Variant& variant) { return variant.name == name && variant.weight > Weight(); });
  }
  bool has_primary() const {
    return std::any_of(experiment.metrics.begin(), experiment.metrics.end(),
                       [](const OutcomeMetric& metric) { return metric.role == Role::kPrimary; });
  }

  void CheckNames(const char* key, const std::optional<Condition>& condition) const {
    if (!condition) return;
    const Nameable nameable = NameableOf(experiment);
    std::map<std::string, NamedValue> first_of;  // By metric: the first variant that the condition names of it.
    for (const std::string& name : condition->names()) {
      const std::optional<NamedValue> value = Resolve(nameable, name);
      if (!value) {
        const std::optional<std::string> whole = WithVariant(nameable, name);
        const std::optional<std::string> nearest = whole ? whole : Nearest(name, NamesOf(nameable));
        Report(key, absl::StrCat("'", name, "' is no value that is known here",
                                 nearest ? absl::StrCat(", did you mean ", *nearest, "?") : "",
                                 name.starts_with("preview_") && !nameable.has_preview ? "; there is no preview" : "",
                                 "; known are ", DescribeNames(nameable)));
      } else if (value->kind == NamedValue::Kind::kLift && moves_shares()) {
        Report(key, absl::StrCat("'", name, "' compares raw means, ", kWhyNotRaw));
      } else if (IsOfPreview(value->metric)) {
        if (!HasWeight(value->variant)) Report(key, absl::StrCat("'", name, "' is never known: its weight is 0"));
      } else if (!gives_share() && value->kind != NamedValue::Kind::kQuery &&
                 value->variant != nameable.default_variant) {
        Report(key, absl::StrCat("'", name, "' is never known: the step gives candidates no share",
                                 nameable.has_preview ? "; of its previewed calls there are preview_requests and "
                                                        "preview_error_rate"
                                                      : ""));
      } else if (moves_shares() && value->kind == NamedValue::Kind::kOfVariant && value->metric != kRequestsName) {
        const NamedValue& first = first_of.try_emplace(value->metric, *value).first->second;
        if (first.variant == value->variant) continue;
        Report(key, absl::StrCat(value->metric, " of ", first.variant, " and of ", value->variant,
                                 " in one condition compares raw means, ", kWhyNotRaw));
      }
    }
  }

  void Check() const {
    const Analysis& analysis = *step.analysis;
    CheckNames(".successCondition", analysis.success);
    CheckNames(".failureCondition", analysis.failure);
    const bool needs_value = analysis.needs_value;
    if (analysis.needs_primaries && !has_primary()) Report(".primaries", "there is none: no metric has role: primary");
    if (needs_value && !experiment.decision && experiment.decision_rules.criterion.empty()) {
      Report(".value",
             "there is none: spec.decision has neither weights, such as revenuePerAccuracyPoint, nor a criterion");
    }
    if (moves_shares() && analysis.needs_primaries)
      Report(".primaries", absl::StrCat("compares raw means, ", kWhyNotRaw));
    if (moves_shares() && needs_value) Report(".value", absl::StrCat("is of raw means, ", kWhyNotRaw));
    const bool shows_non_inferiority = analysis.needs_non_inferiority && compares();
    if (!gives_share() && (analysis.needs_primaries || needs_value || shows_non_inferiority)) {
      Report("", "can compare nothing: the step gives candidates no share; write nonInferiority: false and conditions");
    } else if (!analysis.needs_primaries && !needs_value && !shows_non_inferiority && !analysis.success &&
               !analysis.failure) {
      Report("",
             "has nothing to show: give it successCondition or failureCondition, primaries: true or value: true, or a "
             "guardrail with \"compareTo: default\"");
    }
    if (experiment.rollout->is_dry_run) return Warn("", "is not made in a dry run: time and approvals lead through it");
    if (shows_non_inferiority) CheckStay();
    if (experiment.decision_rules.needs_whole_weeks && analysis.timeout < kWeek) {
      Warn(".timeout", absl::StrCat(absl::FormatDuration(analysis.timeout),
                                    " are over before a week is whole, which spec.decision.wholeWeeks asks for: it can "
                                    "fail or stay open, and never succeed"));
    }
  }

  // The test of non-inferiority runs through the run.
  void CheckStay() const {
    const Analysis& analysis = *step.analysis;
    const bool stays = step.pause.duration > absl::ZeroDuration() || step.pause.min_samples > 0 || step.approval ||
                       analysis.needs_primaries || analysis.needs_value || experiment.decision_rules.needs_whole_weeks;
    if (is_first || stays) return;
    Warn("",
         "has neither pause nor minSamples beside it: non-inferiority that the steps before have shown stands, and the "
         "step may be left as soon as it is looked at");
  }
};

}  // namespace

void ReadDecision(const Field& field, Experiment& experiment) {
  Mapping mapping(field);
  DecisionWeights weights;
  bool has_weights = false;
  const std::pair<const char*, double*> parts[] = {{"revenuePerAccuracyPoint", &weights.revenue_per_accuracy_point},
                                                   {"costPerMillisecond", &weights.cost_per_millisecond},
                                                   {"riskPerErrorPoint", &weights.risk_per_error_point}};
  for (const auto& [key, weight] : parts) {
    if (Field f = mapping.Optional(key)) {
      *weight = f.ReadNumberBetween(0, 1e12).value_or(0);
      has_weights = true;
    }
  }
  if (has_weights) experiment.decision = weights;
  if (Field f = mapping.Optional("revenuePerAccuracyPoint");
      f && weights.revenue_per_accuracy_point > 0 &&
      std::none_of(experiment.metrics.begin(), experiment.metrics.end(), [](const OutcomeMetric& metric) {
        return metric.type == MetricType::kProportion && metric.goal == Goal::kIncrease;
      })) {
    f.Report("needs one of spec.metrics with type: proportion and goal: increase: there is no accuracy");
  }
  DecisionRules& rules = experiment.decision_rules;
  if (Field f = mapping.Optional("alpha")) rules.alpha = ReadProbability(f).value_or(rules.alpha);
  if (Field f = mapping.Optional("plannedUsers")) {
    rules.planned_users = f.ReadNumberBetween(100, 1e12).value_or(rules.planned_users);
  }
  if (Field f = mapping.Optional("criterion")) {
    rules.criterion = ReadCriterion(f, experiment.metrics);
    if (has_weights) f.Report("contradicts the weights of the net value: one of them decides");
  }
  if (Field f = mapping.Optional("sampleRatioAlpha")) {
    rules.sample_ratio_alpha = ReadProbability(f).value_or(rules.sample_ratio_alpha);
  }
  if (Field f = mapping.Optional("maxDataLoss")) {
    rules.max_data_loss = f.ReadNumberBetween(0, 1).value_or(rules.max_data_loss);
  }
  if (Field f = mapping.Optional("negligibleErrorRate")) {
    rules.negligible_error_rate = f.ReadNumberBetween(0, 0.5).value_or(rules.negligible_error_rate);
  }
  if (Field f = mapping.Optional("minDuration")) rules.min_duration = ReadSpan(f).value_or(rules.min_duration);
  if (Field f = mapping.Optional("wholeWeeks")) rules.needs_whole_weeks = f.ReadBool().value_or(false);
  mapping.Finish({"minimumSamples", "thresholds"});
}

std::vector<TrendLimit> ReadTrends(const Field& field, const std::vector<OutcomeMetric>& metrics) {
  std::vector<TrendLimit> trends;
  std::set<std::string> names;
  for (const Field& item : field.ReadList(0, limits::kTrends)) {
    Mapping mapping(item);
    TrendLimit trend;
    if (Field f = mapping.Required("name")) {
      trend.name = f.ReadName().value_or("");
      if (!trend.name.empty() && !names.insert(trend.name).second) f.ReportGot("must differ from that of other trends");
    }
    if (Field f = mapping.Required("metric")) {
      trend.metric = f.ReadText().value_or("");
      const bool is_built_in =
          trend.metric == kErrorRateName || trend.metric == kLatencyP95Name || trend.metric == kLatencyP99Name;
      if (!trend.metric.empty() && !is_built_in && !IsOutcome(metrics, trend.metric)) {
        f.ReportGot("must be error_rate, latency_p95, latency_p99 or the name of one of spec.metrics");
      }
    }
    if (Field f = mapping.Optional("method")) {
      trend.method = f.ReadChoice<TrendMethod>({{"ewma", TrendMethod::kEwma},
                                                {"cusum", TrendMethod::kCusum},
                                                {"threeSigma", TrendMethod::kThreeSigma},
                                                {"pageHinkley", TrendMethod::kPageHinkley}})
                         .value_or(trend.method);
    }
    mapping.Finish({"window", "action"});
    trends.push_back(std::move(trend));
  }
  return trends;
}

Analysis ReadAnalysis(const Field& field, bool gives_share) {
  Mapping mapping(field);
  Analysis analysis{.needs_non_inferiority = gives_share};
  const std::pair<const char*, bool*> flags[] = {{"nonInferiority", &analysis.needs_non_inferiority},
                                                 {"primaries", &analysis.needs_primaries},
                                                 {"value", &analysis.needs_value}};
  for (const auto& [key, flag] : flags) {
    if (Field f = mapping.Optional(key)) *flag = f.ReadBool().value_or(*flag);
  }
  if (Field f = mapping.Optional("successCondition")) analysis.success = ReadCondition(f);
  if (Field f = mapping.Optional("failureCondition")) analysis.failure = ReadCondition(f);
  if (Field f = mapping.Optional("timeout")) analysis.timeout = ReadSpan(f).value_or(analysis.timeout);
  mapping.Finish({"interval", "count", "failureLimit", "inconclusiveLimit", "templates", "args"});
  return analysis;
}

void CheckAnalyses(const Field& spec, const Experiment& experiment) {
  const std::vector<ConfigError>& errors = spec.reading().findings.errors;
  const bool are_guardrails_read = std::none_of(
      errors.begin(), errors.end(), [](const ConfigError& error) { return error.path.starts_with("spec.guardrails"); });
  for (size_t i = 0; are_guardrails_read && i < experiment.guardrails.size(); ++i) {
    if (experiment.guardrails[i].action != GuardrailAction::kPause || experiment.rollout) continue;
    spec.reading().findings.errors.push_back(spec.reading().places.ErrorAt(
        absl::StrCat(spec.path(), ".guardrails[", i, "].action"), "there is no rollout to pause: rollback or warn"));
  }
  if (!experiment.rollout) return;
  const Rollout& rollout = *experiment.rollout;
  for (size_t i = 0; i < rollout.steps.size(); ++i) {
    if (!rollout.steps[i].analysis) continue;
    const std::string place = rollout.strategy == Strategy::kCanary && !rollout.schedule
                                  ? absl::StrCat(".rollout.steps[", i, "].analysis")
                                  : ".rollout.analysis";
    AnalysisInPlace{spec, experiment, rollout.steps[i], i == 0, absl::StrCat(spec.path(), place)}.Check();
  }
}

Nameable NameableOf(const Experiment& experiment) {
  Nameable nameable{.has_preview = experiment.rollout && experiment.rollout->preview};
  for (const OutcomeMetric& metric : experiment.metrics) nameable.metrics.push_back(metric.name);
  for (const QueryMetric& query : experiment.queries) nameable.queries.push_back(query.name);
  for (const Variant& variant : experiment.variants) nameable.variants.push_back(variant.name);
  if (!experiment.variants.empty()) nameable.default_variant = experiment.variants[experiment.default_variant].name;
  return nameable;
}

}  // namespace weir::config
