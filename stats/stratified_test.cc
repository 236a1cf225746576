#include "stats/stratified.h"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

// Admissions to six departments of Berkeley in 1973, men first (Bickel, Hammel, O'Connell 1975; R's UCBAdmissions).
constexpr std::array<Table2x2, 6> kBerkeley{{{512, 313, 89, 19},
                                             {353, 207, 17, 8},
                                             {120, 205, 202, 391},
                                             {138, 279, 131, 244},
                                             {53, 138, 94, 299},
                                             {22, 351, 24, 317}}};

TEST(StratifiedTest, BerkeleysAdmissionsAreAsRAndStatsmodelsComputeThem) {
  const auto test = CmhTest(kBerkeley);
  EXPECT_NEAR(test->chi_square, 1.4269462285866883, 1e-12);
  EXPECT_NEAR(test->p_value, 0.23226346281704802, 1e-12);
  EXPECT_NEAR(*test->common_odds_ratio, 0.9046968282586231, 1e-12);
  EXPECT_NEAR(*test->crude_odds_ratio, 1.8410800371812925, 1e-12);
}

TEST(StratifiedTest, SparseTablesAndEmptyArmsAreAsRComputesThem) {
  // Penicillin in rabbits, by its delay (R's help page of mantelhaen.test): X2 = 3.9286, p = 0.04747, odds ratio 7.
  const std::array<Table2x2, 5> rabbits{{{0, 0, 6, 5}, {3, 0, 3, 6}, {6, 2, 0, 4}, {5, 6, 1, 0}, {2, 5, 0, 0}}};
  const auto test = CmhTest(rabbits);
  EXPECT_NEAR(test->chi_square, 3.928571428571429, 1e-12);
  EXPECT_NEAR(test->p_value, 0.047472255142918196, 1e-12);
  EXPECT_NEAR(*test->common_odds_ratio, 7, 1e-12);
  EXPECT_NEAR(*test->crude_odds_ratio, 24.0 / 13, 1e-12);
}

TEST(StratifiedTest, TheOrderOfStrataDoesNotMatterAndSwappingArmsInvertsTheRatio) {
  std::array<Table2x2, 6> other = kBerkeley;
  std::reverse(other.begin(), other.end());
  for (Table2x2& t : other) {
    std::swap(t.first_success, t.second_success);
    std::swap(t.first_failure, t.second_failure);
  }
  const auto one = CmhTest(kBerkeley), swapped = CmhTest(other);
  EXPECT_NEAR(one->chi_square, swapped->chi_square, 1e-12);
  EXPECT_NEAR(*one->common_odds_ratio * *swapped->common_odds_ratio, 1, 1e-12);
}

TEST(StratifiedTest, AnExcessBelowOneHalfIsNotCorrectedBeyondZero) {
  EXPECT_EQ(CmhTest(std::array<Table2x2, 1>{{{10, 10, 10, 10}}})->chi_square, 0);
  EXPECT_GT(CmhTest(std::array<Table2x2, 1>{{{10, 10, 11, 10}}})->chi_square, 0);
}

TEST(StratifiedTest, WithoutAnythingToCompareThereIsNoTest) {
  EXPECT_FALSE(CmhTest({}).has_value());
  EXPECT_FALSE(CmhTest(std::array<Table2x2, 2>{{{5, 3, 0, 0}, {0, 4, 0, 7}}}).has_value());
  const auto infinite = CmhTest(std::array<Table2x2, 1>{{{5, 0, 2, 3}}});
  EXPECT_FALSE(infinite->common_odds_ratio.has_value());
  EXPECT_FALSE(DifferenceOverStrata(std::array<Table2x2, 1>{{{5, 3, 0, 0}}}).has_value());
}

TEST(StratifiedTest, SimpsonsParadoxIsNoticed) {
  // Berkeley: women were admitted less often over all, and more often by department.
  const auto berkeley = DifferenceOverStrata(kBerkeley);
  EXPECT_NEAR(berkeley->crude, 557.0 / 1835 - 1198.0 / 2691, 1e-12);
  EXPECT_GT(berkeley->post_stratified, 0);
  EXPECT_TRUE(berkeley->signs_differ);
  EXPECT_FALSE(DifferenceOverStrata(std::array<Table2x2, 1>{{{5, 3, 2, 6}}})->signs_differ);
}

// Countries of different levels, in which the candidate is better by 0.1; it has more of the worst one.
std::vector<StratumSums> Countries(uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::vector<StratumSums> strata(3);
  const std::array<double, 3> level{0.8, 0.5, 0.1}, candidates{0.1, 0.3, 0.8};
  for (int user = 0; user < 6000; ++user) {
    const size_t country = rng() % 3, bucket = rng() % kUserBuckets;
    const bool candidate = static_cast<double>(rng() % 1000) < 1000 * candidates[country];
    BucketSum& sums = (candidate ? strata[country].candidate : strata[country].baseline)[bucket];
    ++sums.n;
    sums.sum += static_cast<double>(rng() % 1000) < 1000 * (level[country] + (candidate ? 0.1 : 0));
  }
  return strata;
}

TEST(PostStratifyTest, TheEffectWithinStrataIsFoundWhereTheCrudeOneHasTheOtherSign) {
  const auto result = PostStratify(Countries(1));
  ASSERT_TRUE(result.has_value());
  EXPECT_LT(result->crude.estimate, -0.1);
  EXPECT_NEAR(result->adjusted.estimate, 0.1, 4 * result->adjusted.standard_error);
  EXPECT_TRUE(result->signs_differ);
}

TEST(PostStratifyTest, ItIsTheTablesDifferenceWithAnErrorAboutAsLarge) {
  const std::vector<StratumSums> strata = Countries(2);
  std::vector<Table2x2> tables(strata.size());
  for (size_t s = 0; s < strata.size(); ++s) {
    for (int b = 0; b < kUserBuckets; ++b) {
      const BucketSum &a = strata[s].baseline[b], &c = strata[s].candidate[b];
      tables[s].Merge({a.sum, a.n - a.sum, c.sum, c.n - c.sum});
    }
  }
  const auto by_bucket = PostStratify(strata);
  const auto by_table = DifferenceOverStrata(tables);
  EXPECT_NEAR(by_bucket->adjusted.estimate, by_table->post_stratified, 1e-12);
  EXPECT_NEAR(by_bucket->adjusted.standard_error / by_table->standard_error, 1, 0.15);
}

TEST(PostStratifyTest, AStratumOfOneVariantAloneIsLeftOut) {
  std::vector<StratumSums> strata = Countries(3);
  const double before = PostStratify(strata)->adjusted.estimate;
  strata.push_back({.baseline = strata[0].baseline, .candidate = {}});
  EXPECT_EQ(PostStratify(strata)->adjusted.estimate, before);
  EXPECT_FALSE(PostStratify(std::span(strata).last(1)).has_value());
}

}  // namespace
}  // namespace weir::stats
