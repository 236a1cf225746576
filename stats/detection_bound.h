// The least evidence any method needs to detect a change with false-alarm probability alpha: log(1/alpha) / KL, Wald's
// bound on the mean number of observations of a sequential test (Wald 1945; Lorden 1971 for changes).

#ifndef WEIR_STATS_DETECTION_BOUND_H_
#define WEIR_STATS_DETECTION_BOUND_H_

namespace weir::stats {

// KL(p || q) of two Bernoulli distributions; 0 <= p <= 1, 0 < q < 1.
double KlBernoulli(double p, double q);

// log(1/alpha) / KL(alternative || null): +infinity where they are equal.
double DetectionBound(double null, double alternative, double alpha);

struct ErrorRatioChange {
  double baseline_error = 0;  // Error rates in (0, 1).
  double candidate_error = 0;
  double share = 0.5;    // The candidate's share of the calls of both, in (0, 1).
  double max_ratio = 1;  // The guardrail's.
  double alpha = 0.001;
};

struct LeastDelay {
  double errors = 0;  // Of both variants.
  double candidate_errors = 0;
  double candidate_requests = 0;  // +infinity, all three, where the true ratio does not exceed max_ratio.
};
LeastDelay LeastDelayOfErrorRatio(const ErrorRatioChange& change);

// Of the error ceiling: candidate requests. +infinity where the candidate's rate does not exceed the ceiling.
double LeastRequestsOfErrorCeiling(double max, double candidate_error, double alpha);

}  // namespace weir::stats

#endif  // WEIR_STATS_DETECTION_BOUND_H_
