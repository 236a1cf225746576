#include "router/experiment/detectors.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <variant>

#include "absl/strings/str_cat.h"
#include "router/experiment/alarms_record.h"
#include "router/experiment/proto_time.h"
#include "stats/clustered.h"
#include "stats/epoch_evidence.h"
#include "stats/error_evidence.h"

namespace weir::experiment {
namespace {

bool IsOfErrors(const config::Guardrail& guardrail) {
  return std::holds_alternative<config::ErrorRatio>(guardrail.rule) ||
         std::holds_alternative<config::ErrorCeiling>(guardrail.rule);
}

std::string KeyOf(const std::string& guardrail, const std::string& rule, const std::string& candidate) {
  return absl::StrCat(guardrail, "/", rule, "/", candidate);
}

void FeedOne(const config::GuardrailRule& rule, const stats::ErrorRatioGrid::Cohort& cohort, double design_effect,
             stats::ShiryaevRoberts& statistic) {
  if (const auto* ratio = std::get_if<config::ErrorRatio>(&rule)) {
    const double calls = static_cast<double>(cohort.baseline_calls + cohort.candidate_calls);
    statistic.Update(calls, stats::ErrorRatioGrid(ratio->max_ratio).Term(cohort), design_effect);
  } else if (const auto* ceiling = std::get_if<config::ErrorCeiling>(&rule)) {
    const double calls = static_cast<double>(cohort.candidate_calls);
    const double errors = static_cast<double>(cohort.candidate_errors);
    statistic.Update(calls, stats::CeilingGrid(ceiling->max, errors, calls), design_effect);
  }
}

stats::Tick SecondOf(stats::Tick tick) { return tick - tick % stats::PairedCohorts::kTicksToJoin; }

}  // namespace

void Detectors::Follow(const std::vector<config::Guardrail>& guardrails, const Split& split) {
  if (split.default_name() != default_variant_ && !default_variant_.empty()) {
    fed_.clear();
    restored_.clear();
  }
  default_variant_ = split.default_name();
  std::map<std::string, Fed> followed;
  for (const config::Variant& variant : split.variants) {
    if (variant.name == default_variant_) continue;
    Fed fed;
    if (auto before = fed_.find(variant.name); before != fed_.end()) fed = std::move(before->second);
    std::vector<Detector> before = std::exchange(fed.detectors, {});
    for (const config::Guardrail& guardrail : guardrails) {
      if (!IsOfErrors(guardrail)) continue;
      Detector detector{guardrail, stats::ShiryaevRoberts(guardrail.detector_arl)};
      const auto same = std::find_if(before.begin(), before.end(), [&](const Detector& known) {
        return known.guardrail.name == guardrail.name && known.guardrail.rule == guardrail.rule;
      });
      const auto kept = restored_.find(KeyOf(guardrail.name, config::ToString(guardrail.rule), variant.name));
      if (same != before.end()) {
        // NaNs do not come from a detector.
        (void)detector.statistic.Restore(same->statistic.state());
        detector.alarms = same->alarms;
      } else if (kept != restored_.end()) {
        const v1::DetectorCheckpoint& record = kept->second;
        stats::ShiryaevRoberts::State state;
        const bool fits = static_cast<size_t>(record.log_r_size()) == state.size();
        if (fits) std::copy(record.log_r().begin(), record.log_r().end(), state.begin());
        if (fits && detector.statistic.Restore(state).ok()) {
          detector.alarms = AlarmsOf(record);
          fed.epoch = record.epoch();
          fed.before = record.fed_before();
          fed.cohorts = stats::PairedCohorts(fed.before);
        }
      }
      fed.detectors.push_back(std::move(detector));
    }
    followed.emplace(variant.name, std::move(fed));
  }
  fed_ = std::move(followed);
  restored_.clear();
}

void Detectors::Feed(const VariantEvidence& baseline, const VariantEvidence& candidate, uint32_t epoch, Fed& fed,
                     absl::Time now) const {
  if (fed.epoch != epoch) {
    fed.epoch = epoch;
    fed.before = 0;
    fed.cohorts = stats::PairedCohorts(0);
  }
  const stats::Tick matured_before = stats::TickOf(now - stats::MaturityAge(baseline.counts));
  fed.cohorts.Update(baseline.counts, candidate.counts, matured_before);
  // By whole seconds, for thin ones are joined.
  const stats::Tick end = SecondOf(matured_before);
  const double design_effect =
      std::max(stats::ErrorDesignEffect(baseline.counts.users()), stats::ErrorDesignEffect(candidate.counts.users()));
  for (const stats::PairedCohort& cohort : fed.cohorts.open()) {
    if (cohort.tick < fed.before || cohort.tick >= end) continue;
    for (Detector& detector : fed.detectors) {
      FeedOne(detector.guardrail.rule, cohort.counts, design_effect, detector.statistic);
    }
  }
  fed.before = std::max(fed.before, end);
}

std::vector<Detection> Detectors::Look(const RunEvidence& evidence, absl::Time now) {
  std::vector<Detection> detections;
  if (evidence.open().empty()) return detections;
  const uint32_t current = evidence.open().rbegin()->first;
  for (auto& [candidate, fed] : fed_) {
    const VariantEvidence* baseline = evidence.Find(current, default_variant_);
    const VariantEvidence* own = evidence.Find(current, candidate);
    if (baseline != nullptr && own != nullptr && !fed.detectors.empty()) Feed(*baseline, *own, current, fed, now);
    for (Detector& detector : fed.detectors) {
      Detection detection{.guardrail = detector.guardrail.name,
                          .candidate = candidate,
                          .rule = config::ToString(detector.guardrail.rule),
                          .acts = detector.guardrail.detector_acts,
                          .log10_statistic = detector.statistic.log_statistic() * std::numbers::log10e,
                          .log10_threshold = std::log10(detector.guardrail.detector_arl),
                          .alarms_now = detector.statistic.alarms()};
      if (detection.alarms_now) {
        detector.alarms.Note(now);
        detector.statistic.Reset();
      }
      detection.alarms = detector.alarms;
      detections.push_back(std::move(detection));
    }
  }
  return detections;
}

void Detectors::CloseRings(stats::Tick first) {
  for (auto& [candidate, fed] : fed_) {
    fed.before = first;
    fed.cohorts = stats::PairedCohorts(first);
  }
}

DetectorRecords Detectors::Checkpoint() const {
  DetectorRecords checkpoint;
  for (const auto& [candidate, fed] : fed_) {
    for (const Detector& detector : fed.detectors) {
      v1::DetectorCheckpoint* record = checkpoint.Add();
      record->set_guardrail(detector.guardrail.name);
      record->set_rule(config::ToString(detector.guardrail.rule));
      record->set_candidate(candidate);
      record->set_epoch(fed.epoch);
      record->set_fed_before(fed.before);
      record->mutable_log_r()->Add(detector.statistic.state().begin(), detector.statistic.state().end());
      WriteAlarms(detector.alarms, *record);
    }
  }
  return checkpoint;
}

void Detectors::Restore(const DetectorRecords& checkpoint) {
  for (const v1::DetectorCheckpoint& record : checkpoint) {
    restored_[KeyOf(record.guardrail(), record.rule(), record.candidate())] = record;
  }
}

}  // namespace weir::experiment
