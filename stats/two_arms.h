// The means of two arms, with errors that are honest from the first calls on.
//
// An arm of few calls may not have met yet what is rare: 130 calls without an event have a variance of 0, and an error
// taken from them alone would call any difference certain. Measured with two identical models at a share of 1 % of the
// candidate, a tenth to a half of all runs then ever "showed" a difference at alpha 0.05. So an arm's variance is taken
// over its user buckets (clustered.h), but never less than a call's variance by both arms together, over its own calls:
// what it would be if the arms were alike, which is what the tests set out to disprove. Where the candidate truly
// varies less than the default, they need more calls.

#ifndef WEIR_STATS_TWO_ARMS_H_
#define WEIR_STATS_TWO_ARMS_H_

#include <optional>

#include "stats/clustered.h"

namespace weir::stats {

struct ArmMean {
  double n = 0;  // Values.
  double mean = 0;
  double variance = 0;  // Of the mean.
};

struct TwoArms {
  ArmMean baseline, candidate;
};

// Fewer values of an arm than this, or fewer users, say too little for all looks together.
inline constexpr double kLeastValuesOfAnArm = 30;
inline constexpr double kLeastUsersOfAnArm = 128;

// Nothing below 30 values or 128 active users of an arm, or while fewer than 256 users of it have come back again and
// again; nor while nothing varies in either.
std::optional<TwoArms> CompareArms(const BucketSums& baseline, const BucketSums& candidate);

// Whether `n` values of the users in these buckets come from too few who come back again and again.
bool HasTooFewUsers(const BucketSums& buckets, double n);

}  // namespace weir::stats

#endif  // WEIR_STATS_TWO_ARMS_H_
