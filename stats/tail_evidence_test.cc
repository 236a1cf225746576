#include "stats/tail_evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"
#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr Tick kNow = 17'000'000'000;
constexpr int kBuckets = LatencyHistogram::kBuckets;

TailCounts Ended(const std::vector<double>& latencies_ms) {
  VariantCounts counts;
  for (const double ms : latencies_ms) {
    counts.CountStart(kNow, 0);
    counts.CountEnd(
        {.started = kNow, .user_bucket = 0, .outcome = CallOutcome::kSuccess, .latency = absl::Milliseconds(ms)});
  }
  return CertainlySlow(counts, StartOf(kNow + 1));
}

std::vector<double> Lognormal(std::mt19937_64& rng, int n, double median_ms) {
  std::lognormal_distribution<double> latency(std::log(median_ms), 0.5);
  std::vector<double> ms(n);
  for (double& x : ms) x = latency(rng);
  return ms;
}

// The definition, edge by edge, with nothing skipped.
double ByDefinition(const TailMixture& mixture, int shift, const TailCounts& a, const TailCounts& b,
                    double design_effect) {
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < kBuckets; ++i) {
    const double above = i + shift + 1 < kBuckets ? static_cast<double>(b.from[i + shift + 1]) : 0;
    const double log_a =
        mixture.LogBelow(static_cast<double>(a.from[i]) / design_effect, static_cast<double>(a.calls) / design_effect);
    const double log_b = mixture.LogAbove(above / design_effect, static_cast<double>(b.calls) / design_effect);
    least = std::min(least, LogHalfKept(log_a) + LogHalfKept(log_b));
  }
  return least;
}

TEST(TailMixtureTest, IsTheIntegralOfTheLikelihoodRatioOverThePriorsSide) {
  const double q = 0.99, tail = 0.01, a = 0.1, b = 9.9;
  const TailMixture mixture(q);
  // By substitution p = tail * t^10 the singularity of the prior at 0 is gone: a plain sum converges.
  for (const auto& [k, n] : {std::pair(0.0, 300.0), std::pair(2.0, 300.0), std::pair(5.0, 200.0)}) {
    double integral = 0;
    constexpr int kSteps = 200'000;
    for (int i = 0; i < kSteps; ++i) {
      const double t = (i + 0.5) / kSteps;
      const double p = tail * std::pow(t, 10);
      const double density = std::pow(p, a - 1) * std::pow(1 - p, b - 1) * 10 * tail * std::pow(t, 9);
      integral += density * std::pow(p / tail, k) * std::pow((1 - p) / (1 - tail), n - k) / kSteps;
    }
    const double prior_mass = BetaBelow(a, b, tail) * std::exp(LogBeta(a, b));
    EXPECT_NEAR(mixture.LogBelow(k, n), std::log(integral / prior_mass), 1e-6) << k;
  }
}

TEST(TailMixtureTest, NoCallsAreNoEvidence) {
  const TailMixture mixture(0.99);
  EXPECT_NEAR(mixture.LogAbove(0, 0), 0, 1e-12);
  EXPECT_NEAR(mixture.LogBelow(0, 0), 0, 1e-12);
}

TEST(TailMixtureTest, MoreSlowCallsAreMoreEvidenceForAboveAndLessForBelow) {
  const TailMixture mixture(0.95);
  for (const double n : {50.0, 5000.0, 5e6}) {
    for (double k = 0; k + n / 50 <= n / 5; k += n / 50) {
      EXPECT_LT(mixture.LogAbove(k, n), mixture.LogAbove(k + n / 50, n) + 1e-9);
      EXPECT_GT(mixture.LogBelow(k, n), mixture.LogBelow(k + n / 50, n) - 1e-9);
    }
  }
}

TEST(TailMixtureTest, TheMeanOfEAtTheNullIsOne) {
  for (const double q : {0.95, 0.99}) {
    const TailMixture mixture(q);
    double above = 0, below = 0;
    constexpr int kCalls = 400;
    for (int k = 0; k <= kCalls; ++k) {
      const double log_ways = std::lgamma(kCalls + 1) - std::lgamma(k + 1) - std::lgamma(kCalls - k + 1);
      const double log_probability = log_ways + k * std::log(1 - q) + (kCalls - k) * std::log(q);
      above += std::exp(log_probability + mixture.LogAbove(k, kCalls));
      below += std::exp(log_probability + mixture.LogBelow(k, kCalls));
    }
    EXPECT_NEAR(above, 1, 1e-6);
    EXPECT_NEAR(below, 1, 1e-6);
  }
}

