// Means of outcomes whose calls were given to variants in shares that changed.
//
// A variant's calls come more from the hours in which it had a large share. Where outcomes drift (a weekend, a season),
// the raw means of variants whose shares moved compare different hours, and the better one may look the worse
// (Simpson's paradox). So each outcome is recorded with the propensity p of its variant at assignment, the share in
// force in its epoch, and weighted by 1/p: R = sum (y/p) / sum (1/p) (Hajek 1971). In expectation every epoch then has
// the weight of all its traffic, the same for all variants, as long as each had a share above 0 in every epoch that is
// counted. The variance is over user buckets (clustered.h). While shares adapt to the outcomes it is asymptotic; a
// floor under the propensities bounds the weights.

#ifndef WEIR_STATS_PROPENSITY_H_
#define WEIR_STATS_PROPENSITY_H_

#include <array>
#include <cstdint>
#include <optional>

#include "stats/clustered.h"
#include "stats/counts.h"
#include "stats/outcomes.h"

namespace weir::stats {

// What is known of one arm's mean.
struct ArmEstimate {
  int64_t n = 0;              // Outcomes.
  double mean = 0;            // Weighted by one over the propensities.
  double standard_error = 0;  // Over user buckets; 0 below two outcomes, and where all are equal.
  double effective_n = 0;     // (sum w)^2 / sum w^2 (Kish 1965): n where all propensities are equal, fewer otherwise.
  bool operator==(const ArmEstimate&) const = default;
};

// How many independent trials say as much of a proportion: effective_n, divided by the design effect of its users.
double EffectiveTrials(const ArmEstimate& proportion);

// One arm's outcomes. Adds up in any order.
class PropensityWeighted {
 public:
  // What a checkpoint keeps: sums over the outcomes.
  struct Sums {
    int64_t n = 0;
    double weight = 0;          // Of 1/p.
    double squared_weight = 0;  // Of 1/p^2.
    double weighted_sum = 0;    // Of y/p.
    BucketSums buckets{};       // By user bucket: n is of 1/p, sum of y/p.
  };
  PropensityWeighted() = default;
  explicit PropensityWeighted(Sums sums) : sums_(sums) {}

  // propensity in (0, 1].
  void Add(uint8_t user_bucket, double outcome, double propensity);
  // Of calls that all had this propensity.
  void AddOutcomes(const OutcomeCounts& outcomes, double propensity);
  // The calls that ended well or badly, the latter as outcomes 1. Users are counted by the calls that they started.
  void AddErrors(const VariantCounts& calls, double propensity);
  void Merge(const PropensityWeighted& other);
  const Sums& sums() const { return sums_; }

  ArmEstimate Estimate() const;
  // 1 - alpha, at one planned look. Nothing below 128 active users.
  std::optional<Interval> IntervalOfMean(double alpha) const { return RatioInterval(sums_.buckets, alpha); }

 private:
  Sums sums_;
};

}  // namespace weir::stats

#endif  // WEIR_STATS_PROPENSITY_H_
