#include "stats/non_inferiority.h"

namespace weir::stats {

GridLog NonInferiorityGrid::Term(const ErrorRatioGrid::Cohort& cohort) const {
  return mirrored_.Term({.baseline_calls = cohort.candidate_calls,
                         .candidate_calls = cohort.baseline_calls,
                         .candidate_errors = cohort.errors - cohort.candidate_errors,
                         .errors = cohort.errors});
}

int MarginBuckets(double margin) {
  const int at_least = LatencyHistogram::BucketsForRatio(margin);
  const bool exact = LatencyHistogram::RatioOfBuckets(at_least) <= margin * (1 + 1e-9);
  return exact ? at_least : at_least - 1;
}

double LogTailNonInferior(const TailMixture& mixture, double margin, const TailCounts& candidate,
                          const TailCounts& baseline, double design_effect) {
  return LogTailRatio(mixture, -MarginBuckets(margin), candidate, baseline, design_effect);
}

}  // namespace weir::stats
