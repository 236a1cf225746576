#include "router/experiment/checks.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "config/condition_names.h"
#include "stats/clustered.h"
#include "stats/novelty.h"
#include "stats/outcomes.h"
#include "stats/sample_ratio.h"

namespace weir::experiment {
namespace {

// Fewer say nothing that a condition could go by.
constexpr int64_t kLeastCalls = 100;
constexpr int64_t kLeastPreviews = 20;  // Somebody sends them to this end, and sends few.
constexpr int64_t kLeastOutcomes = 30;

double Log10(double log) { return log * std::numbers::log10e; }

// --- Conditions.

config::Nameable NameableOf(const Criteria& criteria, const Evidence& evidence) {
  config::Nameable nameable{.default_variant = evidence.default_variant,
                            .has_preview = criteria.preview_max_age.has_value()};
  for (const config::OutcomeMetric& metric : criteria.metrics) nameable.metrics.push_back(metric.name);
  for (const config::QueryMetric& query : criteria.queries) nameable.queries.push_back(query.name);
  for (const VariantFacts& facts : evidence.variants) nameable.variants.push_back(facts.name);
  return nameable;
}

std::optional<double> ValueOfQuery(const Criteria& criteria, const Evidence& evidence, const std::string& name) {
  const auto value = evidence.values.find(name);
  const auto query = std::find_if(criteria.queries.begin(), criteria.queries.end(),
                                  [&](const config::QueryMetric& q) { return q.name == name; });
  if (value == evidence.values.end() || query == criteria.queries.end()) return std::nullopt;
  if (value->second.at < evidence.since) return std::nullopt;
  // One from the future is of a clock that was set back since: as old as it will ever be.
  const absl::Duration age = evidence.now - value->second.at;
  if (age > query->max_age || age < -query->max_age) return std::nullopt;
  return value->second.value;
}

std::optional<double> LatencyOf(const stats::VariantCounts& counts, double quantile) {
  if (counts.latencies().count() < kLeastCalls) return std::nullopt;
  return absl::ToDoubleMilliseconds(counts.latencies().Quantile(quantile).value_or(absl::ZeroDuration()));
}

// Not known before the first one: where there is no preview, or no more, there is no number of its calls either.
std::optional<double> ValueOfPreview(const Criteria& criteria, absl::Time now, const stats::PreviewCounts& previews,
                                     const std::string& metric) {
  if (!config::IsOfPreview(metric) || !criteria.preview_max_age || previews.started == 0) return std::nullopt;
  if (now - stats::StartOf(previews.newest) >= *criteria.preview_max_age) return std::nullopt;
  if (metric == config::kPreviewRequestsName) return static_cast<double>(previews.started);
  if (previews.judged() < kLeastPreviews) return std::nullopt;
  return static_cast<double>(previews.errors) / static_cast<double>(previews.judged());
}

std::optional<double> ValueOfVariant(const Criteria& criteria, const Evidence& evidence, const std::string& metric,
                                     const std::string& variant) {
  const VariantFacts* facts = FactsOf(evidence, variant);
  if (facts == nullptr) return std::nullopt;
  const stats::VariantCounts& counts = facts->counts;
  if (metric == config::kRequestsName) return static_cast<double>(counts.started());
  if (metric == config::kLatencyP95Name) return LatencyOf(counts, 0.95);
  if (metric == config::kLatencyP99Name) return LatencyOf(counts, 0.99);
  if (metric == config::kErrorRateName) {
    const int64_t judged = counts.ended() - counts.neutral();
    if (judged < kLeastCalls) return std::nullopt;
    return static_cast<double>(counts.errors()) / static_cast<double>(judged);
  }
  const auto outcomes = facts->outcomes.find(metric);
  if (outcomes == facts->outcomes.end()) return ValueOfPreview(criteria, evidence.now, counts.previews(), metric);
  if (outcomes->second.n < kLeastOutcomes) return std::nullopt;
  return outcomes->second.mean;
}

std::string Known(const Criteria& criteria, const Evidence& evidence, const config::Condition& condition) {
  std::vector<std::string> parts;
  for (const std::string& name : condition.names()) {
    const std::optional<double> value = ValueOf(criteria, evidence, name);
    parts.push_back(value ? absl::StrFormat("%s is %.6g", name, *value) : absl::StrCat(name, " is not known"));
  }
  return absl::StrCat(condition.text(), parts.empty() ? "" : "; ", absl::StrJoin(parts, ", "));
}

// --- Ratios.

// Counts of each variant by user bucket, and the shares that they should have.
struct Ratio {
  std::vector<std::array<double, stats::kUserBuckets>> counts;
  std::vector<double> weights;