TEST(TailMixtureTest, FarOnTheOtherSideItIsFiniteAndJoinsWithoutAStep) {
  const TailMixture mixture(0.99);
  // The mass underflows between 700 and 800 slow calls of a million (10,000 are expected at the null).
  double before = mixture.LogAbove(0, 1e6);
  for (double slow = 100; slow <= 9'000; slow += 100) {
    const double log_e = mixture.LogAbove(slow, 1e6);
    EXPECT_TRUE(std::isfinite(log_e));
    EXPECT_GT(log_e, before);
    EXPECT_LT(log_e - before, 0.2);
    before = log_e;
  }
  before = mixture.LogBelow(1e6, 1e6);
  for (double slow = 990'000; slow >= 20'000; slow -= 1000) {
    const double log_e = mixture.LogBelow(slow, 1e6);
    EXPECT_GT(log_e, before);
    EXPECT_LT(log_e - before, 0.2);
    before = log_e;
  }
}

TEST(TailRatioTest, TheSearchFindsTheMinimumOverAllEdges) {
  const unsigned seed = 17;
  SCOPED_TRACE(seed);
  std::mt19937_64 rng(seed);
  for (const double q : {0.95, 0.99}) {
    const TailMixture mixture(q);
    for (int round = 0; round < 40; ++round) {
      const int n = 1 << (rng() % 13);
      const TailCounts a = Ended(Lognormal(rng, n, 5)), b = Ended(Lognormal(rng, 1 + n / 3, 5.0 * (1 + rng() % 4)));
      const double design_effect = 1 + (rng() % 3) * 0.5;
      for (const int shift : {0, 18, 40}) {
        ASSERT_NEAR(LogTailRatio(mixture, shift, a, b, design_effect),
                    ByDefinition(mixture, shift, a, b, design_effect), 1e-9)
            << "n " << n << " shift " << shift;
      }
    }
  }
}

TEST(TailRatioTest, ACandidateThreeTimesAsSlowIsProvenAndAnEqualOneNot) {
  const unsigned seed = 23;
  SCOPED_TRACE(seed);
  std::mt19937_64 rng(seed);
  const TailMixture mixture(0.99);
  const TailCounts baseline = Ended(Lognormal(rng, 4000, 5));
  EXPECT_GT(LogTailRatio(mixture, 40, baseline, Ended(Lognormal(rng, 4000, 15)), 1), std::log(1000));
  EXPECT_LT(LogTailRatio(mixture, 40, baseline, Ended(Lognormal(rng, 4000, 5)), 1), 0);
}

