// What is concluded of an experiment as a whole: Success, Failed, Inconclusive, or that it is too early to tell.
//
// `Decide` is a pure function of two values, what is asked (`Criteria`) and what is known (`Evidence`), both of which
// the journal can keep (decision_record.h): whoever has them comes to the same decision, bit by bit. It makes a finding
// of each thing that it looks at, and concludes from the findings alone, in this order:
//   1. a failure that needs no comparison: `failureCondition` holds, or a guardrail with `action: rollback` is
//   breached;
//   2. health: where the split is not the one asked for, outcomes are reported for one variant more than for another,
//   or
//      calls are lost, no number can be believed: Inconclusive;
//   3. a failure by comparison: a primary metric is worse, or the value's interval says REJECT;
//   4. whatever is missing, stale, or not long enough: undecided. So nothing that is not known ever makes a success;
//   5. Success.
// All of it may be looked at after every call: tests are e-values and confidence sequences, so that a success which is
// none has probability `alpha` at most over all looks, whenever somebody stops.

#ifndef WEIR_ROUTER_EXPERIMENT_DECISION_H_
#define WEIR_ROUTER_EXPERIMENT_DECISION_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "router/experiment/external_values.h"
#include "router/experiment/machine.h"
#include "router/experiment/run_evidence.h"
#include "stats/counts.h"

namespace weir::experiment {

// --- What is asked.

// A guardrail that compares with the default.
struct ComparedGuardrail {
  std::string name;
  bool is_of_errors = false;
  bool operator==(const ComparedGuardrail&) const = default;
};

struct Criteria {
  config::DecisionRules rules{};
  std::optional<config::DecisionWeights> weights{};
  std::vector<config::OutcomeMetric> metrics{};
  std::vector<config::QueryMetric> queries{};
  std::vector<ComparedGuardrail> compared{};
  config::Analysis analysis{};
  absl::Duration no_data_after = config::Rollout().no_data_after;
  std::optional<absl::Duration> preview_max_age{};  // nullopt: there is no preview.
};
// Of a step with that analysis.
Criteria CriteriaOf(const config::Experiment& experiment, const config::Analysis& analysis);
// Of an experiment without one: what it says that it wants to know.
config::Analysis AnalysisToTell(const config::Experiment& experiment);

// --- What is known. Counts and outcomes are of the present step, since its shares last changed: numbers of other
// shares are not mixed in, for what drifts meanwhile would make one of two equal models look the better (Simpson's
// paradox). A rollout that chooses its shares itself has all of its step: ratios hold for it, and comparisons are not
// asked. The tests of guardrails and of the promotion go by the shares of each cohort, and so through the whole run.

struct VariantFacts {
  std::string name;
  config::Weight weight{};                              // In the split in force.
  absl::Time newest = absl::InfinitePast();             // When the newest call started.
  stats::VariantCounts counts{};                        // Of the step, with these shares.
  Outcomes outcomes{};                                  // The same.
  std::array<int64_t, stats::kUserBuckets> assigned{};  // Calls of the present epoch by user bucket, compared or not.
  // By metric: of the outcomes that were reported of each epoch as large a part as it had of the epoch's calls. Empty
  // in records from before it was kept.
  std::map<std::string, double, std::less<>> expected_outcomes{};
};

// A test of one guardrail and candidate.
struct TestFacts {
  std::string guardrail;
  std::string candidate;
  bool is_hard = false;    // `action: rollback`
  bool is_proven = false;  // A breach; or that the candidate is not worse.
  double log10_evidence = 0;
  double log10_threshold = 0;
};

struct Evidence {
  absl::Time now;
  absl::Time begun;  // The rollout, or the run where there is none.
  // The step, later by the time that it was paused since, or its shares, if they changed after that: whole weeks are
  // counted from there. Answers of queries from before it are not of the step, and not known to its conditions.
  // InfinitePast in records from before it was kept.
  absl::Time since = absl::InfinitePast();
  std::string default_variant;
  std::vector<VariantFacts> variants{};  // In the order of the split in force.
  std::vector<TestFacts> guardrails{};
  std::vector<TestFacts> promotion{};  // "Not worse", of each guardrail that compares with the default.
  ExternalValues values{};
};
const VariantFacts* FactsOf(const Evidence& evidence, std::string_view variant);

// --- What is found.

enum class Check {
  kFailureCondition,
  kGuardrail,     // One that rolls back.
  kSoftLimit,     // One that warns or pauses: told, and decides nothing.
  kSampleRatio,   // Of calls assigned, by users.
  kOutcomeRatio,  // Of outcomes reported for the calls.
  kDataLoss,
  kPrimary,
  kValue,
  kData,      // Calls keep coming.
  kDuration,  // Long enough, and whole weeks.
  kNonInferiority,
  kSuccessCondition,
};
inline constexpr int kChecks = 12;
std::string NameOf(Check check);  // "sample-ratio"

enum class CheckState { kPassed, kFailed, kUnknown };
std::string NameOf(CheckState state);  // "passed", "failed", "unknown"

struct Finding {
  Check check = Check::kData;
  CheckState state = CheckState::kUnknown;
  std::string subject{};  // The guardrail or the metric; empty: the whole.
  std::string variant{};  // Empty: all.
  std::optional<double> value{}, lower{}, upper{}, bound{};
  std::string text{};  // For people.
  bool operator==(const Finding&) const = default;
};

struct Decision {
  Verdict verdict = Verdict::kUndecided;
  std::string label{};        // By the worst candidate's interval; empty: nothing was valued.
  std::string point_label{};  // By its estimate.
  std::string why{};
  std::vector<Finding> findings{};
  absl::Time at{};
  bool operator==(const Decision&) const = default;
};
std::string NameOf(Verdict verdict);  // "success", ...

Decision Decide(const Criteria& criteria, const Evidence& evidence);

// The verdict and why, from the findings alone.
struct Conclusion {
  Verdict verdict = Verdict::kUndecided;
  std::string why{};
};
Conclusion Conclude(const std::vector<Finding>& findings);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_DECISION_H_
