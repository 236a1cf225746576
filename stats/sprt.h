// Wald's sequential probability ratio test (1945) of one simple hypothesis against another: go on while the log
// likelihood ratio lies between log B and log A, B = beta / (1 - alpha), A = (1 - beta) / alpha. Both errors are then
// about alpha and beta, and their sum is never above alpha + beta.
//
// Of a proportion p0 against p1 > p0 the bounds are two lines over the number of trials n: reject H0 when successes
// reach slope n + reject_intercept, accept it when they fall to slope n + accept_intercept (which is negative), with
//   g = log(p1 (1 - p0) / (p0 (1 - p1))),  slope = log((1 - p0) / (1 - p1)) / g,  intercepts log A / g and log B / g.

#ifndef WEIR_STATS_SPRT_H_
#define WEIR_STATS_SPRT_H_

namespace weir::stats {

struct SprtBounds {
  double log_upper = 0;
  double log_lower = 0;
};
// 0 < alpha, beta and alpha + beta < 1.
SprtBounds WaldBounds(double alpha, double beta);

struct SprtLines {
  double accept_intercept = 0;
  double reject_intercept = 0;
  double slope = 0;
};
// p0 and p1 in (0, 1), p0 != p1. For p1 < p0 the lines change places: reject when successes fall to theirs.
SprtLines BinomialLines(const SprtBounds& bounds, double p0, double p1);

}  // namespace weir::stats

#endif  // WEIR_STATS_SPRT_H_
