#include "router/experiment/event_record.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/experiment/journal.h"
#include "router/experiment/proto_time.h"

namespace weir::experiment {
namespace {

constexpr CommandKind kCommands[] = {
    CommandKind::kStart,     CommandKind::kPause,    CommandKind::kResume, CommandKind::kPromote,
    CommandKind::kAbort,     CommandKind::kRollback, CommandKind::kRetry,  CommandKind::kReset,
    CommandKind::kSetWeight, CommandKind::kApprove,  CommandKind::kReject,
};

v1::AnalysedEvent::Verdict RecordOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kSuccess:
      return v1::AnalysedEvent::SUCCESS;
    case Verdict::kFailed:
      return v1::AnalysedEvent::FAILED;
    case Verdict::kInconclusive:
      return v1::AnalysedEvent::INCONCLUSIVE;
    case Verdict::kUndecided:
      break;
  }
  return v1::AnalysedEvent::UNDECIDED;
}

v1::AnalysedEvent RecordOf(const Analysed& analysed) {
  v1::AnalysedEvent record;
  record.set_verdict(RecordOf(analysed.verdict));
  record.set_why(analysed.why);
  return record;
}

v1::WeighedEvent::Estimate RecordOf(const stats::ArmEstimate& estimate) {
  v1::WeighedEvent::Estimate record;
  record.set_n(estimate.n);
  record.set_mean(estimate.mean);
  record.set_standard_error(estimate.standard_error);
  record.set_effective_n(estimate.effective_n);
  return record;
}

struct Recorder {
  v1::EventRecord& record;

  void operator()(const Filed&) const { record.mutable_filed(); }
  void operator()(const Breached& event) const {
    *record.mutable_breached()->mutable_breach() = RecordOf(event.breach);
    record.mutable_breached()->set_pauses(event.pauses);
  }
  void operator()(const TimePassed& event) const {
    v1::TimePassedEvent& written = *record.mutable_time_passed();
    for (const StepSamples& known : event.samples) {
      v1::StepSamplesRecord* samples = written.add_samples();
      samples->set_variant(known.variant);
      samples->set_samples(known.samples);
      if (known.newest != absl::InfinitePast()) *samples->mutable_newest() = TimestampOf(known.newest);
      samples->set_knows_last_call(known.last_call != absl::InfiniteFuture());
      if (samples->knows_last_call() && known.last_call != absl::InfinitePast()) {
        *samples->mutable_last_call() = TimestampOf(known.last_call);
      }
      if (known.previewed_at != absl::InfinitePast())
        *samples->mutable_previewed_at() = TimestampOf(known.previewed_at);
    }
    *written.mutable_analysed() = RecordOf(event.analysed);
  }
  void operator()(const Analysed& event) const { *record.mutable_analysed() = RecordOf(event); }
  void operator()(const Weighed& event) const {
    v1::WeighedEvent& written = *record.mutable_weighed();
    for (const ArmEvidence& known : event.arms) {
      v1::WeighedEvent::Arm* arm = written.add_arms();
      arm->set_variant(known.variant);
      *arm->mutable_outcomes() = RecordOf(known.outcomes);
      *arm->mutable_errors() = RecordOf(known.errors);
      *arm->mutable_recent_outcomes() = RecordOf(known.recent_outcomes);
      *arm->mutable_recent_errors() = RecordOf(known.recent_errors);
      if (known.newest != absl::InfinitePast()) *arm->mutable_newest() = TimestampOf(known.newest);
    }
  }
  void operator()(const Command& event) const {
    v1::CommandEvent& written = *record.mutable_command();
    written.set_verb(NameOf(event.kind));
    written.set_actor(event.actor);
    for (const std::string& role : event.roles) written.add_roles(role);
    written.set_comment(event.comment);
    if (event.weight) written.set_weight_basis_points(static_cast<uint32_t>(event.weight->basis_points()));
    written.set_is_full(event.is_full);
    written.set_overtakes(event.overtakes);
  }
};

