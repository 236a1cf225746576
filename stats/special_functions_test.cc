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

TEST(SpecialFunctionsTest, ArgumentsOutsideTheDomainGiveNanAndNoException) {
  EXPECT_TRUE(std::isnan(BetaBelow(-1, 2, 0.5)));
  EXPECT_TRUE(std::isnan(StudentQuantile(-1, 0.5)));
}

}  // namespace
}  // namespace weir::stats
