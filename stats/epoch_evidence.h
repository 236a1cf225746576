// What one epoch says about one candidate beside the default: the sums that every guardrail's test of that epoch is
// made of. It is fed with the epoch's counts at each tick, recomputes what is still open (calls end late), and keeps
// what is closed.

#ifndef WEIR_STATS_EPOCH_EVIDENCE_H_
#define WEIR_STATS_EPOCH_EVIDENCE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "stats/counts.h"
#include "stats/error_evidence.h"
#include "stats/paired_cohorts.h"
#include "stats/tail_evidence.h"

namespace weir::stats {

using UserCounts = std::array<UserBucketCounts, kUserBuckets>;
void AddTo(UserCounts& sum, const UserCounts& term);

// How old a cohort must be to be looked at: the baseline's p99, at least a tick, and at most half of the ring, so that
// a cohort is looked at before it closes.
absl::Duration MaturityAge(const VariantCounts& baseline);

class EpochEvidence {
 public:
  // What a checkpoint keeps; all else is derived from the counts at the next Update.
  struct State {
    uint32_t epoch = 0;
    uint32_t restart = 0;  // Which restart this epoch is: 0 for the run's first epoch.
    Tick closed_before = 0;
    std::vector<GridLog> closed_errors;  // One for each error ratio.
    bool operator==(const State&) const = default;
  };

  // `max_ratios`: those of the error-ratio guardrails.
  EpochEvidence(const std::vector<double>& max_ratios, State state);

  void Update(const VariantCounts& baseline, const VariantCounts& candidate, absl::Time now);

  // The counts' rings were closed (VariantCounts::CloseRing): what they said stays, and cohorts from `first` on are
  // new.
  void CloseRing(Tick first);

  // The grid of the i-th error ratio over the cohorts that are old enough, closed ones included.
  const GridLog& errors(size_t i) const { return ratios_[i].sum; }
  // The candidate's calls and errors in cohorts that are old enough, without the neutral ones.
  int64_t candidate_calls() const { return candidate_calls_; }
  int64_t candidate_errors() const { return candidate_errors_; }
  const TailCounts& baseline_tail() const { return baseline_tail_; }
  const TailCounts& candidate_tail() const { return candidate_tail_; }
  // Changes exactly when one of the tails did.
  int64_t tail_version() const { return tail_version_; }
  const UserCounts& baseline_users() const { return baseline_users_; }
  const UserCounts& candidate_users() const { return candidate_users_; }
  // All of its cohorts have left the ring, or would have, were there traffic.
  bool IsClosed(absl::Time now) const { return closes_at_ <= now; }
  const State& state() const { return state_; }

 private:
  struct ErrorRatio {
    ErrorRatioGrid grid;
    std::vector<GridLog>
        running;  // The closed sum plus the terms of the open cohorts up to this one: only what follows a
                  // change is summed anew, in the same order, so that a result depends on no history.
    GridLog sum{};
  };

  void UpdateErrorRatios(const PairedCohorts::Change& change);
  void UpdateCeiling(const VariantCounts& candidate, Tick matured_before);
  void UpdateTails(const VariantCounts& baseline, const VariantCounts& candidate, Tick matured_before, absl::Time now);

  State state_;
  PairedCohorts cohorts_;
  std::vector<ErrorRatio> ratios_;
  int64_t candidate_calls_ = 0, candidate_errors_ = 0;
  TailCounts baseline_tail_, candidate_tail_;
  int64_t tail_version_ = 0;
  UserCounts baseline_users_{}, candidate_users_{};
  absl::Time closes_at_ = absl::InfinitePast();
};

}  // namespace weir::stats

#endif  // WEIR_STATS_EPOCH_EVIDENCE_H_
