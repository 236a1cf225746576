// The guardrails of one run: each candidate is tested against the default by each of them.
//
// A guardrail's alpha bounds the probability of a false breach of the guardrail as a whole, over all candidates that it
// ever tests in a run. Four fifths of it are shared evenly by the candidates that the run begins with. The rest is for
// tests that join later, since nobody knows how many will: the k-th of them has alpha/5 * 6/(pi^2 k^2). A share is
// fixed when its test begins; another default makes new tests. A new run begins with all of alpha. How each share is
// spent over the run is in stats/guardrails.h: by the stages of the rollout that the run begins with, if it has one, so
// that an edited rollout does not change what was promised.

#ifndef WEIR_ROUTER_EXPERIMENT_GUARDRAILS_H_
#define WEIR_ROUTER_EXPERIMENT_GUARDRAILS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/experiment/machine.h"
#include "router/experiment/run_evidence.h"
#include "stats/guardrails.h"

namespace weir::experiment {

// What one guardrail says of one candidate.
struct Judgement {
  std::string guardrail;
  std::string candidate;
  std::string rule;  // In words.
  config::GuardrailAction action = config::GuardrailAction::kRollback;
  double log10_evidence = 0;
  double log10_threshold = 0;
  bool breached = false;   // Once true, true for the rest of the run.
  bool is_asleep = false;  // Its `when` has not held yet: it is shown, and no test of it has begun.
  std::string note;
};

// What is tested: that a candidate is worse than it may be, or, with the roles of the two exchanged and rules turned
// round (1/r for r), that it is not. Of the second kind each candidate's test has all of alpha, since all of them have
// to be shown, and nothing latches: what counts is the evidence of now.
enum class Claim { kWorse, kNotWorse };

// The share of a guardrail's alpha that one candidate's test has, where the run began with `first` candidates: one of
// these (`joined` is 0), or the joined-th that came later.
double AlphaShare(size_t first, uint32_t joined);

// The specification's guardrail as the statistics know it, with that share of its alpha.
stats::GuardrailSpec SpecOf(const config::Guardrail& guardrail, const std::vector<config::OutcomeMetric>& metrics,
                            double alpha_share, uint32_t planned_restarts = 0);

// One run's. The control thread's.
class Guardrails {
 public:
  explicit Guardrails(Claim claim = Claim::kWorse) : claim_(claim) {}

  // Takes up what the specification asks and who is tested now. Evidence is kept wherever guardrail (by name and rule),
  // candidate and default are as before; what is new begins with no evidence.
  void Follow(const config::Experiment& specification, const Split& split);

  // In the order of the candidates, then of the specification. `evidence` has the current epoch open.
  std::vector<Judgement> Judge(const RunEvidence& evidence, absl::Time now);

  // After Judge: RunEvidence::CloseRings was called, and cohorts from `first` on are new.
  void CloseRings(stats::Tick first) {
    for (auto& [candidate, tested] : tested_) tested.ledger.CloseRings(first);
  }

  // No test needs the counts of this past epoch apart from the others any more.
  bool IsFolded(const RunEvidence& evidence, uint32_t epoch) const;

  v1::TestsCheckpoint Checkpoint() const;
  // On a new object, before Follow. DATA_LOSS where it is no such checkpoint. Then Judge is called once with the counts
  // of the same checkpoint, before anything is merged into them.
  absl::Status Restore(const v1::TestsCheckpoint& checkpoint);

 private:
  // Which guardrail a state is of.
  struct Identity {
    std::string name;
    std::string rule;  // In words.
    bool is_error_ratio = false;
    bool operator==(const Identity&) const = default;
  };
  static Identity IdentityOf(const config::Guardrail& guardrail);
  // What a candidate's tests remember, before it is known what the specification asks now.
  struct Memory {
    std::string default_variant;
    std::optional<uint32_t> joined;  // nullopt: has no share of alpha yet.
    std::vector<Identity> guardrails;
    stats::GuardrailLedger::State state;
  };
  struct Tested {
    std::string default_variant;
    uint32_t joined = 0;  // 0: the run began with it; k: the k-th test that came later.
    std::vector<config::Guardrail> guardrails;
    stats::GuardrailLedger ledger;
  };

  Memory MemoryOf(const std::string& candidate) const;
  static stats::GuardrailLedger::State Fit(const Memory& memory, const std::vector<config::Guardrail>& guardrails);
  std::vector<stats::EpochCounts> EpochsOf(const std::string& candidate, const Tested& tested,
                                           const RunEvidence& evidence) const;

  Claim claim_;
  size_t first_candidates_ = 0;             // That the run began with; 0: there was none yet.
  uint32_t planned_restarts_ = 0;           // By the plan that the run began with.
  uint32_t joined_later_ = 0;               // Tests begun since.
  std::map<std::string, Memory> restored_;  // By candidate; until Follow.
  std::map<std::string, Tested> tested_;    // By candidate, also such as are in the split no more.
};

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_GUARDRAILS_H_
