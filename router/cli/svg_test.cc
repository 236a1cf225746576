#include "router/cli/svg.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::cli {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

TEST(SvgTest, NoTextEndsATagOrAnAttribute) {
  EXPECT_EQ(SvgText("a<b>'c'&\"d\""), "a&lt;b&gt;&#39;c&#39;&amp;&quot;d&quot;");
}

TEST(SvgTest, AnAxisPutsItsEndsAtTheEndsAndKeepsTheRestBetween) {
  const SvgAxis linear(SvgAxis::Scale::kLinear, 0, 10, 100, 300);
  EXPECT_EQ(linear.At(0), 100);
  EXPECT_EQ(linear.At(5), 200);
  EXPECT_EQ(linear.At(50), 300);
  const SvgAxis logarithmic(SvgAxis::Scale::kLogarithmic, 1, 100, 300, 100);  // Upwards on a page.
  EXPECT_NEAR(logarithmic.At(10), 200, 1e-9);
  EXPECT_EQ(logarithmic.At(0), 300);
}

TEST(SvgTest, TicksAreRound) {
  EXPECT_THAT(SvgAxis(SvgAxis::Scale::kLinear, 0, 10, 0, 1).Ticks(), ElementsAre(0, 5, 10));
  EXPECT_THAT(SvgAxis(SvgAxis::Scale::kLogarithmic, 1, 1e4, 0, 1).Ticks(),
              ElementsAre(1, 10, 100, 1000, DoubleNear(1e4, 1e-6)));
  EXPECT_THAT(SvgAxis(SvgAxis::Scale::kLogarithmic, 1.5, 20, 0, 1).Ticks(), ElementsAre(2, 5, 10, 20));
  EXPECT_THAT(SvgAxis(SvgAxis::Scale::kLogarithmic, 1.1, 6, 0, 1).Ticks(), ElementsAre(1.5, 2, 3, 4, 5));
}

}  // namespace
}  // namespace weir::cli
