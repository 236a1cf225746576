// What a rollout that chooses its shares has learned in its present step: the sums behind `Weighed`.
//
// Every call and outcome is weighted by one over the share that its variant had in the epoch of its assignment,
// whenever it is heard of, so that nothing need be kept by epoch but its shares. An epoch in which an arm had no share
// is left out for all arms: in it nothing could have been learned of that one, and what the others were worth then
// compares with nothing.

#ifndef WEIR_ROUTER_EXPERIMENT_ALLOCATION_EVIDENCE_H_
#define WEIR_ROUTER_EXPERIMENT_ALLOCATION_EVIDENCE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/experiment/machine.h"
#include "router/experiment/plan.h"
#include "stats/counts.h"
#include "stats/propensity.h"

namespace weir::experiment {

// One run's. The control thread's.
class AllocationEvidence {
 public:
  // Epochs whose shares are kept for what is heard of late; the oldest go first.
  static constexpr size_t kEpochs = 1024;
  // Between two looks at a bandit, each of which integrates over its arms: about a millisecond.
  static constexpr absl::Duration kBanditRest = absl::Seconds(1);
  // Nothing new is looked at all the same after this, to see that it has become old.
  static constexpr absl::Duration kLongestRest = absl::Seconds(5);

  // To be told of every change of the state and of the file. Begins anew with the step, and with other arms or another
  // metric.
  void Follow(const Plan& plan, const State& state);
  bool is_active() const { return since_ != 0; }

  void Merge(uint32_t epoch, std::string_view variant, const stats::VariantCounts& delta);
  void AddOutcome(uint32_t epoch, std::string_view variant, std::string_view metric, uint8_t user_bucket, double value,
                  absl::Time now);
  // The same of many at once, the newest of them reported at `now`.
  void MergeOutcomes(uint32_t epoch, std::string_view variant, std::string_view metric,
                     const stats::OutcomeCounts& delta, absl::Time now);

  // Calls of the step that ended well or badly.
  int64_t SamplesOf(std::string_view variant) const;
  // When there is something to look at; not more often than it costs little.
  std::optional<Weighed> Look(absl::Time now);

  // Whether there is something to write since the last call.
  bool TakeChanged() { return std::exchange(is_changed_, false); }
  v1::AllocationCheckpoint Checkpoint() const;
  // On a new object, before Follow. DATA_LOSS where it is no such checkpoint.
  absl::Status Restore(const v1::AllocationCheckpoint& checkpoint);

 private:
  struct Sums {
    stats::PropensityWeighted outcomes, errors;
  };
  struct Arm {
    std::string name;
    Sums whole;
    std::array<Sums, 2> recent;  // Of the period before, and of the present one. Not checkpointed.
    int64_t samples = 0;
    absl::Time newest = absl::InfinitePast();
  };

  // `add` to the sums that outcomes of the metric go to, with their propensity.
  template <typename Add>
  void ForOutcomes(uint32_t epoch, std::string_view variant, std::string_view metric, absl::Time now, const Add& add);
  Arm* Find(std::string_view variant);
  // Of the epoch; nullopt where it is not kept, before the step, or without a share for one of the arms.
  std::optional<double> PropensityOf(uint32_t epoch, std::string_view variant) const;
  void Rotate(absl::Time now);

  uint32_t since_ = 0;  // The first epoch of the step; 0: no rollout chooses shares now.
  std::string metric_;
  bool is_by_risk_ = false;
  absl::Duration every_;
  std::vector<Arm> arms_;
  std::map<uint32_t, std::vector<config::Variant>> shares_;  // By epoch.
  absl::Time rotated_at_ = absl::InfinitePast();
  absl::Time looked_at_ = absl::InfinitePast();
  bool has_news_ = false;
  bool is_changed_ = false;
};

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_ALLOCATION_EVIDENCE_H_
