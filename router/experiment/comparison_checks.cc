// The checks that compare candidates with the default.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "absl/strings/str_format.h"
#include "router/experiment/checks.h"
#include "stats/business_value.h"
#include "stats/clustered.h"
#include "stats/error_evidence.h"
#include "stats/multiplicity.h"
#include "stats/outcomes.h"
#include "stats/overall_criterion.h"

namespace weir::experiment {
namespace {

constexpr char kTooFew[] = "too few users or outcomes yet";

std::vector<const VariantFacts*> CandidatesOf(const Evidence& evidence) {
  std::vector<const VariantFacts*> candidates;
  for (const VariantFacts& facts : evidence.variants) {
    if (facts.name != evidence.default_variant) candidates.push_back(&facts);
  }
  return candidates;
}

const stats::OutcomeCounts& OutcomesOf(const VariantFacts* facts, const std::string& metric) {
  static const stats::OutcomeCounts kNone;
  if (facts == nullptr) return kNone;
  const auto outcomes = facts->outcomes.find(metric);
  return outcomes == facts->outcomes.end() ? kNone : outcomes->second;
}

// --- Primaries.

struct Primary {
  const config::OutcomeMetric* metric;
  const VariantFacts* candidate;
  std::optional<stats::MeanComparison> comparison{};

