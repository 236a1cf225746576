#include "stats/two_samples.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

Summary Of(const std::vector<double>& values) { return MomentsOf(values).summary(); }

// Student's sleep data (1908), as R's help page of t.test compares them.
const Summary kFirstDrug = Of({0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0});
const Summary kSecondDrug = Of({1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4});

MeanDifference Absolute(const Summary& a, const Summary& b, bool has_equal_variances = false) {
  return DifferenceOfMeans(a, b, DifferenceKind::kAbsolute, has_equal_variances);
}

TEST(TwoSamplesTest, WelchsTestGivesWhatRGivesOfStudentsSleep) {
  const MeanDifference difference = Absolute(kFirstDrug, kSecondDrug);
  const TTest test = TestDifference(difference, 0.05);
  EXPECT_NEAR(test.t, 1.8608, 5e-5);
  EXPECT_NEAR(difference.degrees_of_freedom, 17.776, 5e-4);
  EXPECT_NEAR(test.p_value, 0.07939, 5e-6);
  EXPECT_NEAR(test.interval.lower, -0.2054832, 5e-8);
  EXPECT_NEAR(test.interval.upper, 3.3654832, 5e-8);
}

TEST(TwoSamplesTest, EqualVariancesHaveThePooledDegreesOfFreedom) {
  const MeanDifference difference = Absolute(kFirstDrug, kSecondDrug, true);
  EXPECT_EQ(difference.degrees_of_freedom, 18);
  EXPECT_NEAR(TestDifference(difference, 0.05).p_value, 0.07919, 5e-6);
}

TEST(TwoSamplesTest, ExchangedSamplesChangeTheSignAlone) {
  const TTest there = TestDifference(Absolute(kFirstDrug, kSecondDrug), 0.05);
  const TTest back = TestDifference(Absolute(kSecondDrug, kFirstDrug), 0.05);
  EXPECT_DOUBLE_EQ(there.t, -back.t);
  EXPECT_DOUBLE_EQ(there.p_value, back.p_value);
  EXPECT_DOUBLE_EQ(there.interval.lower, -back.interval.upper);
}

TEST(TwoSamplesTest, TheIntervalLeavesZeroWhereThePValueReachesAlpha) {
  const MeanDifference difference = Absolute(kFirstDrug, kSecondDrug);
  const double p = TestDifference(difference, 0.05).p_value;
  EXPECT_NEAR(TestDifference(difference, p).interval.lower, 0, 1e-12);
}

TEST(TwoSamplesTest, ARelativeDifferenceDoesNotDependOnTheUnit) {
  const auto in_unit = [](double unit) {
    return DifferenceOfMeans({100, 5 * unit, 4 * unit * unit}, {120, 6 * unit, 9 * unit * unit},
                             DifferenceKind::kRelative, false);
  };
  EXPECT_NEAR(in_unit(1).difference, 0.2, 1e-15);
  EXPECT_NEAR(in_unit(1000).difference, in_unit(1).difference, 1e-15);
  EXPECT_NEAR(in_unit(1000).standard_error, in_unit(1).standard_error, 1e-15);
}

TEST(TwoSamplesTest, ARelativeErrorIsTheDeltaMethods) {
  const MeanDifference relative = DifferenceOfMeans({100, 5, 4}, {120, 6, 9}, DifferenceKind::kRelative, false);
  EXPECT_NEAR(relative.standard_error, std::sqrt(9.0 / 120 / 25 + 4.0 / 100 * 36 / 625), 1e-15);
}

TEST(TwoSamplesTest, EquivalenceIsShownJustWhereTheWiderIntervalLiesWithinTheBound) {
  const MeanDifference difference = Absolute({400, 10, 4}, {400, 10.05, 4});
  const Interval interval = TestDifference(difference, 0.10).interval;  // Two one-sided tests at 5 %.
  EXPECT_NEAR(TestEquivalence(difference, interval.upper).p_value, 0.05, 1e-9);
  EXPECT_LT(TestEquivalence(difference, interval.upper * 1.01).p_value, 0.05);
  EXPECT_GT(TestEquivalence(difference, interval.upper * 0.99).p_value, 0.05);
}

TEST(TwoSamplesTest, TheSequencesEvidenceReachesItsThresholdWhereTheIntervalLeavesZero) {
  MeanDifference difference = Absolute({1000, 10, 4}, {1000, 10, 4});
  const double reach = ConfidenceSequence(difference, 2000, 0.05, 2000).interval.upper;
  difference.difference = reach;
  EXPECT_NEAR(ConfidenceSequence(difference, 2000, 0.05, 2000).log_e_value, std::log(20), 1e-9);
}

TEST(TwoSamplesTest, ASequenceIsWiderThanAnIntervalOfOneLook) {
  const MeanDifference difference = Absolute(kFirstDrug, kSecondDrug);
  EXPECT_LT(ConfidenceSequence(difference, 20, 0.05, 20).interval.lower,
            TestDifference(difference, 0.05).interval.lower);
}

TEST(TwoSamplesTest, TheMixtureRatioFavoursTheNullAtNoDifferenceAndTheAlternativeAtALargeOne) {
  EXPECT_NEAR(LogMixtureSprt(0, 1, 3), 0.5 * std::log(1.0 / 4), 1e-15);
  EXPECT_GT(LogMixtureSprt(5, 1, 3), std::log(20));
  EXPECT_DOUBLE_EQ(LogMixtureSprt(-5, 1, 3), LogMixtureSprt(5, 1, 3));
  // A prior without spread knows no alternative.
  EXPECT_DOUBLE_EQ(LogMixtureSprt(5, 1, 0), 0);
}

}  // namespace
}  // namespace weir::stats
