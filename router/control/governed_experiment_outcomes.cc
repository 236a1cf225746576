// What an experiment counts: calls, and outcomes that clients report, late ones and those of past runs too.

#include <cmath>

#include "absl/strings/str_cat.h"
#include "router/control/governed_experiment.h"

namespace weir::control {

using experiment::RunEvidence;

RunEvidence* GovernedExperiment::RunOf(uint32_t ordinal) {
  if (!state_ || ordinal == 0) return nullptr;
  if (ordinal == state_->run.ordinal) return &evidence_;
  const auto past = past_runs_.find(ordinal);
  return past == past_runs_.end() ? nullptr : &past->second;
}

void GovernedExperiment::Merge(uint32_t run, uint32_t epoch, const std::string& variant,
                               const stats::VariantCounts& delta) {
  RunEvidence* evidence = RunOf(run);
  if (evidence == nullptr) return;
  evidence->Merge(epoch, variant, delta);
  if (evidence != &evidence_) return;
  allocation_.Merge(epoch, variant, delta);
  looked_at_ = absl::InfinitePast();
}

absl::Status GovernedExperiment::Refuse(const char* cause, absl::Status status) {
  ++outcomes_refused_[cause];
  return status;
}

// Its metrics, before anything is marked or counted.
absl::Status GovernedExperiment::CheckOutcome(const stats::OutcomeReport& report) {
  bool names_one = false;
  for (const config::OutcomeMetric& metric : filed_->metrics) {
    const auto value = report.metrics.find(metric.field);
    if (value == report.metrics.end()) continue;
    names_one = true;
    const bool is_out_of_range =
        metric.type == config::MetricType::kProportion && !(value->second >= 0 && value->second <= 1);
    if (!std::isfinite(value->second) || is_out_of_range) {
      return Refuse("bad_value", absl::InvalidArgumentError(absl::StrCat(
                                     metric.field, " is ", value->second, ", not ",
                                     metric.type == config::MetricType::kProportion ? "between 0 and 1" : "finite")));
    }
  }
  if (names_one) return absl::OkStatus();
  return Refuse("unknown_metric", absl::InvalidArgumentError("the report names no metric of its experiment"));
}

absl::Status GovernedExperiment::Count(const stats::OutcomeReport& report, TicketLedger& tickets, absl::Time now) {
  const stats::Ticket& ticket = report.ticket;
  RunEvidence* run = RunOf(ticket.run);
  if (run == nullptr || !filed_) {
    return Refuse("unknown_run", absl::OutOfRangeError("the run of its ticket is no longer kept"));
  }
  const absl::StatusOr<std::string> variant = run->VariantOf(ticket);
  if (!variant.ok()) return Refuse("unknown_run", absl::OutOfRangeError(variant.status().message()));
  if (absl::Status status = CheckOutcome(report); !status.ok()) return status;
  switch (tickets.Admit(ticket, now, filed_->join_window)) {
    case stats::OnceOnly::Admission::kRepeated:
      return Refuse("repeated", absl::AlreadyExistsError("the ticket was reported before"));
    case stats::OnceOnly::Admission::kExpired:
      return Refuse("expired", absl::OutOfRangeError("the ticket is older than the experiment's join window"));
    case stats::OnceOnly::Admission::kFirst:
      break;
  }
  for (const config::OutcomeMetric& metric : filed_->metrics) {
    if (const auto value = report.metrics.find(metric.field); value != report.metrics.end()) {
      run->AddOutcome(ticket.epoch, *variant, metric.name, ticket.user_bucket, value->second);
      if (run != &evidence_) continue;
      looked_at_ = absl::InfinitePast();
      allocation_.AddOutcome(ticket.epoch, *variant, metric.name, ticket.user_bucket, value->second, now);
    }
  }
  ++outcomes_counted_[*variant];
  return absl::OkStatus();
}

void GovernedExperiment::MergeOutcomes(uint32_t epoch, const std::string& variant, const std::string& metric,
                                       const stats::OutcomeCounts& delta, absl::Time now) {
  evidence_.MergeOutcomes(epoch, variant, metric, delta);
  looked_at_ = absl::InfinitePast();
  allocation_.MergeOutcomes(epoch, variant, metric, delta, now);
  outcomes_counted_[variant] += delta.n;
}

int64_t GovernedExperiment::outcomes_counted(const std::string& variant) const {
  const auto counted = outcomes_counted_.find(variant);
  return counted == outcomes_counted_.end() ? 0 : counted->second;
}

}  // namespace weir::control
