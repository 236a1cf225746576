#include "router/experiment/split.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "router/routing/assignment.h"

namespace weir::experiment {
namespace {

struct Named {
  const char* name;
  double weight;
};

// The first is the default.
Split Of(std::vector<Named> variants) {
  Split split;
  for (const Named& v : variants) split.variants.push_back({v.name, *config::Weight::FromDouble(v.weight)});
  return split;
}

config::Percent Of(double percent) { return *config::Percent::FromDouble(percent); }

size_t VariantOf(const std::string& user, const Split& split) {
  std::vector<routing::WeightedVariant> variants;
  for (const config::Variant& v : split.variants) variants.push_back({v.name, v.weight.hundredths()});
  return routing::Assign(routing::HashUser(user, routing::SaltSeed("salt")), variants);
}

TEST(WithCandidateShareTest, CandidatesGetTheShareTogetherInProportionToTheirWeights) {
  EXPECT_EQ(WithCandidateShare(Of({{"a", 70}, {"b", 30}}), Of(5)), Of({{"a", 95}, {"b", 5}}));
  const Split three = WithCandidateShare(Of({{"a", 50}, {"b", 30}, {"c", 20}}), Of(25));
  EXPECT_DOUBLE_EQ(ShareOf(three, "a"), 0.75);
  EXPECT_DOUBLE_EQ(ShareOf(three, "b"), 0.15);
  EXPECT_DOUBLE_EQ(ShareOf(three, "c"), 0.10);
}

TEST(WithCandidateShareTest, NothingAndAllAreExact) {
  EXPECT_EQ(WithCandidateShare(Of({{"a", 0}, {"b", 30}}), Of(0)), Of({{"a", 100}, {"b", 0}}));
  EXPECT_EQ(WithCandidateShare(Of({{"a", 70}, {"b", 30}}), Of(100)), Of({{"a", 0}, {"b", 100}}));
  EXPECT_EQ(WithCandidateShare(Of({{"a", 70}, {"b", 0}}), Of(50)), Of({{"a", 100}, {"b", 0}}));
  EXPECT_EQ(WithCandidateShare(Of({{"a", 1}}), Of(50)), Of({{"a", 100}}));
}

TEST(WithCandidateShareTest, EveryShareComesBackExactly) {
  for (int share = 0; share <= 10000; ++share) {
    const config::Percent percent = *config::Percent::FromBasisPoints(share);
    EXPECT_EQ(CandidateShareOf(WithCandidateShare(Of({{"a", 7}, {"b", 3}, {"c", 1}}), percent)), percent);
  }
}

TEST(WithCandidateShareTest, TheLargestWeightsStayInRange) {
  const Split split = Of({{"a", 1'000'000}, {"b", 999'999.99}, {"c", 0.01}, {"d", 1'000'000}});
  for (const double share : {0.01, 33.33, 100.0}) {
    const Split given = WithCandidateShare(split, Of(share));
    for (const config::Variant& variant : given.variants) EXPECT_LE(variant.weight.hundredths(), 100'000'000u);
    EXPECT_EQ(CandidateShareOf(given), Of(share));
    EXPECT_GT(ShareOf(given, "c"), 0);
  }
}

TEST(WithCandidateShareTest, ALargerShareOnlyMovesUsersFromTheDefaultToCandidates) {
  const Split split = Of({{"a", 70}, {"b", 20}, {"c", 11}});
  for (int u = 0; u < 2000; ++u) {
    const std::string user = "user-" + std::to_string(u);
    size_t before = 0;
    for (const double share : {0.0, 0.5, 1.0, 5.0, 25.0, 25.01, 50.0, 99.0, 100.0}) {
      const size_t now = VariantOf(user, WithCandidateShare(split, Of(share)));
      if (before != 0) {
        ASSERT_EQ(now, before) << user << " at " << share;
      }
      before = now;
    }
    EXPECT_NE(before, 0u);
  }
}

TEST(OpensTest, OnlyMoreForACandidateOrAnotherDefaultOpens) {
  const Split split = Of({{"a", 70}, {"b", 30}});
  EXPECT_TRUE(Opens(split, Of({{"a", 69}, {"b", 31}})));
  EXPECT_FALSE(Opens(split, Of({{"a", 7}, {"b", 3}})));
  EXPECT_FALSE(Opens(split, Of({{"a", 100}, {"b", 0}})));
}

}  // namespace
}  // namespace weir::experiment
