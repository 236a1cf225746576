#include "stats/group_sequential.h"

#include <array>
#include <cmath>
#include <random>

#include "gtest/gtest.h"
#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr std::array kFiveLooks = {0.2, 0.4, 0.6, 0.8, 1.0};

void ExpectBounds(const std::vector<double>& bounds, const std::array<double, 5>& published) {
  ASSERT_EQ(bounds.size(), published.size());
  for (size_t i = 0; i < bounds.size(); ++i) EXPECT_NEAR(bounds[i], published[i], 2e-4) << i;
}

TEST(GroupSequentialTest, SpendingBoundsAreThoseOfThePublishedProgram) {
  // Reboussin, DeMets, Kim, Lan (2000): five equal looks, two-sided 0.05; to the digits that its integration keeps.
  ExpectBounds(SpendingBounds(kFiveLooks, 0.05, 2, {.family = SpendingFamily::kObrienFleming}),
               {4.8769, 3.3569, 2.6803, 2.2898, 2.0310});
  ExpectBounds(SpendingBounds(kFiveLooks, 0.05, 2, {.family = SpendingFamily::kPocock}),
               {2.4380, 2.4268, 2.4101, 2.3966, 2.3859});
}

TEST(GroupSequentialTest, ClassicConstantsAreJennisonAndTurnbulls) {
  EXPECT_NEAR(ClassicBounds(5, 0.05, ClassicShape::kPocock).constant, 2.413, 6e-4);
  EXPECT_NEAR(ClassicBounds(5, 0.05, ClassicShape::kObrienFleming).constant, 2.040, 6e-4);
  EXPECT_NEAR(ClassicBounds(4, 0.01, ClassicShape::kPocock).constant, 2.939, 6e-4);
  const ClassicDesign obrien = ClassicBounds(4, 0.05, ClassicShape::kObrienFleming);
  for (int k = 1; k <= 4; ++k) EXPECT_NEAR(obrien.bounds[k - 1], obrien.constant * std::sqrt(4.0 / k), 1e-12);
}

TEST(GroupSequentialTest, EveryFamilySpendsNothingAtFirstAllAtTheEndAndNeverLess) {
  for (const Spending& spending :
       {Spending{SpendingFamily::kObrienFleming}, Spending{SpendingFamily::kPocock},
        Spending{SpendingFamily::kHwangShihDeCani, -4}, Spending{SpendingFamily::kHwangShihDeCani, 0},
        Spending{SpendingFamily::kHwangShihDeCani, 2}, Spending{SpendingFamily::kPower, 3}}) {
    EXPECT_NEAR(SpentAlpha(spending, 0.025, 0), 0, 1e-15);
    EXPECT_NEAR(SpentAlpha(spending, 0.025, 1), 0.025, 1e-12);
    for (double t = 0; t < 0.99; t += 0.01) {
      EXPECT_LE(SpentAlpha(spending, 0.025, t), SpentAlpha(spending, 0.025, t + 0.01) + 1e-15);
    }
  }
}

TEST(GroupSequentialTest, OneLookIsThePlainTest) {
  const std::array<double, 1> all = {1};
  EXPECT_NEAR(SpendingBounds(all, 0.05, 2, {})[0], -NormalQuantile(0.025), 1e-9);
  EXPECT_NEAR(SpendingBounds(all, 0.05, 1, {})[0], -NormalQuantile(0.05), 1e-9);
}

TEST(GroupSequentialTest, TheBoundsKeepAlphaOverAllLooksTogether) {
  const std::vector<double> bounds = SpendingBounds(kFiveLooks, 0.05, 2, {.family = SpendingFamily::kPocock});
  std::mt19937_64 rng(6);
  std::normal_distribution<double> step(0, std::sqrt(0.2));
  constexpr int kWalks = 200'000;
  int crossed = 0;
  for (int walk = 0; walk < kWalks; ++walk) {
    double path = 0;
    for (size_t k = 0; k < bounds.size(); ++k) {
      path += step(rng);
      if (std::abs(path) / std::sqrt(kFiveLooks[k]) < bounds[k]) continue;
      ++crossed;
      break;
    }
  }
  EXPECT_NEAR(static_cast<double>(crossed) / kWalks, 0.05, 4 * std::sqrt(0.05 * 0.95 / kWalks));
}

TEST(GroupSequentialTest, ALookAtWhichNothingMayBeSpentHasNoBound) {
  const std::array looks = {1e-9, 1.0};
  EXPECT_TRUE(std::isinf(SpendingBounds(looks, 0.05, 2, {.family = SpendingFamily::kPower, .parameter = 40})[0]));
}

}  // namespace
}  // namespace weir::stats
