#include "stats/bandits.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "absl/random/distributions.h"
#include "absl/strings/str_cat.h"
#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr int64_t kLeastOutcomes = 30;
constexpr double kRounding = 1e-9;

Shares EvenShares(size_t arms) { return Shares(arms, 1 / static_cast<double>(arms)); }

// How often each arm's draw is the greatest. `draw(i)` is one draw of arm i's posterior.
template <typename Draw>
Shares HowOftenBest(size_t arms, int draws, Draw draw) {
  Shares shares(arms);
  for (int d = 0; d < draws; ++d) {
    size_t best = 0;
    double greatest = -std::numeric_limits<double>::infinity();
    for (size_t i = 0; i < arms; ++i) {
      if (const double value = draw(i); value > greatest) greatest = value, best = i;
    }
    shares[best] += 1.0 / draws;
  }
  return shares;
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

double RateOf(const BetaArm& arm) { return arm.n() > 0 ? arm.successes / arm.n() : 0.5; }

absl::Status CheckShares(const Shares& shares, absl::string_view name) {
  for (size_t i = 0; i < shares.size(); ++i) {
    if (!(shares[i] >= 0 && shares[i] <= 1 + kRounding)) {
      return absl::InvalidArgumentError(absl::StrCat(name, "[", i, "]: must be from 0 to 1, got ", shares[i]));
    }
  }
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  if (std::abs(sum - 1) > kRounding) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": must sum to 1, got ", sum));
  }
  return absl::OkStatus();
}

absl::Status CheckLimits(const Shares& current, const Shares& wanted, const ShareLimits& limits) {
  if (current.size() != wanted.size() || limits.default_arm >= current.size()) {
    return absl::InvalidArgumentError("shares: current, wanted and the default's place must be of the same arms");
  }
  if (!(limits.default_floor >= 0 && limits.default_floor <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("default_floor: must be from 0 to 1, got ", limits.default_floor));
  }
  if (!(limits.greatest_step >= 0 && limits.greatest_step <= 1)) {
    return absl::InvalidArgumentError(absl::StrCat("greatest_step: must be from 0 to 1, got ", limits.greatest_step));
  }
  if (absl::Status status = CheckShares(current, "current"); !status.ok()) return status;
  return CheckShares(wanted, "wanted");
}

// The default at its floor at least, the others in the same proportions.
void LiftDefault(Shares& shares, const ShareLimits& limits) {
  const double held = shares[limits.default_arm];
  if (held >= limits.default_floor) return;
  for (double& share : shares) share *= (1 - limits.default_floor) / (1 - held);
  shares[limits.default_arm] = limits.default_floor;
}

}  // namespace

void GaussianArm::Add(double value) {
  ++n;
  const double delta = value - mean;
  mean += delta / static_cast<double>(n);
  m2 += delta * (value - mean);
}

void GaussianArm::Merge(const GaussianArm& other) {
  if (other.n == 0) return;
  const double n_a = static_cast<double>(n), n_b = static_cast<double>(other.n);
  const double delta = other.mean - mean;
  n += other.n;
  mean += delta * (n_b / (n_a + n_b));
  m2 += other.m2 + delta * delta * (n_a * n_b / (n_a + n_b));
}

Shares ThompsonShares(std::span<const BetaArm> arms, absl::BitGenRef rng, int draws) {
  return HowOftenBest(arms.size(), draws,
                      [&](size_t i) { return absl::Beta<double>(rng, 1 + arms[i].successes, 1 + arms[i].failures); });
}

Shares ThompsonShares(std::span<const GaussianArm> arms, absl::BitGenRef rng, int draws) {
  for (const GaussianArm& arm : arms) {
    if (arm.n < kLeastOutcomes) return EvenShares(arms.size());
  }
  return HowOftenBest(arms.size(), draws, [&](size_t i) {
    const double n = static_cast<double>(arms[i].n);
    return absl::Gaussian<double>(rng, arms[i].mean, std::sqrt(arms[i].m2 / (n - 1) / n));
  });
}

double Ucb1Bound(double mean, double n, double total) {
  if (!(n > 0)) return std::numeric_limits<double>::infinity();
  return mean + std::sqrt(2 * std::log(total) / n);
}

Shares Ucb1Shares(std::span<const BetaArm> arms) {
  double total = 0;
  for (const BetaArm& arm : arms) total += arm.n();
  return ToTheBest(arms.size(), [&](size_t i) { return Ucb1Bound(RateOf(arms[i]), arms[i].n(), total); });
}

Shares EpsilonGreedyShares(std::span<const BetaArm> arms, double epsilon) {
  Shares shares = ToTheBest(arms.size(), [&](size_t i) { return RateOf(arms[i]); });
  for (double& share : shares) share = (1 - epsilon) * share + epsilon / static_cast<double>(arms.size());
  return shares;
}

double ProbabilityBBeatsA(const BetaParameters& a, const BetaParameters& b) {
  return BetaExceedsBeta(a.alpha, a.beta, b.alpha, b.beta);
}

absl::StatusOr<Shares> NextShares(const Shares& current, const Shares& wanted, const ShareLimits& limits) {
  if (absl::Status status = CheckLimits(current, wanted, limits); !status.ok()) return status;
  Shares next = wanted;
  LiftDefault(next, limits);
  double furthest = 0;
  for (size_t i = 0; i < next.size(); ++i) furthest = std::max(furthest, std::abs(next[i] - current[i]));
  const double part = furthest > limits.greatest_step ? limits.greatest_step / furthest : 1;
  for (size_t i = 0; i < next.size(); ++i) next[i] = current[i] + part * (next[i] - current[i]);
  LiftDefault(next, limits);
  return next;
}

void PropensityWeighted::Add(uint8_t user_bucket, double outcome, double propensity) {
  sums_[user_bucket].n += 1 / propensity;
  sums_[user_bucket].sum += outcome / propensity;
}

void PropensityWeighted::Merge(const PropensityWeighted& other) {
  for (int b = 0; b < kUserBuckets; ++b) {
    sums_[b].n += other.sums_[b].n;
    sums_[b].sum += other.sums_[b].sum;
  }
}

std::optional<PropensityWeighted::Estimate> PropensityWeighted::Mean(double alpha) const {
  const std::optional<ClusteredRatio> ratio = RatioOverUsers(sums_);
  if (!ratio) return std::nullopt;
  return Estimate{
      .mean = ratio->ratio, .standard_error = std::sqrt(ratio->variance), .interval = RatioInterval(sums_, alpha)};
}

}  // namespace weir::stats
