#include "router/experiment/phase_record.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/experiment/journal.h"
#include "router/experiment/proto_time.h"

namespace weir::experiment {
namespace {

using Weights = google::protobuf::RepeatedPtrField<v1::VariantWeight>;

void Record(const std::vector<config::Variant>& chosen, Weights& record) {
  for (const config::Variant& variant : chosen) {
    v1::VariantWeight* weight = record.Add();
    weight->set_name(variant.name);
    weight->set_hundredths(variant.weight.hundredths());
  }
}

std::vector<config::Variant> ChosenOf(const Weights& record) {
  std::vector<config::Variant> chosen;
  for (const v1::VariantWeight& variant : record) {
    chosen.push_back({variant.name(), config::Weight::FromHundredths(variant.hundredths())});
  }
  return chosen;
}

// nullopt where it is no share.
std::optional<config::Percent> PercentOf(uint32_t basis_points) {
  const auto share = config::Percent::FromBasisPoints(basis_points);
  return share.ok() ? std::optional(*share) : std::nullopt;
}

void Record(const Stepping& stepping, v1::SteppingPhase& record) {
  record.set_step(stepping.step);
  record.set_first_epoch(stepping.first_epoch);
  *record.mutable_begun() = TimestampOf(stepping.begun);
  *record.mutable_entered() = TimestampOf(stepping.entered);
  if (stepping.asked_at) *record.mutable_asked_at() = TimestampOf(*stepping.asked_at);
  record.set_asked_for(stepping.asked_for);
  for (const Approved& approved : stepping.approvals) {
    v1::ApprovalRecord* approval = record.add_approvals();
    approval->set_by(approved.by);
    *approval->mutable_at() = TimestampOf(approved.at);
    approval->set_comment(approved.comment);
  }
  if (stepping.by_hand) record.set_by_hand_basis_points(static_cast<uint32_t>(stepping.by_hand->basis_points()));
  Record(stepping.chosen, *record.mutable_chosen());
  if (stepping.by_risk) record.set_by_risk_basis_points(static_cast<uint32_t>(stepping.by_risk->basis_points()));
}

absl::StatusOr<Stepping> SteppingOf(const v1::SteppingPhase& record) {
  Stepping stepping{.step = record.step(),
                    .first_epoch = record.first_epoch(),
                    .begun = TimeOf(record.begun()),
                    .entered = TimeOf(record.entered())};
  if (record.has_asked_at()) stepping.asked_at = TimeOf(record.asked_at());
  stepping.asked_for = record.asked_for();
  for (const v1::ApprovalRecord& approval : record.approvals()) {
    stepping.approvals.push_back({approval.by(), TimeOf(approval.at()), approval.comment()});
  }
  stepping.chosen = ChosenOf(record.chosen());
  if (record.has_by_risk_basis_points()) {
    stepping.by_risk = PercentOf(record.by_risk_basis_points());
    if (!stepping.by_risk) return absl::DataLossError("a share that a risk schedule reached is none");
  }
  if (!record.has_by_hand_basis_points()) return stepping;
  stepping.by_hand = PercentOf(record.by_hand_basis_points());
  if (!stepping.by_hand) return absl::DataLossError("a share that was set by hand is none");
  return stepping;
}

struct Recorder {
  v1::ExperimentState& record;

  void operator()(const Running&) const { record.mutable_running(); }
  void operator()(const RolledBack& phase) const {
    if (phase.breach) *record.mutable_rolled_back()->mutable_breach() = RecordOf(*phase.breach);
    record.mutable_rolled_back()->set_by(phase.by);
    record.mutable_rolled_back()->set_why(phase.why);
  }
  void operator()(const Frozen& phase) const { record.mutable_frozen()->set_why(phase.why); }
  void operator()(const Waiting& phase) const {
    record.mutable_waiting();
    if (phase.held_by) record.mutable_waiting()->set_held_by(*phase.held_by);
  }
  void operator()(const Stepping& phase) const { Record(phase, *record.mutable_stepping()); }
  void operator()(const Paused& phase) const {
    Record(phase.where, *record.mutable_paused()->mutable_where());
    record.mutable_paused()->set_by(phase.by);
    record.mutable_paused()->set_why(phase.why);
  }
  void operator()(const Inconclusive& phase) const {
    Record(phase.where, *record.mutable_inconclusive()->mutable_where());
    record.mutable_inconclusive()->set_why(phase.why);
  }
  void operator()(const Watching& phase) const {
    *record.mutable_watching()->mutable_since() = TimestampOf(phase.since);
    Record(phase.chosen, *record.mutable_watching()->mutable_chosen());
    if (!phase.by_hand) return;
    record.mutable_watching()->set_by_hand_basis_points(static_cast<uint32_t>(phase.by_hand->basis_points()));
  }
  void operator()(const Completed& phase) const {
    record.mutable_completed()->set_is_promoted(phase.is_promoted);
    Record(phase.chosen, *record.mutable_completed()->mutable_chosen());
  }
};

RolledBack RolledBackOf(const v1::RolledBackPhase& record) {
  RolledBack phase{.by = record.by().empty() ? "weir" : record.by(), .why = record.why()};
  if (record.has_breach()) phase.breach = BreachOf(record.breach());
  return phase;
}

absl::StatusOr<Phase> WatchingOf(const v1::WatchingPhase& record) {
  Watching phase{.since = TimeOf(record.since()), .chosen = ChosenOf(record.chosen())};
  if (!record.has_by_hand_basis_points()) return phase;
  phase.by_hand = PercentOf(record.by_hand_basis_points());
  if (!phase.by_hand) return absl::DataLossError("a share that was set by hand is none");
  return phase;
}

}  // namespace

void RecordPhase(const Phase& phase, v1::ExperimentState& record) { std::visit(Recorder{record}, phase); }

absl::StatusOr<Phase> PhaseOf(const v1::ExperimentState& record) {
  switch (record.phase_case()) {
    case v1::ExperimentState::kRunning:
      return Running{};
    case v1::ExperimentState::kRolledBack:
      return RolledBackOf(record.rolled_back());
    case v1::ExperimentState::kWaiting:
      return record.waiting().has_held_by() ? Waiting{.held_by = record.waiting().held_by()} : Waiting{};
    case v1::ExperimentState::kStepping:
      return SteppingOf(record.stepping());
    case v1::ExperimentState::kPaused: {
      absl::StatusOr<Stepping> where = SteppingOf(record.paused().where());
      if (!where.ok()) return where.status();
      return Paused{*std::move(where), record.paused().by(), record.paused().why()};
    }
    case v1::ExperimentState::kInconclusive: {
      absl::StatusOr<Stepping> where = SteppingOf(record.inconclusive().where());
      if (!where.ok()) return where.status();
      return Inconclusive{*std::move(where), record.inconclusive().why()};
    }
    case v1::ExperimentState::kWatching:
      return WatchingOf(record.watching());
    case v1::ExperimentState::kCompleted:
      return Completed{record.completed().is_promoted(), ChosenOf(record.completed().chosen())};
    case v1::ExperimentState::kFrozen:
      return Frozen{record.frozen().why()};
    case v1::ExperimentState::PHASE_NOT_SET:
      break;
  }
  return absl::DataLossError(absl::StrCat("the state of '", record.experiment(), "' has no phase known here"));
}

}  // namespace weir::experiment
