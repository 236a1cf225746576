#include "router/experiment/decision_record.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/experiment/proto_time.h"

namespace weir::experiment {
namespace {

absl::Duration SpanOf(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

// --- What is asked.

absl::Status DecodeCondition(bool is_there, const std::string& text, std::optional<config::Condition>& condition) {
  if (!is_there) return absl::OkStatus();
  absl::StatusOr<config::Condition> parsed = config::Condition::Parse(text);
  if (!parsed.ok()) return absl::DataLossError(absl::StrCat("a condition is none: ", parsed.status().message()));
  condition = *std::move(parsed);
  return absl::OkStatus();
}

absl::Status DecodeCriteria(const v1::DecisionCriteria& record, Criteria& criteria) {
  config::DecisionRules& rules = criteria.rules;
  rules.alpha = record.alpha();
  rules.planned_users = record.planned_users();
  for (const auto& part : record.criterion()) rules.criterion.push_back({part.metric(), part.weight()});
  rules.sample_ratio_alpha = record.sample_ratio_alpha();
  rules.max_data_loss = record.max_data_loss();
  rules.negligible_error_rate = record.negligible_error_rate();
  rules.min_duration = SpanOf(record.min_duration());
  rules.needs_whole_weeks = record.needs_whole_weeks();
  if (record.has_weights()) {
    criteria.weights =
        config::DecisionWeights{.revenue_per_accuracy_point = record.weights().revenue_per_accuracy_point(),
                                .cost_per_millisecond = record.weights().cost_per_millisecond(),
                                .risk_per_error_point = record.weights().risk_per_error_point()};
  }
  for (const auto& metric : record.metrics()) {
    criteria.metrics.push_back(
        {.name = metric.name(),
         .field = metric.name(),
         .type = metric.is_proportion() ? config::MetricType::kProportion : config::MetricType::kMean,
         .goal = metric.is_to_decrease() ? config::Goal::kDecrease : config::Goal::kIncrease,
         .role = metric.is_primary() ? config::Role::kPrimary : config::Role::kSecondary});
  }
  for (const auto& query : record.queries()) {
    config::QueryMetric known;
    known.name = query.name();
    known.max_age = SpanOf(query.max_age());
    criteria.queries.push_back(std::move(known));
  }
  for (const auto& guardrail : record.compared()) {
    criteria.compared.push_back({guardrail.name(), guardrail.is_of_errors()});
  }
  config::Analysis& analysis = criteria.analysis;
  analysis.needs_non_inferiority = record.needs_non_inferiority();
  analysis.needs_primaries = record.needs_primaries();
  analysis.needs_value = record.needs_value();
  criteria.no_data_after = SpanOf(record.no_data_after());
  if (record.has_preview_max_age()) criteria.preview_max_age = SpanOf(record.preview_max_age());
  absl::Status status = DecodeCondition(record.has_success_condition(), record.success_condition(), analysis.success);
  if (status.ok()) {
    status = DecodeCondition(record.has_failure_condition(), record.failure_condition(), analysis.failure);
  }
  return status;
}

// --- What is known.

void WriteVariant(const VariantFacts& facts, v1::DecisionVariant& record) {
  record.set_name(facts.name);
  record.set_hundredths(facts.weight.hundredths());
  if (facts.newest != absl::InfinitePast()) *record.mutable_newest() = TimestampOf(facts.newest);
  Encode(facts.counts, *record.mutable_counts());
  for (const auto& [metric, counts] : facts.outcomes) Encode(metric, counts, *record.mutable_counts()->add_outcomes());
  record.mutable_assigned()->Add(facts.assigned.begin(), facts.assigned.end());
  for (const auto& [metric, outcomes] : facts.expected_outcomes) {
    v1::DecisionVariant::Expected* expected = record.add_expected();
    expected->set_metric(metric);
    expected->set_outcomes(outcomes);
  }
}

absl::Status DecodeVariant(const v1::DecisionVariant& record, VariantFacts& facts) {
  facts.name = record.name();
  facts.weight = config::Weight::FromHundredths(record.hundredths());
  if (record.has_newest()) facts.newest = TimeOf(record.newest());
  absl::StatusOr<stats::VariantCounts> counts = Decode(record.counts());
  if (!counts.ok()) return counts.status();
  facts.counts = *std::move(counts);
  for (const v1::OutcomeCheckpoint& outcome : record.counts().outcomes()) {
    absl::StatusOr<stats::OutcomeCounts> decoded = Decode(outcome);
    if (!decoded.ok()) return decoded.status();
    facts.outcomes.insert_or_assign(outcome.metric(), *std::move(decoded));
  }
  if (record.assigned_size() != stats::kUserBuckets) return absl::DataLossError("calls are not by user bucket");
  std::copy(record.assigned().begin(), record.assigned().end(), facts.assigned.begin());
  for (const auto& expected : record.expected()) {
    facts.expected_outcomes.insert_or_assign(expected.metric(), expected.outcomes());
  }
  return absl::OkStatus();
}

void WriteTest(const TestFacts& test, v1::DecisionTest& record) {
  record.set_guardrail(test.guardrail);
  record.set_candidate(test.candidate);
  record.set_is_hard(test.is_hard);
  record.set_is_proven(test.is_proven);
  record.set_log10_evidence(test.log10_evidence);
  record.set_log10_threshold(test.log10_threshold);
}

TestFacts DecodeTest(const v1::DecisionTest& record) {
  return {.guardrail = record.guardrail(),
          .candidate = record.candidate(),
          .is_hard = record.is_hard(),
          .is_proven = record.is_proven(),
          .log10_evidence = record.log10_evidence(),
          .log10_threshold = record.log10_threshold()};
}

void WriteEvidence(const Evidence& evidence, v1::DecisionInputs& record) {
  *record.mutable_now() = TimestampOf(evidence.now);
  *record.mutable_begun() = TimestampOf(evidence.begun);
  if (evidence.since != absl::InfinitePast()) *record.mutable_since() = TimestampOf(evidence.since);
  record.set_default_variant(evidence.default_variant);
  for (const VariantFacts& facts : evidence.variants) WriteVariant(facts, *record.add_variants());
  for (const TestFacts& test : evidence.guardrails) WriteTest(test, *record.add_guardrails());
  for (const TestFacts& test : evidence.promotion) WriteTest(test, *record.add_promotion());
  for (const auto& [name, value] : evidence.values) {
    v1::DecisionValue* written = record.add_values();
    written->set_name(name);
    written->set_value(value.value);
    *written->mutable_at() = TimestampOf(value.at);
  }
}

}  // namespace

v1::DecisionCriteria RecordOf(const Criteria& criteria) {
  v1::DecisionCriteria record;
  const config::DecisionRules& rules = criteria.rules;
  record.set_alpha(rules.alpha);
  record.set_planned_users(rules.planned_users);
  for (const config::CriterionPart& part : rules.criterion) {
    v1::DecisionCriteria::Part* written = record.add_criterion();
    written->set_metric(part.metric);
    written->set_weight(part.weight);
  }
  record.set_sample_ratio_alpha(rules.sample_ratio_alpha);
  record.set_max_data_loss(rules.max_data_loss);
  record.set_negligible_error_rate(rules.negligible_error_rate);
  *record.mutable_min_duration() = DurationOf(rules.min_duration);
  record.set_needs_whole_weeks(rules.needs_whole_weeks);
  if (criteria.weights) {
    record.mutable_weights()->set_revenue_per_accuracy_point(criteria.weights->revenue_per_accuracy_point);
    record.mutable_weights()->set_cost_per_millisecond(criteria.weights->cost_per_millisecond);
    record.mutable_weights()->set_risk_per_error_point(criteria.weights->risk_per_error_point);
  }
  for (const config::OutcomeMetric& metric : criteria.metrics) {
    v1::DecisionCriteria::Metric* written = record.add_metrics();
    written->set_name(metric.name);
    written->set_is_proportion(metric.type == config::MetricType::kProportion);
    written->set_is_to_decrease(metric.goal == config::Goal::kDecrease);
    written->set_is_primary(metric.role == config::Role::kPrimary);
  }
  for (const config::QueryMetric& query : criteria.queries) {
    v1::DecisionCriteria::Query* written = record.add_queries();
    written->set_name(query.name);
    *written->mutable_max_age() = DurationOf(query.max_age);
  }
  for (const ComparedGuardrail& guardrail : criteria.compared) {
    v1::DecisionCriteria::Compared* written = record.add_compared();
    written->set_name(guardrail.name);
    written->set_is_of_errors(guardrail.is_of_errors);
  }
  const config::Analysis& analysis = criteria.analysis;
  record.set_needs_non_inferiority(analysis.needs_non_inferiority);
  record.set_needs_primaries(analysis.needs_primaries);
  record.set_needs_value(analysis.needs_value);
  if (analysis.success) record.set_success_condition(analysis.success->text());
  if (analysis.failure) record.set_failure_condition(analysis.failure->text());
  *record.mutable_no_data_after() = DurationOf(criteria.no_data_after);
  if (criteria.preview_max_age) *record.mutable_preview_max_age() = DurationOf(*criteria.preview_max_age);
  return record;
}

v1::AnalysisFinding RecordOf(const Finding& finding) {
  v1::AnalysisFinding record;
  record.set_check(NameOf(finding.check));
  record.set_subject(finding.subject);
  record.set_variant(finding.variant);
  record.set_state(NameOf(finding.state));
  if (finding.value) record.set_value(*finding.value);
  if (finding.lower) record.set_lower(*finding.lower);
  if (finding.upper) record.set_upper(*finding.upper);
  if (finding.bound) record.set_bound(*finding.bound);
  record.set_text(finding.text);
  return record;
}

v1::DecisionConclusion ConclusionOf(const Decision& decision) {
  v1::DecisionConclusion record;
  record.set_verdict(NameOf(decision.verdict));
  record.set_label(decision.label);
  record.set_point_label(decision.point_label);
  record.set_why(decision.why);
  for (const Finding& finding : decision.findings) *record.add_findings() = RecordOf(finding);
  return record;
}

v1::DecisionRecord RecordOf(const DecisionPlace& place, const Criteria& criteria, const Evidence& evidence,
                            const Decision& decision) {
  v1::DecisionRecord record;
  v1::DecisionInputs& inputs = *record.mutable_inputs();
  inputs.set_experiment(place.experiment);
  inputs.set_run(place.run);
  inputs.set_first_epoch(place.first_epoch);
  *inputs.mutable_criteria() = RecordOf(criteria);
  WriteEvidence(evidence, inputs);
  *record.mutable_conclusion() = ConclusionOf(decision);
  return record;
}

absl::StatusOr<DecisionQuestion> Decode(const v1::DecisionInputs& inputs) {
  DecisionQuestion question;
  if (absl::Status status = DecodeCriteria(inputs.criteria(), question.criteria); !status.ok()) return status;
  Evidence& evidence = question.evidence;
  evidence.now = TimeOf(inputs.now());
  evidence.begun = TimeOf(inputs.begun());
  if (inputs.has_since()) evidence.since = TimeOf(inputs.since());
  evidence.default_variant = inputs.default_variant();
  for (const v1::DecisionVariant& variant : inputs.variants()) {
    if (absl::Status status = DecodeVariant(variant, evidence.variants.emplace_back()); !status.ok()) return status;
  }
  for (const v1::DecisionTest& test : inputs.guardrails()) evidence.guardrails.push_back(DecodeTest(test));
  for (const v1::DecisionTest& test : inputs.promotion()) evidence.promotion.push_back(DecodeTest(test));
  for (const v1::DecisionValue& value : inputs.values()) {
    evidence.values.insert_or_assign(value.name(), ExternalValue{value.value(), TimeOf(value.at())});
  }
  return question;
}

absl::Status Verify(const v1::DecisionRecord& record) {
  const absl::StatusOr<DecisionQuestion> question = Decode(record.inputs());
  if (!question.ok()) return question.status();
  const v1::DecisionConclusion again = ConclusionOf(Decide(question->criteria, question->evidence));
  if (again.SerializeAsString() == record.conclusion().SerializeAsString()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("its inputs give '", again.verdict(), "' (", again.why(),
                                          "), and the record says '", record.conclusion().verdict(), "' (",
                                          record.conclusion().why(), ")"));
}

}  // namespace weir::experiment
