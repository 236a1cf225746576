// What a run had counted when its gate shut, as the journal keeps it: enough to judge it again, to the last bit.

#ifndef WEIR_ROUTER_EXPERIMENT_EVIDENCE_RECORD_H_
#define WEIR_ROUTER_EXPERIMENT_EVIDENCE_RECORD_H_

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "config/config.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/experiment/detectors.h"
#include "router/experiment/guardrails.h"
#include "router/experiment/run_evidence.h"
#include "router/experiment/split.h"

namespace weir::experiment {

// A candidate and the guardrail that it breached.
using BreachOfCandidate = std::pair<std::string, std::string>;

// As if the tests had not noted these breaches: judging the same counts again finds them anew, instead of being told.
void ForgetBreaches(const std::set<BreachOfCandidate>& breaches, v1::TestsCheckpoint& tests);

// `tests` and `judgements` are of exactly these counts at `judged_at`.
v1::EvidenceRecord RecordOf(const RunEvidence& evidence, v1::TestsCheckpoint tests,
                            const std::vector<Judgement>& judgements, absl::Time judged_at);

// The counts of a record. DATA_LOSS where they are none.
absl::StatusOr<RunEvidence> CountsOf(const v1::EvidenceRecord& record);

struct Judged {
  RunEvidence evidence;
  std::vector<Judgement> judgements;
};
// Judges the recorded counts again by the guardrails of `specification`, where the variants were those of `split`.
absl::StatusOr<Judged> JudgeAgain(const v1::EvidenceRecord& record, const config::Experiment& specification,
                                  const Split& split);

// Has the recorded detectors look at the same counts again. Empty where none is recorded.
std::vector<Detection> DetectAgain(const v1::EvidenceRecord& record, const RunEvidence& evidence,
                                   const config::Experiment& specification, const Split& split);

// Where the judgements differ from the recorded ones by as much as a bit, in words; empty: nowhere.
std::string DifferenceOf(const v1::EvidenceRecord& record, const std::vector<Judgement>& again);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_EVIDENCE_RECORD_H_
