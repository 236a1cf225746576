#include "examples/heldout.h"

#include "gtest/gtest.h"

namespace weir::examples {
namespace {

TEST(HeldOutTest, ARowHasTheTruthEachModelsWordAndThePixels) {
  const auto rows = ParseHeldOut("digit,baseline,enhanced,p0,p1\n3,8,3,0,16\n");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->front().digit, 3);
  EXPECT_EQ(rows->front().prediction, (std::map<std::string, int>{{"baseline", 8}, {"enhanced", 3}}));
  EXPECT_EQ(rows->front().pixels, (std::vector<double>{0, 16}));
}

TEST(HeldOutTest, AFaultIsRefusedWithItsLine) {
  const auto message = [](std::string_view csv) { return std::string(ParseHeldOut(csv).status().message()); };
  EXPECT_EQ(message(""), "line 1: expected a head line that begins with 'digit,'");
  EXPECT_EQ(message("digit,p0\n"), "no row after the head line");
  EXPECT_EQ(message("digit,p0\n1,2\n1\n"), "line 3: expected 2 cells, got 1");
  EXPECT_EQ(message("digit,p0\n1,x\n"), "line 2: not a whole number: 'x'");
}

}  // namespace
}  // namespace weir::examples
