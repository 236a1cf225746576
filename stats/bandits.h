// Bandits: which shares should the arms have next, from what they were worth so far? Pure, and without chance: the same
// estimates give the same shares to the last bit. Three policies:
//   Thompson        the probability that the arm is the best one, under Beta(1 + successes, 1 + failures) for
//                   proportions and a normal posterior of the mean otherwise (Thompson 1933; Russo et al. 2018)
//   UCB1            all to the arm of the greatest mean + sqrt(2 ln N / n), for outcomes from 0 to 1 (Auer et al. 2002)
//   epsilon-greedy  1 - epsilon to the arm of the greatest mean, epsilon evenly to all
// The default keeps a floor, every other arm a smaller one, and only so much traffic changes hands at once, so that one
// lucky hour changes little.
//
// What arms were worth is never the raw mean of a fixed split: see propensity.h.

#ifndef WEIR_STATS_BANDITS_H_
#define WEIR_STATS_BANDITS_H_

#include <span>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "stats/propensity.h"

namespace weir::stats {

// One share an arm, from 0 to 1, summing to 1.
using Shares = std::vector<double>;

// --- What is believed of an arm's mean.

// All positive.
struct BetaParameters {
  double alpha = 1;
  double beta = 1;
};
struct NormalParameters {
  double mean = 0;
  double standard_deviation = 1;  // Not negative.
};
using Posterior = std::variant<BetaParameters, NormalParameters>;

// P(b's rate > a's); to about 1e-9.
double ProbabilityBBeatsA(const BetaParameters& a, const BetaParameters& b);

// For each arm the probability that its mean is the greatest: the integral of its density times all others'
// distribution functions, by the trapezoidal rule over a grid that is fine where any of them changes. Measured error
// below 1e-3; sums to 1. One arm at least.
Shares ProbabilitiesOfBest(std::span<const Posterior> arms);

// --- Policies. The greatest mean is the best one; one arm at least.

// Of proportions, from as many trials as independent ones would be (EffectiveTrials); of other outcomes, even shares
// until every arm has 30, for a normal posterior before that is none.
Shares ThompsonShares(std::span<const ArmEstimate> arms, bool are_proportions);

// mean + sqrt(2 ln total / n); +infinity for an arm without outcomes. total >= 1.
double Ucb1Bound(double mean, double n, double total);
// Outcomes from 0 to 1.
Shares Ucb1Shares(std::span<const ArmEstimate> arms);
// 0 <= epsilon <= 1. An arm without outcomes has the mean 0.
Shares EpsilonGreedyShares(std::span<const ArmEstimate> arms, double epsilon);

// By how much the mean of the shares falls short of the greatest mean.
double RegretOf(const Shares& shares, std::span<const ArmEstimate> arms);

// --- Limits. Shares as they are put in force: in basis points, summing to precisely 10,000.

struct ShareLimits {
  size_t default_arm = 0;
  int default_floor = 1000;   // That the default keeps at least.
  int other_floor = 0;        // That every other arm keeps at least.
  int greatest_move = 10000;  // Of traffic that changes hands at once: the sum of what arms gain.
};
// From `current` towards `wanted`, all shares in proportion. A floor that `current` does not keep is reached by moves,
// but the default's at once, whatever the greatest move. InvalidArgument where sizes differ, shares are not shares, or
// floors leave nothing.
absl::StatusOr<std::vector<int>> NextShares(std::span<const int> current, const Shares& wanted,
                                            const ShareLimits& limits);

}  // namespace weir::stats

#endif  // WEIR_STATS_BANDITS_H_
