#include "router/cli/unified_diff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace weir::cli {
namespace {

std::string Numbers(int from, int to) {
  std::string text;
  for (int i = from; i <= to; ++i) text += std::to_string(i) + "\n";
  return text;
}

TEST(UnifiedDiffTest, EqualTextsHaveNoDifference) { EXPECT_EQ(UnifiedDiff("a\n", "a\n", "x", "y"), ""); }

TEST(UnifiedDiffTest, AChangedLineIsShownWithThreeLinesAroundIt) {
  std::string after = Numbers(1, 4) + "five\n" + Numbers(6, 10);
  EXPECT_EQ(UnifiedDiff(Numbers(1, 10), after, "x", "y"),
            "--- x\n+++ y\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n");
}

TEST(UnifiedDiffTest, ChangesFarApartAreHunksOfTheirOwn) {
  const std::string after = "0\n" + Numbers(1, 20) + "21\n";
  EXPECT_EQ(UnifiedDiff(Numbers(1, 20), after, "x", "y"),
            "--- x\n+++ y\n@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n@@ -18,3 +19,4 @@\n 18\n 19\n 20\n+21\n");
}

TEST(UnifiedDiffTest, AnEmptyTextHasNoLines) {
  EXPECT_EQ(UnifiedDiff("", "a\n", "x", "y"), "--- x\n+++ y\n@@ -0,0 +1 @@\n+a\n");
  EXPECT_EQ(UnifiedDiff("a\n", "", "x", "y"), "--- x\n+++ y\n@@ -1 +0,0 @@\n-a\n");
}

TEST(UnifiedDiffTest, AMissingEndOfLineIsSaid) {
  EXPECT_EQ(UnifiedDiff("a\n", "a", "x", "y"), "--- x\n+++ y\n@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n");
}

// The '-' and ' ' lines of a diff with all hunks' context are the first text, the '+' and ' ' lines the second.
TEST(UnifiedDiffTest, WhatIsTakenOutAndPutInIsWhatDiffers) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::string before, after;
    int kept = 0;
    for (int i = 0; i < 30; ++i) {
      const std::string line = std::to_string(random() % 5) + "\n";
      const unsigned what = random() % 8;
      if (what != 0) before += line;
      if (what != 1) after += line;
      kept += what > 1 ? 1 : 0;
    }
    const std::string diff = UnifiedDiff(before, after, "x", "y");
    int taken_out = 0, put_in = 0;
    for (size_t at = diff.find("@@"); at != std::string::npos && at < diff.size(); at = diff.find('\n', at) + 1) {
      if (diff[at] == '-') ++taken_out;
      if (diff[at] == '+') ++put_in;
      if (diff.find('\n', at) == std::string::npos) break;
    }
    const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
    EXPECT_EQ(lines(before) - taken_out, lines(after) - put_in) << "seed 7, round " << round;
    EXPECT_GE(lines(before) - taken_out, kept) << "seed 7, round " << round;  // The longest common subsequence.
  }
}

}  // namespace
}  // namespace weir::cli
