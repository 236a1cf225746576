#include "examples/faults.h"

#include <limits>

#include "google/protobuf/text_format.h"
#include "gtest/gtest.h"

namespace weir::examples {
namespace {

example::FaultSettings Settings(const std::string& text) {
  example::FaultSettings settings;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &settings)) << text;
  return settings;
}

TEST(FaultsTest, WithoutSettingsNothingGoesWrong) {
  FaultInjector faults(1);
  for (int i = 0; i < 1000; ++i) {
    const Misfortune misfortune = faults.DrawForCall();
    EXPECT_FALSE(misfortune.hang);
    EXPECT_FALSE(misfortune.fail_code.has_value());
    EXPECT_EQ(misfortune.delay, absl::ZeroDuration());
    EXPECT_EQ(misfortune.worse_share, 0);
  }
}

TEST(FaultsTest, TheFailingShareIsTheOneAskedFor) {
  std::mt19937_64 rng(42);
  const example::FaultSettings settings = Settings("fail_share: 0.2 fail_code: 13");
  int failed = 0;
  for (int i = 0; i < 100'000; ++i) {
    if (const auto code = Draw(settings, rng).fail_code) failed += *code == 13;
  }
  EXPECT_NEAR(failed, 20'000, 5 * 126);  // Five standard deviations.
}

TEST(FaultsTest, AFailureWithoutACodeIsUnavailable) {
  std::mt19937_64 rng(42);
  EXPECT_EQ(Draw(Settings("fail_share: 1"), rng).fail_code, 14);
}

TEST(FaultsTest, TheDelayIsTheLatencyAndUpToTheJitter) {
  std::mt19937_64 rng(42);
  const example::FaultSettings settings = Settings("latency { nanos: 20000000 } jitter { nanos: 10000000 }");
  absl::Duration least = absl::InfiniteDuration(), most;
  for (int i = 0; i < 10'000; ++i) {
    const absl::Duration delay = Draw(settings, rng).delay;
    least = std::min(least, delay), most = std::max(most, delay);
  }
  EXPECT_GE(least, absl::Milliseconds(20));
  EXPECT_LT(least, absl::Milliseconds(21));
  EXPECT_LE(most, absl::Milliseconds(30));
  EXPECT_GT(most, absl::Milliseconds(29));
}

TEST(FaultsTest, SettingsOutOfRangeAreRefusedAndChangeNothing) {
  FaultInjector faults(1);
  ASSERT_TRUE(faults.Set(Settings("worse_share: 0.5")).ok());
  for (const char* wrong : {"fail_share: 1.1", "fail_share: -0.1", "worse_share: nan", "fail_code: 17", "fail_code: -1",
                            "latency { seconds: -1 }", "jitter { seconds: 601 }"}) {
    EXPECT_EQ(faults.Set(Settings(wrong)).code(), absl::StatusCode::kInvalidArgument) << wrong;
  }
  EXPECT_EQ(faults.settings().worse_share(), 0.5);
  ASSERT_TRUE(faults.Set({}).ok());
  EXPECT_EQ(faults.settings().worse_share(), 0);
}

}  // namespace
}  // namespace weir::examples
