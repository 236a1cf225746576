// Evidence that the candidate is *not* worse than the default by more than a margin: what promotion needs of every
// guardrail, at its full alpha (intersection-union: no correction). Always valid, like the guardrails' own tests, of
// which these are the mirror image: "the candidate's error rate is below r x the default's" is "the default's is above
// 1/r x the candidate's", so that the same grid serves with roles exchanged, l_j = r / {1.15 .. 50}:
//   L_j += k log(l_j / r) - m log((rho l_j + 1 - rho) / (rho r + 1 - rho)),     log E = log mean_j exp(L_j / D),
// for k candidate errors of m and the candidate's share rho of the cohort's calls. Valid for every true ratio from r
// upwards; additive over cohorts, epochs and replicas.
//
// What is unresolved must be counted against the candidate here: give the cohorts of PairedCohorts::Update with the
// *candidate's* counts in the place of the baseline, and the baseline's in that of the candidate (`MirroredTerm`).

#ifndef WEIR_STATS_NON_INFERIORITY_H_
#define WEIR_STATS_NON_INFERIORITY_H_

#include "stats/error_evidence.h"
#include "stats/tail_evidence.h"

namespace weir::stats {

class NonInferiorityGrid {
 public:
  // margin > 0: 1.1 tolerates a tenth more errors.
  explicit NonInferiorityGrid(double margin) : mirrored_(1 / margin) {}

  // One cohort's term, in the guardrail's own naming: `errors` are both variants', `candidate_errors` of them are the
  // candidate's, its unresolved calls among them.
  GridLog Term(const ErrorRatioGrid::Cohort& cohort) const;

  // The same of a cohort whose `baseline_...` are the candidate's and `candidate_...` the default's.
  GridLog MirroredTerm(const ErrorRatioGrid::Cohort& exchanged) const { return mirrored_.Term(exchanged); }

 private:
  ErrorRatioGrid mirrored_;
};

// log E of "the candidate's latency quantile is below `margin` x the default's", margin >= 1, rounded down to a whole
// number of buckets (MarginBuckets says to how many): the tail ratio's test with roles exchanged and the shift turned
// round. Distribution-free, for one epoch. `candidate` is conservative for this claim when made by PossiblySlow, and
// `baseline` when made by CertainlySlow: unresolved calls are slow for the candidate, and fast for the default.
double LogTailNonInferior(const TailMixture& mixture, double margin, const TailCounts& candidate,
                          const TailCounts& baseline, double design_effect);
// The margin as it is tested, in buckets: the greatest number whose ratio is not above `margin`.
int MarginBuckets(double margin);

}  // namespace weir::stats

#endif  // WEIR_STATS_NON_INFERIORITY_H_
