// A success probability's interval that may be looked at after every trial: it covers the truth at all of them together
// with probability 1 - alpha.
//
// The Beta(1/2, 1/2) mixture of likelihood ratios against p is a martingale while p is the truth,
//   log E(p) = log B(k + 1/2, n - k + 1/2) - log B(1/2, 1/2) - k log p - (n - k) log(1 - p),
// so the p with E(p) < 1/alpha are a confidence sequence (Robbins 1970; Ville's inequality). They are an interval,
// since log E is convex in p. Exact for any number of independent trials, also where none or all succeed; of users who
// make many trials each, give the numbers divided by the design effect, which is then approximate.

#ifndef WEIR_STATS_PROPORTION_SEQUENCE_H_
#define WEIR_STATS_PROPORTION_SEQUENCE_H_

#include "stats/clustered.h"

namespace weir::stats {

// 0 <= successes <= n, which need not be whole; 0 < alpha < 1. All of [0, 1] where n is 0.
Interval ProportionSequence(double successes, double n, double alpha);

}  // namespace weir::stats

#endif  // WEIR_STATS_PROPORTION_SEQUENCE_H_
