#include "stats/sample_ratio.h"

#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

using Counts = std::vector<double>;

SequentialSampleRatio Sequential(const Counts& weights, double concentration = kSampleRatioConcentration) {
  auto test = SequentialSampleRatio::Create(weights, concentration);
  EXPECT_TRUE(test.ok()) << test.status();
  return *std::move(test);
}

TEST(SampleRatioTest, ChiSquareIsThatOfRsHelpPage) {
  const auto result = SampleRatioChiSquare(Counts{89, 37, 30, 28, 2}, Counts{40, 20, 20, 15, 5});
  EXPECT_NEAR(result->chi_square, 9.9901, 6e-5);
  EXPECT_EQ(result->degrees_of_freedom, 4);
  EXPECT_NEAR(result->p_value, 0.04059, 6e-6);
}

TEST(SampleRatioTest, InvalidInputsAreNamed) {
  EXPECT_EQ(SampleRatioChiSquare(Counts{1, 2}, Counts{1, 0}).status().message(), "weights[1]: must be positive, got 0");
  EXPECT_EQ(SampleRatioChiSquare(Counts{1, -2}, Counts{1, 1}).status().message(),
            "counts[1]: must be at least 0, got -2");
  EXPECT_FALSE(SampleRatioChiSquare(Counts{0, 0}, Counts{1, 1}).ok());
  EXPECT_FALSE(SampleRatioChiSquare(Counts{1, 2, 3}, Counts{1, 1}).ok());
  EXPECT_FALSE(SampleRatioChiSquare(Counts{1}, Counts{1}).ok());
  EXPECT_FALSE(SequentialSampleRatio::Create(Counts{1, 1}, 0.0).ok());
  EXPECT_FALSE(SequentialSampleRatio::Create(Counts{1, 1}, Counts{1, 1, 1}).ok());
}

TEST(SampleRatioTest, TheBayesFactorIsThatOfTheUniformPriorsClosedForm) {
  // With Dirichlet(1, 1) and k of n: BF = 2^n / ((n + 1) C(n, k)).
  auto test = SequentialSampleRatio::Create(Counts{3, 3}, Counts{1, 1});
  test->Add(Counts{2, 8});
  EXPECT_NEAR(test->log_bayes_factor(), std::log(1024.0 / (11 * 45)), 1e-12);
  EXPECT_NEAR(test->p_value(), 11 * 45 / 1024.0, 1e-12);
}

TEST(SampleRatioTest, WithTheDefaultPriorTheBayesFactorIsScipys) {
  // scipy.stats: dirichlet_multinomial.logpmf(counts, 10000 w, n) - multinomial.logpmf(counts, n, w).
  SequentialSampleRatio two = Sequential({1, 1}), four = Sequential({70, 20, 8, 2});
  two.Add(Counts{4980, 5320});
  four.Add(Counts{712, 180, 95, 13});
  EXPECT_NEAR(two.log_bayes_factor(), 2.493533479879261, 1e-8);
  EXPECT_NEAR(four.log_bayes_factor(), 0.20871509291464463, 1e-8);
}

// Exhausts the outcomes of five users under the configured shares: the mean of the Bayes factor is 1.
TEST(SampleRatioTest, TheMeanOfTheBayesFactorUnderTheConfiguredSharesIsOne) {
  const double share = 0.3;
  double mean = 0;
  const std::array<double, 6> ways{1, 5, 10, 10, 5, 1};
  for (int k = 0; k <= 5; ++k) {
    SequentialSampleRatio test = Sequential({3, 7}, 10);
    test.Add(Counts{static_cast<double>(k), 5.0 - k});
    mean += ways[static_cast<size_t>(k)] * std::pow(share, k) * std::pow(1 - share, 5 - k) *
            std::exp(test.log_bayes_factor());
  }
  EXPECT_NEAR(mean, 1, 1e-12);
}

TEST(SampleRatioTest, BatchesAddUpAndThePValueRemembersTheGreatest) {
  SequentialSampleRatio whole = Sequential({1, 1}), cut = Sequential({2, 2});
  whole.Add(Counts{5400, 5000});
  cut.Add(Counts{900, 500});
  const double early = cut.p_value();
  cut.Add(Counts{4500, 4500});
  EXPECT_NEAR(cut.log_bayes_factor(), whole.log_bayes_factor(), 1e-9);
  EXPECT_EQ(cut.p_value(), early);
  EXPECT_LT(early, whole.p_value());
}

TEST(SampleRatioTest, RelabellingTheVariantsChangesNothing) {
  SequentialSampleRatio one = Sequential({70, 20, 10}), other = Sequential({10, 70, 20});
  one.Add(Counts{712, 180, 95});
  other.Add(Counts{95, 712, 180});
  EXPECT_NEAR(one.log_bayes_factor(), other.log_bayes_factor(), 1e-9);
}

TEST(SampleRatioTest, ALargerMismatchNeverHasASmallerBayesFactor) {
  double last = -1e9;
  for (double k = 50'000; k <= 52'000; k += 100) {
    SequentialSampleRatio test = Sequential({1, 1});
    test.Add(Counts{k, 100'000 - k});
    EXPECT_GE(test.log_bayes_factor(), last);
    last = test.log_bayes_factor();
  }
  EXPECT_GT(last, std::log(1000.0));
}

TEST(SampleRatioTest, ACheckpointGoesOnAsIfNothingHadHappened) {
  SequentialSampleRatio one = Sequential({1, 2});
  one.Add(Counts{50, 90});
  SequentialSampleRatio restored = Sequential({1, 2});
  ASSERT_TRUE(restored.Restore(one.state()).ok());
  one.Add(Counts{400, 10});
  restored.Add(Counts{400, 10});
  EXPECT_EQ(restored.state(), one.state());
  EXPECT_EQ(restored.log_bayes_factor(), one.log_bayes_factor());
  EXPECT_FALSE(restored.Restore({.counts = {1, 2, 3}}).ok());
  EXPECT_FALSE(restored.Restore({.counts = {1, std::numeric_limits<double>::quiet_NaN()}}).ok());
}

TEST(SampleRatioTest, AMismatchOfOnePointIsFoundAndTheRightSharesRaiseNoFalseAlarm) {
  const unsigned seed = 5;
  std::mt19937_64 rng(seed);
  int found = 0, false_alarms = 0;
  for (int stream = 0; stream < 200; ++stream) {
    SequentialSampleRatio right = Sequential({1, 1}), wrong = Sequential({1, 1});
    for (int look = 0; look < 400; ++look) {
      const auto draw = [&](double share) {
        const double k = std::binomial_distribution<int>(500, share)(rng);
        return Counts{k, 500 - k};
      };
      right.Add(draw(0.5));
      wrong.Add(draw(0.51));
    }
    found += wrong.IsMismatch();
    false_alarms += right.IsMismatch(0.05);
  }
  EXPECT_EQ(found, 200);
  EXPECT_LE(false_alarms, 20);  // Of a binomial(200, 0.05), more have a probability of 0.001.
}

}  // namespace
}  // namespace weir::stats
