// Target 6: do 95 % intervals cover what they should, when users make many calls each, and confidence sequences at all
// looks together?

#include <algorithm>
#include <array>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "stats/clustered.h"
#include "stats/cuped.h"
#include "stats/outcomes.h"
#include "stats/overall_criterion.h"
#include "stats/statistical/measurement.h"

namespace weir::stats {
namespace {

constexpr double kAlpha = 0.05;

// Users with a Zipf number of calls, P(n) ~ n^-zipf up to 200, and a rate of their own with the mean `rate`: a normal
// factor of standard deviation `spread` keeps it between 0 and twice the mean.
class Users {
 public:
  Users(double zipf, double rate, double spread, uint64_t seed) : rng_(seed), rate_(rate), spread_(spread) {
    std::vector<double> weights;
    for (int n = 1; n <= 200; ++n) weights.push_back(std::pow(n, -zipf));
    calls_ = std::discrete_distribution<int>(weights.begin(), weights.end());
  }

  struct User {
    uint8_t bucket;
    int calls;
    double rate;
  };
  User Next() {
    const double factor = std::clamp(1 + spread_ * normal_(rng_), 0.0, 2.0);
    return {.bucket = static_cast<uint8_t>(rng_()), .calls = calls_(rng_) + 1, .rate = rate_ * factor};
  }
  int Successes(const User& user) { return std::binomial_distribution<int>(user.calls, user.rate)(rng_); }
  bool Succeeds(const User& user) { return uniform_(rng_) < user.rate; }
  double Normal() { return normal_(rng_); }

