// Guardrails: has one candidate provably become worse than it may be? Asked at every tick, for ever, with the
// probability of ever answering "yes" falsely bounded by the guardrail's alpha.
//
// The ledger of alpha. Half of it is spent on the test that runs through the whole run: error evidence adds over epochs
// (spans of unchanged shares), tail evidence of past epochs multiplies, each as (1+E)/2. The other half is spent on
// tests restarted at each later epoch, since a test with a long healthy history is slow to turn: the k-th restart has
// alpha/2 * 6/(pi^2 k^2), which sums to alpha/2 over however many there will be, because without a rollout nobody knows
// how often the weights will be edited. With a rollout n restarts are known to come: four fifths of the half are
// divided evenly by the first n, and those that people add beyond them share the last fifth in the same convergent way,
// so that the sum stays within alpha/2 whatever they do. (In the run's first epoch the two tests are the same one, so
// nothing is spent twice.)

#ifndef WEIR_STATS_GUARDRAILS_H_
#define WEIR_STATS_GUARDRAILS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "stats/counts.h"
#include "stats/epoch_evidence.h"
#include "stats/outcomes.h"

namespace weir::stats {

// Candidate's error rate > max_ratio x the default's. max_ratio > 0.
struct ErrorRatioRule {
  double max_ratio = 1;
  bool operator==(const ErrorRatioRule&) const = default;
};
// Candidate's error rate > max. 0 < max < 1.
struct ErrorCeilingRule {
  double max = 0;
  bool operator==(const ErrorCeilingRule&) const = default;
};
// Candidate's latency quantile > max_ratio x the default's. 0 < quantile < 1; rounded up to a whole bucket. Ratios
// below 1 are for the mirrored test (non_inferiority.h).
struct TailRatioRule {
  double quantile = 0.99;
  double max_ratio = 1;
  bool operator==(const TailRatioRule&) const = default;
};
// Candidate's latency quantile > max; rounded up to a bucket's edge.
struct TailCeilingRule {
  double quantile = 0.99;
  absl::Duration max;
  bool operator==(const TailCeilingRule&) const = default;
};
// Candidate's mean outcome < min or > max. At least one of them; a proportion's lie between 0 and 1, exclusive.
struct OutcomeBoundRule {
  std::string metric;
  bool is_proportion = true;
  std::optional<double> min;
  std::optional<double> max;
  bool operator==(const OutcomeBoundRule&) const = default;
};
using GuardrailTest = std::variant<ErrorRatioRule, ErrorCeilingRule, TailRatioRule, TailCeilingRule, OutcomeBoundRule>;

struct GuardrailSpec {
  GuardrailTest test;
  double alpha = 0.001;           // In (0, 1).
  uint32_t planned_restarts = 0;  // Of the run; fixed when it begins, or the sum over restarts is not bounded.
  bool latches = true;            // Once breached, breached for ever. False: as the evidence is at each look.
  bool operator==(const GuardrailSpec&) const = default;
};

// The part of alpha that the restart-th restarted test (from 1) has. The sum over all of them is a half at most.
double RestartShare(uint32_t planned_restarts, uint32_t restart);

// What is exact about the test that runs: "x1.2 is tested as x1.2008 (18 buckets)". Empty where nothing is rounded.
std::string DescribeRounding(const GuardrailTest& test);

// The note of a verdict that was reached at an earlier look.
inline constexpr char kBreachedBefore[] = "breached before in this run";

struct Verdict {
  double log_e = 0;          // Of the run's or the restarted test: whichever is nearest to its threshold.
  double log_threshold = 0;  // That one's; log(2 / alpha) for the run's.
  bool breached = false;     // Once true, true for ever, with the evidence of that moment, where the spec latches.
  std::string note;          // What else an operator should know: of which test, the design effect, the rounding.
};

// One epoch's counts. The pointers are borrowed for the call.
struct EpochCounts {
  uint32_t epoch = 0;
  const VariantCounts* baseline = nullptr;
  const VariantCounts* candidate = nullptr;
};

// One outcome metric of the candidate: over the whole run, and of the current epoch.
struct OutcomeEvidence {
  const OutcomeCounts* run = nullptr;
  const OutcomeCounts* epoch = nullptr;
};

// All that is known at a tick about one candidate beside the default.
struct Evidence {
  // In ascending order, the current one last, and never empty. An epoch is to be given until `IsFolded`: calls of a
  // past epoch end after it.
  std::vector<EpochCounts> epochs;
  std::map<std::string, OutcomeEvidence> outcomes;  // By metric; one without outcomes may be missing.
};

// All guardrails of one candidate in one run. Control thread. The same sequence of inputs gives bit-identical results,
// however the counts were partitioned.
class GuardrailLedger {
 public:
  // What one guardrail remembers of the past.
  struct GuardrailState {
    GridLog past_errors{};  // Error ratio: the sum over folded epochs.
    double past_tail = 0;   // Tails: the sum of log((1+E)/2) over folded epochs.
    std::optional<double> breach_log_e, breach_log_threshold;
    bool operator==(const GuardrailState&) const = default;
  };
  // What a checkpoint keeps.
  struct State {
    std::vector<GuardrailState> guardrails;  // In the order of the specs.
    std::vector<EpochEvidence::State> open;  // Epochs whose calls may still end, ascending.
    std::optional<uint32_t> last_folded;     // All epochs up to this one are in the past.
    uint32_t epochs_seen = 0;
    int64_t past_calls = 0, past_errors = 0;  // Of the candidate in folded epochs, for the error ceiling.
    UserCounts past_baseline_users{}, past_candidate_users{};
    bool operator==(const State&) const = default;
  };

