#include "stats/leave_one_out.h"

#include <cmath>
#include <limits>
#include <vector>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

TEST(LeaveOneOutTest, OfAMeanItIsTheTextbooksVarianceOfTheMean) {
  const std::vector<double> values{3, 5, 4, 8, 10};
  const auto without = [&](int b) { return std::optional((30 - values[static_cast<size_t>(b)]) / 4); };
  EXPECT_NEAR(*LeaveOneOutVariance(5, without), 34.0 / 4 / 5, 1e-14);
}

TEST(LeaveOneOutTest, AConstantAddedToAllEstimatesChangesNothing) {
  const auto at = [](double offset) {
    return *LeaveOneOutVariance(7, [&](int b) { return std::optional(offset + std::sqrt(b)); });
  };
  EXPECT_NEAR(at(1e6), at(0), 1e-9);
}

TEST(LeaveOneOutTest, OneEstimateThatIsUndefinedOrInfiniteLeavesNothing) {
  EXPECT_FALSE(LeaveOneOutVariance(3, [](int b) { return b == 1 ? std::nullopt : std::optional(1.0); }));
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(LeaveOneOutVariance(3, [&](int b) { return std::optional(b == 2 ? infinite : 1.0); }));
}

TEST(LeaveOneOutTest, OnePartAloneHasNoSpread) {
  EXPECT_FALSE(LeaveOneOutVariance(1, [](int) { return std::optional(1.0); }));
}

}  // namespace
}  // namespace weir::stats
