// Bandits: which shares should the arms have next, from what they were worth so far? Pure: state, parameters and rng
// in, shares out. Three policies:
//   Thompson        the probability that the arm is the best one, under Beta(1 + successes, 1 + failures) or a normal
//                   posterior of the mean, by simulation (Thompson 1933; Russo et al. 2018)
//   UCB1            all to the arm of the greatest mean + sqrt(2 ln N / n), for outcomes from 0 to 1 (Auer et al. 2002)
//   epsilon-greedy  1 - epsilon to the arm of the greatest mean, epsilon evenly to all
// The default keeps a floor, and shares move by a limited step, so that one lucky hour changes little.
//
// Data of a bandit are never analysed as a fixed split: an arm's calls come more from the days on which it looked good.
// Each outcome is recorded with the propensity p of its arm at assignment (the share in force), and means are weighted
// by 1/p: R = sum (y/p) / sum (1/p) (Hajek 1971), with the variance over user buckets of clustered.h. A floor under
// propensities bounds the weights; while policies adapt the interval is asymptotic, and for a planned look only.

#ifndef WEIR_STATS_BANDITS_H_
#define WEIR_STATS_BANDITS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/random/bit_gen_ref.h"
#include "absl/status/statusor.h"
#include "stats/clustered.h"

namespace weir::stats {

// An arm whose outcomes are successes or failures. Counts add.
struct BetaArm {
  double successes = 0;
  double failures = 0;
  void Merge(const BetaArm& other) { successes += other.successes, failures += other.failures; }
  double n() const { return successes + failures; }
  bool operator==(const BetaArm&) const = default;
};

// An arm with any outcome. Welford's recurrence, Chan's to merge.
struct GaussianArm {
  int64_t n = 0;
  double mean = 0;
  double m2 = 0;  // The sum of squared deviations from the mean.
  void Add(double value);
  void Merge(const GaussianArm& other);
};

// One share an arm, from 0 to 1, summing to 1.
using Shares = std::vector<double>;

// Each share has a standard error of 0.5 / sqrt(draws) at most: 0.5 % for 10,000. One arm at least.
inline constexpr int kThompsonDraws = 10'000;
Shares ThompsonShares(std::span<const BetaArm> arms, absl::BitGenRef rng, int draws = kThompsonDraws);
// Even shares until every arm has 30 outcomes, for a normal posterior before that is none.
Shares ThompsonShares(std::span<const GaussianArm> arms, absl::BitGenRef rng, int draws = kThompsonDraws);

// mean + sqrt(2 ln total / n); +infinity for an arm without outcomes. total >= 1.
double Ucb1Bound(double mean, double n, double total);
Shares Ucb1Shares(std::span<const BetaArm> arms);
// 0 <= epsilon <= 1.
Shares EpsilonGreedyShares(std::span<const BetaArm> arms, double epsilon);

// P(b's rate > a's) under Beta posteriors with these parameters, all positive; to about 1e-9.
struct BetaParameters {
  double alpha = 1;
  double beta = 1;
};
double ProbabilityBBeatsA(const BetaParameters& a, const BetaParameters& b);

struct ShareLimits {
  size_t default_arm = 0;
  double default_floor = 0.1;  // The default's least share.
  double greatest_step = 0.1;  // By how much a share may change at once.
};
// From `current` towards `wanted`, all shares in proportion, so that none changes by more than the step; save that a
// default below its floor is lifted to it at once. InvalidArgument where sizes differ, shares are not shares, or a
// limit is out of [0, 1].
absl::StatusOr<Shares> NextShares(const Shares& current, const Shares& wanted, const ShareLimits& limits);

// One arm's outcomes, each weighted by one over its recorded propensity. Adds up in any order.
class PropensityWeighted {
 public:
  // propensity in (0, 1].
  void Add(uint8_t user_bucket, double outcome, double propensity);
  void Merge(const PropensityWeighted& other);
  const BucketSums& sums() const { return sums_; }  // n: sum of 1/p; sum: of y/p.

  struct Estimate {
    double mean = 0;
    double standard_error = 0;
    std::optional<Interval> interval;  // 1 - alpha; none below 128 active users.
  };
  // Nothing without outcomes.
  std::optional<Estimate> Mean(double alpha) const;

 private:
  BucketSums sums_{};
};

}  // namespace weir::stats

#endif  // WEIR_STATS_BANDITS_H_
