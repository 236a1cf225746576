#include "router/experiment/evidence_record.h"

#include <bit>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/experiment/proto_time.h"

namespace weir::experiment {
namespace {

const char* NameOf(config::GuardrailAction action) {
  switch (action) {
    case config::GuardrailAction::kRollback:
      return "rollback";
    case config::GuardrailAction::kPause:
      return "pause";
    case config::GuardrailAction::kWarn:
      break;
  }
  return "warn";
}

v1::JudgementRecord RecordOf(const Judgement& judgement) {
  v1::JudgementRecord record;
  record.set_guardrail(judgement.guardrail);
  record.set_candidate(judgement.candidate);
  record.set_rule(judgement.rule);
  record.set_action(NameOf(judgement.action));
  record.set_log10_evidence(judgement.log10_evidence);
  record.set_log10_threshold(judgement.log10_threshold);
  record.set_breached(judgement.breached);
  record.set_note(judgement.note);
  return record;
}

// As a test that is restored finds it anew, its note may be another.
bool IsSame(const v1::JudgementRecord& a, const v1::JudgementRecord& b) {
  const auto bits = [](double value) { return std::bit_cast<uint64_t>(value); };
  return a.guardrail() == b.guardrail() && a.candidate() == b.candidate() && a.rule() == b.rule() &&
         a.action() == b.action() && a.breached() == b.breached() &&
         bits(a.log10_evidence()) == bits(b.log10_evidence()) && bits(a.log10_threshold()) == bits(b.log10_threshold());
}

// Guardrail and candidate of every test that the record holds the state of.
std::set<BreachOfCandidate> TestsOf(const v1::EvidenceRecord& record) {
  std::set<BreachOfCandidate> tests;
  for (const v1::CandidateTestsCheckpoint& candidate : record.tests().candidates()) {
    for (const v1::GuardrailCheckpoint& guardrail : candidate.guardrails()) {
      tests.insert({candidate.candidate(), guardrail.name()});
    }
  }
  return tests;
}

// Of the specification's guardrails those of these names.
config::Experiment Only(const std::set<std::string>& names, config::Experiment specification) {
  std::erase_if(specification.guardrails,
                [&](const config::Guardrail& guardrail) { return !names.contains(guardrail.name); });
  return specification;
}

std::string Describe(const v1::JudgementRecord& record) {
  return absl::StrFormat("%s of %s (%s): evidence 10^%.17g, threshold 10^%.17g, %sbreached", record.guardrail(),
                         record.candidate(), record.rule(), record.log10_evidence(), record.log10_threshold(),
                         record.breached() ? "" : "not ");
}

}  // namespace

void ForgetBreaches(const std::set<BreachOfCandidate>& breaches, v1::TestsCheckpoint& tests) {
  for (v1::CandidateTestsCheckpoint& candidate : *tests.mutable_candidates()) {
    for (v1::GuardrailCheckpoint& guardrail : *candidate.mutable_guardrails()) {
      if (!breaches.contains({candidate.candidate(), guardrail.name()})) continue;
      guardrail.clear_breach_log_e();
      guardrail.clear_breach_log_threshold();
    }
  }
}

v1::EvidenceRecord RecordOf(const RunEvidence& evidence, v1::TestsCheckpoint tests,
                            const std::vector<Judgement>& judgements, absl::Time judged_at) {
  v1::EvidenceRecord record;
  *record.mutable_judged_at() = TimestampOf(judged_at);
  *record.mutable_run() = evidence.RunRecord();
  for (const auto& [epoch, variants] : evidence.open()) {
    v1::EvidenceRecord::Epoch* written = record.add_epochs();
    written->set_epoch(epoch);
    *written->mutable_counts() = evidence.EpochRecord(epoch);
  }
  *record.mutable_tests() = std::move(tests);
  for (const Judgement& judgement : judgements) *record.add_judgements() = RecordOf(judgement);
  return record;
}

absl::StatusOr<RunEvidence> CountsOf(const v1::EvidenceRecord& record) {
  RunEvidence evidence;
  if (absl::Status status = evidence.RestoreRun(record.run().SerializeAsString()); !status.ok()) return status;
  for (const v1::EvidenceRecord::Epoch& epoch : record.epochs()) {
    absl::Status status = evidence.RestoreEpoch(epoch.epoch(), epoch.counts().SerializeAsString());
    if (!status.ok()) return status;
  }
  return evidence;
}

absl::StatusOr<Judged> JudgeAgain(const v1::EvidenceRecord& record, const config::Experiment& specification,
                                  const Split& split) {
  absl::StatusOr<RunEvidence> evidence = CountsOf(record);
  if (!evidence.ok()) return evidence.status();
  Guardrails guardrails;
  if (absl::Status status = guardrails.Restore(record.tests()); !status.ok()) return status;
  std::set<std::string> tested;  // One may have waited to be.
  for (const auto& [candidate, guardrail] : TestsOf(record)) tested.insert(guardrail);
  guardrails.Follow(Only(tested, specification), split);
  std::vector<Judgement> judgements = guardrails.Judge(*evidence, TimeOf(record.judged_at()));
  return Judged{*std::move(evidence), std::move(judgements)};
}

std::vector<Detection> DetectAgain(const v1::EvidenceRecord& record, const RunEvidence& evidence,
                                   const config::Experiment& specification, const Split& split) {
  std::set<std::string> names;
  for (const v1::DetectorCheckpoint& detector : record.detectors()) names.insert(detector.guardrail());
  Detectors detectors;
  detectors.Restore(record.detectors());
  detectors.Follow(Only(names, specification).guardrails, split);
  return detectors.Look(evidence, TimeOf(record.judged_at()));
}

std::string DifferenceOf(const v1::EvidenceRecord& record, const std::vector<Judgement>& again) {
  const std::set<BreachOfCandidate> tests = TestsOf(record);
  std::vector<const v1::JudgementRecord*> judged;
  for (const v1::JudgementRecord& judgement : record.judgements()) {
    if (tests.contains({judgement.candidate(), judgement.guardrail()})) judged.push_back(&judgement);
  }
  if (judged.size() != again.size()) {
    return absl::StrCat(judged.size(), " judgements were recorded, and ", again.size(), " are made now");
  }
  for (size_t i = 0; i < judged.size(); ++i) {
    const v1::JudgementRecord now = RecordOf(again[i]);
    if (!IsSame(*judged[i], now)) return absl::StrCat("recorded: ", Describe(*judged[i]), "; now: ", Describe(now));
  }
  return "";
}

}  // namespace weir::experiment