  double Total(size_t variant) const {
    double total = 0;
    for (const double n : counts[variant]) total += n;
    return total;
  }
};

// The largest over variants: by how much users who make many calls inflate the variance of a variant's share.
double DesignEffectOf(const Ratio& ratio) {
  double largest = 1;
  for (const auto& of_variant : ratio.counts) {
    stats::BucketSums sums{};
    for (int b = 0; b < stats::kUserBuckets; ++b) {
      for (const auto& other : ratio.counts) sums[b].n += other[b];
      sums[b].sum = of_variant[b];
    }
    largest = std::max(largest, stats::DesignEffect(sums));
  }
  return largest;
}

std::optional<double> LogBayesFactor(const Ratio& ratio) {
  double total = 0;
  for (size_t v = 0; v < ratio.counts.size(); ++v) total += ratio.Total(v);
  absl::StatusOr<stats::SequentialSampleRatio> test = stats::SequentialSampleRatio::Create(ratio.weights);
  if (!test.ok() || !(total > 0)) return std::nullopt;
  const double design_effect = DesignEffectOf(ratio);
  std::vector<double> counts;
  for (size_t v = 0; v < ratio.counts.size(); ++v) counts.push_back(ratio.Total(v) / design_effect);
  test->Add(counts);
  return test->log_bayes_factor();
}

Ratio RatioOfCalls(const Evidence& evidence) {
  Ratio ratio;
  for (const VariantFacts& facts : evidence.variants) {
    if (facts.weight == config::Weight()) continue;
    auto& counts = ratio.counts.emplace_back();
    std::transform(facts.assigned.begin(), facts.assigned.end(), counts.begin(),
                   [](int64_t n) { return static_cast<double>(n); });
    ratio.weights.push_back(static_cast<double>(facts.weight.hundredths()));
  }
  return ratio;
}

// Of the outcomes of one metric, against those that are due for the calls. Nothing where none are of a variant.
std::optional<Ratio> RatioOfOutcomes(const Evidence& evidence, const std::string& metric) {
  Ratio ratio;
  double outcomes_seen = 0;
  for (const VariantFacts& facts : evidence.variants) {
    if (facts.weight == config::Weight()) continue;
    const auto expected = facts.expected_outcomes.find(metric);
    const bool is_known = expected != facts.expected_outcomes.end();
    const double weight = is_known ? expected->second : static_cast<double>(facts.counts.started());
    if (!(weight > 0)) return std::nullopt;
    auto& counts = ratio.counts.emplace_back();
    ratio.weights.push_back(weight);
    const auto outcomes = facts.outcomes.find(metric);
    if (outcomes == facts.outcomes.end()) continue;
    for (int b = 0; b < stats::kUserBuckets; ++b) counts[b] = static_cast<double>(outcomes->second.users[b].n);
    outcomes_seen += static_cast<double>(outcomes->second.n);
  }
  if (ratio.counts.size() < 2 || outcomes_seen == 0) return std::nullopt;
  return ratio;
}

std::string InWords(const Evidence& evidence, const Ratio& ratio) {
  double total = 0, weights = 0;
  for (size_t v = 0; v < ratio.counts.size(); ++v) total += ratio.Total(v), weights += ratio.weights[v];
  std::vector<std::string> parts;
  size_t v = 0;
  for (const VariantFacts& facts : evidence.variants) {
    if (facts.weight == config::Weight()) continue;
    parts.push_back(absl::StrFormat("%s has %.4g %%, %.4g %% expected", facts.name,
                                    total > 0 ? 100 * ratio.Total(v) / total : 0, 100 * ratio.weights[v] / weights));
    ++v;
  }
  return absl::StrJoin(parts, ", ");
}

Finding RatioFinding(Check check, std::string subject, const Evidence& evidence, const Ratio& ratio, double alpha) {
  const std::optional<double> log = LogBayesFactor(ratio);
  Finding finding{.check = check, .subject = std::move(subject), .bound = -std::log10(alpha)};
  finding.text = log ? InWords(evidence, ratio) : "there are no calls yet";
  if (!log) return finding;
  finding.value = Log10(*log);
  finding.state = *finding.value >= *finding.bound ? CheckState::kFailed : CheckState::kPassed;
  return finding;
}

// --- The rest of health.

// Of calls that never ended, or were lost with a crash. Those of open cohorts may still end.
Finding DataLossFinding(const Criteria& criteria, const Evidence& evidence) {
  Finding finding{.check = Check::kDataLoss, .state = CheckState::kPassed, .bound = criteria.rules.max_data_loss};
  for (const VariantFacts& facts : evidence.variants) {
    const int64_t started = facts.counts.started();
    if (started < kLeastCalls) continue;
    const double lost = static_cast<double>(facts.counts.lost() + facts.counts.InFlightOfClosedCohorts()) /
                        static_cast<double>(started);
    if (lost <= finding.value.value_or(-1)) continue;
    finding.value = lost;
    finding.variant = facts.name;
    finding.text = absl::StrFormat("%.4g %% of its calls never ended, or were lost", 100 * lost);
  }
  if (finding.value.value_or(0) > criteria.rules.max_data_loss) finding.state = CheckState::kFailed;
  if (finding.state == CheckState::kPassed) finding.variant.clear();
  return finding;
}

Finding DataFinding(const Criteria& criteria, const Evidence& evidence) {
  std::vector<std::string> silent;
  for (const VariantFacts& facts : evidence.variants) {
    const bool has_share = facts.weight > config::Weight();
    if (has_share && facts.newest + criteria.no_data_after <= evidence.now) silent.push_back(facts.name);
  }
  if (silent.empty() && !evidence.variants.empty()) return {.check = Check::kData, .state = CheckState::kPassed};
  return {.check = Check::kData,
          .state = CheckState::kUnknown,
          .text = absl::StrCat("no calls of ", absl::StrJoin(silent, ", "), " for ",
                               absl::FormatDuration(criteria.no_data_after))};
}

Finding DurationFinding(const Criteria& criteria, const Evidence& evidence) {
  Finding finding{.check = Check::kDuration, .state = CheckState::kPassed};
  absl::Time from = evidence.begun + criteria.rules.min_duration;
  const absl::Time counted_from = evidence.since == absl::InfinitePast() ? evidence.begun : evidence.since;
  if (criteria.rules.needs_whole_weeks) from = std::max(from, stats::JudgedFrom(counted_from, 1));
  if (evidence.now >= from) return finding;
  finding.state = CheckState::kUnknown;
  finding.text = absl::StrCat("nothing is concluded for ",
                              absl::FormatDuration(absl::Ceil(from - evidence.now, absl::Seconds(1))));
  return finding;
}

}  // namespace

std::optional<double> ValueOf(const Criteria& criteria, const Evidence& evidence, const std::string& name) {
  const std::optional<config::NamedValue> named = config::Resolve(NameableOf(criteria, evidence), name);
  if (!named) return std::nullopt;
  if (named->kind == config::NamedValue::Kind::kQuery) return ValueOfQuery(criteria, evidence, named->metric);
  const std::optional<double> value = ValueOfVariant(criteria, evidence, named->metric, named->variant);
  if (named->kind == config::NamedValue::Kind::kOfVariant) return value;
  const std::optional<double> baseline = ValueOfVariant(criteria, evidence, named->metric, evidence.default_variant);
  if (!value || !baseline || *baseline == 0) return std::nullopt;
  return (*value - *baseline) / std::abs(*baseline);
}

std::vector<Finding> CheckConditions(const Criteria& criteria, const Evidence& evidence) {
  std::vector<Finding> findings;
  const auto value_of = [&](const std::string& name) { return ValueOf(criteria, evidence, name); };
  const auto check = [&](Check kind, const std::optional<config::Condition>& condition, bool wanted) {
    if (!condition) return;
    const std::optional<bool> holds = condition->Evaluate(value_of);
    CheckState state = CheckState::kUnknown;
    if (holds) state = *holds == wanted ? CheckState::kPassed : CheckState::kFailed;
    findings.push_back({.check = kind, .state = state, .text = Known(criteria, evidence, *condition)});
  };
  check(Check::kFailureCondition, criteria.analysis.failure, /*wanted=*/false);
  check(Check::kSuccessCondition, criteria.analysis.success, /*wanted=*/true);
  return findings;
}

std::vector<Finding> CheckGuardrails(const Evidence& evidence) {
  std::vector<Finding> findings;
  for (const TestFacts& test : evidence.guardrails) {
    findings.push_back({.check = test.is_hard ? Check::kGuardrail : Check::kSoftLimit,
                        .state = test.is_proven ? CheckState::kFailed : CheckState::kPassed,
                        .subject = test.guardrail,
                        .variant = test.candidate,
                        .value = test.log10_evidence,
                        .bound = test.log10_threshold,
                        .text = test.is_proven ? "breached" : ""});
  }
  return findings;
}

std::optional<double> SampleRatioLog10BayesFactor(const Evidence& evidence) {
  const std::optional<double> log = LogBayesFactor(RatioOfCalls(evidence));
  if (!log) return std::nullopt;
  return Log10(*log);
}

std::vector<Finding> CheckHealth(const Criteria& criteria, const Evidence& evidence) {
  std::vector<Finding> findings;
  const Ratio calls = RatioOfCalls(evidence);
  const double alpha = criteria.rules.sample_ratio_alpha / static_cast<double>(1 + criteria.metrics.size());
  if (calls.counts.size() >= 2) findings.push_back(RatioFinding(Check::kSampleRatio, "", evidence, calls, alpha));
  for (const config::OutcomeMetric& metric : criteria.metrics) {
    const std::optional<Ratio> outcomes = RatioOfOutcomes(evidence, metric.name);
    if (outcomes) findings.push_back(RatioFinding(Check::kOutcomeRatio, metric.name, evidence, *outcomes, alpha));
  }
  findings.push_back(DataLossFinding(criteria, evidence));
  findings.push_back(DataFinding(criteria, evidence));
  findings.push_back(DurationFinding(criteria, evidence));
  return findings;
}

const config::OutcomeMetric* AccuracyOf(const std::vector<config::OutcomeMetric>& metrics) {
  const config::OutcomeMetric* accuracy = nullptr;
  for (const config::OutcomeMetric& metric : metrics) {
    if (metric.type != config::MetricType::kProportion || metric.goal == config::Goal::kDecrease) continue;
    if (metric.role == config::Role::kPrimary) return &metric;
    if (accuracy == nullptr || metric.name == "accuracy") accuracy = &metric;
  }
  return accuracy;
}

}  // namespace weir::experiment
