#include "router/experiment/replay.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "config/parse.h"
#include "router/experiment/analyst.h"
#include "router/experiment/breach.h"
#include "router/experiment/decision_record.h"
#include "router/experiment/event_record.h"
#include "router/experiment/evidence_record.h"
#include "router/experiment/machine.h"
#include "router/experiment/plan.h"
#include "router/experiment/proto_time.h"

namespace weir::experiment {
namespace {

using Outcome = Replayed::Outcome;

template <typename Message>
bool IsSame(const Message& a, const Message& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

Replayed Differs(std::string difference) { return {.outcome = Outcome::kDiffers, .difference = std::move(difference)}; }

std::string Difference(const v1::AuditRecord& record, const Step& step) {
  const auto differ = [](const char* what, const std::string& then, const std::string& now) {
    return absl::StrCat(what, " was '", then, "' and is '", now, "' now");
  };
  if (record.action() != step.action) return differ("the action", record.action(), step.action);
  if (record.actor() != step.actor) return differ("the actor", record.actor(), step.actor);
  if (record.detail() != step.detail) return differ("the detail", record.detail(), step.detail);
  const v1::ExperimentState state = RecordOf(record.state().experiment(), step.next);
  if (IsSame(record.state(), state)) return "";
  return differ("the state", record.state().ShortDebugString(), state.ShortDebugString());
}

// Whether the breach is that of a guardrail's test, and not of its detector of late rises.
bool IsOfTest(const v1::EvidenceRecord& evidence, const v1::Breach& breach) {
  return std::any_of(evidence.judgements().begin(), evidence.judgements().end(), [&](const auto& judgement) {
    return judgement.breached() && judgement.guardrail() == breach.guardrail() &&
           judgement.candidate() == breach.variant() && judgement.log10_evidence() == breach.log10_evidence();
  });
}

// Whether the machine was told the verdict that its decision concludes, in words; empty: it was.
std::string VerdictDifference(const v1::AuditRecord& record) {
  const v1::DecisionConclusion& conclusion = record.decision().conclusion();
  const v1::AnalysedEvent& told =
      record.event().has_analysed() ? record.event().analysed() : record.event().time_passed().analysed();
  const std::string verdict = absl::AsciiStrToLower(v1::AnalysedEvent::Verdict_Name(told.verdict()));
  if (verdict == conclusion.verdict() && told.why() == conclusion.why()) return "";
  return absl::StrCat("the verdict was '", verdict, ": ", told.why(), "' and its decision concludes '",
                      conclusion.verdict(), ": ", conclusion.why(), "'");
}

bool IsByVerdict(const v1::EventRecord& event) {
  return event.has_analysed() || event.time_passed().analysed().verdict() == v1::AnalysedEvent::SUCCESS;
}

// Whether the decision answers what the specification asks of that very state, in words; empty: it does.
std::string QuestionDifference(const v1::DecisionInputs& inputs, const config::Experiment& specification,
                               const std::optional<State>& before) {
  const std::optional<config::Analysis> analysis = before ? AnalysisOf(specification, *before) : std::nullopt;
  if (!analysis) return "there is a decision, and nothing is analysed there";
  if (!IsSame(inputs.criteria(), RecordOf(CriteriaOf(specification, *analysis)))) {
    return "its decision is by other criteria than its specification's";
  }
  if (inputs.has_since() && !IsSame(inputs.since(), TimestampOf(CountedIn(specification, *before).since))) {
    return "its decision counts from another time than the step's";
  }
  const uint32_t first_epoch = FirstEpochOf(*before);
  if (inputs.run() == before->run.ordinal && inputs.first_epoch() == first_epoch) return "";
  return absl::StrCat("its decision is of run ", inputs.run(), " from epoch ", inputs.first_epoch(),
                      ", and it is in run ", before->run.ordinal, " from epoch ", first_epoch);
}

// Decides again what the row says that the whole was decided on; what differs first.
std::string DecideAgainst(const v1::AuditRecord& record, const config::Experiment& specification,
                          const std::optional<State>& before, Replayed& replayed) {
  if (!record.has_decision())
    return IsByVerdict(record.event()) ? "it went by a verdict that no decision is kept of" : "";
  const v1::DecisionInputs& inputs = record.decision().inputs();
  if (std::string difference = QuestionDifference(inputs, specification, before); !difference.empty())
    return difference;
  if (absl::Status status = Verify(record.decision()); !status.ok()) return std::string(status.message());
  replayed.is_judged_again = true;
  return VerdictDifference(record);
}

// The breach that the recorded detector makes of the recorded counts; nullopt: it does not alarm.
std::optional<Breach> AlarmAgain(const v1::AuditRecord& record, const RunEvidence& evidence,
                                 const config::Experiment& specification, const Split& split) {
  const v1::Breach& recorded = record.event().breached().breach();
  for (const Detection& detection : DetectAgain(record.evidence(), evidence, specification, split)) {
    if (detection.guardrail != recorded.guardrail() || detection.candidate != recorded.variant()) continue;
    if (!detection.alarms_now || !detection.acts) continue;
    return BreachOf(DemandOf(detection), specification, evidence, split.default_name(),
                    TimeOf(record.evidence().judged_at()));
  }
  return std::nullopt;
}

// Asks the guardrails again; what differs first.
std::string JudgeAgainst(const v1::AuditRecord& record, const config::Experiment& specification, const Split& split,
                         Replayed& replayed) {
  const absl::StatusOr<Judged> judged = JudgeAgain(record.evidence(), specification, split);
  if (!judged.ok()) return std::string(judged.status().message());
  if (std::string difference = DifferenceOf(record.evidence(), judged->judgements); !difference.empty()) {
    return difference;
  }
  replayed.is_judged_again = true;
  if (!record.event().has_breached()) return "";
  const v1::Breach& recorded = record.event().breached().breach();
  const bool is_of_test = IsOfTest(record.evidence(), recorded);
  if (!is_of_test && record.evidence().detectors().empty()) {
    replayed.note = "the breach is of a detector, and taken as it was told: its numbers were not kept then";
    return "";
  }
  if (is_of_test && record.event().breached().pauses()) return "";  // It is among the judgements.
  const std::optional<Breach> breach = is_of_test
                                           ? WorstBreach(judged->judgements, judged->evidence, specification,
                                                         split.default_name(), TimeOf(record.evidence().judged_at()))
                                           : AlarmAgain(record, judged->evidence, specification, split);
  if (!breach) return is_of_test ? "no guardrail asks for a rollback now" : "its detector does not alarm now";
  // Its words are those of the version that wrote it; what they say is in its numbers.
  v1::Breach again = RecordOf(*breach);
  again.set_summary(recorded.summary());
  if (IsSame(again, recorded)) return "";
  return absl::StrCat("the breach was '", recorded.summary(), "' and is '", breach->summary, "' now");
}

}  // namespace

Replayed Replay::Next(const v1::AuditRecord& record) {
  if (record.has_specification()) {
    versions_.insert_or_assign(record.specification().ordinal(), VersionOf(record.specification()));
  }
  Replayed replayed = Decide(record);
  if (replayed.outcome == Outcome::kDiffers && record.rules() != kRules) replayed.outcome = Outcome::kOtherRules;
  const bool is_elsewhere = record.has_before() && newest_ && !IsSame(record.before(), *newest_);
  if (is_elsewhere && replayed.outcome != Outcome::kDiffers) {
    replayed.note = replayed.outcome == Outcome::kNotOpened
                        ? "the row before was refused, and is there all the same: it was never in force"
                        : "decided from a state that the row before does not hold: the journal did not take every row "
                          "then";
  }
  newest_ = record.state();
  return replayed;
}

const config::Experiment* Replay::SpecificationOf(uint32_t ordinal, Replayed& replayed) {
  if (const auto parsed = parsed_.find(ordinal); parsed != parsed_.end()) return &parsed->second;
  const auto version = versions_.find(ordinal);
  if (version == versions_.end()) {
    replayed = Differs(absl::StrCat("no row holds version ", ordinal, " of its specification"));
    return nullptr;
  }
  config::Parsed<std::vector<config::Experiment>> parsed =
      config::ParseExperiments(version->second.text, version->second.file);
  if (!parsed.value || parsed.value->size() != 1) {
    replayed = {.outcome = Outcome::kNotReadable,
                .difference = absl::StrCat("version ", ordinal, " of its specification is refused now: ",
                                           parsed.errors.empty() ? "not one experiment" : parsed.errors[0].ToString())};
    return nullptr;
  }
  return &parsed_.emplace(ordinal, std::move(parsed.value->front())).first->second;
}

Replayed Replay::Decide(const v1::AuditRecord& record) {
  if (record.action() == kNotOpened) {
    if (!IsSame(record.state(), record.before()))
      return Differs("it says that nothing moved, and its state is another");
    return {.outcome = Outcome::kNotOpened};
  }
  if (!record.has_event()) return {.outcome = record.has_specification() ? Outcome::kTakenUp : Outcome::kNotRecorded};
  if (record.specification_version() == 0) return {.outcome = Outcome::kNotRecorded};
  Replayed replayed{.outcome = Outcome::kReproduced};
  const config::Experiment* specification = SpecificationOf(record.specification_version(), replayed);
  if (specification == nullptr) return replayed;
  std::optional<State> before;
  if (record.has_before()) {
    absl::StatusOr<State> read = BeforeOf(record.before());
    if (!read.ok()) return Differs(std::string(read.status().message()));
    before = *std::move(read);
  }
  absl::StatusOr<Event> event = EventOf(record.event());
  if (!event.ok()) return Differs(std::string(event.status().message()));
  if (record.has_evidence() && before) {
    std::string difference = JudgeAgainst(record, *specification, before->epoch.split, replayed);
    if (!difference.empty()) return Differs(std::move(difference));
  }
  if (std::string difference = DecideAgainst(record, *specification, before, replayed); !difference.empty()) {
    return Differs(std::move(difference));
  }
  const absl::StatusOr<std::optional<Step>> step = Advance(PlanOf(*specification), before, *event, TimeOf(record.at()));
  if (!step.ok()) return Differs(absl::StrCat("it is refused now: ", std::string(step.status().message())));
  if (!*step) return Differs("nothing follows now");
  std::string difference = Difference(record, **step);
  return difference.empty() ? replayed : Differs(std::move(difference));
}

}  // namespace weir::experiment
