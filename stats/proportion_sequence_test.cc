#include "stats/proportion_sequence.h"

#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

TEST(ProportionSequenceTest, NothingIsKnownWithoutTrials) {
  EXPECT_EQ(ProportionSequence(0, 0, 0.05), (Interval{0, 1}));
}

// E(p) of no success in n is B(1/2, n + 1/2) / B(1/2, 1/2) / (1 - p)^n, in closed form.
TEST(ProportionSequenceTest, NoSuccessBoundsFromAboveAlone) {
  const Interval interval = ProportionSequence(0, 2, 0.05);
  EXPECT_EQ(interval.lower, 0);
  EXPECT_NEAR(interval.upper, 1 - std::sqrt(0.05 * 3.0 / 8.0), 1e-12);
  const Interval mirrored = ProportionSequence(2, 2, 0.05);
  EXPECT_EQ(mirrored.upper, 1);
  EXPECT_NEAR(mirrored.lower, 1 - interval.upper, 1e-12);
}

TEST(ProportionSequenceTest, MoreTrialsAndALargerAlphaMakeItNarrower) {
  const auto width = [](double n, double alpha) {
    const Interval interval = ProportionSequence(0.1 * n, n, alpha);
    EXPECT_LT(interval.lower, 0.1);
    EXPECT_GT(interval.upper, 0.1);
    return interval.upper - interval.lower;
  };
  EXPECT_LT(width(1000, 0.05), width(100, 0.05));
  EXPECT_LT(width(100, 0.05), width(100, 0.001));
}

TEST(ProportionSequenceTest, LookedAtAfterEveryTrialItMissesTheTruthInFewerThanAlphaOfTheStreams) {
  constexpr int kStreams = 1000;
  int missed = 0;
  for (unsigned seed = 0; seed < kStreams; ++seed) {
    std::mt19937_64 rng(seed);
    std::bernoulli_distribution trial(0.03);
    double successes = 0;
    for (int n = 1; n <= 600; ++n) {
      successes += trial(rng);
      const Interval interval = ProportionSequence(successes, n, 0.1);
      if (interval.lower > 0.03 || interval.upper < 0.03) {
        ++missed;
        break;
      }
    }
  }
  EXPECT_LE(missed, 128);  // Of a binomial(1000, 0.1), more have a probability of 0.002.
  EXPECT_GT(missed, 0);
}

}  // namespace
}  // namespace weir::stats
