#include "router/experiment/report.h"

#include <algorithm>
#include <set>

#include "absl/time/time.h"
#include "router/experiment/evidence_record.h"
#include "router/experiment/run_evidence.h"
#include "stats/clustered.h"
#include "stats/histogram.h"

namespace weir::experiment {
namespace {

void AddTimeline(const v1::AuditRecord& row, v1::RunReport& report) {
  v1::TimelineEntry* entry = report.add_timeline();
  *entry->mutable_at() = row.at();
  entry->set_sequence(row.sequence());
  entry->set_actor(row.actor());
  entry->set_action(row.action());
  entry->set_detail(row.detail());
  entry->set_epoch(row.state().epoch());
  *entry->mutable_shares() = row.state().variants();
  if (row.state().has_rolled_back()) {  // Its epoch's are as they were when the gate shut.
    for (v1::VariantWeight& share : *entry->mutable_shares()) {
      share.set_hundredths(share.name() == row.state().default_variant() ? 10000 : 0);
    }
  }
  entry->set_comment(row.event().command().comment());
}

void AddLatencies(const stats::LatencyHistogram& latencies, v1::VariantReport& report) {
  using stats::LatencyHistogram;
  latencies.ForEachNonzero([&](int bucket, int64_t count) {
    v1::LatencyBucket* written = report.add_latencies();
    written->set_from_ms(absl::ToDoubleMilliseconds(LatencyHistogram::LowerEdge(bucket)));
    written->set_below_ms(absl::ToDoubleMilliseconds(LatencyHistogram::LowerEdge(bucket + 1)));
    written->set_count(count);
  });
  const auto quantile = [&](double q) { return absl::ToDoubleMilliseconds(*latencies.Quantile(q)); };
  if (latencies.count() == 0) return;
  report.set_p50_ms(quantile(0.5));
  report.set_p95_ms(quantile(0.95));
  report.set_p99_ms(quantile(0.99));
}

void AddVariant(const std::string& name, const v1::RunVariantCheckpoint& written, const RunEvidence& evidence,
                v1::VariantReport& report) {
  const stats::VariantCounts total = evidence.Total(name);
  report.set_name(name);
  report.set_started(total.started());
  report.set_ended(total.ended());
  report.set_errors(total.errors());
  report.set_neutral(total.neutral());
  report.set_previewed(total.previews().judged());
  report.set_preview_errors(total.previews().errors);
  if (total.errors() > 0 && total.errors() < total.ended()) {
    report.set_design_effect(stats::ErrorDesignEffect(total.users()));
  }
  AddLatencies(total.latencies(), report);
  for (const v1::OutcomeCheckpoint& outcome : written.outcomes()) {
    v1::OutcomeSummary* summary = report.add_outcomes();
    summary->set_metric(outcome.metric());
    summary->set_count(outcome.count());
    summary->set_mean(outcome.mean());
  }
  for (const auto& [epoch, variants] : evidence.open()) {
    const VariantEvidence* own = evidence.Find(epoch, name);
    if (own == nullptr) continue;
    v1::EpochSummary* summary = report.add_epochs();
    summary->set_epoch(epoch);
    summary->set_started(own->counts.started());
    summary->set_ended(own->counts.ended());
    summary->set_errors(own->counts.errors());
  }
}

absl::Status AddCounts(const v1::EvidenceRecord& record, const std::string& default_variant, v1::RunReport& report) {
  const absl::StatusOr<RunEvidence> evidence = CountsOf(record);
  if (!evidence.ok()) return evidence.status();
  *report.mutable_judgements() = record.judgements();
  for (const bool wants_default : {true, false}) {
    for (const v1::RunVariantCheckpoint& written : record.run().variants()) {
      if ((written.name() == default_variant) != wants_default) continue;
      v1::VariantReport* variant = report.add_variants();
      AddVariant(written.name(), written, *evidence, *variant);
      variant->set_is_default(wants_default);
    }
  }
  return absl::OkStatus();
}

void AddSpecification(const std::vector<v1::AuditRecord>& history, uint32_t version, v1::RunReport& report) {
  report.set_specification_version(version);
  for (const v1::AuditRecord& row : history) {
    if (!row.has_specification() || row.specification().ordinal() != version) continue;
    report.set_specification_file(row.specification().file());
    report.set_specification_owner(row.specification().owner());
  }
}

}  // namespace

absl::StatusOr<v1::RunReport> ReportOf(const ReportSources& sources) {
  if (sources.history.empty()) return absl::NotFoundError("the journal knows no such experiment");
  const v1::ExperimentState& state = sources.history.back().state();
  v1::RunReport report;
  report.set_experiment(state.experiment());
  report.set_run(state.run());
  report.set_run_label(state.run_label());
  *report.mutable_run_started_at() = state.run_started_at();
  report.set_is_rolled_back(state.has_rolled_back());
  report.set_head(sources.head);
  *report.mutable_failed_calls() = {sources.failed_calls.begin(), sources.failed_calls.end()};
  const v1::AuditRecord* decision = &sources.history.back();
  for (const v1::AuditRecord& row : sources.history) {
    if (row.state().run() != state.run()) continue;
    AddTimeline(row, report);
    // Rows after it change nothing but the file.
    if (row.state().has_rolled_back() && !decision->has_evidence()) decision = &row;
    if (row.state().has_rolled_back() && row.has_evidence()) decision = &row;
  }
  AddSpecification(sources.history, decision->specification_version(), report);
  report.set_sequence(decision->sequence());
  *report.mutable_at() = decision->at();
  if (!report.is_rolled_back()) {
    if (!sources.counted_now) return report;
    *report.mutable_at() = sources.counted_now->judged_at();
    const absl::Status status = AddCounts(*sources.counted_now, state.default_variant(), report);
    return status.ok() ? absl::StatusOr<v1::RunReport>(std::move(report)) : status;
  }
  report.set_actor(decision->actor());
  report.set_why(decision->detail());
  if (state.rolled_back().has_breach()) *report.mutable_breach() = state.rolled_back().breach();
  if (!decision->has_evidence()) return report;
  const absl::Status status = AddCounts(decision->evidence(), state.default_variant(), report);
  return status.ok() ? absl::StatusOr<v1::RunReport>(std::move(report)) : status;
}

}  // namespace weir::experiment
