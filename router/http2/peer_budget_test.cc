#include "router/http2/peer_budget.h"

#include "gtest/gtest.h"

namespace weir::http2 {
namespace {

TEST(PeerBudgetTest, AnswersThatWereSentDoNotCount) {
  PeerBudget budget;
  uint64_t appended = 0;
  for (int i = 0; i < 100'000; ++i, appended += 10) {
    const uint64_t lag = 10 * (limits::kMaxUnsentAnswers / 2 - 1);
    budget.OnAnswer(appended, appended < lag ? 0 : appended - lag);
    ASSERT_EQ(budget.exceeded(), "") << i;
  }
  for (uint32_t i = 0; i <= limits::kMaxUnsentAnswers; ++i, appended += 10) budget.OnAnswer(appended, 5);
  EXPECT_NE(budget.exceeded(), "");
}

TEST(PeerBudgetTest, ResetsOfStreamsFromAnEarlierPeriodAreNotRapid) {
  PeerBudget budget;
  budget.AdvanceTo(absl::UnixEpoch());
  const uint32_t earlier = budget.period();
  budget.AdvanceTo(absl::UnixEpoch() + limits::kBudgetPeriod);
  for (int i = 0; i < 1000; ++i) budget.OnStreamOpened(), budget.OnResetReceived(earlier);
  EXPECT_EQ(budget.exceeded(), "");
  for (int i = 0; i < 501; ++i) budget.OnResetReceived(budget.period());
  EXPECT_NE(budget.exceeded(), "");
}

}  // namespace
}  // namespace weir::http2
