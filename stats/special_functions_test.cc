#include "stats/special_functions.h"

#include <cmath>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

TEST(SpecialFunctionsTest, LogBetaOfWholeNumbersIsTheFactorials) {
  EXPECT_NEAR(LogBeta(1, 1), 0, 1e-14);
  EXPECT_NEAR(LogBeta(3, 4), std::log(2.0 * 6 / 720), 1e-13);
}

TEST(SpecialFunctionsTest, TheIncompleteBetaFunctionAndItsComplementSumToOne) {
  for (const double a : {0.1, 0.5, 10.0, 1e4}) {
    for (const double x : {0.001, 0.01, 0.05, 0.5}) EXPECT_NEAR(BetaBelow(a, 9.9, x) + BetaAbove(a, 9.9, x), 1, 1e-12);
  }
  EXPECT_NEAR(BetaBelow(2, 1, 0.3), 0.09, 1e-15);
}

TEST(SpecialFunctionsTest, TheNormalTailIsContinuousWhereItsFormulaChanges) {
  EXPECT_NEAR(LogNormalBelow(0), std::log(0.5), 1e-15);
  EXPECT_NEAR(LogNormalBelow(-30 + 1e-9), LogNormalBelow(-30 - 1e-9), 1e-6);
  EXPECT_NEAR(LogNormalBelow(1.959963984540054), std::log(0.975), 1e-12);
}

TEST(SpecialFunctionsTest, StudentsQuantileIsTheTablesValue) {
  EXPECT_NEAR(StudentQuantile(10, 0.975), 2.228139, 1e-6);
}

TEST(SpecialFunctionsTest, TheChiSquaresTailIsTheTablesValue) {
  EXPECT_NEAR(ChiSquareAbove(1, 3.841458820694124), 0.05, 1e-14);
  EXPECT_NEAR(ChiSquareAbove(4, 9.99), 0.0406, 1e-4);
  EXPECT_EQ(ChiSquareAbove(3, 0), 1);
}

TEST(SpecialFunctionsTest, LogGammaOfAWholeNumberIsTheFactorial) { EXPECT_NEAR(LogGamma(6), std::log(120.0), 1e-13); }

TEST(SpecialFunctionsTest, OneBetaExceedsAnotherAsOftenAsTheClosedFormSays) {
  EXPECT_NEAR(BetaExceedsBeta(3, 4, 3, 4), 0.5, 1e-9);
  // Of uniform A and B ~ Beta(2, 1): the mean of B.
  EXPECT_NEAR(BetaExceedsBeta(1, 1, 2, 1), 2.0 / 3, 1e-9);
  // The sum over i < b1 of B(a1+i, a2+b2) / ((b2+i) B(1+i, b2) B(a1, a2)) for whole b1 (Miller 2015).
  EXPECT_NEAR(BetaExceedsBeta(101, 901, 121, 881) + BetaExceedsBeta(121, 881, 101, 901), 1, 1e-8);
  double sum = 0;
  for (int i = 0; i < 121; ++i) {
    sum += std::exp(LogBeta(101 + i, 901 + 881) - std::log(881.0 + i) - LogBeta(1 + i, 881) - LogBeta(101, 901));
  }
  EXPECT_NEAR(BetaExceedsBeta(101, 901, 121, 881), sum, 1e-8);
}

TEST(SpecialFunctionsTest, ArgumentsOutsideTheDomainGiveNanAndNoException) {
  EXPECT_TRUE(std::isnan(BetaBelow(-1, 2, 0.5)));
  EXPECT_TRUE(std::isnan(StudentQuantile(-1, 0.5)));
}

}  // namespace
}  // namespace weir::stats
