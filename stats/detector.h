// Has the error rate risen *lately*? A test that began in a long healthy history is slow to turn, since that history
// is evidence against a rise. The Shiryaev-Roberts statistic starts anew at every batch at once (Shiryaev 1963; Roberts
// 1966; Pollak 1985):
//   R_j <- (R_j + n) LR_j,      alarm when mean_j R_j >= A,
// for a batch of n calls whose likelihood ratio at the j-th point of the error guardrail's grid is LR_j
// (error_evidence.h), each divided in the exponent by the design effect D. While nothing has changed, mean_j R_j less
// the calls so far is a martingale that starts at 0, so that the mean number of calls to a false alarm is at least A.
// It controls the *rate* of false alarms, not their probability: it warns. Delay: about log A / KL calls, plus what the
// mixture costs, log 12 / KL at most. With D an estimate put in, the bound is approximate.
//
// Not additive: batches are merged over replicas first (their grid terms and calls add), then taken up in order.

#ifndef WEIR_STATS_DETECTOR_H_
#define WEIR_STATS_DETECTOR_H_

#include <array>

#include "absl/status/status.h"
#include "stats/error_evidence.h"

namespace weir::stats {

class ShiryaevRoberts {
 public:
  // log R_j, and a checkpoint's content; -infinity where R_j is 0.
  using State = GridLog;

  // `mean_calls_to_false_alarm` is A, at least 1.
  explicit ShiryaevRoberts(double mean_calls_to_false_alarm);

  // Takes up one merged batch of `calls` >= 0 calls with its grid term: ErrorRatioGrid::Term, whose calls are both
  // variants', or CeilingGrid. design_effect >= 1.
  void Update(double calls, const GridLog& term, double design_effect = 1);

  // log mean_j R_j; -infinity before the first call.
  double log_statistic() const { return log_statistic_; }
  bool alarms() const { return log_statistic_ >= log_threshold_; }
  // After an alarm was acted on: as at the start.
  void Reset();

  const State& state() const { return log_r_; }
  // InvalidArgument where a number is NaN or +infinity.
  absl::Status Restore(const State& state);

 private:
  double log_threshold_;
  State log_r_;
  double log_statistic_ = 0;
};

}  // namespace weir::stats

#endif  // WEIR_STATS_DETECTOR_H_
