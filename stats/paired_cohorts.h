// The default's and a candidate's cohorts side by side, as the error ratio looks at them: what is open changes while calls
// end late; what has left the ring is closed and never changes again.

#ifndef WEIR_STATS_PAIRED_COHORTS_H_
#define WEIR_STATS_PAIRED_COHORTS_H_

#include <cstdint>
#include <vector>

#include "stats/counts.h"
#include "stats/error_evidence.h"

namespace weir::stats {

// One tick in which both variants had calls. While a call of the baseline is unresolved it counts as an error of the
// baseline, and one of the candidate as none: conservative until it resolves.
struct PairedCohort {
  Tick tick = 0;
  ErrorRatioGrid::Cohort counts;
};

class PairedCohorts {
 public:
  // Cohorts before `closed_before` are closed already: what a checkpoint says.
  explicit PairedCohorts(Tick closed_before) : closed_before_(closed_before) {}

  struct Change {
    size_t closed;         // How many of those that were open before, from the front, were closed as they stood.
    size_t first_changed;  // Of those that are open now, the first that is new or changed; open().size() if none.
  };
  // Takes up what both rings show now. A cohort closes when it is dropped from the ring of either.
  Change Update(const VariantCounts& baseline, const VariantCounts& candidate);

  const std::vector<PairedCohort>& open() const { return open_; }
  Tick closed_before() const { return closed_before_; }
  // How many of the open cohorts started before `tick`.
  size_t CountBefore(Tick tick) const;

 private:
  size_t Close(Tick before);

  Tick closed_before_;
  std::vector<PairedCohort> open_;  // Ascending.
};

}  // namespace weir::stats

#endif  // WEIR_STATS_PAIRED_COHORTS_H_
