#include "stats/bandits.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr int64_t kLeastOutcomes = 30;
constexpr double kRounding = 1e-9;
constexpr int kWhole = 10000;

Shares EvenShares(size_t arms) { return Shares(arms, 1 / static_cast<double>(arms)); }

// --- Posteriors.

struct Moments {
  double mean;
  double standard_deviation;
  double operator()(double standard_deviations) const { return mean + standard_deviations * standard_deviation; }
};

struct MomentsOf {
  Moments operator()(const BetaParameters& p) const {
    const double n = p.alpha + p.beta;
    return {p.alpha / n, std::sqrt(p.alpha * p.beta / (n + 1)) / n};
  }
  // One that is known exactly is spread by what doubles can tell apart.
  Moments operator()(const NormalParameters& p) const {
    return {p.mean, std::max(p.standard_deviation, 1e-12 * std::max(1.0, std::abs(p.mean)))};
  }
};

struct Below {
  double x;
  double operator()(const BetaParameters& p) const { return BetaBelow(p.alpha, p.beta, std::clamp(x, 0.0, 1.0)); }
  double operator()(const NormalParameters& p) const {
    const Moments moments = MomentsOf()(p);
    return NormalBelow((x - moments.mean) / moments.standard_deviation);
  }
};

// Where any of the arms has weight, in steps of an eighth of its standard deviation.
std::vector<double> GridOver(std::span<const Posterior> arms) {
  std::vector<double> grid;
  for (const Posterior& arm : arms) {
    const Moments moments = std::visit(MomentsOf(), arm);
    for (int step = -64; step <= 64; ++step) grid.push_back(moments(step / 8.0));
    if (!std::holds_alternative<BetaParameters>(arm)) continue;
    grid.push_back(0);
    grid.push_back(1);
  }
  std::sort(grid.begin(), grid.end());
  grid.erase(std::unique(grid.begin(), grid.end()), grid.end());
  return grid;
}

// The arms of the greatest score share alike, so that the order of arms does not matter.
template <typename Score>
Shares ToTheBest(size_t arms, Score score) {
  std::vector<double> scores(arms);
  for (size_t i = 0; i < arms; ++i) scores[i] = score(i);
  const double greatest = *std::max_element(scores.begin(), scores.end());
  const auto best = static_cast<double>(std::count(scores.begin(), scores.end(), greatest));
  Shares shares(arms);
  for (size_t i = 0; i < arms; ++i) shares[i] = scores[i] == greatest ? 1 / best : 0;
  return shares;
}

// --- Limits.

absl::Status Check(std::span<const int> current, const Shares& wanted, const ShareLimits& limits) {
  if (current.size() != wanted.size() || limits.default_arm >= current.size()) {
    return absl::InvalidArgumentError("shares: current, wanted and the default's place must be of the same arms");
  }
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (!(wanted[i] >= 0 && wanted[i] <= 1 + kRounding)) {
      return absl::InvalidArgumentError(absl::StrCat("wanted[", i, "]: must be from 0 to 1, got ", wanted[i]));
    }
    if (current[i] < 0) return absl::InvalidArgumentError(absl::StrCat("current[", i, "]: must not be negative"));
  }
  if (const double sum = std::accumulate(wanted.begin(), wanted.end(), 0.0); std::abs(sum - 1) > kRounding) {
    return absl::InvalidArgumentError(absl::StrCat("wanted: must sum to 1, got ", sum));
  }
  if (std::accumulate(current.begin(), current.end(), 0) != kWhole) {
    return absl::InvalidArgumentError("current: must sum to 10,000 basis points");
  }
  const int others = static_cast<int>(current.size()) - 1;
  if (limits.default_floor < 0 || limits.other_floor < 0 || limits.greatest_move < 0 ||
      limits.default_floor + others * limits.other_floor > kWhole) {
    return absl::InvalidArgumentError("limits: must not be negative, and floors leave something to move");
  }
  return absl::OkStatus();
}

int FloorOf(size_t arm, const ShareLimits& limits) {
  return arm == limits.default_arm ? limits.default_floor : limits.other_floor;
}

// In basis points, with no arm below its floor: those that would be have it, and the others divide the rest as before.
std::vector<double> AboveFloors(const Shares& wanted, const ShareLimits& limits) {
  std::vector<bool> is_held(wanted.size());
  for (;;) {
    double rest = kWhole, sum = 0;
    size_t free = 0;
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (is_held[i]) {
        rest -= FloorOf(i, limits);
      } else {
        sum += wanted[i];
        ++free;
      }
    }
    std::vector<double> shares(wanted.size());
    bool is_done = true;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const double part = sum > 0 ? wanted[i] / sum : 1 / static_cast<double>(free);
      shares[i] = is_held[i] ? FloorOf(i, limits) : rest * part;
      if (is_held[i] || shares[i] >= FloorOf(i, limits)) continue;
      is_held[i] = true;
      is_done = false;
    }
    if (is_done) return shares;
  }
}

