#include "stats/proportions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "stats/special_functions.h"

namespace weir::stats {
namespace {

// P(X <= k) and P(X >= k) of a binomial, exact into both tails.
double BinomialAtMost(double n, double p, double k) { return k >= n ? 1 : k < 0 ? 0 : BetaAbove(k + 1, n - k, p); }
double BinomialAtLeast(double n, double p, double k) { return k <= 0 ? 1 : k > n ? 0 : BetaBelow(k, n - k + 1, p); }

// The least k in [low, high] with a probability of at most `most`, where that falls along them; high + 1 if none.
double FirstNoLikelier(double n, double p, double most, double low, double high) {
  while (low <= high) {
    const double middle = std::floor((low + high) / 2);
    if (BinomialProbability(n, p, middle) <= most) {
      high = middle - 1;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// The greatest k in [low, high] with a probability of at most `most`, where that rises along them; low - 1 if none.
double LastNoLikelier(double n, double p, double most, double low, double high) {
  while (low <= high) {
    const double middle = std::floor((low + high) / 2);
    if (BinomialProbability(n, p, middle) <= most) {
      low = middle + 1;
    } else {
      high = middle - 1;
    }
  }
  return high;
}

}  // namespace

Interval WilsonInterval(const Proportion& proportion, double alpha) {
  const double z = -NormalQuantile(alpha / 2), n = proportion.trials, p = proportion.rate();
  const double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
  const double reach = z * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n);
  // Exactly the end where there is nothing on the other side: rounding would leave it off by 1e-17.
  return {proportion.successes == 0 ? 0 : middle - reach, proportion.successes == n ? 1 : middle + reach};
}

Interval ClopperPearsonInterval(const Proportion& proportion, double alpha) {
  const double k = proportion.successes, n = proportion.trials;
  return {k == 0 ? 0 : BetaQuantile(k, n - k + 1, alpha / 2), k == n ? 1 : BetaQuantileAbove(k + 1, n - k, alpha / 2)};
}

Interval NewcombeInterval(const Proportion& a, const Proportion& b, double alpha) {
  const Interval of_a = WilsonInterval(a, alpha), of_b = WilsonInterval(b, alpha);
  const double difference = b.rate() - a.rate();
  return {difference - std::hypot(b.rate() - of_b.lower, of_a.upper - a.rate()),
          difference + std::hypot(of_b.upper - b.rate(), a.rate() - of_a.lower)};
}

ProportionsTest TestProportions(std::span<const Proportion> groups) {
  Proportion all;
  for (const Proportion& group : groups) all.successes += group.successes, all.trials += group.trials;
  ProportionsTest test{.degrees_of_freedom = static_cast<double>(groups.size() - 1)};
  for (const Proportion& group : groups) {
    const double excess = group.successes - group.trials * all.rate();
    test.chi_square += excess * excess / (group.trials * all.rate() * (1 - all.rate()));
  }
  test.p_value = ChiSquareAbove(test.degrees_of_freedom, test.chi_square);
  return test;
}

double BinomialPValue(const Proportion& observed, double null) {
  const double k = observed.successes, n = observed.trials;
  if (null <= 0) return k == 0 ? 1 : 0;
  if (null >= 1) return k == n ? 1 : 0;
  const double most = BinomialProbability(n, null, k) * (1 + 1e-7);
  const double mode = std::min(n, std::floor((n + 1) * null));
  if (k == n * null) return 1;
  if (k < n * null) {
    const double from = FirstNoLikelier(n, null, most, std::max(mode, k + 1), n);
    return std::min(1.0, BinomialAtMost(n, null, k) + BinomialAtLeast(n, null, from));
  }
  const double to = LastNoLikelier(n, null, most, 0, std::min(mode, k - 1));
  return std::min(1.0, BinomialAtLeast(n, null, k) + BinomialAtMost(n, null, to));
}

RateRatio CompareRates(std::span<const double, 2> events, std::span<const double, 2> exposures, double alpha) {
  const Proportion first{.successes = events[0], .trials = events[0] + events[1]};
  const double null = exposures[0] / (exposures[0] + exposures[1]);
  const auto ratio_at = [&](double share) {
    if (share >= 1) return std::numeric_limits<double>::infinity();
    return share / (1 - share) * exposures[1] / exposures[0];
  };
  const Interval share = ClopperPearsonInterval(first, alpha);
  return {.ratio = ratio_at(first.rate()),
          .p_value = BinomialPValue(first, null),
          .interval = {ratio_at(share.lower), ratio_at(share.upper)}};
}

}  // namespace weir::stats
