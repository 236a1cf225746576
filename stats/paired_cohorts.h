// The default's and a candidate's cohorts side by side, as the error ratio looks at them: what is open changes while
// calls end late; what has left the ring is closed and never changes again.
//
// A cohort is the calls of one tick. Where traffic is thin a tick says little, since one with calls of a single variant
// says nothing at all (at ten calls a second nearly every tick): ticks of one second are joined to one cohort while the
// variant with fewer calls has fewer than 100 in them. Which are joined depends on starts alone, never on errors. What
// joining costs is that error rates which move for both within such a second are no longer told apart from its average.

#ifndef WEIR_STATS_PAIRED_COHORTS_H_
#define WEIR_STATS_PAIRED_COHORTS_H_

#include <cstdint>
#include <vector>

#include "stats/counts.h"
#include "stats/error_evidence.h"

namespace weir::stats {

// Calls of both variants that started together. While a call of the baseline is unresolved it counts as an error of the
// baseline, and one of the candidate as none: conservative until it resolves, which one that was lost never does.
struct PairedCohort {
  Tick tick = 0;  // The first one.
  ErrorRatioGrid::Cohort counts;
  bool operator==(const PairedCohort&) const = default;
};

class PairedCohorts {
 public:
  static constexpr Tick kTicksToJoin = 10;  // Of one second, counted from the epoch of Unix.
  static constexpr int64_t kCallsToStandAlone = 100;

  // Cohorts before `closed_before` are closed already: what a checkpoint says.
  explicit PairedCohorts(Tick closed_before) : closed_before_(closed_before) {}

  struct Change {
    size_t closed;         // How many of those that were open before, from the front, were closed as they stood.
    size_t first_changed;  // Of those that are open now, the first that is new or changed; open().size() if none.
  };
  // Takes up what both rings show now of the ticks before `matured_before`. A second closes when the ring of either
  // variant drops the first tick of it.
  Change Update(const VariantCounts& baseline, const VariantCounts& candidate, Tick matured_before);

  const std::vector<PairedCohort>& open() const { return open_; }
  Tick closed_before() const { return closed_before_; }

 private:
  size_t Close(Tick before);

  Tick closed_before_;
  std::vector<PairedCohort> open_;  // Ascending.
};

}  // namespace weir::stats

#endif  // WEIR_STATS_PAIRED_COHORTS_H_
