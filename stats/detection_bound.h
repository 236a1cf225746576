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

// A slow-down of latencies that are lognormal: log(latency) is normal with the deviation `log_deviation`, the same for
// both variants.
struct TailRatioChange {
  double slowdown = 1;         // Of the candidate: all of its latencies are so many times the baseline's.
  double log_deviation = 0.5;  // Positive.
  double quantile = 0.99;      // In (0, 1).
  double max_ratio = 1;        // The guardrail's.
  double share = 0.5;          // The candidate's share of the calls of both, in (0, 1).
  double alpha = 0.001;
};
// Of a tail ratio from a cold start, where nothing is known of either variant's latencies: the information of one
// candidate request and of the baseline's beside it, about the threshold x at which the two nulls are hardest to
// reject, min_x KL(P(B > c x) || 1-q) + (1-share)/share KL(P(A > x) || 1-q). In candidate requests; +infinity where the
// slow-down does not exceed max_ratio.
double LeastDelayOfTailRatio(const TailRatioChange& change);

// Observations that show that a mean lies `excess` beyond a bound, of a normal outcome with that standard deviation.
double LeastOutcomesOfMeanBound(double excess, double standard_deviation, double alpha);

// Of the error ceiling: candidate requests. +infinity where the candidate's rate does not exceed the ceiling.
double LeastRequestsOfErrorCeiling(double max, double candidate_error, double alpha);

}  // namespace weir::stats

#endif  // WEIR_STATS_DETECTION_BOUND_H_
