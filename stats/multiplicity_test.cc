#include "stats/multiplicity.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::stats {
namespace {

using testing::DoubleEq;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::IsEmpty;

// Benjamini and Hochberg (1995), section 3.2: fifteen hypotheses about thrombolysis.
const std::vector<double> kThrombolysis = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                                           0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.000};

auto CountUpTo(const std::vector<double>& adjusted, double alpha) {
  return std::count_if(adjusted.begin(), adjusted.end(), [&](double p) { return p <= alpha; });
}

TEST(MultiplicityTest, RejectsWhatBenjaminiAndHochbergReject) {
  EXPECT_EQ(CountUpTo(AdjustBenjaminiHochberg(kThrombolysis), 0.05), 4);
  EXPECT_EQ(CountUpTo(AdjustBonferroni(kThrombolysis), 0.05), 3);
}

TEST(MultiplicityTest, AdjustsAsRsPAdjustDoesInTheOrderGiven) {
  const std::vector<double> p = {0.01, 0.04, 0.03, 0.005};
  EXPECT_THAT(AdjustBonferroni(p), ElementsAre(DoubleEq(0.04), DoubleEq(0.16), DoubleEq(0.12), DoubleEq(0.02)));
  EXPECT_THAT(AdjustHolm(p), ElementsAre(DoubleEq(0.03), DoubleEq(0.06), DoubleEq(0.06), DoubleEq(0.02)));
  EXPECT_THAT(AdjustBenjaminiHochberg(p),
              ElementsAre(DoubleNear(0.02, 1e-15), DoubleEq(0.04), DoubleEq(0.04), DoubleEq(0.02)));
}

TEST(MultiplicityTest, HolmIsNeverStricterThanBonferroniNorLaxerThanBenjaminiAndHochberg) {
  std::mt19937_64 rng(4);
  std::uniform_real_distribution<double> uniform;
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<double> p(1 + rng() % 20);
    for (double& value : p) value = std::pow(uniform(rng), 3);
    const auto bonferroni = AdjustBonferroni(p), holm = AdjustHolm(p), bh = AdjustBenjaminiHochberg(p);
    for (size_t i = 0; i < p.size(); ++i) {
      EXPECT_LE(holm[i], bonferroni[i] + 1e-15);
      EXPECT_LE(bh[i], holm[i] + 1e-15);
      EXPECT_LE(p[i], bh[i] + 1e-15);
      EXPECT_LE(bonferroni[i], 1);
    }
  }
}

TEST(MultiplicityTest, AdjustmentKeepsTheOrderOfPValues) {
  std::vector<double> p = kThrombolysis;
  std::shuffle(p.begin(), p.end(), std::mt19937_64(5));
  for (const auto& adjusted : {AdjustHolm(p), AdjustBenjaminiHochberg(p)}) {
    for (size_t i = 0; i < p.size(); ++i) {
      for (size_t j = 0; j < p.size(); ++j) {
        if (p[i] >= p[j]) continue;
        EXPECT_LE(adjusted[i], adjusted[j]);
      }
    }
  }
}

TEST(MultiplicityTest, OneTestAloneIsNotAdjusted) {
  const std::vector<double> p = {0.03};
  EXPECT_EQ(AdjustBonferroni(p), p);
  EXPECT_EQ(AdjustHolm(p), p);
  EXPECT_EQ(AdjustBenjaminiHochberg(p), p);
}

TEST(MultiplicityTest, EValuesOfInversePValuesRejectAsBenjaminiAndHochbergDo) {
  std::vector<double> log_e;
  for (const double p : kThrombolysis) log_e.push_back(-std::log(p));
  EXPECT_THAT(RejectByEValues(log_e, 0.05), ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(RejectByEValues(std::vector<double>{0, 1, 0.5}, 0.05), IsEmpty());
}

}  // namespace
}  // namespace weir::stats
