#include "router/cli/quantities.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;

constexpr double kNever = std::numeric_limits<double>::infinity();

TEST(QuantitiesTest, TrafficIsReadInAnyOfFourUnits) {
  EXPECT_EQ(*ReadTraffic("50/s"), 50);
  EXPECT_EQ(*ReadTraffic("50"), 50);
  EXPECT_EQ(*ReadTraffic("3000/m"), 50);
  EXPECT_EQ(*ReadTraffic("180000/h"), 50);
  EXPECT_EQ(*ReadTraffic("4.32e6/d"), 50);
  for (const char* wrong : {"", "/s", "x/s", "0/s", "-1/s", "50/w", "50/", "50 /s s", "inf/s", "nan/s", "2e6/s"}) {
    const auto traffic = ReadTraffic(wrong);
    ASSERT_FALSE(traffic.ok()) << wrong;
    EXPECT_THAT(std::string(traffic.status().message()), HasSubstr("such as 50/s"));
  }
}

TEST(QuantitiesTest, ARateIsAFractionOrAPercentage) {
  EXPECT_EQ(*ReadRate("5%"), 0.05);
  EXPECT_EQ(*ReadRate("0.05"), 0.05);
  for (const char* wrong : {"", "%", "0", "1", "100%", "-1%", "5", "nan", "x"}) {
    EXPECT_FALSE(ReadRate(wrong).ok()) << wrong;
  }
}

TEST(QuantitiesTest, ALatencyHasAUnitOrIsInMilliseconds) {
  EXPECT_EQ(*ReadLatency("20ms"), absl::Milliseconds(20));
  EXPECT_EQ(*ReadLatency("20"), absl::Milliseconds(20));
  EXPECT_EQ(*ReadLatency("1.5s"), absl::Milliseconds(1500));
  for (const char* wrong : {"", "0", "-5ms", "2h", "fast", "inf"}) EXPECT_FALSE(ReadLatency(wrong).ok()) << wrong;
}

TEST(QuantitiesTest, CountsAndSpansReadWell) {
  EXPECT_EQ(CountText(0), "0");
  EXPECT_EQ(CountText(3.44), "3.4");
  EXPECT_EQ(CountText(999.6), "1,000");
  EXPECT_EQ(CountText(43'200), "43,200");
  EXPECT_EQ(CountText(4.32e6), "4.32 million");
  EXPECT_EQ(CountText(kNever), "never");
  EXPECT_EQ(SpanText(45), "45 s");
  EXPECT_EQ(SpanText(90 * 60), "90 min");
  EXPECT_EQ(SpanText(2.8 * 3600), "2.8 h");
  EXPECT_EQ(SpanText(24 * 3600), "24 h");
  EXPECT_EQ(SpanText(3.5 * 86'400), "3.5 d");
  EXPECT_EQ(SpanText(1e10), "317 years");
  EXPECT_EQ(SpanText(kNever), "never");
  EXPECT_EQ(PercentText(0.0125), "1.25 %");
}

}  // namespace
}  // namespace weir::cli
