#include "examples/load_plan.h"

#include <map>
#include <set>

#include "gtest/gtest.h"

namespace weir::examples {
namespace {

constexpr size_t kRows = 100;

std::vector<PlannedCall> AllOf(const LoadOptions& options) {
  absl::StatusOr<LoadPlan> plan = LoadPlan::Create(options, kRows);
  EXPECT_TRUE(plan.ok()) << plan.status();
  std::vector<PlannedCall> calls;
  while (auto call = plan->Next()) calls.push_back(*std::move(call));
  return calls;
}

TEST(ZipfUsersTest, TheKthUserMakesAShareProportionalToThePowerOfK) {
  const ZipfUsers users(4, 1.0);
  std::mt19937_64 rng(5);
  std::map<int64_t, double> calls;
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) ++calls[users.Draw(rng)];
  const double harmonic = 1 + 1 / 2.0 + 1 / 3.0 + 1 / 4.0;
  for (int k = 0; k < 4; ++k) EXPECT_NEAR(calls[k] / kDraws, 1 / (k + 1.0) / harmonic, 0.006) << k;
  EXPECT_EQ(calls.size(), 4u);
}

TEST(ZipfUsersTest, AnExponentOfZeroMakesAllUsersEqual) {
  const ZipfUsers users(10, 0);
  std::mt19937_64 rng(5);
  std::map<int64_t, int> calls;
  for (int i = 0; i < 100'000; ++i) ++calls[users.Draw(rng)];
  for (const auto& [user, count] : calls) EXPECT_NEAR(count, 10'000, 500) << user;
}

TEST(LoadPlanTest, EveryRowComesOnceBeforeAnyComesAgain) {
  const auto calls = AllOf({.requests = 3 * kRows, .streaming_share = 0.5, .stream_length = 1});
  ASSERT_EQ(calls.size(), 3 * kRows);
  for (size_t round = 0; round < 3; ++round) {
    std::set<size_t> seen;
    for (size_t i = 0; i < kRows; ++i) seen.insert(calls[round * kRows + i].rows.at(0));
    EXPECT_EQ(seen.size(), kRows);
  }
}

TEST(LoadPlanTest, CallsComeAtTheRateAskedForAndNoneAfterTheDuration) {
  const auto calls = AllOf({.rate = 500, .duration = absl::Seconds(40)});
  EXPECT_NEAR(calls.size(), 20'000, 5 * 142);  // Five standard deviations of a Poisson count.
  for (size_t i = 1; i < calls.size(); ++i) EXPECT_LE(calls[i - 1].due, calls[i].due);
  EXPECT_LT(calls.back().due, absl::Seconds(40));
}

TEST(LoadPlanTest, GapsBetweenCallsAreUnequal) {
  const auto calls = AllOf({.rate = 1000, .requests = 10'000});
  int short_gaps = 0;
  for (size_t i = 1; i < calls.size(); ++i) short_gaps += calls[i].due - calls[i - 1].due < absl::Microseconds(105);
  EXPECT_NEAR(short_gaps, 1000, 160);  // A tenth of exponential gaps is shorter than 0.105 of their mean.
}

TEST(LoadPlanTest, WithoutARateEveryCallIsDueAtOnce) {
  for (const PlannedCall& call : AllOf({.rate = 0, .requests = 50})) EXPECT_EQ(call.due, absl::ZeroDuration());
}

TEST(LoadPlanTest, StreamsAndLateOutcomesHaveTheirShares) {
  int streaming = 0, late = 0;
  for (const PlannedCall& call :
       AllOf({.requests = 20'000, .streaming_share = 0.25, .stream_length = 3, .late_share = 0.1})) {
    EXPECT_EQ(call.rows.size(), call.streaming ? 3u : 1u);
    streaming += call.streaming;
    late += call.outcome_delay == absl::Seconds(5);
  }
  EXPECT_NEAR(streaming, 5000, 310);
  EXPECT_NEAR(late, 2000, 215);
}

TEST(LoadPlanTest, TheSameSeedGivesTheSamePlanAndAnotherOneAnother) {
  const auto users = [](int64_t seed) {
    std::vector<int64_t> drawn;
    for (const PlannedCall& call : AllOf({.requests = 100, .seed = seed})) drawn.push_back(call.user);
    return drawn;
  };
  EXPECT_EQ(users(1), users(1));
  EXPECT_NE(users(1), users(2));
}

TEST(LoadPlanTest, OptionsThatMakeNoPlanAreRefusedByName) {
  const auto message = [](const LoadOptions& options) {
    return std::string(LoadPlan::Create(options, kRows).status().message());
  };
  EXPECT_NE(message({}).find("--requests"), std::string::npos);
  EXPECT_NE(message({.rate = 0, .duration = absl::Seconds(1)}).find("--rate"), std::string::npos);
  EXPECT_NE(message({.requests = 1, .users = 0}).find("--users"), std::string::npos);
  EXPECT_NE(message({.requests = 1, .streaming_share = 1.5}).find("--streaming"), std::string::npos);
  EXPECT_NE(message({.requests = 1, .stream_length = 0}).find("--stream-length"), std::string::npos);
  EXPECT_NE(message({.requests = 1, .late_share = 2}).find("--late-share"), std::string::npos);
}

}  // namespace
}  // namespace weir::examples