absl::StatusOr<Analysed> AnalysedOf(const v1::AnalysedEvent& record) {
  switch (record.verdict()) {
    case v1::AnalysedEvent::SUCCESS:
      return Analysed{Verdict::kSuccess, record.why()};
    case v1::AnalysedEvent::FAILED:
      return Analysed{Verdict::kFailed, record.why()};
    case v1::AnalysedEvent::INCONCLUSIVE:
      return Analysed{Verdict::kInconclusive, record.why()};
    case v1::AnalysedEvent::UNDECIDED:
      return Analysed{Verdict::kUndecided, record.why()};
    default:
      return absl::DataLossError("a verdict that is none");
  }
}

absl::StatusOr<Event> TimePassedOf(const v1::TimePassedEvent& record) {
  TimePassed event;
  absl::StatusOr<Analysed> analysed = AnalysedOf(record.analysed());
  if (!analysed.ok()) return analysed.status();
  event.analysed = *std::move(analysed);
  for (const v1::StepSamplesRecord& written : record.samples()) {
    StepSamples samples{.variant = written.variant(), .samples = written.samples()};
    if (written.has_newest()) samples.newest = TimeOf(written.newest());
    if (written.has_previewed_at()) samples.previewed_at = TimeOf(written.previewed_at());
    if (!written.knows_last_call()) samples.last_call = absl::InfiniteFuture();
    if (written.has_last_call()) samples.last_call = TimeOf(written.last_call());
    event.samples.push_back(std::move(samples));
  }
  return event;
}

stats::ArmEstimate EstimateOf(const v1::WeighedEvent::Estimate& record) {
  return {.n = record.n(),
          .mean = record.mean(),
          .standard_error = record.standard_error(),
          .effective_n = record.effective_n()};
}

Weighed WeighedOf(const v1::WeighedEvent& record) {
  Weighed event;
  for (const v1::WeighedEvent::Arm& written : record.arms()) {
    ArmEvidence arm{.variant = written.variant(),
                    .outcomes = EstimateOf(written.outcomes()),
                    .errors = EstimateOf(written.errors()),
                    .recent_outcomes = EstimateOf(written.recent_outcomes()),
                    .recent_errors = EstimateOf(written.recent_errors())};
    if (written.has_newest()) arm.newest = TimeOf(written.newest());
    event.arms.push_back(std::move(arm));
  }
  return event;
}

absl::StatusOr<Event> CommandOf(const v1::CommandEvent& record) {
  const auto kind = std::find_if(std::begin(kCommands), std::end(kCommands),
                                 [&](CommandKind known) { return NameOf(known) == record.verb(); });
  if (kind == std::end(kCommands)) return absl::DataLossError(absl::StrCat("no command is '", record.verb(), "'"));
  Command command{.kind = *kind,
                  .actor = record.actor(),
                  .roles = {record.roles().begin(), record.roles().end()},
                  .comment = record.comment(),
                  .weight = std::nullopt,
                  .is_full = record.is_full(),
                  .overtakes = record.overtakes()};
  if (!record.has_weight_basis_points()) return command;
  const auto weight = config::Percent::FromBasisPoints(record.weight_basis_points());
  if (!weight.ok()) return absl::DataLossError("a command's share is none");
  command.weight = *weight;
  return command;
}

}  // namespace

v1::EventRecord RecordOf(const Event& event) {
  v1::EventRecord record;
  std::visit(Recorder{record}, event);
  return record;
}

absl::StatusOr<Event> EventOf(const v1::EventRecord& recorded) {
  switch (recorded.event_case()) {
    case v1::EventRecord::kFiled:
      return Filed{};
    case v1::EventRecord::kBreached:
      return Breached{BreachOf(recorded.breached().breach()), recorded.breached().pauses()};
    case v1::EventRecord::kTimePassed:
      return TimePassedOf(recorded.time_passed());
    case v1::EventRecord::kAnalysed: {
      absl::StatusOr<Analysed> analysed = AnalysedOf(recorded.analysed());
      if (!analysed.ok()) return analysed.status();
      return *std::move(analysed);
    }
    case v1::EventRecord::kWeighed:
      return WeighedOf(recorded.weighed());
    case v1::EventRecord::kCommand:
      return CommandOf(recorded.command());
    case v1::EventRecord::EVENT_NOT_SET:
      break;
  }
  return absl::DataLossError("an event that is not known here");
}

}  // namespace weir::experiment