  explicit GuardrailLedger(std::vector<GuardrailSpec> specs) : GuardrailLedger(std::move(specs), State{}) {}
  // Goes on from a checkpoint; InvalidArgument where it is of other guardrails. Call Judge once with the counts of that
  // same checkpoint (after CloseInFlight) before anything is merged into them: cohorts that are open are derived from
  // them.
  static absl::StatusOr<GuardrailLedger> Restore(std::vector<GuardrailSpec> specs, State state);

  // A verdict for each guardrail, in the order of the specs. About 0.1 ms for each tail ratio, less for all others.
  std::vector<Verdict> Judge(const Evidence& evidence, absl::Time now);

  // In place of Judge while the candidate is not in the current epoch: its past epochs go on until they are folded.
  void Settle(const std::vector<EpochCounts>& past, uint32_t current, absl::Time now);

  // After Judge: the rings of all counts are closed, and cohorts from `first` on are new.
  void CloseRings(Tick first) {
    for (OpenEpoch& epoch : open_) epoch.evidence.CloseRing(first);
  }

  // Its calls have all ended or are older than the ring; its counts are no longer needed.
  bool IsFolded(uint32_t epoch) const { return past_.last_folded && epoch <= *past_.last_folded; }
  State state() const;
  const std::vector<GuardrailSpec>& specs() const { return specs_; }

 private:
  // A number for the run and one for the current epoch's restart.
  struct Logs {
    double run = 0;
    double restart = 0;
    double design_effect = 1;  // The run's.
  };
  // The last tail evidence of an open epoch, as long as nothing changed.
  struct TailCache {
    int64_t version = -1;
    double design_effect = 0;
    double log_e = 0;
  };
  struct OpenEpoch {
    EpochEvidence evidence;
    std::vector<TailCache> tails;  // One for each guardrail.
    double baseline_design_effect = 1, candidate_design_effect = 1;
  };

  GuardrailLedger(std::vector<GuardrailSpec> specs, State state);
  void Open(EpochEvidence::State state);
  void TakeUp(const std::vector<EpochCounts>& epochs, absl::Time now);
  void FoldClosed(uint32_t current, absl::Time now);
  void FoldOldest();
  void UpdateDesignEffects();
  double TailLogE(size_t guardrail, OpenEpoch& epoch);
  Logs LogsOf(size_t guardrail, const Evidence& evidence);
  Logs ErrorRatioLogs(size_t guardrail);
  Logs ErrorCeilingLogs(const ErrorCeilingRule& rule);
  Logs TailLogs(size_t guardrail);
  Verdict VerdictOf(size_t guardrail, const Logs& logs);

  std::vector<GuardrailSpec> specs_;
  std::vector<std::optional<size_t>> ratio_index_;    // Of an error-ratio guardrail among those.
  std::vector<std::optional<TailMixture>> mixtures_;  // Of a tail guardrail.
  std::vector<double> max_ratios_;
  State past_;  // Without `open`, which is in open_.
  std::vector<OpenEpoch> open_;
  double run_baseline_design_effect_ = 1, run_candidate_design_effect_ = 1;
};

}  // namespace weir::stats

#endif  // WEIR_STATS_GUARDRAILS_H_
