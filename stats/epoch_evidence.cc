#include "stats/epoch_evidence.h"

#include <algorithm>
#include <utility>

namespace weir::stats {
namespace {

absl::Duration Ring() { return kTick * VariantCounts::kRingTicks; }

absl::Time ClosesAt(const VariantCounts& counts) {
  return counts.cohorts().empty() ? absl::InfinitePast() : StartOf(counts.cohorts().back().first + 1) + Ring();
}

}  // namespace

void AddTo(UserCounts& sum, const UserCounts& term) {
  for (int b = 0; b < kUserBuckets; ++b) {
    sum[b].calls += term[b].calls;
    sum[b].errors += term[b].errors;
  }
}

absl::Duration MaturityAge(const VariantCounts& baseline) {
  const absl::Duration p99 = baseline.latencies().QuantileAtMost(0.99).value_or(absl::ZeroDuration());
  return std::clamp(p99, kTick, Ring() / 2);
}

EpochEvidence::EpochEvidence(const std::vector<double>& max_ratios, State state)
    : state_(std::move(state)), cohorts_(state_.closed_before) {
  state_.closed_errors.resize(max_ratios.size());
  for (const double ratio : max_ratios) ratios_.push_back({.grid = ErrorRatioGrid(ratio), .running = {}});
}

void EpochEvidence::Update(const VariantCounts& baseline, const VariantCounts& candidate, absl::Time now) {
  // The first cohort that is too young: its calls started up to one tick after its start.
  const Tick matured_before = TickOf(now - MaturityAge(baseline));
  const PairedCohorts::Change change = cohorts_.Update(baseline, candidate, matured_before);
  state_.closed_before = cohorts_.closed_before();
  UpdateErrorRatios(change);
  UpdateCeiling(candidate, matured_before);
  UpdateTails(baseline, candidate, matured_before, now);
  baseline_users_ = baseline.users();
  candidate_users_ = candidate.users();
  closes_at_ = std::max(ClosesAt(baseline), ClosesAt(candidate));
}

void EpochEvidence::CloseRing(Tick first) {
  for (size_t i = 0; i < ratios_.size(); ++i) {
    state_.closed_errors[i] = ratios_[i].sum;
    ratios_[i].running.clear();
  }
  cohorts_ = PairedCohorts(first);
  state_.closed_before = first;
}

void EpochEvidence::UpdateErrorRatios(const PairedCohorts::Change& change) {
  const std::vector<PairedCohort>& open = cohorts_.open();
  for (size_t i = 0; i < ratios_.size(); ++i) {
    ErrorRatio& ratio = ratios_[i];
    GridLog& closed = state_.closed_errors[i];
    if (change.closed > 0) closed = ratio.running[change.closed - 1];
    ratio.running.erase(ratio.running.begin(), ratio.running.begin() + static_cast<ptrdiff_t>(change.closed));
    ratio.running.resize(change.first_changed);
    for (size_t c = change.first_changed; c < open.size(); ++c) {
      GridLog sum = c == 0 ? closed : ratio.running[c - 1];
      AddTo(sum, ratio.grid.Term(open[c].counts));
      ratio.running.push_back(sum);
    }
    ratio.sum = ratio.running.empty() ? closed : ratio.running.back();
  }
}

void EpochEvidence::UpdateCeiling(const VariantCounts& candidate, Tick matured_before) {
  candidate_calls_ = candidate.started() - candidate.neutral();
  candidate_errors_ = candidate.errors();
  const auto& cohorts = candidate.cohorts();
  for (auto cohort = cohorts.rbegin(); cohort != cohorts.rend() && cohort->first >= matured_before; ++cohort) {
    candidate_calls_ -= cohort->second.started - cohort->second.neutral;
    candidate_errors_ -= cohort->second.errors;
  }
}

void EpochEvidence::UpdateTails(const VariantCounts& baseline, const VariantCounts& candidate, Tick matured_before,
                                absl::Time now) {
  TailCounts possibly = PossiblySlow(baseline, matured_before);
  TailCounts certainly = CertainlySlow(candidate, now);
  if (possibly == baseline_tail_ && certainly == candidate_tail_) return;
  baseline_tail_ = possibly;
  candidate_tail_ = certainly;
  ++tail_version_;
}

}  // namespace weir::stats
