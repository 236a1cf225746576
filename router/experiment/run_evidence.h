// Everything that was counted in one run: the ground under its verdicts, its status and its checkpoint.

#ifndef WEIR_ROUTER_EXPERIMENT_RUN_EVIDENCE_H_
#define WEIR_ROUTER_EXPERIMENT_RUN_EVIDENCE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "router/experiment/journal.h"
#include "router/experiment/machine.h"
#include "stats/counts.h"
#include "stats/outcomes.h"
#include "stats/ticket.h"

namespace weir::experiment {

// By metric.
using Outcomes = std::map<std::string, stats::OutcomeCounts, std::less<>>;

// One variant in one epoch.
struct VariantEvidence {
  std::string name;
  stats::VariantCounts counts;
  Outcomes outcomes;
};

// One variant over the run.
struct RunVariant {
  stats::VariantCounts past;  // Of folded epochs.
  Outcomes outcomes;          // Of all epochs.
};

// What tells an epoch from another that had its number before, and that a crash forgot.
struct EpochOrigin {
  absl::Time started = absl::InfinitePast();  // No call of it began before.
  std::optional<stats::Issuer> begun_by{};    // The process; nullopt: not recorded.
  bool operator==(const EpochOrigin&) const = default;
};

// A value. Variants are told by name, since an edit may move their places. Epochs are open until no test needs them
// apart from each other; then they are folded into the past, which shares merge into but tests do not read.
class RunEvidence {
 public:
  // Epochs whose names are kept for reports that come late; the oldest go first.
  static constexpr size_t kNamedEpochs = 1024;

  // Makes `epoch` the current one. It is above all before it.
  void BeginEpoch(uint32_t epoch, const Split& split, const EpochOrigin& origin = {});

  // Counts of calls that started in `epoch`, open or not. A variant unknown to it is ignored: no table ever named it.
  void Merge(uint32_t epoch, std::string_view variant, const stats::VariantCounts& delta);

  // The name of the variant that a ticket of this run names. NOT_FOUND where the run does not keep its epoch, or keeps
  // another of that number, or where the epoch has no such variant.
  absl::StatusOr<std::string> VariantOf(const stats::Ticket& ticket) const;
  void AddOutcome(uint32_t epoch, const std::string& variant, const std::string& metric, uint8_t user_bucket,
                  double value);

  // The same of many at once.
  void MergeOutcomes(uint32_t epoch, const std::string& variant, const std::string& metric,
                     const stats::OutcomeCounts& delta);

  void Fold(uint32_t epoch);

  // Open ones, ascending; the current one is the last.
  const std::map<uint32_t, std::vector<VariantEvidence>>& open() const { return open_; }
  uint32_t newest_epoch() const { return names_.empty() ? 0 : names_.rbegin()->first; }  // Of all that began; 0: none.
  // Whether a later epoch than this one began, or another of its number.
  bool HasPassed(uint32_t epoch, const Split& split, absl::Time started) const;
  const VariantEvidence* Find(uint32_t epoch, std::string_view variant) const;  // Null if not open, or not in it.
  const stats::OutcomeCounts* OutcomesOf(std::string_view variant,
                                         std::string_view metric) const;  // Of the run; may be null.
  stats::VariantCounts Total(std::string_view variant) const;             // Of the run.
  bool HasCallsInFlight() const;
  int64_t started() const;    // Calls of the run, of all variants.
  int64_t previewed() const;  // Previewed calls of open epochs that have ended.

  // Calls in flight when a process died are closed neutral: once, after restoring.
  void CloseInFlight();
  // The newest tick of which a cohort is kept apart, if any.
  std::optional<stats::Tick> NewestTick() const;
  // After CloseInFlight, and after the tests looked: closes the cohorts of all variants.
  void CloseRings();
  // From now on a past run: it only takes outcomes, until it is dropped.
  void End(absl::Time now) { ended_ = now, is_changed_ = true; }
  absl::Time ended() const { return ended_; }  // InfiniteFuture for the present run.

  // All of it, as checkpoints keep it.
  v1::RunCheckpoint RunRecord() const;
  v1::EpochCheckpoint EpochRecord(uint32_t epoch) const;  // An open one.
  // The rows that changed since the last call; `prefix` is "<experiment>/<run>".
  std::vector<CheckpointRow> TakeChanges(const std::string& prefix);
  // The rows that hold it, to be removed.
  std::vector<CheckpointRow> Removal(const std::string& prefix) const;
  absl::Status RestoreRun(const std::string& value);
  // After RestoreRun.
  absl::Status RestoreEpoch(uint32_t epoch, const std::string& value);

 private:
  // `change` to the outcomes of the run, and to those of the epoch where it is open.
  template <typename Change>
  void ForOutcomes(uint32_t epoch, const std::string& variant, const std::string& metric, const Change& change);

  std::map<uint32_t, std::vector<VariantEvidence>> open_;
  struct NamedEpoch {
    std::vector<std::string> names;  // In the order of its specification.
    EpochOrigin origin;
  };
  std::map<uint32_t, NamedEpoch> names_;
  std::map<std::string, RunVariant, std::less<>> variants_;
  absl::Time ended_ = absl::InfiniteFuture();
  std::set<uint32_t> changed_epochs_;
  bool is_changed_ = true;  // The run's own row.
};

// --- Between counts and their records. DATA_LOSS for what no counts could have given.

void Encode(const stats::VariantCounts& counts, v1::VariantCheckpoint& record);
absl::StatusOr<stats::VariantCounts> Decode(const v1::VariantCheckpoint& record);
void Encode(const std::string& metric, const stats::OutcomeCounts& counts, v1::OutcomeCheckpoint& record);
absl::StatusOr<stats::OutcomeCounts> Decode(const v1::OutcomeCheckpoint& record);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_RUN_EVIDENCE_H_
