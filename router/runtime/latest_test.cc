#include "router/runtime/latest.h"

#include <memory>
#include <thread>

#include "gtest/gtest.h"

namespace weir::runtime {
namespace {

TEST(LatestTest, HoldsNothingUntilPut) {
  Latest<int> latest;
  EXPECT_EQ(latest.Take(), std::nullopt);
}

TEST(LatestTest, ANewerValueReplacesOneNotYetSeen) {
  Latest<int> latest;
  latest.Put(1);
  latest.Put(2);
  EXPECT_EQ(latest.Take(), 2);
}

TEST(LatestTest, AValueIsTakenOnce) {
  Latest<int> latest;
  latest.Put(1);
  latest.Take();
  EXPECT_EQ(latest.Take(), std::nullopt);
}

TEST(LatestTest, TakingLetsGoOfTheValue) {
  Latest<std::shared_ptr<const int>> latest;
  const auto value = std::make_shared<const int>(7);
  latest.Put(value);
  latest.Take();
  EXPECT_EQ(value.use_count(), 1);
}

TEST(LatestTest, AReaderSeesValuesInOrderAndTheLastOneForSure) {
  Latest<int> latest;
  constexpr int kLast = 100000;
  std::thread writer([&] {
    for (int i = 1; i <= kLast; ++i) latest.Put(i);
  });
  int seen = 0;
  while (seen != kLast) {
    if (const auto value = latest.Take()) {
      ASSERT_GT(*value, seen);
      seen = *value;
    }
  }
  writer.join();
  EXPECT_EQ(latest.Take(), std::nullopt);
}

}  // namespace
}  // namespace weir::runtime
