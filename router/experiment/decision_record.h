// Decisions as the journal keeps them: what was concluded, and everything that it was concluded from, to the last bit.
// Whoever reads a record can decide again: Decide(criteria, evidence) of what `Decode` gives is the recorded
// conclusion.

#ifndef WEIR_ROUTER_EXPERIMENT_DECISION_RECORD_H_
#define WEIR_ROUTER_EXPERIMENT_DECISION_RECORD_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "proto/weir/v1/admin.pb.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/experiment/decision.h"

namespace weir::experiment {

// Whose decision it is.
struct DecisionPlace {
  std::string experiment;
  uint32_t run = 0;
  uint32_t first_epoch = 0;  // Of the step.
};

v1::DecisionRecord RecordOf(const DecisionPlace& place, const Criteria& criteria, const Evidence& evidence,
                            const Decision& decision);
v1::DecisionCriteria RecordOf(const Criteria& criteria);
v1::DecisionConclusion ConclusionOf(const Decision& decision);
v1::AnalysisFinding RecordOf(const Finding& finding);

// What `RecordOf` was given. DATA_LOSS for what it was never given.
struct DecisionQuestion {
  Criteria criteria;
  Evidence evidence;
};
absl::StatusOr<DecisionQuestion> Decode(const v1::DecisionInputs& inputs);

// Decides again; DATA_LOSS where the record's conclusion is another one.
absl::Status Verify(const v1::DecisionRecord& record);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_DECISION_RECORD_H_
