#include "router/routing/assignment.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace weir::routing {
namespace {

constexpr int kUsers = 200'000;

uint64_t FromHex(const std::string& hex) { return std::stoull(hex, nullptr, 16); }

std::string Bytes(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2)
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return bytes;
}

nlohmann::json Vectors() {
  std::ifstream file("test/vectors/assignment.json");
  return nlohmann::json::parse(file);
}

std::string User(int i) { return "user-" + std::to_string(i); }

std::vector<int> CountsBy(const std::vector<WeightedVariant>& variants, std::string_view salt) {
  std::vector<int> counts(variants.size());
  const uint64_t seed = SaltSeed(salt);
  for (int i = 0; i < kUsers; ++i) ++counts[Assign(HashUser(User(i), seed), variants)];
  return counts;
}

double ChiSquare(const std::vector<int>& counts, const std::vector<WeightedVariant>& variants) {
  double sum = 0, statistic = 0, n = 0;
  for (const WeightedVariant& v : variants) sum += v.weight;
  for (int count : counts) n += count;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = n * variants[i].weight / sum;
    if (expected > 0) statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return statistic;
}

// The upper 1e-6 quantiles of chi-square, by degrees of freedom (the inputs are fixed, so that this never flickers).
double Critical(size_t degrees_of_freedom) {
  static const std::map<size_t, double> kQuantiles = {{1, 23.928}, {2, 27.631}, {3, 30.665}, {255, 377.08}};
  return kQuantiles.at(degrees_of_freedom);
}

TEST(HashTest, EveryPublishedHashIsReproduced) {
  const nlohmann::json vectors = Vectors();
  ASSERT_GT(vectors["hashes"].size(), 100u);
  for (const auto& vector : vectors["hashes"]) {
    const std::string bytes = Bytes(vector["bytes"]);
    EXPECT_EQ(HashUser(bytes, FromHex(vector["seed"])).value, FromHex(vector["xxh3_64"])) << vector.dump();
    if (vector["seed"] == "0000000000000000") {
      EXPECT_EQ(SaltSeed(bytes), FromHex(vector["xxh3_64"]));
      EXPECT_EQ(NameHash(bytes), FromHex(vector["xxh3_64"]));
    }
  }
}

TEST(AssignTest, EveryPublishedAssignmentIsReproduced) {
  const nlohmann::json vectors = Vectors();
  ASSERT_GT(vectors["assignments"].size(), 200u);
  for (const auto& vector : vectors["assignments"]) {
    const std::string key = vector["key"];
    const std::string salt = vector["salt"];
    std::vector<WeightedVariant> variants;
    for (const auto& v : vector["variants"]) {
      variants.push_back({v[0].get<std::string>(), static_cast<uint32_t>(std::lround(v[1].get<double>() * 100))});
    }
    const UserHash user = HashUser(key, SaltSeed(salt));
    EXPECT_EQ(user.value, FromHex(vector["user"]));
    for (size_t i = 0; i < variants.size(); ++i) {
      EXPECT_EQ(UnitInterval(user, variants[i].name), vector["units"][i].get<double>());
    }
    EXPECT_EQ(variants[Assign(user, variants)].name, vector["winner"]) << vector.dump();
    EXPECT_EQ(UserBucket(key), vector["bucket"].get<int>());
  }
}

TEST(AssignTest, SharesAreExactlyTheWeights) {
  const std::vector<std::vector<WeightedVariant>> splits = {{{"baseline", 7000}, {"enhanced", 3000}},
                                                            {{"baseline", 9999}, {"enhanced", 1}},
                                                            {{"a", 1}, {"b", 1}, {"c", 1}},
                                                            {{"a", 500}, {"b", 2500}, {"c", 2000}, {"d", 5000}}};
  for (const auto& split : splits) {
    for (std::string salt : {"one", "two", "three"}) {
      EXPECT_LT(ChiSquare(CountsBy(split, salt), split), Critical(split.size() - 1)) << salt << ", " << split.size();
    }
  }
}

TEST(AssignTest, SharesHoldForKeysThatLookAlike) {
  const std::vector<WeightedVariant> split = {{"baseline", 50}, {"enhanced", 50}};
  const uint64_t seed = SaltSeed("salt");
  std::vector<int> counts(2);
  for (int i = 0; i < kUsers; ++i) {  // Four bytes, of which at most three differ.
    const std::string key = {static_cast<char>(i), static_cast<char>(i >> 8), static_cast<char>(i >> 16), 0};
    ++counts[Assign(HashUser(key, seed), split)];
  }
  EXPECT_LT(ChiSquare(counts, split), Critical(1));
}

