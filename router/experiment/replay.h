// Decides again what the journal says was decided, from what it says that it was decided on.

#ifndef WEIR_ROUTER_EXPERIMENT_REPLAY_H_
#define WEIR_ROUTER_EXPERIMENT_REPLAY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "config/config.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/experiment/journal.h"

namespace weir::experiment {

struct Replayed {
  enum class Outcome {
    kReproduced,   // The same state, action, words and, where it was recorded, evidence: to the last bit.
    kTakenUp,      // Nothing was decided: a version of the specification was taken up.
    kNotOpened,    // Nothing moved: an opening step that the journal refused did not happen.
    kNotRecorded,  // From before it was recorded what a decision was made on.
    kNotReadable,  // By a specification that this version of weir refuses: others took it.
    kOtherRules,   // By rules of before, by which something else followed, or in other words.
    kDiffers,
  };
  Outcome outcome = Outcome::kNotRecorded;
  bool is_judged_again = false;  // There was evidence, and the guardrails were asked again.
  std::string difference{};      // What differs first, or why it is not decided again.
  std::string note{};            // What else whoever reads it should know; may be empty.
};

// Of one experiment. Told every one of its rows, oldest first.
class Replay {
 public:
  Replayed Next(const v1::AuditRecord& record);

 private:
  // Null: `replayed` says why.
  const config::Experiment* SpecificationOf(uint32_t ordinal, Replayed& replayed);
  Replayed Decide(const v1::AuditRecord& record);

  std::map<uint32_t, SpecificationVersion> versions_;
  std::map<uint32_t, config::Experiment> parsed_;
  std::optional<v1::ExperimentState> newest_;  // Of the row before.
};

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_REPLAY_H_
