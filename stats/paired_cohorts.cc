#include "stats/paired_cohorts.h"

#include <algorithm>

namespace weir::stats {
namespace {

using Cohorts = std::vector<VariantCounts::Cohort>;

void AddBaseline(ErrorRatioGrid::Cohort& pair, const CohortCounts& baseline) {
  const int64_t unresolved = std::max<int64_t>(0, baseline.started - baseline.ended);
  pair.baseline_calls += baseline.started;
  pair.errors += baseline.errors + unresolved + baseline.lost;
}

void AddCandidate(ErrorRatioGrid::Cohort& pair, const CohortCounts& candidate) {
  pair.candidate_calls += candidate.started;
  pair.candidate_errors += candidate.errors;
  pair.errors += candidate.errors;
}

// Tick by tick, in the order of time, those from `first` up to but excluding `end` in which either variant had calls.
std::vector<PairedCohort> Pair(const Cohorts& baseline, const Cohorts& candidate, Tick first, Tick end) {
  const auto from = [&](const Cohorts& cohorts) {
    return std::partition_point(cohorts.begin(), cohorts.end(),
                                [&](const auto& cohort) { return cohort.first < first; });
  };
  std::vector<PairedCohort> pairs;
  auto b = from(baseline), c = from(candidate);
  while (true) {
    const Tick tick = std::min(b != baseline.end() ? b->first : end, c != candidate.end() ? c->first : end);
    if (tick >= end) return pairs;
    PairedCohort pair{.tick = tick, .counts = {}};
    if (b != baseline.end() && b->first == tick) AddBaseline(pair.counts, (b++)->second);
    if (c != candidate.end() && c->first == tick) AddCandidate(pair.counts, (c++)->second);
    pairs.push_back(pair);
  }
}

Tick SecondOf(Tick tick) { return tick - tick % PairedCohorts::kTicksToJoin; }

// The ticks of one second as one cohort, or as they are where both variants have calls enough in them.
template <typename Iterator>
void JoinSecond(Iterator first, Iterator end, std::vector<PairedCohort>& joined) {
  PairedCohort sum{.tick = first->tick, .counts = {}};
  for (auto pair = first; pair != end; ++pair) {
    sum.counts.baseline_calls += pair->counts.baseline_calls;
    sum.counts.candidate_calls += pair->counts.candidate_calls;
    sum.counts.candidate_errors += pair->counts.candidate_errors;
    sum.counts.errors += pair->counts.errors;
  }
  if (std::min(sum.counts.baseline_calls, sum.counts.candidate_calls) < PairedCohorts::kCallsToStandAlone) {
    joined.push_back(sum);
  } else {
    joined.insert(joined.end(), first, end);
  }
}

std::vector<PairedCohort> JoinThin(const std::vector<PairedCohort>& pairs) {
  std::vector<PairedCohort> joined;
  for (auto first = pairs.begin(); first != pairs.end();) {
    const Tick next_second = SecondOf(first->tick) + PairedCohorts::kTicksToJoin;
    const auto end =
        std::find_if(first, pairs.end(), [&](const PairedCohort& pair) { return pair.tick >= next_second; });
    JoinSecond(first, end, joined);
    first = end;
  }
  return joined;
}

// The first second that is in both rings as a whole, and not before `otherwise`.
Tick OldestWholeSecond(const VariantCounts& baseline, const VariantCounts& candidate, Tick otherwise) {
  Tick oldest = otherwise;
  for (const VariantCounts* counts : {&baseline, &candidate}) {
    if (counts->cohorts().empty()) continue;
    const Tick oldest_in_ring = counts->cohorts().back().first - VariantCounts::kRingTicks + 1;
    oldest = std::max(oldest, SecondOf(oldest_in_ring + PairedCohorts::kTicksToJoin - 1));
  }
  return oldest;
}

}  // namespace

size_t PairedCohorts::Close(Tick before) {
  closed_before_ = before;
  const auto first =
      std::partition_point(open_.begin(), open_.end(), [&](const PairedCohort& c) { return c.tick < before; });
  const size_t closed = static_cast<size_t>(first - open_.begin());
  open_.erase(open_.begin(), first);
  return closed;
}

PairedCohorts::Change PairedCohorts::Update(const VariantCounts& baseline, const VariantCounts& candidate,
                                            Tick matured_before) {
  Change change{.closed = Close(OldestWholeSecond(baseline, candidate, closed_before_)), .first_changed = 0};
  std::vector<PairedCohort> now =
      JoinThin(Pair(baseline.cohorts(), candidate.cohorts(), closed_before_, matured_before));
  const auto [ours, theirs] = std::mismatch(open_.begin(), open_.end(), now.begin(), now.end());
  change.first_changed = static_cast<size_t>(theirs - now.begin());
  open_ = std::move(now);
  return change;
}

}  // namespace weir::stats