 private:
  std::mt19937_64 rng_;
  std::discrete_distribution<int> calls_;
  std::normal_distribution<double> normal_;
  std::uniform_real_distribution<double> uniform_;
  double rate_, spread_;
};

struct Population {
  int users = 3000;
  double zipf = 1.5;
  double rate = 0.05;
  double spread = 0.5;
};

BucketSums Traffic(const Population& population, double rate, uint64_t seed) {
  Users users(population.zipf, rate, population.spread, seed);
  BucketSums sums{};
  for (int i = 0; i < population.users; ++i) {
    const Users::User user = users.Next();
    sums[user.bucket].n += user.calls;
    sums[user.bucket].sum += users.Successes(user);
  }
  return sums;
}

bool Covers(const std::optional<Interval>& interval, double truth) {
  return interval && interval->lower <= truth && truth <= interval->upper;
}

// As if calls were independent.
Interval NaiveInterval(const BucketSums& sums) {
  double n = 0, successes = 0;
  for (const BucketSum& bucket : sums) n += bucket.n, successes += bucket.sum;
  const double p = successes / n, half = 1.96 * std::sqrt(p * (1 - p) / n);
  return {.lower = p - half, .upper = p + half};
}

Measurement CoverageOf(const std::vector<double>& covered, double least, double most, std::string more) {
  const double n = static_cast<double>(covered.size());
  double hits = 0;
  for (const double hit : covered) hits += hit;
  return {.value = hits / n,
          .low = LowerLimit(hits, n),
          .high = UpperLimit(hits, n),
          .judged = hits / n,
          .least = least,
          .most = most,
          .note = absl::StrFormat("%g of %g intervals%s", hits, n, more)};
}

int StreamsOf(const Settings& settings) { return std::clamp(settings.streams, 100, 4000); }

Measurement RatioCoverage(const Population& population, const Settings& settings) {
  const auto covers = [&](auto interval_of) {
    return OverStreams(settings, StreamsOf(settings), [&](uint64_t seed) {
      return Covers(interval_of(Traffic(population, population.rate, seed)), population.rate) ? 1.0 : 0;
    });
  };
  const std::vector<double> naive = covers(NaiveInterval);
  const std::vector<double> clustered = covers([](const BucketSums& sums) { return RatioInterval(sums, kAlpha); });
  return CoverageOf(clustered, 0.935, 0.965,
                    absl::StrFormat("; taking calls for independent %.1f %%", 100 * MeanOf(naive).mean));
}

Measurement ChangeCoverage(const Population& population, const Settings& settings) {
  constexpr double kChange = 0.1;
  return CoverageOf(OverStreams(settings, StreamsOf(settings),
                                [&](uint64_t seed) {
                                  const auto change = RelativeChange(
                                      Traffic(population, population.rate, 2 * seed),
                                      Traffic(population, (1 + kChange) * population.rate, 2 * seed + 1));
                                  return change && Covers(change->ConfidenceInterval(kAlpha), kChange) ? 1.0 : 0;
                                }),
                    0.935, 0.965, "");
}

// Outcomes and a covariate of the same users from before.
CupedSums PairedTraffic(const Population& population, double effect, uint64_t seed) {
  Users users(population.zipf, 1, population.spread, seed);
  CupedSums sums;
  for (int i = 0; i < population.users; ++i) {
    const Users::User user = users.Next();
    const double calls = user.calls;
    sums.outcome[user.bucket].n += calls;
    sums.outcome[user.bucket].sum += calls * (user.rate + effect) + 0.3 * std::sqrt(calls) * users.Normal();
    sums.covariate[user.bucket].n += calls;
    sums.covariate[user.bucket].sum += calls * user.rate + 0.3 * std::sqrt(calls) * users.Normal();
  }
  return sums;
}

Measurement CupedCoverage(const Population& population, const Settings& settings) {
  constexpr double kEffect = 0.02;
  return CoverageOf(OverStreams(settings, StreamsOf(settings),
                                [&](uint64_t seed) {
                                  const auto result =
                                      AdjustedDifferenceOverUsers(PairedTraffic(population, 0, 2 * seed),
                                                                  PairedTraffic(population, kEffect, 2 * seed + 1));
                                  const JackknifeEstimate estimate{.estimate = result->difference,
                                                                   .standard_error = result->standard_error,
                                                                   .buckets = kUserBuckets};
                                  return Covers(estimate.ConfidenceInterval(kAlpha), kEffect) ? 1.0 : 0;
                                }),
                    0.935, 0.965, "");
}

// Whether the sequence covers the truth after every user, over all of them.
bool CoversForEver(const Population& population, uint64_t seed) {
  Users users(population.zipf, population.rate, population.spread, seed);
  OutcomeCounts counts;
  for (int i = 0; i < population.users; ++i) {
    const Users::User user = users.Next();
    for (int call = 0; call < user.calls; ++call) counts.Add(user.bucket, users.Succeeds(user));
    if (i % 20 != 19) continue;
    const auto estimate = EstimateMean(counts, kAlpha);
    if (estimate && !Covers(estimate->interval, population.rate)) return false;
  }
  return true;
}

Measurement SequenceCoverage(const Population& population, const Settings& settings) {
  return CoverageOf(OverStreams(settings, std::max(400, StreamsOf(settings) / 4),
                                [&](uint64_t seed) { return CoversForEver(population, seed) ? 1.0 : 0; }),
                    0.95, 1, absl::StrFormat(" over %d looks each", population.users / 20));
}

}  // namespace

Target Coverage() {
  Target target{.number = 6,
                .title = "Coverage of 95 % intervals",
                .axis = "how often the truth is inside",
                .text =
                    "Users make a Zipf number of calls and have rates of their own. An interval at one look is to "
                    "cover 93.5 to 96.5 %; a confidence sequence at least 95 % at all looks together.",
                .is_logarithmic = false,
                .cells = {}};
  const auto add = [&](const char* name, Measurement (*measure)(const Population&, const Settings&),
                       const Population& population) {
    target.cells.push_back(
        {name, [measure, population](const Settings& settings) { return measure(population, settings); }});
  };
  add("ratio, 3000 users, Zipf 1.5, rate 5 %", RatioCoverage, {});
  add("ratio, 20000 users, Zipf 1.1, rate 2 %", RatioCoverage, {.users = 20'000, .zipf = 1.1, .rate = 0.02});
  add("ratio, 1000 users, Zipf 2, rate 40 %", RatioCoverage, {.users = 1000, .zipf = 2, .rate = 0.4});
  add("ratio, 300 users (64 buckets), rate 30 %", RatioCoverage, {.users = 300, .rate = 0.3});
  add("relative change, 3000 users a side", ChangeCoverage, {.rate = 0.3});
  add("CUPED, 3000 users a side", CupedCoverage, {});
  add("confidence sequence, one call a user", SequenceCoverage, {.users = 10'000, .zipf = 50, .rate = 0.3});
  add("confidence sequence, Zipf 1.5, rate 30 %", SequenceCoverage, {.users = 4000, .rate = 0.3});
  add("confidence sequence, Zipf 1.5, rate 5 %", SequenceCoverage, {.users = 4000, .rate = 0.05});
  return target;
}

}  // namespace weir::stats