TEST(AssignTest, AVariantOfWeightZeroGetsNobody) {
  const std::vector<WeightedVariant> split = {{"a", 0}, {"b", 1}, {"c", 0}};
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(Assign(HashUser(User(i), 1), split), 1u);
}

TEST(AssignTest, OnlyRelativeWeightsMatter) {
  for (int i = 0; i < 20'000; ++i) {
    const UserHash user = HashUser(User(i), SaltSeed("salt"));
    EXPECT_EQ(Assign(user, std::vector<WeightedVariant>{{"a", 7000}, {"b", 3000}}),
              Assign(user, std::vector<WeightedVariant>{{"a", 7}, {"b", 3}}));
  }
}

TEST(AssignTest, RaisingAWeightOnlyMovesUsersIntoThatVariant) {
  const uint64_t seed = SaltSeed("salt");
  for (uint32_t raised : {31u, 60u, 100u, 10'000u}) {
    int moved = 0;
    for (int i = 0; i < 50'000; ++i) {
      const UserHash user = HashUser(User(i), seed);
      const size_t before = Assign(user, std::vector<WeightedVariant>{{"a", 40}, {"b", 30}, {"c", 30}});
      const size_t after = Assign(user, std::vector<WeightedVariant>{{"a", 40}, {"b", raised}, {"c", 30}});
      if (before == after) continue;
      EXPECT_EQ(after, 1u);
      ++moved;
    }
    EXPECT_GT(moved, 0);
  }
}

TEST(AssignTest, AddingAVariantOnlyMovesUsersIntoIt) {
  const uint64_t seed = SaltSeed("salt");
  int moved = 0;
  for (int i = 0; i < 50'000; ++i) {
    const UserHash user = HashUser(User(i), seed);
    const size_t before = Assign(user, std::vector<WeightedVariant>{{"a", 70}, {"b", 30}});
    const size_t after = Assign(user, std::vector<WeightedVariant>{{"a", 70}, {"b", 30}, {"c", 25}});
    if (before == after) continue;
    EXPECT_EQ(after, 2u);
    ++moved;
  }
  EXPECT_NEAR(moved, 50'000 * 0.2, 5 * std::sqrt(50'000 * 0.2 * 0.8));
}

TEST(AssignTest, TheOrderOfVariantsMovesNobody) {
  std::vector<WeightedVariant> variants = {{"a", 10}, {"b", 20}, {"c", 30}, {"d", 40}};
  const std::vector<WeightedVariant> sorted = variants;
  do {
    for (int i = 0; i < 1'000; ++i) {
      const UserHash user = HashUser(User(i), 7);
      EXPECT_EQ(variants[Assign(user, variants)].name, sorted[Assign(user, sorted)].name);
    }
  } while (std::next_permutation(variants.begin(), variants.end(),
                                 [](const auto& a, const auto& b) { return a.name < b.name; }));
}

TEST(AssignTest, ExperimentsOfDifferentSaltsAssignIndependently) {
  const std::vector<WeightedVariant> split = {{"a", 50}, {"b", 50}};
  std::vector<int> cells(4);
  for (int i = 0; i < kUsers; ++i) {
    const size_t one = Assign(HashUser(User(i), SaltSeed("one")), split);
    const size_t other = Assign(HashUser(User(i), SaltSeed("other")), split);
    ++cells[2 * one + other];
  }
  EXPECT_LT(ChiSquare(cells, {{"", 1}, {"", 1}, {"", 1}, {"", 1}}), Critical(3));
}

TEST(UserBucketTest, BucketsAreEvenAndSayNothingAboutTheVariant) {
  const std::vector<WeightedVariant> split = {{"a", 50}, {"b", 50}};
  const uint64_t seed = SaltSeed("salt");
  std::vector<std::vector<int>> of_variant(2, std::vector<int>(256));
  for (int i = 0; i < kUsers; ++i) ++of_variant[Assign(HashUser(User(i), seed), split)][UserBucket(User(i))];
  const std::vector<WeightedVariant> even(256, {"", 1});
  EXPECT_LT(ChiSquare(of_variant[0], even), Critical(255));
  EXPECT_LT(ChiSquare(of_variant[1], even), Critical(255));
}

TEST(AssignDeathTest, AllWeightsZeroIsABugAndStopsTheProcess) {
  EXPECT_DEATH(Assign(UserHash{1}, std::vector<WeightedVariant>{{"a", 0}, {"b", 0}}), "");
}

}  // namespace
}  // namespace weir::routing
