#include "config/units.h"

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace weir::config {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(PercentTest, EveryBasisPointWrittenAsADecimalComesBackExactly) {
  for (int basis_points = 0; basis_points <= 10000; ++basis_points) {
    const absl::StatusOr<Percent> percent = Percent::FromDouble(basis_points / 100.0);
    ASSERT_TRUE(percent.ok()) << basis_points;
    EXPECT_EQ(percent->basis_points(), basis_points);
    EXPECT_EQ(*percent, *Percent::FromBasisPoints(basis_points));
  }
}

TEST(PercentTest, WhatIsOutsideZeroToAHundredIsRefused) {
  for (double bad : {-0.01, 100.01, 1e300, -1e300, kInfinity, -kInfinity, kNan}) {
    EXPECT_FALSE(Percent::FromDouble(bad).ok()) << bad;
  }
  EXPECT_FALSE(Percent::FromBasisPoints(-1).ok());
  EXPECT_FALSE(Percent::FromBasisPoints(10001).ok());
  EXPECT_FALSE(Percent::FromBasisPoints(65536).ok());
}

TEST(PercentTest, AFinerStepThanABasisPointIsRefusedNotRounded) {
  EXPECT_FALSE(Percent::FromDouble(0.005).ok());
  EXPECT_FALSE(Percent::FromDouble(33.333).ok());
  EXPECT_FALSE(Percent::FromDouble(1e-9 + 1e-4).ok());
}

TEST(PercentTest, IsPrintedWithoutIdleZeros) {
  EXPECT_EQ(Percent().ToString(), "0 %");
  EXPECT_EQ(Percent::FromDouble(12.5)->ToString(), "12.5 %");
  EXPECT_EQ(Percent::FromDouble(0.05)->ToString(), "0.05 %");
  EXPECT_EQ(Percent::All().ToString(), "100 %");
}

TEST(WeightTest, KeepsHundredthsExactlyUpToItsBound) {
  EXPECT_EQ(Weight::FromDouble(0.01)->hundredths(), 1u);
  EXPECT_EQ(Weight::FromDouble(0.29)->hundredths(), 29u);  // 0.29 * 100 is 28.999999999999996.
  EXPECT_EQ(Weight::FromDouble(999999.99)->hundredths(), 99999999u);
  EXPECT_EQ(Weight::FromDouble(1000000)->hundredths(), 100000000u);
}

TEST(WeightTest, WhatIsNegativeHugeFinerOrNotANumberIsRefused) {
  for (double bad : {-0.01, -1.0, 1000000.01, 0.001, 70.005, kNan, kInfinity, -kInfinity}) {
    EXPECT_FALSE(Weight::FromDouble(bad).ok()) << bad;
  }
}

TEST(WeightTest, NegativeZeroIsZero) { EXPECT_EQ(*Weight::FromDouble(-0.0), Weight()); }

TEST(WeightTest, IsPrintedAsTheOperatorWroteIt) {
  EXPECT_EQ(Weight::FromDouble(70)->ToString(), "70");
  EXPECT_EQ(Weight::FromDouble(0.25)->ToString(), "0.25");
  EXPECT_EQ(Weight::FromDouble(0.5)->ToString(), "0.5");
}

}  // namespace
}  // namespace weir::config
