#include "router/experiment/rate_gates.h"

#include "gtest/gtest.h"

namespace weir::experiment {
namespace {

std::vector<config::Guardrail> Gated(double rate, absl::Duration held_for) {
  return {{.name = "errors", .rule = config::ErrorRatio{1.2}, .when = config::RateGate{rate, held_for}},
          {.name = "tail", .rule = config::TailRatio{0.99, 1.5}}};
}

class RateGatesTest : public testing::Test {
 protected:
  // A look a second, with that many calls in each. The second of the opening, from 1; 0 if there was none.
  int Run(const std::vector<config::Guardrail>& guardrails, int seconds, int64_t calls) {
    int opened = 0;
    for (int second = 1; second <= seconds; ++second) {
      now_ += absl::Seconds(1);
      started_ += calls;
      if (gates_.Look(guardrails, started_, now_) && opened == 0) opened = second;
    }
    return opened;
  }

  RateGates gates_;
  absl::Time now_ = absl::FromUnixSeconds(1000);
  int64_t started_ = 0;
};

TEST_F(RateGatesTest, AGuardrailWithoutAGateIsAlwaysOpen) {
  EXPECT_TRUE(gates_.IsOpen(Gated(1000, absl::Minutes(5))[1]));
  EXPECT_FALSE(gates_.IsOpen(Gated(1000, absl::Minutes(5))[0]));
}

TEST_F(RateGatesTest, AGateOpensWhenItsRateHasHeldAndNotBefore) {
  EXPECT_EQ(Run(Gated(100, absl::Seconds(30)), 60, 100), 41);
}

TEST_F(RateGatesTest, ARateThatDropsBeginsAnew) {
  const auto guardrails = Gated(100, absl::Seconds(30));
  EXPECT_EQ(Run(guardrails, 25, 100), 0);
  EXPECT_EQ(Run(guardrails, 10, 10), 0);
  EXPECT_EQ(Run(guardrails, 25, 100), 0);
  EXPECT_NE(Run(guardrails, 30, 100), 0);
}

TEST_F(RateGatesTest, OnceOpenItStaysOpen) {
  const auto guardrails = Gated(100, absl::Seconds(10));
  EXPECT_NE(Run(guardrails, 25, 200), 0);
  EXPECT_EQ(Run(guardrails, 100, 0), 0);
  EXPECT_TRUE(gates_.IsOpen(guardrails[0]));
  RateGates restored;
  restored.Restore(gates_.open());
  EXPECT_TRUE(restored.IsOpen(guardrails[0]));
}

TEST_F(RateGatesTest, AClockThatIsSetBackOpensNothing) {
  const auto guardrails = Gated(100, absl::Seconds(30));
  Run(guardrails, 25, 100);
  now_ -= absl::Hours(1);
  EXPECT_EQ(Run(guardrails, 25, 100), 0);
  EXPECT_NE(Run(guardrails, 30, 100), 0);
}

TEST_F(RateGatesTest, AShutGateSaysWhatItWaitsFor) {
  const auto guardrails = Gated(100, absl::Minutes(5));
  EXPECT_EQ(gates_.WhyShut(guardrails[0]), "not judged before 100/s for 5m");
  Run(guardrails, 20, 7);
  EXPECT_EQ(gates_.WhyShut(guardrails[0]), "not judged before 100/s for 5m (now 7/s)");
}

}  // namespace
}  // namespace weir::experiment