// To whole basis points that sum to the whole: down, and what is left to those that lost most by it.
std::vector<int> Rounded(const std::vector<double>& shares) {
  std::vector<int> rounded;
  std::vector<size_t> order(shares.size());
  std::iota(order.begin(), order.end(), size_t{0});
  for (double share : shares) rounded.push_back(static_cast<int>(std::floor(share + kRounding)));
  const auto lost = [&](size_t i) { return shares[i] - rounded[i]; };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return lost(a) > lost(b); });
  int left = kWhole - std::accumulate(rounded.begin(), rounded.end(), 0);
  for (size_t i = 0; left > 0; i = (i + 1) % order.size(), --left) ++rounded[order[i]];
  return rounded;
}

// As far towards `target` as may change hands: every change is cut in proportion, and rounded towards none.
std::vector<int> MovedTowards(std::span<const int> current, const std::vector<int>& target, int greatest_move) {
  int gained = 0;
  for (size_t i = 0; i < target.size(); ++i) gained += std::max(0, target[i] - current[i]);
  if (gained <= greatest_move) return target;
  std::vector<int> next(current.begin(), current.end());
  int balance = 0;  // Gained and not lost.
  for (size_t i = 0; i < target.size(); ++i) {
    const int change = static_cast<int>(int64_t{target[i] - current[i]} * greatest_move / gained);
    next[i] += change;
    balance += change;
  }
  // Rounding left a few basis points over: they stay where they were.
  for (size_t i = 0; balance != 0; i = (i + 1) % next.size()) {
    if (balance > 0 && next[i] > current[i]) --next[i], --balance;
    if (balance < 0 && next[i] < current[i]) ++next[i], ++balance;
  }
  return next;
}

// From those that have most above their floors.
void LiftDefault(std::vector<int>& shares, const ShareLimits& limits) {
  while (shares[limits.default_arm] < limits.default_floor) {
    size_t richest = limits.default_arm == 0 ? 1 : 0;
    for (size_t i = 0; i < shares.size(); ++i) {
      if (i != limits.default_arm && shares[i] > shares[richest]) richest = i;
    }
    --shares[richest];
    ++shares[limits.default_arm];
  }
}

}  // namespace

double ProbabilityBBeatsA(const BetaParameters& a, const BetaParameters& b) {
  return BetaExceedsBeta(a.alpha, a.beta, b.alpha, b.beta);
}

Shares ProbabilitiesOfBest(std::span<const Posterior> arms) {
  const std::vector<double> grid = GridOver(arms);
  std::vector<double> before(arms.size(), 0.0), after(arms.size());
  Shares best(arms.size());
  for (double x : grid) {
    for (size_t i = 0; i < arms.size(); ++i) after[i] = std::visit(Below{x}, arms[i]);
    for (size_t i = 0; i < arms.size(); ++i) {
      double others_below = 0.5, others_after = 0.5;
      for (size_t j = 0; j < arms.size(); ++j) {
        if (j != i) others_below *= before[j], others_after *= after[j];
      }
      best[i] += (after[i] - before[i]) * (others_below + others_after);
    }
    std::swap(before, after);
  }
  const double sum = std::accumulate(best.begin(), best.end(), 0.0);
  for (double& share : best) share /= sum;
  return best;
}

Shares ThompsonShares(std::span<const ArmEstimate> arms, bool are_proportions) {
  std::vector<Posterior> posteriors;
  for (const ArmEstimate& arm : arms) {
    if (!are_proportions && arm.n < kLeastOutcomes) return EvenShares(arms.size());
    if (are_proportions) {
      const double trials = EffectiveTrials(arm), mean = std::clamp(arm.mean, 0.0, 1.0);
      posteriors.push_back(BetaParameters{1 + trials * mean, 1 + trials * (1 - mean)});
    } else {
      posteriors.push_back(NormalParameters{arm.mean, arm.standard_error});
    }
  }
  return ProbabilitiesOfBest(posteriors);
}

double Ucb1Bound(double mean, double n, double total) {
  if (!(n > 0)) return std::numeric_limits<double>::infinity();
  return mean + std::sqrt(2 * std::log(total) / n);
}

Shares Ucb1Shares(std::span<const ArmEstimate> arms) {
  double total = 0;
  for (const ArmEstimate& arm : arms) total += EffectiveTrials(arm);
  total = std::max(total, 1.0);
  return ToTheBest(arms.size(), [&](size_t i) { return Ucb1Bound(arms[i].mean, EffectiveTrials(arms[i]), total); });
}

Shares EpsilonGreedyShares(std::span<const ArmEstimate> arms, double epsilon) {
  Shares shares = ToTheBest(arms.size(), [&](size_t i) { return arms[i].mean; });
  for (double& share : shares) share = (1 - epsilon) * share + epsilon / static_cast<double>(arms.size());
  return shares;
}

double RegretOf(const Shares& shares, std::span<const ArmEstimate> arms) {
  double greatest = arms[0].mean, mean = 0;
  for (size_t i = 0; i < arms.size(); ++i) {
    greatest = std::max(greatest, arms[i].mean);
    mean += shares[i] * arms[i].mean;
  }
  return std::max(0.0, greatest - mean);
}

absl::StatusOr<std::vector<int>> NextShares(std::span<const int> current, const Shares& wanted,
                                            const ShareLimits& limits) {
  if (absl::Status status = Check(current, wanted, limits); !status.ok()) return status;
  std::vector<int> next = MovedTowards(current, Rounded(AboveFloors(wanted, limits)), limits.greatest_move);
  LiftDefault(next, limits);
  return next;
}

}  // namespace weir::stats
