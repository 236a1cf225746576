#include "router/runtime/mailbox.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace weir::runtime {
namespace {

TEST(MailboxTest, DeliversInTheOrderOfPosting) {
  Mailbox<int> box(10);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(box.Post(i));
  EXPECT_EQ(box.TakeAll(), (std::vector<int>{0, 1, 2}));
  EXPECT_TRUE(box.TakeAll().empty());
}

TEST(MailboxTest, AFullBoxRefusesAndLeavesTheMessageToItsSender) {
  Mailbox<std::unique_ptr<int>> box(1);
  EXPECT_TRUE(box.Post(std::make_unique<int>(1)));
  auto message = std::make_unique<int>(2);
  EXPECT_FALSE(box.Post(message));
  ASSERT_NE(message, nullptr);
  EXPECT_EQ(*message, 2);
  box.TakeAll();
  EXPECT_TRUE(box.Post(message));
}

TEST(MailboxTest, WakesTheReaderOnceForABatch) {
  int wakes = 0;
  Mailbox<int> box(10, [&] { ++wakes; });
  (void)box.Post(1);
  (void)box.Post(2);
  EXPECT_EQ(wakes, 1);
  box.TakeAll();
  (void)box.Post(3);
  EXPECT_EQ(wakes, 2);
}

TEST(MailboxTest, LosesAndRepeatsNothingBetweenThreads) {
  constexpr int kWriters = 4, kMessages = 20000;
  Mailbox<std::pair<int, int>> box(64);
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&box, w] {
      for (int i = 0; i < kMessages; ++i) {
        while (!box.Post({w, i})) std::this_thread::yield();
      }
    });
  }
  std::vector<int> next(kWriters, 0);
  for (int received = 0; received < kWriters * kMessages;) {
    for (const auto& [writer, i] : box.TakeAll()) {
      ASSERT_EQ(i, next[writer]++);
      ++received;
    }
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(box.TakeAll().empty());
}

}  // namespace
}  // namespace weir::runtime
