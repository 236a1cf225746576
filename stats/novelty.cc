#include "stats/novelty.h"

namespace weir::stats {
namespace {

constexpr int kColumns = 4;  // Of each day: n and sum of the default, n and sum of the candidate.
constexpr absl::Duration kWeek = absl::Hours(7 * 24);

std::optional<double> EffectOf(std::span<const double> day) {
  if (!(day[0] > 0) || !(day[2] > 0)) return std::nullopt;
  return day[3] / day[2] - day[1] / day[0];
}

std::optional<double> SlopeOf(std::span<const double> sums) {
  double weights = 0, mean_day = 0, mean_effect = 0, square = 0, product = 0;  // Welford's recurrence, with weights.
  for (int d = 0; d < NoveltyCounts::kDays; ++d) {
    const std::span<const double> day = sums.subspan(static_cast<size_t>(kColumns * d), kColumns);
    const std::optional<double> effect = EffectOf(day);
    if (!effect) continue;
    const double weight = day[0] * day[2] / (day[0] + day[2]);
    weights += weight;
    const double delta = d - mean_day;
    mean_day += weight / weights * delta;
    mean_effect += weight / weights * (*effect - mean_effect);
    square += weight * delta * (d - mean_day);
    product += weight * delta * (*effect - mean_effect);
  }
  if (!(square > 0)) return std::nullopt;
  return product / square;
}

}  // namespace

void NoveltyCounts::Add(int day, uint8_t user_bucket, bool is_candidate, double value) {
  if (day < 0 || day >= kDays) return;
  const int column = kColumns * day + (is_candidate ? 2 : 0);
  table_.Add(user_bucket, column, 1);
  table_.Add(user_bucket, column + 1, value);
}

std::optional<JackknifeEstimate> NoveltyCounts::EffectOn(int day) const {
  if (day < 0 || day >= kDays) return std::nullopt;
  BucketTable one(kColumns);
  for (int b = 0; b < kUserBuckets; ++b) {
    for (int c = 0; c < kColumns; ++c) one.Add(b, c, table_.at(b, kColumns * day + c));
  }
  return JackknifeOverUsers(one, EffectOf);
}

std::optional<JackknifeEstimate> NoveltyCounts::Slope() const { return JackknifeOverUsers(table_, SlopeOf); }

int FullWeeks(absl::Time start, absl::Time now) {
  if (now <= start) return 0;
  absl::Duration rest;
  return static_cast<int>(absl::IDivDuration(now - start, kWeek, &rest));
}

bool MayJudge(absl::Time start, absl::Time now, int required_full_weeks) {
  return FullWeeks(start, now) >= required_full_weeks;
}

absl::Time JudgedFrom(absl::Time start, int required_full_weeks) { return start + required_full_weeks * kWeek; }

}  // namespace weir::stats
