#include "router/runtime/clock.h"

#include "gtest/gtest.h"

namespace weir::runtime {
namespace {

TEST(ClockTest, NeverGoesBack) {
  const Clock clock;
  absl::Time last = clock.Now();
  for (int i = 0; i < 10000; ++i) {
    const absl::Time now = clock.Now();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(ClockTest, CopiesTellTheSameTime) {
  const Clock clock;
  const Clock copy = clock;
  const absl::Time before = clock.Now();
  const absl::Time between = copy.Now();
  EXPECT_LE(before, between);
  EXPECT_LE(between, clock.Now());
}

}  // namespace
}  // namespace weir::runtime
