#include "stats/distinct_users.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

TEST(DistinctUsersTest, AnEmptyOneIsZeroAndAHandfulIsExactToRounding) {
  DistinctUsers users;
  EXPECT_EQ(users.Estimate(), 0);
  std::mt19937_64 rng(1);
  for (int n = 1; n <= 20; ++n) {
    users.Add(rng());
    EXPECT_NEAR(users.Estimate(), n, 0.51) << n;
  }
}

TEST(DistinctUsersTest, ItsErrorIsThatOfTheLiteratureFromTensToMillions) {
  for (const int n : {50, 1000, 20'000, 50'000, 200'000, 1'000'000}) {
    double squares = 0;
    const int streams = n > 100'000 ? 8 : 40;
    for (int stream = 0; stream < streams; ++stream) {
      std::mt19937_64 rng(static_cast<uint64_t>(1000 * n + stream));
      DistinctUsers users;
      for (int i = 0; i < n; ++i) users.Add(rng());
      const double error = users.Estimate() / n - 1;
      squares += error * error / streams;
    }
    EXPECT_LT(std::sqrt(squares), 0.0081 * (streams > 8 ? 1.4 : 2)) << n;
  }
}

TEST(DistinctUsersTest, SeeingAUserAgainChangesNothing) {
  std::mt19937_64 rng(2);
  DistinctUsers once, often;
  for (int i = 0; i < 1000; ++i) {
    const uint64_t user = rng();
    once.Add(user);
    for (int k = 0; k < 5; ++k) often.Add(user);
  }
  EXPECT_EQ(once, often);
}

TEST(DistinctUsersTest, OverlappingShardsInAnyOrderEqualOneStream) {
  std::mt19937_64 rng(3);
  std::vector<DistinctUsers> shards(64);
  DistinctUsers whole, merged;
  for (int i = 0; i < 5000; ++i) {
    const uint64_t user = rng();
    whole.Add(user);
    shards[rng() % 64].Add(user);
    shards[rng() % 64].Add(user);
  }
  std::shuffle(shards.begin(), shards.end(), rng);
  for (const DistinctUsers& shard : shards) merged.Merge(shard);
  merged.Merge(DistinctUsers());
  EXPECT_EQ(merged, whole);
}

TEST(DistinctUsersTest, EveryHashIsTakenAndTheGreatestRegisterIsFinite) {
  DistinctUsers users;
  for (uint64_t index = 0; index < DistinctUsers::kRegisters; ++index) users.Add(index << (64 - 14));
  EXPECT_EQ(users.registers()[0], DistinctUsers::kGreatest);
  EXPECT_GT(users.Estimate(), 1e15);
}

TEST(DistinctUsersTest, ACheckpointIsReadBackAndADamagedOneIsRefused) {
  DistinctUsers users;
  users.Add(0x123456789abcdef0);
  EXPECT_EQ(*DistinctUsers::FromRegisters(users.registers()), users);
  EXPECT_EQ(*DistinctUsers::FromRegisters({}), DistinctUsers());
  std::vector<uint8_t> damaged = users.registers();
  damaged[5] = 52;
  EXPECT_FALSE(DistinctUsers::FromRegisters(damaged).ok());
  damaged.resize(100);
  EXPECT_FALSE(DistinctUsers::FromRegisters(damaged).ok());
}

}  // namespace
}  // namespace weir::stats
