#include "router/experiment/journal.h"

#include <google/protobuf/stubs/logging.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "router/experiment/event_record.h"
#include "router/experiment/phase_record.h"
#include "router/experiment/proto_time.h"

namespace weir::experiment {
namespace {

absl::StatusOr<Split> SplitOf(const v1::ExperimentState& recorded) {
  Split split;
  bool has_default = false;
  for (const v1::VariantWeight& variant : recorded.variants()) {
    if (variant.name() == recorded.default_variant()) {
      split.default_variant = split.variants.size();
      has_default = true;
    }
    split.variants.push_back({variant.name(), config::Weight::FromHundredths(variant.hundredths())});
  }
  if (!has_default) {
    return absl::DataLossError(absl::StrCat("the state of '", recorded.experiment(), "' lists no default variant"));
  }
  return split;
}

absl::StatusOr<State> ReadState(const v1::ExperimentState& recorded) {
  absl::StatusOr<Split> split = SplitOf(recorded);
  if (!split.ok()) return split.status();
  absl::StatusOr<Phase> phase = PhaseOf(recorded);
  if (!phase.ok()) return phase.status();
  return State{
      .run = {.ordinal = recorded.run(), .label = recorded.run_label(), .started = TimeOf(recorded.run_started_at())},
      .epoch = {.ordinal = recorded.epoch(),
                .started = TimeOf(recorded.epoch_started_at()),
                .split = *std::move(split)},
      .phase = *std::move(phase),
      .phase_since = TimeOf(recorded.phase_since())};
}

v1::SpecificationVersion RecordOf(const SpecificationVersion& version) {
  v1::SpecificationVersion record;
  record.set_ordinal(version.ordinal);
  record.set_text(version.text);
  record.set_file(version.file);
  record.set_owner(version.owner);
  *record.mutable_modified_at() = TimestampOf(version.modified);
  return record;
}

}  // namespace

v1::ExperimentState RecordOf(const std::string& experiment, const State& state) {
  v1::ExperimentState record;
  record.set_experiment(experiment);
  record.set_run(state.run.ordinal);
  record.set_run_label(state.run.label);
  *record.mutable_run_started_at() = TimestampOf(state.run.started);
  record.set_epoch(state.epoch.ordinal);
  *record.mutable_epoch_started_at() = TimestampOf(state.epoch.started);
  for (const config::Variant& variant : state.epoch.split.variants) {
    v1::VariantWeight* weight = record.add_variants();
    weight->set_name(variant.name);
    weight->set_hundredths(variant.weight.hundredths());
  }
  record.set_default_variant(state.epoch.split.default_name());
  *record.mutable_phase_since() = TimestampOf(state.phase_since);
  RecordPhase(state.phase, record);
  return record;
}

v1::Breach RecordOf(const Breach& breach) {
  v1::Breach record;
  record.set_guardrail(breach.guardrail);
  record.set_variant(breach.variant);
  *record.mutable_judged_at() = TimestampOf(breach.judged_at);
  *record.mutable_published_at() = TimestampOf(breach.published_at);
  record.set_candidate_calls(breach.candidate_calls);
  record.set_candidate_errors(breach.candidate_errors);
  record.set_default_calls(breach.default_calls);
  record.set_default_errors(breach.default_errors);
  record.set_log10_evidence(breach.log10_evidence);
  record.set_log10_threshold(breach.log10_threshold);
  record.set_summary(breach.summary);
  return record;
}

Breach BreachOf(const v1::Breach& recorded) {
  return Breach{.guardrail = recorded.guardrail(),
                .variant = recorded.variant(),
                .judged_at = TimeOf(recorded.judged_at()),
                .published_at = TimeOf(recorded.published_at()),
                .candidate_calls = recorded.candidate_calls(),
                .candidate_errors = recorded.candidate_errors(),
                .default_calls = recorded.default_calls(),
                .default_errors = recorded.default_errors(),
                .log10_evidence = recorded.log10_evidence(),
                .log10_threshold = recorded.log10_threshold(),
                .summary = recorded.summary()};
}

v1::AuditRecord RecordOf(const Change& change, uint64_t sequence) {
  v1::AuditRecord record;
  record.set_sequence(sequence);
  *record.mutable_at() = TimestampOf(change.at);
  record.set_actor(change.actor);
  record.set_action(change.action);
  record.set_detail(change.detail);
  *record.mutable_state() = RecordOf(change.experiment, change.state);
  const Grounds& grounds = change.grounds;
  record.set_specification_version(grounds.specification_version);
  record.set_rules(kRules);
  if (grounds.specification) *record.mutable_specification() = RecordOf(*grounds.specification);
  if (grounds.before) *record.mutable_before() = RecordOf(change.experiment, *grounds.before);
  if (grounds.event) *record.mutable_event() = RecordOf(*grounds.event);
  if (grounds.evidence) *record.mutable_evidence() = *grounds.evidence;
  if (grounds.decision) *record.mutable_decision() = *grounds.decision;
  return record;
}

absl::StatusOr<std::string> BytesOf(const v1::AuditRecord& record) {
  const google::protobuf::LogSilencer silencer;  // Of what the status says.
  std::string bytes = record.SerializeAsString();
  v1::AuditRecord read;
  if (!read.ParseFromString(bytes)) {
    return absl::InvalidArgumentError("the row could not be read back: a text of it is not UTF-8");
  }
  if (absl::Status state = StateOf(read.state()).status(); !state.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("the row could not be read back: ", std::string(state.message())));
  }
  return bytes;
}

absl::StatusOr<State> StateOf(const v1::ExperimentState& recorded) {
  absl::StatusOr<State> state = ReadState(recorded);
  if (!state.ok()) return state.status();
  if (recorded.run() == 0 || recorded.epoch() == 0) {
    return absl::DataLossError(absl::StrCat("the state of '", recorded.experiment(), "' names no run or no epoch"));
  }
  if (std::holds_alternative<Frozen>(state->phase)) {
    return absl::DataLossError(absl::StrCat("the state of '", recorded.experiment(), "' has a phase that is none"));
  }
  return state;
}

absl::StatusOr<State> BeforeOf(const v1::ExperimentState& recorded) { return ReadState(recorded); }

SpecificationVersion VersionOf(const v1::SpecificationVersion& recorded) {
  return {.ordinal = recorded.ordinal(),
          .text = recorded.text(),
          .file = recorded.file(),
          .owner = recorded.owner(),
          .modified = TimeOf(recorded.modified_at())};
}

}  // namespace weir::experiment
