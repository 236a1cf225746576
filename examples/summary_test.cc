#include "examples/summary.h"

#include "gtest/gtest.h"

namespace weir::examples {
namespace {

TEST(SummaryTest, WilsonsIntervalAgreesWithItsPublishedValues) {
  // R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
  EXPECT_NEAR(WilsonInterval(81, 263).lower, 0.2553, 5e-5);
  EXPECT_NEAR(WilsonInterval(81, 263).upper, 0.3662, 5e-5);
  EXPECT_NEAR(WilsonInterval(15, 148).lower, 0.0624, 5e-5);
  EXPECT_NEAR(WilsonInterval(15, 148).upper, 0.1605, 5e-5);
  EXPECT_EQ(WilsonInterval(0, 20).lower, 0);
  EXPECT_NEAR(WilsonInterval(0, 20).upper, 0.1611, 5e-5);
  EXPECT_EQ(WilsonInterval(0, 0).upper, 1);
}

TEST(SummaryTest, AQuantileIsAValueThatWasSeen) {
  std::vector<absl::Duration> sorted;
  EXPECT_EQ(QuantileOf(sorted, 0.5), absl::ZeroDuration());
  for (int ms = 1; ms <= 100; ++ms) sorted.push_back(absl::Milliseconds(ms));
  EXPECT_EQ(QuantileOf(sorted, 0.5), absl::Milliseconds(50));
  EXPECT_EQ(QuantileOf(sorted, 0.99), absl::Milliseconds(99));
  EXPECT_EQ(QuantileOf(sorted, 0.995), absl::Milliseconds(100));
  EXPECT_EQ(QuantileOf(sorted, 0), absl::Milliseconds(1));
}

TEST(SummaryTest, CallsAreCountedForTheVariantThatAnswered) {
  SummaryBuilder builder;
  builder.AddCall(
      {.variant = "b", .reason = "assigned", .version = "2", .rows = 1, .right = 1, .latency = absl::Milliseconds(3)});
  builder.AddCall({.variant = "b",
                   .reason = "diverted",
                   .version = "2",
                   .streaming = true,
                   .rows = 3,
                   .right = 2,
                   .latency = absl::Milliseconds(5)});
  builder.AddCall({.variant = "a", .reason = "assigned", .code = 14, .latency = absl::Seconds(1)});
  builder.AddCall({.code = 4});
  builder.AddSkipped();
  const example::Summary summary = builder.Build(absl::Seconds(2));
  ASSERT_EQ(summary.variants_size(), 3);
  EXPECT_EQ(summary.variants(0).variant(), "-");
  EXPECT_EQ(summary.variants(0).errors().at("DEADLINE_EXCEEDED"), 1);
  EXPECT_EQ(summary.variants(1).errors().at("UNAVAILABLE"), 1);
  EXPECT_EQ(summary.variants(1).p99_ms(), 0);  // A failed call has no latency that would compare.
  const example::VariantSummary& b = summary.variants(2);
  EXPECT_EQ(b.calls(), 2);
  EXPECT_EQ(b.streaming(), 1);
  EXPECT_EQ(b.versions().at("2"), 4);
  EXPECT_EQ(b.reasons().at("diverted"), 1);
  EXPECT_EQ(b.accuracy(), 0.75);
  EXPECT_EQ(b.p50_ms(), 3);
  EXPECT_EQ(summary.skipped(), 1);
}

TEST(SummaryTest, OutcomesAreCountedOrRefusedByCode) {
  SummaryBuilder builder;
  builder.AddOutcome(0, false);
  builder.AddOutcome(0, true);
  builder.AddOutcome(6, true);
  const example::Summary summary = builder.Build(absl::Seconds(1));
  EXPECT_EQ(summary.outcomes().counted(), 2);
  EXPECT_EQ(summary.outcomes().late(), 1);
  EXPECT_EQ(summary.outcomes().refused().at("ALREADY_EXISTS"), 1);
  EXPECT_NE(AsTable(summary).find("outcomes counted: 2 (1 late), refused: 1 ALREADY_EXISTS"), std::string::npos);
}

TEST(SummaryTest, TheJsonNamesEveryFieldZeroOrNot) {
  SummaryBuilder builder;
  builder.AddCall({.variant = "a\"b"});
  const std::string json = AsJson(builder.Build(absl::Seconds(1)));
  EXPECT_NE(json.find(R"("variant":"a\"b","calls":1,"streaming":0)"), std::string::npos) << json;
}

}  // namespace
}  // namespace weir::examples
