#include "router/control/delivery_queue.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "config/limits.h"
#include "gtest/gtest.h"

namespace weir::control {
namespace {

namespace limits = config::limits;
using config::NotifyEvent;

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

class DeliveryQueueTest : public ::testing::Test {
 protected:
  void Add(const std::string& id, NotifyEvent event = NotifyEvent::kStepEntered, const std::string& replaces = "") {
    queue_.Add({.id = id, .announcement = {.event = event}, .replaces = replaces}, now_);
  }
  // Sends all that is there.
  std::vector<std::string> TakeAll() {
    std::vector<std::string> ids;
    while (queue_.due() <= now_) {
      ids.push_back(queue_.Begin().id);
      queue_.OnTaken(now_);
    }
    return ids;
  }
  void Fail() {
    queue_.Begin();
    queue_.OnFailed("down", now_, rng_);
  }

  absl::Time now_ = kNow;
  std::mt19937_64 rng_{7};
  DeliveryQueue queue_;
};

TEST_F(DeliveryQueueTest, MessagesGoInTheirOrderOneAtATime) {
  EXPECT_EQ(queue_.due(), absl::InfiniteFuture());
  Add("a");
  Add("b");
  EXPECT_EQ(queue_.Begin().id, "a");
  EXPECT_EQ(queue_.due(), absl::InfiniteFuture());
  queue_.OnTaken(now_);
  EXPECT_EQ(TakeAll(), std::vector<std::string>{"b"});
  EXPECT_EQ(queue_.counts().sent, 2);
}

TEST_F(DeliveryQueueTest, AFailureIsTriedAgainAfterEverLongerTimes) {
  Add("a");
  absl::Duration longest = limits::kNotifyBackoffFirst;
  for (int attempt = 1; attempt < limits::kNotifyAttempts; ++attempt) {
    Fail();
    const absl::Duration wait = queue_.due() - now_;
    EXPECT_GE(wait, longest / 2);
    EXPECT_LE(wait, longest);
    now_ = queue_.due();
    longest = std::min(2 * longest, limits::kNotifyBackoffMost);
  }
  EXPECT_EQ(TakeAll(), std::vector<std::string>{"a"});
  EXPECT_EQ(queue_.counts().failed, limits::kNotifyAttempts - 1);
  EXPECT_EQ(queue_.counts().last_error, "");
}

TEST_F(DeliveryQueueTest, WhatFailsTooOftenIsGivenUpAndTheNextOneGoes) {
  Add("a");
  Add("b");
  for (int attempt = 1; attempt <= limits::kNotifyAttempts; ++attempt) {
    Fail();
    now_ += limits::kNotifyBackoffMost;
  }
  EXPECT_EQ(TakeAll(), std::vector<std::string>{"b"});
  EXPECT_EQ(queue_.counts().dropped, 1);
}

TEST_F(DeliveryQueueTest, WhatIsTooOldToBeNewsIsGivenUp) {
  Add("a");
  Fail();
  now_ += limits::kNotifyLongest;
  Fail();
  EXPECT_EQ(queue_.size(), 0u);
  EXPECT_EQ(queue_.counts().dropped, 1);
}

TEST_F(DeliveryQueueTest, WhatIsRefusedForGoodIsNotTriedAgain) {
  Add("a");
  Add("b");
  queue_.Begin();
  queue_.OnRefused("HTTP 400", now_);
  EXPECT_EQ(queue_.counts().last_error, "HTTP 400");
  EXPECT_EQ(TakeAll(), std::vector<std::string>{"b"});
}

TEST_F(DeliveryQueueTest, WhereItIsFullTheOldestOfTheLeastImportantGoes) {
  Add("rollback", NotifyEvent::kRolledBack);
  Add("step 1");
  Add("warning", NotifyEvent::kWarned);
  for (size_t i = 2; i <= limits::kNotifyQueue - 2; ++i) Add(absl::StrCat("step ", i));
  Add("another rollback", NotifyEvent::kRolledBack);
  EXPECT_EQ(queue_.size(), limits::kNotifyQueue);
  EXPECT_EQ(queue_.counts().dropped, 1);
  const std::vector<std::string> ids = TakeAll();
  EXPECT_EQ(ids[0], "rollback");
  EXPECT_EQ(ids[1], "warning");
  EXPECT_EQ(ids[2], "step 2");
  EXPECT_EQ(ids.back(), "another rollback");
}

TEST_F(DeliveryQueueTest, ARollbackIsNeverLostForAStepsNotice) {
  for (size_t i = 0; i < limits::kNotifyQueue; ++i) Add(absl::StrCat("rollback ", i), NotifyEvent::kRolledBack);
  Add("step");
  EXPECT_EQ(queue_.counts().dropped, 1);
  const std::vector<std::string> ids = TakeAll();
  EXPECT_EQ(ids.size(), limits::kNotifyQueue);
  EXPECT_EQ(ids.back(), absl::StrCat("rollback ", limits::kNotifyQueue - 1));
}

TEST_F(DeliveryQueueTest, TheOneUnderWayIsNeverTheOneThatGoes) {
  for (size_t i = 0; i < limits::kNotifyQueue; ++i) Add(absl::StrCat("step ", i));
  EXPECT_EQ(queue_.Begin().id, "step 0");
  Add("rollback", NotifyEvent::kRolledBack);
  queue_.OnTaken(now_);
  EXPECT_EQ(TakeAll().front(), "step 2");
}

TEST_F(DeliveryQueueTest, ANewerWordOnTheSameTakesThePlaceOfOneThatWaits) {
  Add("a begins", NotifyEvent::kRolledBack, "a");
  Add("b begins", NotifyEvent::kRolledBack, "b");
  Add("a ends", NotifyEvent::kRolledBack, "a");
  EXPECT_EQ(TakeAll(), (std::vector<std::string>{"a ends", "b begins"}));
}

TEST_F(DeliveryQueueTest, ButNotOfOneUnderWay) {
  Add("a begins", NotifyEvent::kRolledBack, "a");
  queue_.Begin();
  Add("a ends", NotifyEvent::kRolledBack, "a");
  queue_.OnTaken(now_);
  EXPECT_EQ(TakeAll(), std::vector<std::string>{"a ends"});
}

}  // namespace
}  // namespace weir::control
