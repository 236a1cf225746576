// A few hundred seeds of the swarm that ./run simulate runs by the hundred thousand.

#include "test/simulator/swarm.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "test/simulator/random_world.h"

namespace weir::simulator {
namespace {

TEST(SwarmTest, EveryRuleHoldsAndNothingIsLeftOut) {
  const SwarmResult result = RunSwarm({.first = 1, .seeds = 600, .folder = testing::TempDir()}, {});
  for (const FailedSeed& failed : result.failed) {
    ADD_FAILURE() << "./run simulate --seed " << failed.seed << " --trace\n" << absl::StrJoin(failed.violations, "\n");
  }
  for (const std::string& what : Coverage::Wanted()) EXPECT_GT(result.coverage.Of(what), 0) << what;
  EXPECT_FALSE(result.has_too_many_false_alarms())
      << result.healthy.breaches() << " of at most " << result.healthy.alpha();
}

TEST(SwarmTest, ASeedIsReplayedLineByLine) {
  std::vector<std::vector<std::string>> runs(2);
  for (std::vector<std::string>& lines : runs) {
    RunSeed(7, {.folder = testing::TempDir(), .trace = [&](const std::string& line) { lines.push_back(line); }});
  }
  EXPECT_GT(runs[0].size(), 20u);
  EXPECT_EQ(runs[0], runs[1]);
}

}  // namespace
}  // namespace weir::simulator