TEST(TailRatioTest, WithoutBaselineNothingIsProven) {
  std::mt19937_64 rng(1);
  EXPECT_LT(LogTailRatio(TailMixture(0.99), 40, TailCounts{}, Ended(Lognormal(rng, 10'000, 500)), 1), 0.1);
}

TEST(TailRatioTest, HugeCountsStayFinite) {
  TailCounts a{.calls = 2'000'000'000}, b{.calls = 1'000'000'000};
  for (int i = 0; i < kBuckets; ++i) {
    a.from[i] = i < 400 ? a.calls : 0;
    b.from[i] = i < 500 ? b.calls : 0;
  }
  EXPECT_GT(LogTailRatio(TailMixture(0.99), 40, a, b, 1), 1e6);
  EXPECT_LT(LogTailRatio(TailMixture(0.99), 120, a, b, 1), 1);
}

TEST(TailCeilingTest, TheLimitIsRoundedUpToAnEdge) {
  const int bucket = BucketAtOrAbove(absl::Milliseconds(200));
  EXPECT_GE(LatencyHistogram::LowerEdge(bucket), absl::Milliseconds(200));
  EXPECT_LT(LatencyHistogram::LowerEdge(bucket - 1), absl::Milliseconds(200));
  EXPECT_EQ(BucketAtOrAbove(absl::Microseconds(75)), 41);  // An edge exactly.
  EXPECT_EQ(BucketAtOrAbove(absl::Hours(1)), kBuckets);
}

TEST(TailCeilingTest, OnlyCallsAtOrAboveTheLimitAreEvidence) {
  const TailMixture mixture(0.95);
  const std::vector<double> below(300, 199.0), mixed = [] {
    std::vector<double> ms(300, 100.0);
    std::fill_n(ms.begin(), 60, 250.0);
    return ms;
  }();
  const int bucket = BucketAtOrAbove(absl::Milliseconds(200));
  EXPECT_LT(LogTailCeiling(mixture, bucket, Ended(below), 1), 0);
  EXPECT_GT(LogTailCeiling(mixture, bucket, Ended(mixed), 1), std::log(1000));
  EXPECT_LT(LogTailCeiling(mixture, kBuckets, Ended(mixed), 1), 0);
}

TEST(TailCountsTest, TheCandidatesCallInFlightCountsAsSlowAsItIsOld) {
  VariantCounts counts;
  counts.CountStart(kNow, 0);
  const TailCounts tail = CertainlySlow(counts, StartOf(kNow + 1) + absl::Milliseconds(500));
  EXPECT_EQ(tail.calls, 1);
  EXPECT_EQ(tail.from[LatencyHistogram::BucketOf(absl::Milliseconds(500))], 1);
  EXPECT_EQ(tail.from[LatencyHistogram::BucketOf(absl::Milliseconds(500)) + 1], 0);
}

TEST(TailCountsTest, TheCandidatesCancelledCallCountsAsSlowAsItRan) {
  VariantCounts counts;
  counts.CountStart(kNow, 0);
  counts.CountEnd(
      {.started = kNow, .user_bucket = 0, .outcome = CallOutcome::kCancelled, .latency = absl::Milliseconds(80)});
  const TailCounts tail = CertainlySlow(counts, StartOf(kNow + 50));
  EXPECT_EQ(tail.from[LatencyHistogram::BucketOf(absl::Milliseconds(80))], 1);
  EXPECT_EQ(tail.from[LatencyHistogram::BucketOf(absl::Milliseconds(80)) + 1], 0);
}

TEST(TailCountsTest, TheBaselinesUnresolvedCallsAreSlowAtEveryEdge) {
  VariantCounts counts;
  for (int i = 0; i < 3; ++i) counts.CountStart(kNow, 0);
  counts.CountEnd(
      {.started = kNow, .user_bucket = 0, .outcome = CallOutcome::kSuccess, .latency = absl::Milliseconds(5)});
  counts.CountEnd(
      {.started = kNow, .user_bucket = 0, .outcome = CallOutcome::kCancelled, .latency = absl::Milliseconds(5)});
  const TailCounts tail = PossiblySlow(counts, kNow + 1);
  EXPECT_EQ(tail.calls, 3);
  EXPECT_EQ(tail.from[0], 3);
  EXPECT_EQ(tail.from[kBuckets - 1], 2);
}

TEST(TailCountsTest, TheBaselinesYoungCallsAreLeftOutAndNeverMakeTheOlderOnesLookFast) {
  VariantCounts counts;
  const auto call = [&](Tick tick, int ms) {
    counts.CountStart(tick, 0);
    counts.CountEnd(
        {.started = tick, .user_bucket = 0, .outcome = CallOutcome::kSuccess, .latency = absl::Milliseconds(ms)});
  };
  for (int i = 0; i < 90; ++i) call(kNow, 5);
  for (int i = 0; i < 10; ++i) call(kNow, 50);
  for (int i = 0; i < 40; ++i) call(kNow + 1, 5);
  const TailCounts tail = PossiblySlow(counts, kNow + 1);
  EXPECT_EQ(tail.calls, 100);
  EXPECT_EQ(tail.from[LatencyHistogram::BucketOf(absl::Milliseconds(20))], 10);
  EXPECT_EQ(tail.from[0], 100);
}

TEST(LogHalfKeptTest, LosesAtMostHalfOfTheStake) {
  EXPECT_NEAR(LogHalfKept(-std::numeric_limits<double>::infinity()), -std::log(2), 1e-15);
  EXPECT_NEAR(LogHalfKept(0), 0, 1e-15);
  EXPECT_NEAR(LogHalfKept(1000), 1000 - std::log(2), 1e-9);
}

}  // namespace
}  // namespace weir::stats
