// Looks at an experiment as a whole, once a second: the tests that a promotion needs, detectors, trends and rate gates,
// and the decision (decision.h) that follows from them and from the present step's counts. It keeps what these
// remember; what is concluded is a function of it.

#ifndef WEIR_ROUTER_EXPERIMENT_ANALYST_H_
#define WEIR_ROUTER_EXPERIMENT_ANALYST_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/experiment/breach.h"
#include "router/experiment/decision.h"
#include "router/experiment/decision_record.h"
#include "router/experiment/detectors.h"
#include "router/experiment/external_values.h"
#include "router/experiment/guardrails.h"
#include "router/experiment/machine.h"
#include "router/experiment/rate_gates.h"
#include "router/experiment/run_evidence.h"
#include "router/experiment/trends.h"

namespace weir::experiment {

// Something that a person should hear of, and that changes nothing by itself.
struct Warning {
  enum class Kind { kDetector, kTrend };
  Kind kind = Kind::kTrend;
  std::string name;  // The guardrail's, or the trend's.
  std::string candidate;
  std::string text;
  absl::Time since;  // Of the first alarm of it.
  bool operator==(const Warning&) const = default;
};

// One run's. The control thread's.
class Analyst {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(1);

  // Takes up what the specification asks and who is compared now, like Guardrails::Follow. What was concluded by
  // another specification is forgotten, and the next look is due.
  void Follow(const config::Experiment& specification, const Split& split);
  // The specification with those guardrails alone that are judged now: whose `when` has held.
  config::Experiment Judged(const config::Experiment& specification) const;
  const RateGates& gates() const { return gates_; }

  // All that is known of an experiment. Borrowed for the call.
  struct Known {
    const config::Experiment& specification;
    const State& state;  // Open.
    const RunEvidence& evidence;
    const std::vector<Judgement>& judgements;  // The newest.
    const ExternalValues& values;
  };
  // Looks, if it is time, or if what is counted is from another time on than it was; and decides anew whenever
  // previewed calls have ended. Whether a rate gate opened: then the guardrails are to follow again.
  bool Look(const Known& known, absl::Time now);

  // --- What came of the last look.

  // Nothing where the experiment has nothing to analyse. It is of the step that it was made in.
  const std::optional<Decision>& decision() const { return decision_; }
  // Whether something follows from it.
  bool decides() const { return decides_; }
  // What `state` may go by: undecided where there is no decision of this very step, and in the watch where none failed.
  Analysed AnalysedIn(const State& state) const;
  // The decision with everything that it was made of; only where there is one.
  std::optional<v1::DecisionRecord> Record(const std::string& experiment) const;
  std::optional<double> sample_ratio_log10_bayes_factor() const { return sample_ratio_; }
  const std::vector<Detection>& detections() const { return detections_; }
  const std::vector<TrendReading>& trends() const { return readings_; }
  // Those that stand at `now`, as of the last look: at most one of a detector, and of a trend, of a candidate.
  std::vector<Warning> WarningsAt(absl::Time now) const;
  // Alarms of detectors that act, of a look that was made just now.
  const std::vector<Demand>& alarms() const { return alarms_; }
  // All detectors as they were before that look; empty where there is no such alarm.
  const DetectorRecords& before_alarms() const { return before_alarms_; }

  // A breach that pauses does so once a run. Whether this one is the first.
  bool MarkPaused(const std::string& guardrail, const std::string& candidate) {
    return paused_for_.emplace(guardrail, candidate).second;
  }
  bool HasPaused(const std::string& guardrail, const std::string& candidate) const {
    return paused_for_.contains({guardrail, candidate});
  }

  // --- Memory.

  bool IsFolded(const RunEvidence& evidence, uint32_t epoch) const {
    return !tests_promotion_ || promotion_.IsFolded(evidence, epoch);
  }
  void CloseRings(stats::Tick first);
  v1::AnalysisCheckpoint Checkpoint() const;
  // On a new object, before Follow. DATA_LOSS where it is no such checkpoint.
  absl::Status Restore(const v1::AnalysisCheckpoint& checkpoint);
  // After Restore and Follow, with the counts of the same checkpoint.
  void TakeUp(const RunEvidence& evidence, absl::Time now);

 private:
  void LookAtTests(const Known& known, absl::Time now);
  void Decide(const Known& known, absl::Time now);
  Evidence EvidenceOf(const Known& known, absl::Time now) const;

  Guardrails promotion_{Claim::kNotWorse};
  bool tests_promotion_ = false;
  Detectors detectors_;
  Trends trends_;
  RateGates gates_;
  std::set<std::pair<std::string, std::string>> paused_for_;  // Guardrail and candidate.

  std::optional<config::Experiment> followed_;  // By which the last look, if any, was made.
  std::optional<absl::Time> looked_at_;
  int64_t previewed_ = 0;  // RunEvidence::previewed, when it was decided.
  std::vector<Judgement> not_worse_;
  std::vector<Detection> detections_;
  std::vector<TrendReading> readings_;
  std::vector<Demand> alarms_;
  DetectorRecords before_alarms_;
  std::optional<Decision> decision_;
  std::optional<DecisionQuestion> question_;  // That it answers.
  DecisionPlace place_;                       // Whose it is; without the experiment's name.
  bool decides_ = false;
  std::optional<double> sample_ratio_;
};

// What counts in the state: calls that began in that epoch or a later one, and answers that were measured since. An
// epoch begins with a step, and wherever shares change: it is the present one, but in a step whose shares the rollout
// chooses itself, which is counted whole.
struct Counted {
  uint32_t from_epoch = 0;
  absl::Time since;
  bool operator==(const Counted&) const = default;
};
Counted CountedIn(const config::Experiment& specification, const State& state);
// That the state's step began with; outside of steps the present one.
uint32_t FirstEpochOf(const State& state);

// The analysis that the state goes by, if any: its step's, and while a promotion is watched the last failureCondition
// that a step has, of which nothing but a failure follows. None in a dry run.
std::optional<config::Analysis> AnalysisOf(const config::Experiment& specification, const State& state);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_ANALYST_H_
