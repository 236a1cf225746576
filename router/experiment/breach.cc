#include "router/experiment/breach.h"

#include <limits>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weir::experiment {
namespace {

// What was seen, in the terms of the rule.
struct Facts {
  const stats::VariantCounts& candidate;
  const stats::VariantCounts& baseline;
  const stats::OutcomeCounts* outcomes;
  absl::Time now;

  std::string Errors() const {
    return absl::StrFormat("%d of its %d calls failed, %d of %d of the default's", candidate.errors(),
                           candidate.started(), baseline.errors(), baseline.started());
  }
  static double Milliseconds(const stats::VariantCounts& counts, double quantile) {
    return absl::ToDoubleMilliseconds(counts.latencies().Quantile(quantile).value_or(absl::ZeroDuration()));
  }
  // Those that are unanswered for longer than the bound are as slow as any that ended.
  std::string Tail(double quantile, double bound_ms) const {
    std::string text = absl::StrFormat("p%g is %.3g ms over its %d calls that ended", 100 * quantile,
                                       Milliseconds(candidate, quantile), candidate.latencies().count());
    const int64_t waiting = candidate.InFlightSlowerThan(absl::Milliseconds(bound_ms), now);
    if (waiting > 0) absl::StrAppendFormat(&text, ", and %d wait for more than %.3g ms", waiting, bound_ms);
    absl::StrAppendFormat(&text, "; %.3g ms over %d of the default's", Milliseconds(baseline, quantile),
                          baseline.latencies().count());
    return text;
  }

  std::string operator()(const config::ErrorRatio&) const { return Errors(); }
  std::string operator()(const config::ErrorCeiling&) const { return Errors(); }
  std::string operator()(const config::TailRatio& rule) const {
    return Tail(rule.quantile, rule.max_ratio * Milliseconds(baseline, rule.quantile));
  }
  std::string operator()(const config::TailCeiling& rule) const {
    return Tail(rule.quantile, absl::ToDoubleMilliseconds(rule.max));
  }
  std::string operator()(const config::OutcomeBound& rule) const {
    if (outcomes == nullptr) return absl::StrCat("no outcome of ", rule.metric);
    return absl::StrFormat("the mean of %s is %.4g over %d outcomes", rule.metric, outcomes->mean, outcomes->n);
  }
};

}  // namespace

Demand DemandOf(const Detection& detection) {
  return {.guardrail = detection.guardrail,
          .candidate = detection.candidate,
          .is_detectors = true,
          .log10_evidence = detection.log10_statistic,
          .log10_threshold = detection.log10_threshold};
}

Breach BreachOf(const Demand& demand, const config::Experiment& specification, const RunEvidence& evidence,
                const std::string& default_variant, absl::Time now) {
  const stats::VariantCounts candidate = evidence.Total(demand.candidate);
  const stats::VariantCounts baseline = evidence.Total(default_variant);
  Breach breach{.guardrail = demand.guardrail,
                .variant = demand.candidate,
                .judged_at = now,
                .published_at = now,
                .candidate_calls = candidate.started(),
                .candidate_errors = candidate.errors(),
                .default_calls = baseline.started(),
                .default_errors = baseline.errors(),
                .log10_evidence = demand.log10_evidence,
                .log10_threshold = demand.log10_threshold};
  breach.summary = absl::StrFormat("%s: %s: ", demand.guardrail, demand.candidate);
  for (const config::Guardrail& guardrail : specification.guardrails) {
    if (guardrail.name != demand.guardrail) continue;
    const auto* bound = std::get_if<config::OutcomeBound>(&guardrail.rule);
    const Facts facts{candidate, baseline, bound ? evidence.OutcomesOf(demand.candidate, bound->metric) : nullptr, now};
    absl::StrAppend(&breach.summary, config::ToString(guardrail.rule), demand.is_detectors ? " of late" : "", "; ",
                    std::visit(facts, guardrail.rule));
  }
  absl::StrAppendFormat(&breach.summary, "; %s 10^%.2f, needed 10^%.2f",
                        demand.is_detectors ? "its detector's statistic" : "evidence", demand.log10_evidence,
                        demand.log10_threshold);
  return breach;
}

std::optional<Breach> WorstBreach(const std::vector<Judgement>& judgements, const RunEvidence& evidence,
                                  const config::Experiment& specification, const std::string& default_variant,
                                  absl::Time now) {
  const Judgement* worst = nullptr;
  double most = -std::numeric_limits<double>::infinity();
  for (const Judgement& judgement : judgements) {
    const double excess = judgement.log10_evidence - judgement.log10_threshold;
    if (!judgement.breached || judgement.action != config::GuardrailAction::kRollback || excess <= most) continue;
    worst = &judgement;
    most = excess;
  }
  if (worst == nullptr) return std::nullopt;
  return BreachOf({.guardrail = worst->guardrail,
                   .candidate = worst->candidate,
                   .log10_evidence = worst->log10_evidence,
                   .log10_threshold = worst->log10_threshold},
                  specification, evidence, default_variant, now);
}

}  // namespace weir::experiment
