// Does an effect wear off, or grow, with the days since a user first met the experiment? Novelty and learning make the
// first days' effect a poor forecast (Kohavi, Tang, Xu 2020, chapter 23). By day d since first exposure:
//   effect_d = mean of the candidate - mean of the default,
//   slope = sum w_d (d - mean d) (effect_d - mean effect) / sum w_d (d - mean d)^2,
//   w_d = n_A n_B / (n_A + n_B),
// where the means of days are weighted alike, with errors by the jackknife over user buckets (jackknife.h), since a
// user is seen on many days. Assumes that users of both variants come back alike; an effect that keeps users away
// biases later days.

#ifndef WEIR_STATS_NOVELTY_H_
#define WEIR_STATS_NOVELTY_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "stats/jackknife.h"

namespace weir::stats {

// Outcomes by day since first exposure and user bucket, of both variants: 224 KiB, whatever the traffic. Adds up in any
// order.
class NoveltyCounts {
 public:
  static constexpr int kDays = 28;

  // A day outside 0 to kDays - 1 counts for nothing.
  void Add(int day, uint8_t user_bucket, bool is_candidate, double value);
  void Merge(const NoveltyCounts& other) { table_.Merge(other.table_); }

  // Nothing while a variant has no values of that day, or below 128 active users.
  std::optional<JackknifeEstimate> EffectOn(int day) const;
  // Per day. Nothing while fewer than two days have values of both variants, or where one bucket holds all of those.
  std::optional<JackknifeEstimate> Slope() const;
  bool operator==(const NoveltyCounts&) const = default;

 private:
  BucketTable table_{4 * kDays};
};

// The weekly pattern: a verdict before whole weeks have passed weighs some days of the week more than others. Weeks are
// 7 times 24 hours from the start, whatever the calendar.
int FullWeeks(absl::Time start, absl::Time now);
bool MayJudge(absl::Time start, absl::Time now, int required_full_weeks);
// When `weeks` will have passed.
absl::Time JudgedFrom(absl::Time start, int required_full_weeks);

}  // namespace weir::stats

#endif  // WEIR_STATS_NOVELTY_H_
