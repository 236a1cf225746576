#include "router/experiment/analyst.h"

#include <algorithm>
#include <array>
#include <map>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "router/experiment/checks.h"

namespace weir::experiment {
namespace {

bool NeedsNonInferiority(const config::Experiment& specification) {
  if (!specification.rollout) return false;
  return std::any_of(
      specification.rollout->steps.begin(), specification.rollout->steps.end(),
      [](const config::RolloutStep& step) { return step.analysis && step.analysis->needs_non_inferiority; });
}

// The claim that a candidate is not worse, as guardrails with the roles exchanged: that the default's errors are more
// than 1/r times the candidate's is that the candidate's are less than r times the default's. Each has all of alpha,
// since all of them have to be shown (an intersection-union test).
config::Experiment PromotionOf(const config::Experiment& specification) {
  config::Experiment promotion = specification;
  promotion.guardrails.clear();
  if (!NeedsNonInferiority(specification)) return promotion;
  for (config::Guardrail guardrail : specification.guardrails) {
    if (const auto* errors = std::get_if<config::ErrorRatio>(&guardrail.rule)) {
      guardrail.rule = config::ErrorRatio{1 / errors->max_ratio};
    } else if (const auto* tail = std::get_if<config::TailRatio>(&guardrail.rule)) {
      guardrail.rule = config::TailRatio{tail->quantile, 1 / tail->max_ratio};
    } else {
      continue;
    }
    guardrail.alpha = specification.decision_rules.alpha;
    promotion.guardrails.push_back(std::move(guardrail));
  }
  return promotion;
}

TestFacts FactsOf(const Judgement& judgement) {
  return {.guardrail = judgement.guardrail,
          .candidate = judgement.candidate,
          .is_hard = judgement.action == config::GuardrailAction::kRollback,
          .is_proven = judgement.breached,
          .log10_evidence = judgement.log10_evidence,
          .log10_threshold = judgement.log10_threshold};
}

bool MovesShares(const config::Experiment& specification) {
  return specification.rollout && (specification.rollout->bandit || specification.rollout->schedule);
}

std::optional<config::Analysis> OfWatch(const std::vector<config::RolloutStep>& steps) {
  const auto last = std::find_if(steps.rbegin(), steps.rend(), [](const config::RolloutStep& step) {
    return step.analysis && step.analysis->failure;
  });
  if (last == steps.rend()) return std::nullopt;
  return config::Analysis{.needs_non_inferiority = false, .failure = last->analysis->failure};
}

// Of each metric the outcomes that a variant's calls are due, epoch by epoch: while shares move, those that are
// reported late are of other shares than the newest calls.
void ExpectOutcomes(const RunEvidence& counted, uint32_t from_epoch, Evidence& evidence) {
  for (const auto& [epoch, variants] : counted.open()) {
    if (epoch < from_epoch) continue;
    double calls = 0;
    std::map<std::string, double> outcomes;
    for (const VariantFacts& facts : evidence.variants) {
      const VariantEvidence* of = counted.Find(epoch, facts.name);
      if (of == nullptr || facts.weight == config::Weight()) continue;
      calls += static_cast<double>(of->counts.started());
      for (const auto& [metric, reported] : of->outcomes) outcomes[metric] += static_cast<double>(reported.n);
    }
    if (calls == 0) continue;
    for (VariantFacts& facts : evidence.variants) {
      const VariantEvidence* of = counted.Find(epoch, facts.name);
      const double part = of == nullptr ? 0 : static_cast<double>(of->counts.started()) / calls;
      for (const auto& [metric, reported] : outcomes) facts.expected_outcomes[metric] += part * reported;
    }
  }
}

// Whoever served them: an outage of a variant moves no user.
std::array<int64_t, stats::kUserBuckets> AssignedOf(const stats::VariantCounts& counts) {
  std::array<int64_t, stats::kUserBuckets> assigned = counts.uncompared();
  for (size_t bucket = 0; bucket < assigned.size(); ++bucket) assigned[bucket] += counts.users()[bucket].calls;
  return assigned;
}

// Wide enough for a clock that is set back.
bool IsDue(const std::optional<absl::Time>& looked_at, absl::Time now) {
  return !looked_at || now >= *looked_at + Analyst::kInterval || now < *looked_at;
}

}  // namespace

std::optional<config::Analysis> AnalysisOf(const config::Experiment& specification, const State& state) {
  if (!specification.rollout || specification.rollout->is_dry_run) return std::nullopt;
  const std::vector<config::RolloutStep>& steps = specification.rollout->steps;
  if (std::holds_alternative<Watching>(state.phase)) return OfWatch(steps);
  const Stepping* stepping = StepOf(state);
  if (stepping == nullptr || stepping->step >= steps.size()) return std::nullopt;
  return steps[stepping->step].analysis;
}

uint32_t FirstEpochOf(const State& state) {
  const Stepping* stepping = StepOf(state);
  return stepping != nullptr ? stepping->first_epoch : state.epoch.ordinal;
}

Counted CountedIn(const config::Experiment& specification, const State& state) {
  if (const auto* watching = std::get_if<Watching>(&state.phase)) {
    return {state.epoch.ordinal, std::max(watching->since, state.epoch.started)};
  }
  const Stepping* stepping = StepOf(state);
  if (stepping == nullptr) return {state.epoch.ordinal, state.epoch.started};
  if (MovesShares(specification)) return {stepping->first_epoch, stepping->entered};
  return {state.epoch.ordinal, std::max(stepping->entered, state.epoch.started)};
}

void Analyst::Follow(const config::Experiment& specification, const Split& split) {
  if (followed_ != specification) {
    followed_ = specification;
    decision_.reset();
    question_.reset();
    looked_at_.reset();
  }
  const config::Experiment promotion = PromotionOf(specification);
  tests_promotion_ = !promotion.guardrails.empty();
  promotion_.Follow(promotion, split);
  detectors_.Follow(Judged(specification).guardrails, split);
  trends_.Follow(specification, split);
}

config::Experiment Analyst::Judged(const config::Experiment& specification) const {
  config::Experiment judged = specification;
  std::erase_if(judged.guardrails, [&](const config::Guardrail& guardrail) { return !gates_.IsOpen(guardrail); });
  return judged;
}

bool Analyst::Look(const Known& known, absl::Time now) {
  alarms_.clear();
  before_alarms_.Clear();
  const bool has_moved = question_ && question_->evidence.since != CountedIn(known.specification, known.state).since;
  if (!has_moved && !IsDue(looked_at_, now)) {
    // Test calls come in bursts: nobody is switched by what was so before the last of them.
    if (question_ && known.evidence.previewed() != previewed_) Decide(known, now);
    return false;
  }
  looked_at_ = now;
  const bool has_opened = gates_.Look(known.specification.guardrails, known.evidence.started(), now);
  LookAtTests(known, now);
  Decide(known, now);
  return has_opened;
}

void Analyst::LookAtTests(const Known& known, absl::Time now) {
  if (tests_promotion_) not_worse_ = promotion_.Judge(known.evidence, now);
  if (!tests_promotion_) not_worse_.clear();
  DetectorRecords before = detectors_.Checkpoint();
  detections_ = detectors_.Look(known.evidence, now);
  for (const Detection& detection : detections_) {
    if (detection.alarms_now && detection.acts) alarms_.push_back(DemandOf(detection));
  }
  if (!alarms_.empty()) before_alarms_ = std::move(before);
  readings_ = trends_.Look(known.evidence, now);
}

std::vector<Warning> Analyst::WarningsAt(absl::Time now) const {
  std::vector<Warning> warnings;
  // The numbers of an alarm are known at the look that made it.
  for (const Detection& detection : detections_) {
    if (detection.acts || !detection.alarms.StandAt(now)) continue;
    std::string text = absl::StrCat("its detector of late rises alarms: ", detection.rule, " lately");
    if (detection.alarms_now) {
      absl::StrAppendFormat(&text, "; log10 statistic %.2f of %.2f", detection.log10_statistic,
                            detection.log10_threshold);
    }
    warnings.push_back(
        {Warning::Kind::kDetector, detection.guardrail, detection.candidate, std::move(text), *detection.alarms.since});
  }
  for (const TrendReading& reading : readings_) {
    if (!reading.alarms.StandAt(now)) continue;
    std::string text = absl::StrCat(reading.metric, " moves");
    if (reading.alarms_now) {
      absl::StrAppendFormat(&text, ": %s %.3g beyond %.3g", NameOf(reading.method), reading.statistic, reading.limit);
    }
    warnings.push_back(
        {Warning::Kind::kTrend, reading.name, reading.candidate, std::move(text), *reading.alarms.since});
  }
  return warnings;
}

Evidence Analyst::EvidenceOf(const Known& known, absl::Time now) const {
  const Counted counts = CountedIn(known.specification, known.state);
  const Stepping* stepping = StepOf(known.state);
  Evidence evidence{.now = now,
                    .begun = stepping != nullptr ? stepping->begun : known.state.run.started,
                    .since = counts.since,
                    .default_variant = known.state.epoch.split.default_name()};
  for (const config::Variant& variant : known.state.epoch.split.variants) {
    VariantFacts& facts = evidence.variants.emplace_back();
    facts.name = variant.name;
    facts.weight = variant.weight;
    for (const auto& [epoch, variants] : known.evidence.open()) {
      const VariantEvidence* counted = known.evidence.Find(epoch, variant.name);
      if (counted == nullptr) continue;
      if (!counted->counts.cohorts().empty()) {
        facts.newest = std::max(facts.newest, stats::StartOf(counted->counts.cohorts().back().first));
      }
      if (epoch < counts.from_epoch) continue;
      facts.counts.Merge(counted->counts);
      for (const auto& [metric, outcomes] : counted->outcomes) facts.outcomes[metric].Merge(outcomes);
      if (epoch != known.state.epoch.ordinal) continue;
      facts.assigned = AssignedOf(counted->counts);
    }
  }
  ExpectOutcomes(known.evidence, counts.from_epoch, evidence);
  for (const Judgement& judgement : known.judgements) evidence.guardrails.push_back(FactsOf(judgement));
  for (const Judgement& judgement : not_worse_) evidence.promotion.push_back(FactsOf(judgement));
  for (const config::QueryMetric& query : known.specification.queries) {
    const auto value = known.values.find(query.name);
    if (value != known.values.end()) evidence.values.insert(*value);
  }
  return evidence;
}

void Analyst::Decide(const Known& known, absl::Time now) {
  const std::optional<config::Analysis> asked = AnalysisOf(known.specification, known.state);
  decides_ = asked.has_value();
  config::Analysis analysis = asked ? *asked : AnalysisToTell(known.specification);
  // Where shares move, means are told by the allocation, weighted.
  if (!decides_ && StepOf(known.state) != nullptr && MovesShares(known.specification)) {
    analysis.needs_primaries = analysis.needs_value = false;
  }
  const Evidence evidence = EvidenceOf(known, now);
  previewed_ = known.evidence.previewed();
  sample_ratio_ = SampleRatioLog10BayesFactor(evidence);
  decision_.reset();
  question_.reset();
  if (!decides_ && !analysis.needs_primaries && !analysis.needs_value) return;
  question_ = DecisionQuestion{CriteriaOf(known.specification, analysis), evidence};
  place_ = {.experiment = "", .run = known.state.run.ordinal, .first_epoch = FirstEpochOf(known.state)};
  decision_ = experiment::Decide(question_->criteria, question_->evidence);
}

Analysed Analyst::AnalysedIn(const State& state) const {
  const bool is_watching = std::holds_alternative<Watching>(state.phase);
  if (!decision_ || !decides_ || (!is_watching && StepOf(state) == nullptr)) return {};
  if (place_.run != state.run.ordinal || place_.first_epoch != FirstEpochOf(state)) return {};
  if (question_->evidence.since != CountedIn(*followed_, state).since) return {};
  if (is_watching && decision_->verdict != Verdict::kFailed) return {};
  return {decision_->verdict, decision_->why};
}

std::optional<v1::DecisionRecord> Analyst::Record(const std::string& experiment) const {
  if (!decision_ || !question_) return std::nullopt;
  DecisionPlace place = place_;
  place.experiment = experiment;
  return RecordOf(place, question_->criteria, question_->evidence, *decision_);
}

void Analyst::CloseRings(stats::Tick first) {
  promotion_.CloseRings(first);
  detectors_.CloseRings(first);
}

v1::AnalysisCheckpoint Analyst::Checkpoint() const {
  v1::AnalysisCheckpoint checkpoint;
  if (tests_promotion_) *checkpoint.mutable_promotion() = promotion_.Checkpoint();
  *checkpoint.mutable_detectors() = detectors_.Checkpoint();
  trends_.Write(checkpoint);
  for (const std::string& guardrail : gates_.open()) checkpoint.add_open_gates(guardrail);
  for (const auto& [guardrail, candidate] : paused_for_) {
    v1::GuardrailOfCandidate* paused = checkpoint.add_paused_for();
    paused->set_guardrail(guardrail);
    paused->set_candidate(candidate);
  }
  return checkpoint;
}

absl::Status Analyst::Restore(const v1::AnalysisCheckpoint& checkpoint) {
  if (checkpoint.has_promotion()) {
    if (absl::Status status = promotion_.Restore(checkpoint.promotion()); !status.ok()) return status;
  }
  detectors_.Restore(checkpoint.detectors());
  trends_.Restore(checkpoint);
  gates_.Restore({checkpoint.open_gates().begin(), checkpoint.open_gates().end()});
  for (const v1::GuardrailOfCandidate& paused : checkpoint.paused_for()) {
    paused_for_.emplace(paused.guardrail(), paused.candidate());
  }
  return absl::OkStatus();
}

void Analyst::TakeUp(const RunEvidence& evidence, absl::Time now) {
  if (tests_promotion_) not_worse_ = promotion_.Judge(evidence, now);
}

}  // namespace weir::experiment
