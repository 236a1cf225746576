#include "stats/ranks.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

// Hollander and Wolfe's permeability data, as on R's help page of wilcox.test, where W = 35 counts pairs of x above y.
const std::vector<double> kAtTerm = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
const std::vector<double> kEarlier = {1.15, 0.88, 0.90, 0.74, 1.21};

TEST(RanksTest, GivesWhatRGivesOfPermeability) {
  const MannWhitney test = CompareRanks(kEarlier, kAtTerm);
  EXPECT_EQ(test.u, 35);
  // (35 - 25 - 0.5) / sqrt(10 * 5 * 16 / 12).
  EXPECT_NEAR(test.p_value, std::erfc(9.5 / std::sqrt(10 * 5 * 16 / 12.0) / std::sqrt(2)), 1e-12);
  EXPECT_NEAR(test.hodges_lehmann, 0.305, 1e-12);
}

TEST(RanksTest, ExchangedSamplesCountTheOtherPairs) {
  const MannWhitney there = CompareRanks(kEarlier, kAtTerm), back = CompareRanks(kAtTerm, kEarlier);
  EXPECT_EQ(there.u + back.u, 50);
  EXPECT_DOUBLE_EQ(there.p_value, back.p_value);
  EXPECT_DOUBLE_EQ(there.hodges_lehmann, -back.hodges_lehmann);
}

TEST(RanksTest, OnlyTheOrderMattersForTheTest) {
  std::vector<double> a = kEarlier, b = kAtTerm;
  for (std::vector<double>* sample : {&a, &b}) {
    for (double& value : *sample) value = std::exp(5 * value);
  }
  EXPECT_EQ(CompareRanks(a, b).u, CompareRanks(kEarlier, kAtTerm).u);
  EXPECT_EQ(CompareRanks(a, b).p_value, CompareRanks(kEarlier, kAtTerm).p_value);
}

TEST(RanksTest, TheEstimateMovesWithTheSample) {
  std::vector<double> shifted = kAtTerm;
  for (double& value : shifted) value += 10;
  EXPECT_NEAR(CompareRanks(kEarlier, shifted).hodges_lehmann, CompareRanks(kEarlier, kAtTerm).hodges_lehmann + 10,
              1e-12);
}

TEST(RanksTest, TiesCountAHalf) {
  const MannWhitney test = CompareRanks({1, 2, 2, 3}, {2, 2, 3, 4});
  EXPECT_EQ(test.u, 2 + 2 + 3.5 + 4);  // Of 2, 2, 3 and 4 in turn.
}

TEST(RanksTest, EqualValuesTellNothing) {
  const MannWhitney test = CompareRanks({5, 5, 5}, {5, 5});
  EXPECT_EQ(test.p_value, 1);
  EXPECT_EQ(test.hodges_lehmann, 0);
}

TEST(RanksTest, ManyPairsGiveTheSameMedianDifferenceAsAllOfThem) {
  std::mt19937_64 rng(3);
  std::normal_distribution<double> value;
  // One pair of samples beyond the four million pairs that are kept in memory.
  std::vector<double> a(2001), b(2001);
  for (double& x : a) x = value(rng);
  for (double& x : b) x = value(rng) + 0.5;
  std::vector<double> differences;
  for (const double x : a) {
    for (const double y : b) differences.push_back(y - x);
  }
  const auto middle = differences.begin() + static_cast<std::ptrdiff_t>(differences.size() / 2);
  std::nth_element(differences.begin(), middle, differences.end());
  EXPECT_NEAR(CompareRanks(a, b).hodges_lehmann, *middle, 1e-11);
}

}  // namespace
}  // namespace weir::stats
