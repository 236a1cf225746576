#include "stats/paired_cohorts.h"

#include <algorithm>

namespace weir::stats {
namespace {

ErrorRatioGrid::Cohort Pair(const CohortCounts& baseline, const CohortCounts& candidate) {
  const int64_t unresolved = std::max<int64_t>(0, baseline.started - baseline.ended);
  return {.baseline_calls = baseline.started,
          .candidate_calls = candidate.started,
          .candidate_errors = candidate.errors,
          .errors = candidate.errors + baseline.errors + unresolved};
}

std::vector<PairedCohort> PairFrom(Tick first, const VariantCounts& baseline, const VariantCounts& candidate) {
  std::vector<PairedCohort> pairs;
  auto b = baseline.cohorts().begin();
  auto c = candidate.cohorts().begin();
  while (b != baseline.cohorts().end() && c != candidate.cohorts().end()) {
    if (b->first < c->first) {
      ++b;
    } else if (c->first < b->first) {
      ++c;
    } else {
      if (b->first >= first && b->second.started > 0 && c->second.started > 0) {
        pairs.push_back({b->first, Pair(b->second, c->second)});
      }
      ++b, ++c;
    }
  }
  return pairs;
}

bool IsSame(const PairedCohort& a, const PairedCohort& b) { return a.tick == b.tick && a.counts == b.counts; }

Tick OldestInBothRings(const VariantCounts& baseline, const VariantCounts& candidate, Tick otherwise) {
  Tick newest = otherwise + VariantCounts::kRingTicks - 1;
  if (!baseline.cohorts().empty()) newest = std::max(newest, baseline.cohorts().back().first);
  if (!candidate.cohorts().empty()) newest = std::max(newest, candidate.cohorts().back().first);
  return newest - VariantCounts::kRingTicks + 1;
}

}  // namespace

size_t PairedCohorts::Close(Tick before) {
  closed_before_ = before;
  const size_t closed = CountBefore(before);
  open_.erase(open_.begin(), open_.begin() + static_cast<ptrdiff_t>(closed));
  return closed;
}

PairedCohorts::Change PairedCohorts::Update(const VariantCounts& baseline, const VariantCounts& candidate) {
  Change change{.closed = Close(OldestInBothRings(baseline, candidate, closed_before_)), .first_changed = 0};
  std::vector<PairedCohort> now = PairFrom(closed_before_, baseline, candidate);
  const auto [ours, theirs] = std::mismatch(open_.begin(), open_.end(), now.begin(), now.end(), IsSame);
  change.first_changed = static_cast<size_t>(theirs - now.begin());
  open_ = std::move(now);
  return change;
}

size_t PairedCohorts::CountBefore(Tick tick) const {
  const auto first = std::partition_point(open_.begin(), open_.end(), [&](const PairedCohort& c) { return c.tick < tick; });
  return static_cast<size_t>(first - open_.begin());
}

}  // namespace weir::stats
