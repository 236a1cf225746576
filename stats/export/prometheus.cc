#include "stats/export/prometheus.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>
#include <set>
#include <span>
#include <sstream>
#include <utility>
#include <vector>

namespace weir::stats {
namespace {

using ::prometheus::ClientMetric;
using ::prometheus::MetricFamily;
using ::prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

constexpr const char* kCodeNames[kGrpcCodes] = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

// One family under way: its samples are added one by one.
class Family {
 public:
  Family(MetricType type, std::string name, std::string help) : family_{std::move(name), std::move(help), type, {}} {}

  void Add(Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    if (family_.type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
    family_.metric.push_back(std::move(metric));
  }
  void AddTimes(Labels labels, const ServedCounts& served) {
    AddHistogram(std::move(labels), served.by_response_time, kResponseTimeEdges, served.response_seconds);
  }
  void AddHistogram(Labels labels, std::span<const int64_t> buckets, std::span<const double> edges, double sum);
  MetricFamily Take() { return std::move(family_); }

 private:
  MetricFamily family_;
};

// Our buckets are disjoint, Prometheus' are cumulative. The last one, beyond all edges, has none.
void Family::AddHistogram(Labels labels, std::span<const int64_t> buckets, std::span<const double> edges, double sum) {
  ClientMetric metric;
  metric.label = std::move(labels);
  uint64_t cumulative = 0;
  for (size_t i = 0; i < buckets.size(); ++i) {
    cumulative += static_cast<uint64_t>(buckets[i]);
    metric.histogram.bucket.push_back(
        {cumulative, i == edges.size() ? std::numeric_limits<double>::infinity() : edges[i]});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = sum;
  family_.metric.push_back(std::move(metric));
}

Family Counter(std::string name, std::string help) { return {MetricType::Counter, std::move(name), std::move(help)}; }
Family Gauge(std::string name, std::string help) { return {MetricType::Gauge, std::move(name), std::move(help)}; }
Family Times(std::string name, std::string help) { return {MetricType::Histogram, std::move(name), std::move(help)}; }

class Page {
 public:
  void Add(Family family) {
    MetricFamily taken = family.Take();
    // A family without a sample would be a HELP line about nothing.
    if (!taken.metric.empty()) families_.push_back(std::move(taken));
  }
  void Single(Family family, double value) {
    family.Add({}, value);
    Add(std::move(family));
  }
  std::string Text() const {
    std::ostringstream out;
    ::prometheus::TextSerializer().Serialize(out, families_);
    return out.str();
  }

 private:
  std::vector<MetricFamily> families_;
};

Labels OfModel(const ModelMetrics& m) { return {{"experiment", m.experiment}, {"model_name", m.model}}; }
Labels OfMirror(const MirrorMetrics& m) { return {{"experiment", m.experiment}, {"model_name", m.model}}; }
Labels OfVariant(const ModelMetrics& m) { return {{"experiment", m.experiment}, {"variant", m.model}}; }

Labels With(Labels labels, std::string name, std::string value) {
  labels.push_back({std::move(name), std::move(value)});
  return labels;
}

void AddKnownNames(const std::vector<ModelMetrics>& models, Page& page) {
  Family requests =
      Counter("ab_test_requests_total", "Requests that ended at the model: answered, or cancelled by the client.");
  Family times = Times("ab_test_response_time_seconds",
                       "Time to the answer of the model, in seconds; of requests that it answered.");
  Family errors =
      Counter("ab_test_errors_total", "Answers of the model that were errors, by the experiment's error codes.");
  Family accuracy = Gauge("ab_test_model_accuracy",
                          "Share of the outcomes reported in this run that were correct, in percent; absent below 30.");
  Family impact = Gauge("ab_test_business_impact",
                        "Net value of the model over the experiment's default, by the weights of the specification.");
  Family traffic = Gauge("ab_test_traffic_percentage", "Share of the experiment's traffic in force, in percent.");
  for (const ModelMetrics& model : models) {
    requests.Add(OfModel(model), model.served.requests());
    times.AddTimes(OfModel(model), model.served);
    errors.Add(OfModel(model), model.served.errors);
    if (model.accuracy) accuracy.Add(OfModel(model), *model.accuracy * 100);
    if (model.business_impact) impact.Add(OfModel(model), *model.business_impact);
    if (model.traffic_fraction) traffic.Add(OfModel(model), *model.traffic_fraction * 100);
  }
  for (Family* family : {&requests, &times, &errors, &accuracy, &impact, &traffic}) page.Add(std::move(*family));
}

void AddCalls(const std::vector<ModelMetrics>& models, Page& page) {
  Family by_code = Counter("weir_requests_total", "Requests answered, by the gRPC code of the answer.");
  Family by_reason = Counter("weir_served_total", "Requests answered, by the reason why this variant answered.");
  Family assigned = Counter("weir_assigned_total", "Requests that the rule gave to the variant, whoever answered.");
  Family keyless = Counter("weir_keyless_total", "Of the assigned: without a user key, assigned at random.");
  Family diverted = Counter("weir_diverted_total", "Of the assigned: sent elsewhere, as no endpoint was healthy.");
  Family cancelled = Counter("weir_cancelled_total", "Requests cancelled by the client.");
  Family drained =
      Counter("weir_drained_calls_total", "Requests ended since the variant was rolled back, after the drain.");
  Family streams = Times("weir_stream_seconds",
                         "From headers to end, in seconds, of calls with more than one message in a direction.");
  Family outcomes = Counter("weir_outcomes_total", "Outcomes reported by clients and counted.");
  for (const ModelMetrics& model : models) {
    for (int code = 0; code < kGrpcCodes; ++code) {
      by_code.Add(With(OfVariant(model), "code", kCodeNames[code]), model.served.by_code[code]);
    }
    for (int reason = 0; reason < kReasons; ++reason) {
      by_reason.Add(With(OfVariant(model), "reason", std::string(ReasonName(static_cast<Reason>(reason)))),
                    model.served.by_reason[reason]);
    }
    assigned.Add(OfVariant(model), model.served.assigned);
    keyless.Add(OfVariant(model), model.served.keyless);
    diverted.Add(OfVariant(model), model.served.diverted);
    cancelled.Add(OfVariant(model), model.served.cancelled);
    drained.Add(OfVariant(model), model.served.drained);
    streams.AddHistogram(OfVariant(model), model.served.by_stream_length, kStreamLengthEdges,
                         model.served.stream_seconds);
    outcomes.Add(OfVariant(model), model.outcomes_counted);
  }
  for (Family* family :
       {&by_code, &by_reason, &assigned, &keyless, &diverted, &cancelled, &drained, &streams, &outcomes}) {
    page.Add(std::move(*family));
  }
}

// A model has one set of endpoints, in however many experiments it stands.
void AddEndpoints(const std::vector<ModelMetrics>& models, Page& page) {
  Family configured = Gauge("weir_endpoints", "Endpoints of the model in the configuration.");
  Family healthy = Gauge("weir_healthy_endpoints", "Endpoints of the model to which a call may be sent now.");
  std::set<std::string> seen;
  for (const ModelMetrics& model : models) {
    if (!seen.insert(model.model).second) continue;
    configured.Add({{"model_name", model.model}}, model.configured_endpoints);
    healthy.Add({{"model_name", model.model}}, model.healthy_endpoints);
  }
  page.Add(std::move(configured));
  page.Add(std::move(healthy));
}

void AddMirrors(const std::vector<MirrorMetrics>& mirrors, Page& page) {
  Family requests = Counter("weir_mirror_requests_total", "Mirrored copies that were answered, by gRPC code.");
  Family times = Times("weir_mirror_response_time_seconds", "Time to the answer of the mirror, in seconds.");
  Family errors = Counter("weir_mirror_errors_total", "Answers of the mirror that were errors.");
  Family dropped = Counter("weir_mirror_dropped_total", "Copies not sent, or given up, under pressure.");
  for (const MirrorMetrics& mirror : mirrors) {
    for (int code = 0; code < kGrpcCodes; ++code) {
      requests.Add(With(OfMirror(mirror), "code", kCodeNames[code]), mirror.served.by_code[code]);
    }
    times.AddTimes(OfMirror(mirror), mirror.served);
    errors.Add(OfMirror(mirror), mirror.served.errors);
    dropped.Add(OfMirror(mirror), mirror.served.dropped);
  }
  for (Family* family : {&requests, &times, &errors, &dropped}) page.Add(std::move(*family));
}

void AddGuardrails(const std::vector<GuardrailMetrics>& guardrails, Page& page) {
  Family evidence = Gauge("weir_guardrail_log10_evidence",
                          "Evidence that the guardrail is breached, log10; breached at the threshold.");
  Family threshold = Gauge("weir_guardrail_log10_threshold", "The evidence that proves a breach, log10.");
  Family breached = Gauge("weir_guardrail_breached", "1 once the breach was proven in this run.");
  Family detector = Gauge("weir_detector_log10_statistic",
                          "Of the guardrail's detector of late rises, log10; it alarms at the log10 of its arl.");
  Family alarms = Gauge("weir_detector_alarms", "How often the guardrail's detector alarmed in this run.");
  for (const GuardrailMetrics& guardrail : guardrails) {
    const Labels labels = {
        {"experiment", guardrail.experiment}, {"guardrail", guardrail.guardrail}, {"variant", guardrail.variant}};
    evidence.Add(labels, guardrail.log10_evidence);
    threshold.Add(labels, guardrail.log10_threshold);
    breached.Add(labels, guardrail.breached);
    if (!guardrail.detector_log10_statistic) continue;
    detector.Add(labels, *guardrail.detector_log10_statistic);
    alarms.Add(labels, guardrail.detector_alarms);
  }
  for (Family* family : {&evidence, &threshold, &breached, &detector, &alarms}) page.Add(std::move(*family));
}

void AddTrends(const std::vector<TrendMetrics>& trends, Page& page) {
  Family statistic = Gauge("weir_trend_statistic", "Of the trend's chart, in either direction; it warns at the limit.");
  Family limit = Gauge("weir_trend_limit", "Of the trend's chart.");
  Family alarms = Gauge("weir_trend_alarms", "How often the trend warned in this run.");
  for (const TrendMetrics& trend : trends) {
    const Labels labels = {{"experiment", trend.experiment}, {"trend", trend.trend}, {"variant", trend.variant}};
    statistic.Add(labels, trend.statistic);
    limit.Add(labels, trend.limit);
    alarms.Add(labels, trend.alarms);
  }
  for (Family* family : {&statistic, &limit, &alarms}) page.Add(std::move(*family));
}

void AddExperiments(const std::vector<ExperimentMetrics>& experiments, Page& page) {
  Family phase = Gauge("weir_experiment_phase", "1 for the phase that the experiment is in.");
  Family run = Gauge("weir_experiment_run", "Ordinal of the experiment's run, from 1.");
  Family epoch = Gauge("weir_experiment_epoch", "Ordinal of the span with unchanged shares within the run.");
  Family verdict = Gauge("weir_analysis_verdict", "1 for what is concluded now of the experiment as a whole.");
  Family sample_ratio = Gauge("weir_sample_ratio_log10_bayes_factor",
                              "Evidence that users do not get the variants in the shares in force, log10.");
  Family refused = Counter("weir_outcomes_refused_total", "Outcomes reported by clients and not counted, by cause.");
  for (const ExperimentMetrics& experiment : experiments) {
    for (const char* name : {"running", "rolled_back", "frozen", "waiting", "stepping", "paused", "inconclusive",
                             "watching", "completed"}) {
      phase.Add({{"experiment", experiment.experiment}, {"phase", name}}, experiment.phase == name);
    }
    run.Add({{"experiment", experiment.experiment}}, experiment.run);
    epoch.Add({{"experiment", experiment.experiment}}, experiment.epoch);
    for (const char* name : {"success", "failed", "inconclusive", "undecided"}) {
      if (experiment.verdict.empty()) break;
      verdict.Add({{"experiment", experiment.experiment}, {"verdict", name}}, experiment.verdict == name);
    }
    if (experiment.sample_ratio_log10_bayes_factor) {
      sample_ratio.Add({{"experiment", experiment.experiment}}, *experiment.sample_ratio_log10_bayes_factor);
    }
    for (const auto& [cause, count] : experiment.outcomes_refused) {
      refused.Add({{"experiment", experiment.experiment}, {"cause", cause}}, count);
    }
  }
  for (Family* family : {&phase, &run, &epoch, &verdict, &sample_ratio, &refused}) page.Add(std::move(*family));
}

void AddAllocations(const std::vector<AllocationMetrics>& allocations, Page& page) {
  Family best = Gauge("weir_probability_best", "Of a bandit's variant: that its mean is the best one, 0 to 1.");
  Family harm = Gauge("weir_harm_bound", "Of a risk schedule's candidate: the upper bound of its harm, 0 to 1.");
  for (const AllocationMetrics& allocation : allocations) {
    const Labels labels = {{"experiment", allocation.experiment}, {"variant", allocation.variant}};
    if (allocation.probability_best) best.Add(labels, *allocation.probability_best);
    if (allocation.harm_bound) harm.Add(labels, *allocation.harm_bound);
  }
  page.Add(std::move(best));
  page.Add(std::move(harm));
}

void AddQueries(const std::vector<QueryMetrics>& queries, Page& page) {
  Family value = Gauge("weir_external_value", "The last value of a metric that another system answers.");
  Family age = Gauge("weir_external_age_seconds", "Age of that value, by its answer's own time.");
  Family answers = Counter("weir_external_answers_total", "Questions to other systems that were answered.");
  Family failures = Counter("weir_external_failures_total", "Questions to other systems without a usable answer.");
  for (const QueryMetrics& query : queries) {
    const Labels labels = {{"experiment", query.experiment}, {"metric", query.metric}};
    if (query.value) value.Add(labels, *query.value);
    if (query.value) age.Add(labels, query.age_seconds);
    answers.Add(labels, query.answers);
    failures.Add(labels, query.failures);
  }
  for (Family* family : {&value, &age, &answers, &failures}) page.Add(std::move(*family));
}

void AddNotify(const std::vector<NotifyMetrics>& targets, Page& page) {
  Family queued = Gauge("weir_notify_queued", "Messages that wait for their receiver.");
  Family sent = Counter("weir_notify_sent_total", "Messages that their receiver took.");
  Family failed = Counter("weir_notify_failures_total", "Attempts to send a message that failed.");
  Family dropped = Counter("weir_notify_dropped_total", "Messages that their receiver will not get.");
  for (const NotifyMetrics& target : targets) {
    const Labels labels = {{"target", target.target}};
    queued.Add(labels, target.queued);
    sent.Add(labels, target.sent);
    failed.Add(labels, target.failed);
    dropped.Add(labels, target.dropped);
  }
  for (Family* family : {&queued, &sent, &failed, &dropped}) page.Add(std::move(*family));
}

struct ProxyCounter {
  int64_t ProxyCounts::*field;
  const char* name;
  const char* help;
};

// Every field of ProxyCounts; the test counts them.
constexpr ProxyCounter kProxyCounters[] = {
    {&ProxyCounts::connections_accepted, "weir_connections_accepted_total", "Client connections accepted."},
    {&ProxyCounts::connections_refused, "weir_connections_refused_total", "Client connections refused at their bound."},
    {&ProxyCounts::connections_closed_for_abuse, "weir_connections_closed_for_abuse_total",
     "Connections closed because the peer passed a limit against abuse."},
    {&ProxyCounts::protocol_errors, "weir_protocol_errors_total", "Connections or streams that broke HTTP/2's rules."},
    {&ProxyCounts::calls, "weir_calls_total", "Calls received from clients."},
    {&ProxyCounts::calls_unrouted, "weir_calls_unrouted_total", "Calls that no experiment and no route matches."},
    {&ProxyCounts::calls_refused, "weir_calls_refused_total", "Calls that were malformed, illegal or oversized."},
    {&ProxyCounts::calls_shed, "weir_calls_shed_total", "Calls refused at a limit of the proxy."},
    {&ProxyCounts::calls_retried, "weir_calls_retried_total", "Calls sent again, provably unprocessed before."},
    {&ProxyCounts::deadlines_expired, "weir_deadlines_expired_total", "Calls whose deadline passed in the proxy."},
    {&ProxyCounts::bodies_unread, "weir_unread_bodies_total",
     "Calls routed without the parameters that their experiment asks for, since their first message could not be "
     "read."},
    {&ProxyCounts::bytes_from_clients, "weir_bytes_from_clients_total", "Bytes received from clients."},
    {&ProxyCounts::bytes_to_clients, "weir_bytes_to_clients_total", "Bytes sent to clients."},
    {&ProxyCounts::upstream_connections, "weir_upstream_connections_total", "Connections made to endpoints."},
    {&ProxyCounts::upstream_connect_failures, "weir_upstream_connect_failures_total",
     "Connections to endpoints that could not be made."},
    {&ProxyCounts::upstream_resets, "weir_upstream_resets_total", "Streams reset by endpoints."},
    {&ProxyCounts::feedback_received, "weir_feedback_received_total", "Outcome reports received."},
    {&ProxyCounts::feedback_refused, "weir_feedback_refused_total",
     "Outcome reports refused for their ticket: malformed, altered, forged or foreign."},
};

void AddControl(const ControlCounts& control, Page& page) {
  Family reloads = Counter("weir_reloads_total", "Changes of the configuration's files, by what became of them.");
  reloads.Add({{"result", "accepted"}}, control.reloads_accepted);
  reloads.Add({{"result", "refused"}}, control.reloads_refused);
  page.Add(std::move(reloads));
  page.Single(Gauge("weir_configuration_valid", "1 if the files as they are now were taken up."),
              control.configuration_valid);
  page.Single(Counter("weir_rollbacks_total", "Gates shut by a guardrail."), control.rollbacks);
  page.Single(Counter("weir_assignment_log_lines_total", "Lines written to the assignment log."),
              control.assignments_logged);
  page.Single(Counter("weir_assignment_log_dropped_total", "Lines lost to a full queue or to the disk."),
              control.assignments_dropped);
  page.Single(Gauge("weir_unjournalled", "Rows of the audit journal that the store has not taken yet."),
              control.unjournalled);
  page.Single(Counter("weir_journal_failures_total", "Writes that the journal's store refused."),
              control.journal_failures);
  Family head = Gauge("weir_journal_head_info", "The last hash of the audit journal's chain, as a label.");
  head.Add({{"hash", control.journal_head}}, 1);
  page.Add(std::move(head));
}

}  // namespace

std::string RenderMetrics(const MetricsSnapshot& snapshot, std::string_view version) {
  Page page;
  AddKnownNames(snapshot.models, page);
  AddCalls(snapshot.models, page);
  AddEndpoints(snapshot.models, page);
  AddMirrors(snapshot.mirrors, page);
  AddGuardrails(snapshot.guardrails, page);
  AddTrends(snapshot.trends, page);
  AddExperiments(snapshot.experiments, page);
  AddAllocations(snapshot.allocations, page);
  AddQueries(snapshot.queries, page);
  AddNotify(snapshot.notify, page);
  for (const ProxyCounter& counter : kProxyCounters) {
    page.Single(Counter(counter.name, counter.help), snapshot.proxy.*counter.field);
  }
  AddControl(snapshot.control, page);
  page.Single(Gauge("weir_connections", "Client connections open now."), snapshot.connections);
  page.Single(Gauge("weir_calls_in_flight", "Calls under way now."), snapshot.calls_in_flight);
  page.Single(Gauge("weir_ready", "1 if the proxy takes traffic: /readyz."), snapshot.ready);
  Family build = Gauge("weir_build_info", "The build, as labels.");
  build.Add({{"version", std::string(version)}}, 1);
  page.Add(std::move(build));
  return page.Text();
}

}  // namespace weir::stats
