// The things that a decision looks at (decision.h): each function makes findings of the evidence. Pure.

#ifndef WEIR_ROUTER_EXPERIMENT_CHECKS_H_
#define WEIR_ROUTER_EXPERIMENT_CHECKS_H_

#include <optional>
#include <string>
#include <vector>

#include "router/experiment/decision.h"

namespace weir::experiment {

// `successCondition` and `failureCondition`, where there are any.
std::vector<Finding> CheckConditions(const Criteria& criteria, const Evidence& evidence);

std::vector<Finding> CheckGuardrails(const Evidence& evidence);

// Sample ratio of users, outcomes for the calls, lost calls, whether calls keep coming, and duration. Two variants at
// least are needed for ratios.
//
// The sample ratio is of calls by the variant that the rule gave, whoever served them: neither an outage nor a sequence
// moves a user. Outcomes are due of the calls that are compared, alone. Ratios are tested by the sequential Bayes
// factor of stats/sample_ratio.h on counts divided by their design effect: of a user who makes many calls the
// assignment is one draw. With several ratios each has its part of the alpha.
std::vector<Finding> CheckHealth(const Criteria& criteria, const Evidence& evidence);
// log10 of the Bayes factor against the split in force; nullopt without two variants that have a share and calls.
std::optional<double> SampleRatioLog10BayesFactor(const Evidence& evidence);

// Each primary metric and candidate: passed where it is better than the default's (Holm over all of them at alpha),
// failed where it is worse (the same, in the other direction).
std::vector<Finding> CheckPrimaries(const Criteria& criteria, const Evidence& evidence);

struct Valuation {
  std::vector<Finding> findings{};  // One a candidate; empty unless the analysis asks for the value.
  std::string label{};              // The worst candidate's.
  std::string point_label{};
};
// The net business value, or the criterion, in percent, of each candidate; alpha is divided by them. `is_healthy`:
// where it is not, nothing is recommended. `is_breached`: REJECT.
Valuation CheckValue(const Criteria& criteria, const Evidence& evidence, bool is_healthy, bool is_breached);

// Every test of the promotion, at the full alpha. An error rate that is shown to be negligible is not worse, whatever
// the default's: a ratio of nothing can never be shown.
std::vector<Finding> CheckNonInferiority(const Criteria& criteria, const Evidence& evidence);

// log10 E of "the candidate's error rate is below what is negligible" at `now`. Calls in flight that are slower than 99
// of 100 of the default's count as errors: what fails by its deadline is heard of last.
double NegligibleErrorsLog10E(const Criteria& criteria, const stats::VariantCounts& baseline,
                              const stats::VariantCounts& candidate, absl::Time now);

// A name of a condition, as config/condition_names.h lists them; nullopt where it is not known, too few calls or
// outcomes say it, or an answer is too old, or from before the step.
std::optional<double> ValueOf(const Criteria& criteria, const Evidence& evidence, const std::string& name);

// The metric whose mean is "the accuracy", of proportions that are to increase: the first primary one, else one of that
// name, else the first; null if there is none.
const config::OutcomeMetric* AccuracyOf(const std::vector<config::OutcomeMetric>& metrics);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_CHECKS_H_
