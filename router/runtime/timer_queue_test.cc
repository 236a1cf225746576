#include "router/runtime/timer_queue.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace weir::runtime {
namespace {

const absl::Time kStart = absl::FromUnixMillis(1700000000123);

TEST(TimerQueueTest, NeverRunsATimerEarly) {
  for (const int64_t us : {1, 999, 1000, 1001, 63999, 64000, 64001, 4096000, 5000001, 262144000}) {
    TimerQueue queue(kStart);
    int runs = 0;
    Timer timer([&] { ++runs; });
    queue.Set(timer, kStart + absl::Microseconds(us));
    queue.AdvanceTo(kStart + absl::Microseconds(us - 1));
    EXPECT_EQ(runs, 0) << us;
    queue.AdvanceTo(kStart + absl::Microseconds(us + 1000));
    EXPECT_EQ(runs, 1) << us;
    EXPECT_FALSE(timer.is_set());
  }
}

TEST(TimerQueueTest, ATimeInThePastIsDueAtTheNextAdvance) {
  TimerQueue queue(kStart);
  int runs = 0;
  Timer timer([&] { ++runs; });
  queue.Set(timer, kStart - absl::Hours(1));
  EXPECT_EQ(runs, 0);
  queue.AdvanceTo(kStart + absl::Milliseconds(1));
  EXPECT_EQ(runs, 1);
}

TEST(TimerQueueTest, ACancelledOrDestroyedTimerNeverRuns) {
  TimerQueue queue(kStart);
  int runs = 0;
  Timer cancelled([&] { ++runs; });
  auto destroyed = std::make_unique<Timer>([&] { ++runs; });
  queue.Set(cancelled, kStart + absl::Seconds(1));
  queue.Set(*destroyed, kStart + absl::Seconds(1));
  EXPECT_EQ(queue.size(), 2u);
  cancelled.Cancel();
  destroyed.reset();
  EXPECT_EQ(queue.size(), 0u);
  queue.AdvanceTo(kStart + absl::Seconds(2));
  EXPECT_EQ(runs, 0);
}

TEST(TimerQueueTest, SettingASetTimerMovesIt) {
  TimerQueue queue(kStart);
  int runs = 0;
  Timer timer([&] { ++runs; });
  queue.Set(timer, kStart + absl::Seconds(1));
  queue.Set(timer, kStart + absl::Seconds(10));
  EXPECT_EQ(queue.size(), 1u);
  queue.AdvanceTo(kStart + absl::Seconds(5));
  EXPECT_EQ(runs, 0);
  queue.AdvanceTo(kStart + absl::Seconds(10));
  EXPECT_EQ(runs, 1);
}

TEST(TimerQueueTest, AnActionMaySetItsTimerAgain) {
  TimerQueue queue(kStart);
  int runs = 0;
  absl::Time now = kStart;
  Timer* self = nullptr;
  Timer timer([&] {
    if (++runs < 5) queue.Set(*self, now + absl::Milliseconds(100));
  });
  self = &timer;
  queue.Set(timer, kStart + absl::Milliseconds(100));
  for (int i = 0; i < 10; ++i) {
    now += absl::Milliseconds(100);
    queue.AdvanceTo(now);
  }
  EXPECT_EQ(runs, 5);
}

TEST(TimerQueueTest, AnActionMayCancelAndDestroyOthersDueAtTheSameTime) {
  TimerQueue queue(kStart);
  int others = 0;
  auto destroyed = std::make_unique<Timer>([&] { ++others; });
  Timer cancelled([&] { ++others; });
  std::unique_ptr<Timer> self;
  self = std::make_unique<Timer>([&] {
    cancelled.Cancel();
    destroyed.reset();
    self.reset();
  });
  for (Timer* timer : {self.get(), destroyed.get(), &cancelled}) queue.Set(*timer, kStart + absl::Milliseconds(70));
  queue.AdvanceTo(kStart + absl::Seconds(1));
  EXPECT_EQ(others, 0);
  EXPECT_EQ(queue.size(), 0u);
}

TEST(TimerQueueTest, IdleTimeOfYearsIsSkipped) {
  TimerQueue queue(kStart);
  int runs = 0;
  Timer timer([&] { ++runs; });
  queue.Set(timer, kStart + absl::Hours(24 * 300));
  queue.AdvanceTo(kStart + absl::Hours(24 * 299));
  EXPECT_EQ(runs, 0);
  queue.AdvanceTo(kStart + absl::Hours(24 * 301));
  EXPECT_EQ(runs, 1);
}

TEST(TimerQueueTest, NextDueIsNeverLaterThanTheEarliestTimer) {
  TimerQueue queue(kStart);
  EXPECT_EQ(queue.NextDue(), std::nullopt);
  Timer late([] {}), early([] {});
  queue.Set(late, kStart + absl::Minutes(5));
  queue.Set(early, kStart + absl::Milliseconds(1234));
  EXPECT_LE(*queue.NextDue(), kStart + absl::Milliseconds(1234));
  EXPECT_GT(*queue.NextDue(), kStart);
}

// Against the obvious model: a sorted multimap.
TEST(TimerQueueTest, BehavesAsASortedListUnderRandomUse) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 rng(seed);
  TimerQueue queue(kStart);
  absl::Time now = kStart;
  std::vector<std::unique_ptr<Timer>> timers;
  std::vector<absl::Time> due(200, absl::InfiniteFuture());
  std::vector<int> ran;
  for (int i = 0; i < 200; ++i) timers.push_back(std::make_unique<Timer>([&ran, i] { ran.push_back(i); }));
  for (int step = 0; step < 20000; ++step) {
    const int i = rng() % timers.size();
    if (rng() % 4 == 0) {
      timers[i]->Cancel();
      due[i] = absl::InfiniteFuture();
    } else {
      due[i] = now + absl::Milliseconds(1 + rng() % (1u << (rng() % 24)));
      queue.Set(*timers[i], due[i]);
    }
    if (rng() % 3 != 0) continue;
    now += absl::Milliseconds(rng() % (1u << (rng() % 16)));
    ran.clear();
    queue.AdvanceTo(now);
    for (size_t k = 1; k < ran.size(); ++k) ASSERT_LE(due[ran[k - 1]], due[ran[k]]);
    for (const int k : ran) {
      ASSERT_LE(due[k], now);
      due[k] = absl::InfiniteFuture();
    }
    const auto earliest = *std::min_element(due.begin(), due.end());
    ASSERT_GT(earliest, now);
    const auto next = queue.NextDue();
    ASSERT_TRUE(!next.has_value() || *next <= earliest);
  }
}

}  // namespace
}  // namespace weir::runtime
