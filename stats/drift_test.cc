#include "stats/drift.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

using Counts = std::vector<double>;

const Counts kReference{120, 80, 45, 30, 25}, kWindow{90, 95, 60, 20, 35};

TEST(DriftTest, TheTestAndTheIndexAreThoseOfScipyAndNumpy) {
  const auto test = TwoSampleChiSquare(kReference, kWindow);
  EXPECT_NEAR(test->chi_square, 11.380952380952381, 1e-10);
  EXPECT_EQ(test->degrees_of_freedom, 4);
  EXPECT_NEAR(test->p_value, 0.022600321674373924, 1e-12);
  EXPECT_NEAR(*PopulationStabilityIndex(kReference, kWindow), 0.07647606853841273, 1e-14);
}

TEST(DriftTest, EqualShapesHaveNoDriftWhateverTheirSizes) {
  const Counts twice{240, 160, 90, 60, 50};
  EXPECT_NEAR(*PopulationStabilityIndex(kReference, twice), 0, 1e-15);
  EXPECT_NEAR(TwoSampleChiSquare(kReference, twice)->chi_square, 0, 1e-12);
}

TEST(DriftTest, TheIndexIsSymmetricAndNeitherDependsOnTheOrderOfBins) {
  Counts a = kReference, b = kWindow;
  EXPECT_NEAR(*PopulationStabilityIndex(a, b), *PopulationStabilityIndex(b, a), 1e-15);
  const double psi = *PopulationStabilityIndex(a, b), chi_square = TwoSampleChiSquare(a, b)->chi_square;
  std::reverse(a.begin(), a.end());
  std::reverse(b.begin(), b.end());
  EXPECT_NEAR(*PopulationStabilityIndex(a, b), psi, 1e-14);
  EXPECT_NEAR(TwoSampleChiSquare(a, b)->chi_square, chi_square, 1e-12);
}

TEST(DriftTest, EmptyBinsGiveNeitherInfinityNorNan) {
  const auto psi = PopulationStabilityIndex(Counts{10, 0, 5, 0}, Counts{10, 5, 0, 0});
  EXPECT_TRUE(std::isfinite(*psi));
  const auto test = TwoSampleChiSquare(Counts{10, 0, 5, 0}, Counts{10, 5, 0, 0});
  EXPECT_EQ(test->degrees_of_freedom, 2);
  EXPECT_EQ(TwoSampleChiSquare(Counts{10, 0}, Counts{7, 0})->p_value, 1);
  EXPECT_FALSE(PopulationStabilityIndex(Counts{0, 0}, Counts{1, 1}).ok());
  EXPECT_FALSE(TwoSampleChiSquare(Counts{1, 1}, Counts{1, 1, 1}).ok());
  EXPECT_FALSE(TwoSampleChiSquare(Counts{1, -1}, Counts{1, 1}).ok());
}

TEST(DriftTest, PValuesAreUniformWhileNothingDrifts) {
  std::mt19937_64 rng(4);
  int below = 0;
  for (int i = 0; i < 2000; ++i) {
    Counts a(10), b(10);
    for (int n = 0; n < 500; ++n) ++a[rng() % 10], ++b[rng() % 10];
    below += TwoSampleChiSquare(a, b)->p_value < 0.1;
  }
  EXPECT_NEAR(below, 200, 45);  // 3.3 standard deviations.
}

TEST(DriftTest, FeaturesAreAdjustedByBenjaminiAndHochberg) {
  // Of a chi-square with one degree of freedom each.
  std::vector<BinnedCounts> windows;
  const BinnedCounts reference = [] {
    BinnedCounts counts(2);
    counts.Add(0, 1e6), counts.Add(1, 1e6);
    return counts;
  }();
  for (const double more : {250.0, 205.0, 215.0, 65.0}) {
    windows.emplace_back(2);
    windows.back().Add(0, 20'000 + more), windows.back().Add(1, 20'000 - more);
  }
  std::vector<FeatureWindow> features;
  for (const BinnedCounts& window : windows) features.push_back({"feature", &reference, &window});
  const BinnedCounts empty(2);
  features.push_back({"empty", &reference, &empty});
  const std::vector<FeatureDrift> drifts = DriftOf(features);
  ASSERT_EQ(drifts.size(), 4u);
  const auto p = [&](size_t i) { return drifts[i].test.p_value; };
  // In ascending order: 0, 2, 1, 3.
  EXPECT_NEAR(drifts[3].adjusted_p_value, p(3), 1e-15);
  EXPECT_NEAR(drifts[1].adjusted_p_value, std::min(p(3), p(1) * 4 / 3), 1e-15);
  EXPECT_NEAR(drifts[2].adjusted_p_value, std::min(p(1) * 4 / 3, p(2) * 2), 1e-15);
  EXPECT_NEAR(drifts[0].adjusted_p_value, std::min(p(2) * 2, p(0) * 4), 1e-15);
}

TEST(DriftTest, BinsOfASampleAreAboutEquallyFull) {
  std::mt19937_64 rng(5);
  std::normal_distribution<double> noise;
  Counts sample(10'000);
  for (double& value : sample) value = noise(rng);
  const auto bins = NumberBins::OfSample(sample);
  BinnedCounts counts(bins->size());
  for (const double value : sample) counts.Add(bins->BinOf(value));
  for (size_t i = 0; i < 10; ++i) EXPECT_NEAR(counts.counts()[i], 1000, 1) << i;
  EXPECT_EQ(bins->BinOf(std::numeric_limits<double>::quiet_NaN()), bins->size() - 1);
  EXPECT_EQ(bins->BinOf(std::numeric_limits<double>::infinity()), 9u);
}

TEST(DriftTest, AConstantSampleHasOneEdgeAndBadEdgesAreRefused) {
  EXPECT_EQ(NumberBins::OfSample(Counts(50, 3.0))->edges(), Counts{3});
  EXPECT_FALSE(NumberBins::OfSample({}).ok());
  EXPECT_FALSE(NumberBins::Create({1, 1}).ok());
  EXPECT_FALSE(NumberBins::Create({}).ok());
}

TEST(DriftTest, MergedShardsEqualOneStream) {
  std::mt19937_64 rng(6);
  BinnedCounts whole(kCategoryBins), merged(kCategoryBins);
  std::vector<BinnedCounts> shards(5, BinnedCounts(kCategoryBins));
  for (int i = 0; i < 5000; ++i) {
    const size_t bin = CategoryBinOf(rng());
    whole.Add(bin);
    shards[rng() % 5].Add(bin);
  }
  for (const BinnedCounts& shard : shards) merged.Merge(shard);
  EXPECT_EQ(merged, whole);
}

}  // namespace
}  // namespace weir::stats
