#include "config/config.h"

#include "gtest/gtest.h"

namespace weir::config {
namespace {

TEST(GuardrailRuleTest, EachKindReadsAsASentencePart) {
  EXPECT_EQ(ToString(ErrorRatio{1.2}), "error rate > 1.2 x default's");
  EXPECT_EQ(ToString(ErrorCeiling{0.05}), "error rate > 5 %");
  EXPECT_EQ(ToString(TailRatio{0.99, 1.5}), "p99 latency > 1.5 x default's");
  EXPECT_EQ(ToString(TailCeiling{0.95, absl::Milliseconds(200)}), "p95 latency > 200ms");
  EXPECT_EQ(ToString(OutcomeBound{"accuracy", 0.75, std::nullopt}), "accuracy < 0.75");
  EXPECT_EQ(ToString(OutcomeBound{"revenue", 1.5, 90.0}), "revenue < 1.5 or revenue > 90");
}

TEST(DefaultErrorCodesTest, TheCallersOwnFaultsAndACancelAreNoErrorsOfTheModel) {
  const std::set<int> codes = DefaultErrorCodes();
  for (int fault : {0, 1, 3, 5, 6, 7, 9, 10, 11, 16}) EXPECT_FALSE(codes.contains(fault)) << fault;
  EXPECT_EQ(codes.size(), 7u);
}

TEST(AddressTest, AnIpv6HostIsPrintedInBrackets) {
  EXPECT_EQ((Address{"::1", 80}).ToString(), "[::1]:80");
  EXPECT_EQ((Address{"baseline", 8001}).ToString(), "baseline:8001");
}

}  // namespace
}  // namespace weir::config
