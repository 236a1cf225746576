// What the controller shows: its state as the admin interface and the metrics want it.

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "router/control/allocation_view.h"
#include "router/control/analysis_view.h"
#include "router/control/controller.h"
#include "router/control/rollout_view.h"
#include "router/experiment/checks.h"
#include "router/experiment/false_rollback.h"
#include "router/experiment/proto_time.h"
#include "stats/business_value.h"
#include "stats/clustered.h"
#include "stats/outcomes.h"

namespace weir::control {
namespace {

using experiment::DurationOf;
using experiment::Frozen;
using experiment::Judgement;
using experiment::RolledBack;
using experiment::TimestampOf;

// Outcomes below which a mean is noise that would page people.
constexpr int64_t kLeastOutcomes = 30;
constexpr double kIntervalAlpha = 0.05;

// Of the whole histogram, by the middle of each bucket: to within half a bucket's width, 0.51 %.
double MeanMilliseconds(const stats::LatencyHistogram& latencies) {
  double sum = 0;
  latencies.ForEachNonzero([&](int bucket, int64_t count) {
    const absl::Duration lower = stats::LatencyHistogram::LowerEdge(bucket);
    const absl::Duration upper = stats::LatencyHistogram::LowerEdge(bucket + 1);
    const absl::Duration middle = upper == absl::InfiniteDuration() ? lower : (lower + upper) / 2;
    sum += absl::ToDoubleMilliseconds(middle) * static_cast<double>(count);
  });
  return latencies.count() == 0 ? 0 : sum / static_cast<double>(latencies.count());
}

std::optional<double> AccuracyIn(const config::Experiment& specification, const experiment::RunEvidence& evidence,
                                 const std::string& variant) {
  const config::OutcomeMetric* metric = experiment::AccuracyOf(specification.metrics);
  const stats::OutcomeCounts* counts = metric == nullptr ? nullptr : evidence.OutcomesOf(variant, metric->name);
  if (counts == nullptr || counts->n < kLeastOutcomes) return std::nullopt;
  return counts->mean;
}

// Nothing without calls, or where the specification measures accuracy and there are too few outcomes.
std::optional<stats::ModelPerformance> PerformanceIn(const config::Experiment& specification,
                                                     const experiment::RunEvidence& evidence,
                                                     const std::string& variant) {
  const stats::VariantCounts counts = evidence.Total(variant);
  const int64_t judged = counts.ended() - counts.neutral();
  const std::optional<double> accuracy = AccuracyIn(specification, evidence, variant);
  if (judged <= 0 || (!accuracy && experiment::AccuracyOf(specification.metrics) != nullptr)) return std::nullopt;
  return stats::ModelPerformance{
      .accuracy_percent = 100 * accuracy.value_or(0),
      .latency_ms = MeanMilliseconds(counts.latencies()),
      .error_percent = 100 * static_cast<double>(counts.errors()) / static_cast<double>(judged)};
}

std::optional<double> BusinessImpact(const config::Experiment& specification, const experiment::RunEvidence& evidence,
                                     const std::string& default_variant, const std::string& variant) {
  if (!specification.decision || variant == default_variant) return std::nullopt;
  const auto baseline = PerformanceIn(specification, evidence, default_variant);
  const auto candidate = PerformanceIn(specification, evidence, variant);
  if (!baseline || !candidate) return std::nullopt;
  const stats::BusinessWeights weights{.revenue_per_accuracy_point = specification.decision->revenue_per_accuracy_point,
                                       .cost_per_millisecond = specification.decision->cost_per_millisecond,
                                       .risk_per_error_point = specification.decision->risk_per_error_point};
  return stats::NetBusinessValue(weights, *baseline, *candidate);
}

void ShowOutcomes(const config::Experiment& specification, const experiment::RunEvidence& evidence,
                  v1::VariantStatus& status) {
  for (const config::OutcomeMetric& metric : specification.metrics) {
    v1::OutcomeStatus* outcome = status.add_outcomes();
    outcome->set_metric(metric.name);
    const stats::OutcomeCounts* counts = evidence.OutcomesOf(status.name(), metric.name);
    if (counts == nullptr) continue;
    outcome->set_count(counts->n);
    outcome->set_mean(counts->mean);
    const std::optional<stats::MeanEstimate> estimate = stats::EstimateMean(*counts, kIntervalAlpha);
    if (!estimate || counts->n < kLeastOutcomes) continue;
    const bool is_proportion = metric.type == config::MetricType::kProportion;
    outcome->set_lower(is_proportion ? std::max(0.0, estimate->interval.lower) : estimate->interval.lower);
    outcome->set_upper(is_proportion ? std::min(1.0, estimate->interval.upper) : estimate->interval.upper);
  }
}

void ShowCounts(const stats::VariantCounts& counts, v1::VariantStatus& status) {
  status.set_started(counts.started());
  status.set_ended(counts.ended());
  status.set_run_errors(counts.errors());
  status.set_previewed(counts.previews().judged());
  status.set_preview_errors(counts.previews().errors);
  if (const auto p50 = counts.latencies().Quantile(0.5)) *status.mutable_p50() = DurationOf(*p50);
  if (const auto p95 = counts.latencies().Quantile(0.95)) *status.mutable_p95() = DurationOf(*p95);
  if (const auto p99 = counts.latencies().Quantile(0.99)) *status.mutable_p99() = DurationOf(*p99);
  if (counts.errors() > 0) status.set_design_effect(stats::ErrorDesignEffect(counts.users()));
}

// Those of the specification in force, then those that the file adds.
std::vector<std::string> NamesOf(const config::Experiment& in_force, const config::Experiment& filed) {
  std::vector<std::string> names;
  for (const config::Experiment* specification : {&in_force, &filed}) {
    for (const config::Variant& variant : specification->variants) {
      if (std::find(names.begin(), names.end(), variant.name) == names.end()) names.push_back(variant.name);
    }
  }
  return names;
}

}  // namespace

Snapshot Controller::View(absl::Time now) const {
  Snapshot view;
  view.table = table_;
  v1::Status& status = view.status;
  *status.mutable_now() = TimestampOf(now);
  *status.mutable_started_at() = TimestampOf(started_at_);
  status.set_version(version_);
  status.set_ready(table_ != nullptr);
  for (const std::string& error : configuration_errors_) status.add_configuration_errors(error);
  for (const std::string& notice : RestartNotices()) status.add_notices(notice);
  status.mutable_journal()->set_healthy(is_journal_healthy_);
  status.mutable_journal()->set_error(journal_error_);
  status.mutable_journal()->set_unjournalled(CountUnjournalled());
  status.mutable_journal()->set_head(journal_head_);
  if (started_with_) status.mutable_journal()->set_path(absl::StrCat(started_with_->state_directory, "/journal.db"));
  status.set_table_version(table_ == nullptr ? 0 : table_->version);
  status.set_oldest_adopted_version(totals_.oldest_table());

  stats::MetricsSnapshot& metrics = view.metrics;
  metrics.proxy = totals_.proxy();
  metrics.proxy.feedback_refused += outcomes_of_nobody_;
  metrics.control = counts_;
  metrics.control.restart_needed = status.notices_size() > 0;
  metrics.control.unjournalled = CountUnjournalled();
  metrics.control.journal_head = journal_head_;
  metrics.connections = totals_.connections();
  metrics.calls_in_flight = totals_.calls_in_flight();
  metrics.ready = status.ready();

  if (!config_) return view;
  status.set_proxy(config_->proxy.name);
  for (const auto& [name, governed] : experiments_) {
    if (governed.experiment.filed()) ViewExperiment(governed, now, view);
  }
  ViewModels(view);
  return view;
}

int64_t Controller::CountUnjournalled() const {
  return std::count_if(experiments_.begin(), experiments_.end(),
                       [](const auto& entry) { return entry.second.unjournalled.has_value(); });
}

void Controller::ViewExperiment(const Governed& governed, absl::Time now, Snapshot& view) const {
  v1::ExperimentStatus& status = *view.status.add_experiments();
  const config::Experiment& filed = *governed.experiment.filed();
  status.set_name(governed.experiment.name());
  ViewPhase(governed, now, status);
  ViewVariants(governed, status, view);
  for (const Judgement& judgement : governed.experiment.judgements()) {
    v1::GuardrailStatus* guardrail = status.add_guardrails();
    guardrail->set_name(judgement.guardrail);
    guardrail->set_variant(judgement.candidate);
    guardrail->set_rule(judgement.rule);
    guardrail->set_log10_evidence(judgement.log10_evidence);
    guardrail->set_log10_threshold(judgement.log10_threshold);
    guardrail->set_breached(judgement.breached);
    guardrail->set_action(NameOf(judgement.action));
    guardrail->set_note(judgement.note);
    view.metrics.guardrails.push_back({.experiment = filed.name,
                                       .guardrail = judgement.guardrail,
                                       .variant = judgement.candidate,
                                       .log10_evidence = judgement.log10_evidence,
                                       .log10_threshold = judgement.log10_threshold,
                                       .breached = judgement.breached});
  }
  ShowAnalysis(governed.experiment.analyst(), status);
  for (const config::Mirror& mirror : filed.mirrors) {
    const stats::ServedCounts& served = totals_.mirrored(filed.name, mirror.name);
    v1::MirrorStatus* shown = status.add_mirrors();
    shown->set_name(mirror.name);
    shown->set_requests(served.requests());
    shown->set_errors(served.errors);
    shown->set_dropped(served.dropped);
    view.metrics.mirrors.push_back({.experiment = filed.name, .model = mirror.name, .served = served});
  }
  AddAllocation(filed.name, status.rollout(), view.metrics);
  const experiment::FalseRollback false_rollback = experiment::FalseRollbackOf(filed);
  status.set_alpha_total(false_rollback.at_most);
  for (const std::string& beside : false_rollback.beside) status.add_rolls_back_beside_alpha(beside);
  status.set_notice(NoticeOf(governed));
  governed.external.Show(filed.name, governed.experiment.external_values(), now, status, view.metrics.queries);
  view.metrics.experiments.push_back({.experiment = filed.name,
                                      .phase = LabelOf(status.phase()),
                                      .run = status.run(),
                                      .epoch = status.epoch(),
                                      .outcomes_refused = governed.experiment.outcomes_refused()});
  MeasureAnalysis(governed.experiment.analyst(), view.metrics.experiments.back(), view.metrics);
}

void Controller::ViewPhase(const Governed& governed, absl::Time now, v1::ExperimentStatus& status) const {
  const std::optional<experiment::State>& state = governed.experiment.state();
  if (!state) {
    status.set_phase(v1::FROZEN);
    status.set_phase_reason(governed.journal_error.empty()
                                ? "its first run is being journalled"
                                : absl::StrCat("its first run waits for the journal: ", governed.journal_error));
    return;
  }
  status.set_run(state->run.ordinal);
  status.set_run_label(state->run.label);
  status.set_epoch(state->epoch.ordinal);
  *status.mutable_run_started_at() = TimestampOf(state->run.started);
  *status.mutable_phase_since() = TimestampOf(state->phase_since);
  ShowPhase(state->phase, status);
  const experiment::Plan plan = governed.experiment.plan();
  if (!plan.rollout) return;
  *status.mutable_rollout() = ViewOfRollout(plan, *state, governed.experiment.Known(), now);
  ShowAllocation(governed.experiment, *status.mutable_rollout());
}

void Controller::ViewVariants(const Governed& governed, v1::ExperimentStatus& status, Snapshot& view) const {
  const config::Experiment& filed = *governed.experiment.filed();
  const GovernedExperiment::Routed routed = governed.experiment.InForce(config_->proxy.models);
  const experiment::Split in_force = experiment::SplitOf(routed.specification);
  const experiment::RunEvidence& evidence = governed.experiment.evidence();
  for (const std::string& name : NamesOf(routed.specification, filed)) {
    v1::VariantStatus& variant = *status.add_variants();
    const stats::ServedCounts& served = totals_.served(filed.name, name);
    const bool is_default = name == in_force.default_name();
    const double share = routed.is_gate_shut ? (is_default ? 1 : 0) : experiment::ShareOf(in_force, name);
    variant.set_name(name);
    variant.set_is_default(is_default);
    // A rollout's file asks for no share but that of its steps.
    variant.set_configured_share(filed.rollout ? share : experiment::ShareOf(experiment::SplitOf(filed), name));
    variant.set_share(share);
    variant.set_requests(served.requests());
    variant.set_errors(served.errors);
    variant.set_diverted(served.diverted);
    ShowCounts(evidence.Total(name), variant);
    ShowOutcomes(filed, evidence, variant);
    const auto impact = BusinessImpact(filed, evidence, in_force.default_name(), name);
    if (impact) variant.set_business_impact(*impact);

    stats::ModelMetrics metrics{.experiment = filed.name,
                                .model = name,
                                .served = served,
                                .traffic_fraction = share,
                                .accuracy = AccuracyIn(filed, evidence, name),
                                .business_impact = impact,
                                .outcomes_counted = governed.experiment.outcomes_counted(name)};
    if (table_ != nullptr) {
      for (size_t m = 0; m < table_->models.size(); ++m) {
        if (table_->models[m].name != name) continue;
        metrics.healthy_endpoints = totals_.healthy_endpoints(m);
        metrics.configured_endpoints = static_cast<int64_t>(table_->models[m].endpoints.size());
      }
    }
    variant.set_healthy_endpoints(static_cast<int32_t>(metrics.healthy_endpoints));
    view.metrics.models.push_back(std::move(metrics));
  }
}

void Controller::ViewModels(Snapshot& view) const {
  if (table_ == nullptr) return;
  for (size_t m = 0; m < table_->models.size(); ++m) {
    const routing::ModelRoute& model = table_->models[m];
    if (model.endpoints.empty()) continue;  // Removed.
    v1::ModelStatus* status = view.status.add_models();
    status->set_name(model.name);
    status->set_endpoints(static_cast<int32_t>(model.endpoints.size()));
    status->set_healthy_endpoints(static_cast<int32_t>(totals_.healthy_endpoints(m)));
    int64_t requests = 0;
    for (const auto& [key, served] : totals_.served()) {
      if (key.second == model.name) requests += served.requests();
    }
    status->set_requests(requests);
    const stats::ServedCounts& outside = totals_.served(TrafficTotals::kOutside, model.name);
    const bool is_routed = std::any_of(table_->routes.begin(), table_->routes.end(),
                                       [&](const routing::PlainRoute& route) { return route.model == m; });
    if (!is_routed && outside == stats::ServedCounts{}) continue;
    view.metrics.models.push_back({.experiment = TrafficTotals::kOutside,
                                   .model = model.name,
                                   .served = outside,
                                   .traffic_fraction = {},
                                   .accuracy = {},
                                   .business_impact = {},
                                   .outcomes_counted = 0,
                                   .healthy_endpoints = totals_.healthy_endpoints(m),
                                   .configured_endpoints = static_cast<int64_t>(model.endpoints.size())});
  }
}

// What a person should know and would not see elsewhere.
std::string Controller::NoticeOf(const Governed& governed) const {
  const std::optional<experiment::State>& state = governed.experiment.state();
  const config::Experiment& filed = *governed.experiment.filed();
  if (!state) return "";
  if (governed.unjournalled && !governed.journal_error.empty()) {
    const bool is_refusal = governed.unjournalled->change.action == experiment::kNotOpened;
    return absl::StrCat(is_refusal ? "a change is not in force, and the journal does not say so yet: "
                                   : "in force, but not in the journal yet: ",
                        governed.journal_error);
  }
  const bool is_edited = !experiment::HasFollowed(governed.experiment.plan(), *state);
  const std::string way_out = absl::StrCat("`weirctl reset ", filed.name, "` or another spec.run opens a new run");
  if (std::holds_alternative<RolledBack>(state->phase)) {
    return absl::StrCat("the default has all traffic since the rollback",
                        is_edited ? ", and the file that was edited since changes nothing" : "", ": ", way_out);
  }
  if (std::holds_alternative<Frozen>(state->phase)) {
    return absl::StrCat("the default has all traffic: ", way_out, unread_.ok() ? "" : ", once the journal can be read");
  }
  if (is_edited || state->run.label != filed.run) {
    return governed.journal_error.empty()
               ? "a change of the file is being journalled"
               : absl::StrCat("a change of the file is not in force: ", governed.journal_error);
  }
  if (filed.variants.size() > 1 && filed.guardrails.empty()) return "no guardrail watches the candidates";
  if (filed.variants.size() > 1 && experiment::ShareOf(state->epoch.split, state->epoch.split.default_name()) == 0) {
    return "the default has no traffic: nothing can be compared with it, only absolute guardrails watch";
  }
  return "";
}

// What of kind Proxy cannot change while the process lives.
std::vector<std::string> Controller::RestartNotices() const {
  std::vector<std::string> notices;
  if (!config_ || !started_with_) return notices;
  const config::Proxy& now = config_->proxy;
  const auto note = [&](const char* path, bool differs) {
    if (differs) notices.push_back(absl::StrCat(path, " was changed in the file: it is in force after a restart"));
  };
  note("metadata.name", now.name != started_with_->name);
  note("spec.listener.address", now.listener != started_with_->listener);
  note("spec.listener.workers", now.workers != started_with_->workers);
  note("spec.listener.profile", now.profile != started_with_->profile);
  note("spec.listener.drainGrace", now.drain_grace != started_with_->drain_grace);
  note("spec.admin.address", now.admin != started_with_->admin);
  note("spec.metrics.address", now.metrics != started_with_->metrics);
  const auto log_of = [](const config::Proxy& proxy) {  // Its sample changes live.
    config::AssignmentLog log = proxy.assignment_log.value_or(config::AssignmentLog());
    log.sample = config::Percent::All();
    return log;
  };
  note("spec.assignmentLog", log_of(now) != log_of(*started_with_));
  note("spec.stateDirectory", now.state_directory != started_with_->state_directory);
  return notices;
}

}  // namespace weir::control
