// How long Weir's own tests take, without running them: the candidate requests after which a guardrail's evidence
// reaches its threshold along the mean path, that is with as many errors (slow calls, ...) as are expected, no more and
// no fewer. The evidence is the very e-value that the guardrails compute (error_evidence.h, tail_evidence.h,
// outcomes.h), so that what it loses against Wald's bound (detection_bound.h), such as the price of a mixture, is in
// it; what chance adds or takes away is not. Against the design's measured delays (expected_delay_test): errors within
// 6 %, tails within 8 %, and 15 % too few where some 30 to 150 requests are enough, since a call is whole.
//
// The change is there from the first call of both variants on, and a design effect above 1 divides all evidence.
// +infinity: the evidence never gets there.

#ifndef WEIR_STATS_EXPECTED_DELAY_H_
#define WEIR_STATS_EXPECTED_DELAY_H_

#include "stats/detection_bound.h"

namespace weir::stats {

double ExpectedDelayOfErrorRatio(const ErrorRatioChange& change, double design_effect);

// Of `max`, with the candidate's true rate. Also of a proportion's bound, on failures.
double ExpectedDelayOfErrorCeiling(double max, double candidate_error, double alpha, double design_effect);

double ExpectedDelayOfTailRatio(const TailRatioChange& change, double design_effect);

// Of a quantile's bound, where the fraction `slow` of calls is above it.
double ExpectedDelayOfTailCeiling(double quantile, double slow, double alpha, double design_effect);

// Outcomes until a mean is shown to lie `excess` beyond its bound. `test_alpha` is what the sequence is tuned for
// (outcomes.h), `alpha` where the threshold is.
double ExpectedDelayOfMeanBound(double excess, double standard_deviation, double test_alpha, double alpha);

}  // namespace weir::stats

#endif  // WEIR_STATS_EXPECTED_DELAY_H_