  bool is_to_increase() const { return metric->goal == config::Goal::kIncrease; }
  // An e-value's reciprocal is a p-value that may be looked at for ever.
  double PValue(bool of_better) const {
    if (!comparison) return 1;
    const double log_e = of_better == is_to_increase() ? comparison->log_e_higher : comparison->log_e_lower;
    return std::min(1.0, std::exp(-log_e));
  }
};

Finding FindingOf(const Primary& primary, double better, double worse, double alpha) {
  Finding finding{.check = Check::kPrimary, .subject = primary.metric->name, .variant = primary.candidate->name};
  finding.text = kTooFew;
  if (!primary.comparison) return finding;
  const stats::MeanComparison& comparison = *primary.comparison;
  finding.value = comparison.candidate - comparison.baseline;
  finding.lower = comparison.difference.lower;
  finding.upper = comparison.difference.upper;
  finding.bound = 0;
  if (better <= alpha) finding.state = CheckState::kPassed;
  if (worse <= alpha) finding.state = CheckState::kFailed;
  finding.text = absl::StrFormat("%.5g, the default has %.5g; difference in [%.4g, %.4g]; p %.3g that it is not better",
                                 comparison.candidate, comparison.baseline, *finding.lower, *finding.upper, better);
  return finding;
}

// --- Value.

struct Value {
  stats::JackknifeEstimate estimate;
  stats::Interval interval;
};

// Always valid: over `n` observations, unlike the estimate's own interval, and with no less variance than
// `least_variance`.
Value WithInterval(stats::JackknifeEstimate estimate, double least_variance, double n, double alpha, double planned) {
  estimate.standard_error = std::max(estimate.standard_error, std::sqrt(least_variance));
  const double half = stats::ConfidenceSequenceHalfWidth(estimate.standard_error, n, alpha, planned);
  return {estimate, {.lower = estimate.estimate - half, .upper = estimate.estimate + half}};
}

std::optional<Value> NetValue(const Criteria& criteria, const VariantFacts& baseline, const VariantFacts& candidate,
                              double alpha) {
  const stats::BusinessWeights weights{.revenue_per_accuracy_point = criteria.weights->revenue_per_accuracy_point,
                                       .cost_per_millisecond = criteria.weights->cost_per_millisecond,
                                       .risk_per_error_point = criteria.weights->risk_per_error_point};
  const config::OutcomeMetric* accuracy = AccuracyOf(criteria.metrics);
  // Of the quantity that is known of the fewest calls.
  double n = static_cast<double>(baseline.counts.ended() + candidate.counts.ended());
  const auto sums_of = [&](const VariantFacts& facts) {
    stats::BusinessSums sums{.latency_ms = stats::LatencySums(facts.counts.user_latencies()),
                             .errors = stats::ErrorSums(facts.counts.users())};
    if (accuracy != nullptr) sums.accuracy = stats::OutcomeSums(OutcomesOf(&facts, accuracy->name));
    return sums;
  };
  if (accuracy != nullptr && weights.revenue_per_accuracy_point > 0) {
    n = std::min(
        n, static_cast<double>(OutcomesOf(&baseline, accuracy->name).n + OutcomesOf(&candidate, accuracy->name).n));
  }
  const stats::BusinessSums a = sums_of(baseline), b = sums_of(candidate);
  const std::optional<double> least = stats::LeastVarianceOfValue(weights, a, b);
  const auto value = stats::EstimateBusinessValue(weights, a, b, alpha, false);
  if (!least || !value) return std::nullopt;
  return WithInterval(value->net, *least, n, alpha, criteria.rules.planned_users);
}

// In percent: of a change of 1 % with weight 1, 1.
std::optional<Value> CriterionValue(const Criteria& criteria, const VariantFacts& baseline,
                                    const VariantFacts& candidate, double alpha) {
  const std::vector<config::CriterionPart>& parts = criteria.rules.criterion;
  std::vector<stats::BucketSums> sums;
  double n = std::numeric_limits<double>::infinity();
  for (const config::CriterionPart& part : parts) {
    const stats::OutcomeCounts& a = OutcomesOf(&baseline, part.metric);
    const stats::OutcomeCounts& b = OutcomesOf(&candidate, part.metric);
    n = std::min(n, static_cast<double>(a.n + b.n));
    sums.push_back(stats::OutcomeSums(a));
    sums.push_back(stats::OutcomeSums(b));
  }
  std::vector<stats::WeightedMetric> metrics;
  for (size_t i = 0; i < parts.size(); ++i) {
    metrics.push_back({.baseline = &sums[2 * i], .candidate = &sums[2 * i + 1], .weight = 100 * parts[i].weight});
  }
  const std::optional<double> least = stats::LeastVarianceOfCriterion(metrics);
  const std::optional<stats::JackknifeEstimate> estimate = stats::OverallCriterion(metrics);
  if (!least || !estimate) return std::nullopt;
  return WithInterval(*estimate, *least, n, alpha, criteria.rules.planned_users);
}

// From the worst to the best.
int RankOf(std::string_view label) {
  constexpr std::string_view kLabels[] = {"REJECT", "CONTINUE_TESTING", "RECOMMEND", "STRONG_RECOMMEND"};
  return static_cast<int>(std::find(std::begin(kLabels), std::end(kLabels), label) - std::begin(kLabels));
}

bool IsRecommended(std::string_view label) { return RankOf(label) >= RankOf("RECOMMEND"); }

}  // namespace

std::vector<Finding> CheckPrimaries(const Criteria& criteria, const Evidence& evidence) {
  std::vector<Finding> findings;
  if (!criteria.analysis.needs_primaries) return findings;
  std::vector<Primary> primaries;
  for (const config::OutcomeMetric& metric : criteria.metrics) {
    if (metric.role != config::Role::kPrimary) continue;
    for (const VariantFacts* candidate : CandidatesOf(evidence)) primaries.push_back({&metric, candidate});
  }
  if (primaries.empty()) return {{.check = Check::kPrimary, .text = "there is no candidate, or no primary metric"}};
  const double alpha_each = criteria.rules.alpha / static_cast<double>(primaries.size());
  const VariantFacts* baseline = FactsOf(evidence, evidence.default_variant);
  std::vector<double> better, worse;
  for (Primary& primary : primaries) {
    primary.comparison = stats::CompareMeans(OutcomesOf(baseline, primary.metric->name),
                                             OutcomesOf(primary.candidate, primary.metric->name), alpha_each,
                                             criteria.rules.planned_users);
    better.push_back(primary.PValue(/*of_better=*/true));
    worse.push_back(primary.PValue(/*of_better=*/false));
  }
  better = stats::AdjustHolm(better);
  worse = stats::AdjustHolm(worse);
  for (size_t i = 0; i < primaries.size(); ++i) {
    findings.push_back(FindingOf(primaries[i], better[i], worse[i], criteria.rules.alpha));
  }
  return findings;
}

Valuation CheckValue(const Criteria& criteria, const Evidence& evidence, bool is_healthy, bool is_breached) {
  Valuation valuation;
  const bool has_criterion = !criteria.rules.criterion.empty();
  if (!criteria.analysis.needs_value || (!criteria.weights && !has_criterion)) return valuation;
  const std::vector<const VariantFacts*> candidates = CandidatesOf(evidence);
  const VariantFacts* baseline = FactsOf(evidence, evidence.default_variant);
  if (candidates.empty() || baseline == nullptr) return {.findings = {{.check = Check::kValue}}};
  const double alpha = criteria.rules.alpha / static_cast<double>(candidates.size());
  for (const VariantFacts* candidate : candidates) {
    const std::optional<Value> value = has_criterion ? CriterionValue(criteria, *baseline, *candidate, alpha)
                                                     : NetValue(criteria, *baseline, *candidate, alpha);
    Finding finding{.check = Check::kValue,
                    .subject = has_criterion ? "criterion" : "net value",
                    .variant = candidate->name,
                    .text = kTooFew};
    std::string_view label = stats::DecisionLabel(value ? std::optional(value->interval) : std::nullopt, is_breached);
    if (!is_healthy && IsRecommended(label)) label = "CONTINUE_TESTING";  // Health comes first.
    std::string_view point_label = stats::DecisionLabel(std::nullopt, false);
    if (value) {
      point_label = stats::BusinessLabel(value->estimate.estimate);
      finding.value = value->estimate.estimate;
      finding.lower = value->interval.lower;
      finding.upper = value->interval.upper;
      finding.text = absl::StrFormat("%+.4g in [%+.4g, %+.4g]: %s (the estimate alone: %s)", *finding.value,
                                     *finding.lower, *finding.upper, label, point_label);
    }
    if (IsRecommended(label)) finding.state = CheckState::kPassed;
    if (label == "REJECT") finding.state = CheckState::kFailed;
    if (valuation.findings.empty() || RankOf(label) < RankOf(valuation.label)) {
      valuation.label = label;
      valuation.point_label = point_label;
    }
    valuation.findings.push_back(std::move(finding));
  }
  return valuation;
}

std::vector<Finding> CheckNonInferiority(const Criteria& criteria, const Evidence& evidence) {
  std::vector<Finding> findings;
  if (!criteria.analysis.needs_non_inferiority) return findings;
  for (const ComparedGuardrail& guardrail : criteria.compared) {
    for (const VariantFacts* candidate : CandidatesOf(evidence)) {
      Finding finding{.check = Check::kNonInferiority, .subject = guardrail.name, .variant = candidate->name};
      const auto test = std::find_if(evidence.promotion.begin(), evidence.promotion.end(), [&](const TestFacts& facts) {
        return facts.guardrail == guardrail.name && facts.candidate == candidate->name;
      });
      // Of two ways to show it each has half of alpha.
      const bool has_two_ways = guardrail.is_of_errors && criteria.rules.negligible_error_rate > 0;
      if (test != evidence.promotion.end()) {
        finding.value = test->log10_evidence;
        finding.bound = test->log10_threshold + (has_two_ways ? std::log10(2.0) : 0);
        if (*finding.value >= *finding.bound) finding.state = CheckState::kPassed;
      }
      if (has_two_ways && finding.state != CheckState::kPassed) {
        const VariantFacts* baseline = FactsOf(evidence, evidence.default_variant);
        const double log10_e = NegligibleErrorsLog10E(
            criteria, baseline == nullptr ? stats::VariantCounts() : baseline->counts, candidate->counts, evidence.now);
        const double bound = std::log10(2 / criteria.rules.alpha);
        if (!finding.value || log10_e - bound > *finding.value - *finding.bound) {
          finding.value = log10_e;
          finding.bound = bound;
          finding.text = absl::StrFormat("an error rate below %g", criteria.rules.negligible_error_rate);
        }
        if (log10_e >= bound) finding.state = CheckState::kPassed;
      }
      if (finding.state != CheckState::kPassed) finding.text = "not shown yet";
      findings.push_back(std::move(finding));
    }
  }
  return findings;
}

double NegligibleErrorsLog10E(const Criteria& criteria, const stats::VariantCounts& baseline,
                              const stats::VariantCounts& candidate, absl::Time now) {
  const absl::Duration slow = baseline.latencies().QuantileAtMost(0.99).value_or(absl::ZeroDuration());
  const int64_t in_flight = candidate.InFlightSlowerThan(slow, now);
  const double successes = static_cast<double>(candidate.ended() - candidate.neutral() - candidate.errors());
  const double calls = static_cast<double>(candidate.ended() - candidate.neutral() + in_flight);
  if (!(calls > 0)) return 0;
  const stats::GridLog grid = stats::CeilingGrid(1 - criteria.rules.negligible_error_rate, successes, calls);
  return stats::LogMixture(grid, stats::ErrorDesignEffect(candidate.users())) * std::numbers::log10e;
}

}  // namespace weir::experiment
