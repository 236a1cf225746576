#include "router/cli/planning/analyses.h"

#include <cmath>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/cli/planning/experiment_plan.h"
#include "router/cli/planning/spec_under_test.h"
#include "stats/outcomes.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

ExperimentPlan Plan(const std::string& analysis, PlanCommand command = {}) {
  const config::Experiment experiment = ExperimentWith(
      absl::StrCat("  metrics: [{name: accuracy, type: proportion, role: primary}]\n", kGuardrails,
                   "  rollout:\n    strategy: canary\n    steps:\n      - {setWeight: 20, pause: {duration: 1h}",
                   analysis, "}\n      - {setWeight: 100}\n    holdback: 1\n    watch: 12h\n"));
  return PlanExperiment(experiment, Assume(experiment, std::move(command)));
}

TEST(AnalysesTest, MoreTimeShowsLess) {
  const ExperimentPlan plan = Plan(", analysis: {primaries: true, timeout: 3d}");
  ASSERT_EQ(plan.analyses.size(), 1u);
  const PlannedAnalysis& analysis = plan.analyses[0];
  ASSERT_TRUE(analysis.by_pause && analysis.by_timeout);
  EXPECT_LT(*analysis.by_timeout, *analysis.by_pause);
  // The price of looking all the time, against the one planned look at the end of the same pause.
  EXPECT_GT(*analysis.by_pause, *plan.metrics[0].by_stage[0]);
  EXPECT_LT(*analysis.by_pause, 2 * *plan.metrics[0].by_stage[0]);
  EXPECT_THAT(PlanText(plan), HasSubstr("What the analysis of a step lets through"));
}

TEST(AnalysesTest, OnlyWherePrimariesAreAskedForAndWithinItsTime) {
  EXPECT_TRUE(Plan("").analyses.empty());
  EXPECT_TRUE(Plan(", analysis: {timeout: 3d}").analyses.empty());
  EXPECT_THAT(PlanText(Plan("")), Not(HasSubstr("What the analysis")));
  const ExperimentPlan endless = Plan(", analysis: {primaries: true}");
  EXPECT_FALSE(endless.analyses[0].by_timeout);
}

// Independent users, of whom half of the candidates' that are so much better are shown to be.
TEST(AnalysesTest, TheTestItselfAgrees) {
  const ExperimentPlan plan = Plan(", analysis: {primaries: true}", {.calls_per_user = 1, .correlation = 0});
  const double lift = *plan.analyses[0].by_pause;
  const double calls = 50 * 3600;
  int shown = 0;
  constexpr int kRuns = 200;
  for (unsigned seed = 0; seed < kRuns; ++seed) {
    std::mt19937_64 rng(seed);
    stats::OutcomeCounts baseline, candidate;
    const auto fill = [&](stats::OutcomeCounts& counts, double n, double rate) {
      for (int bucket = 0; bucket < stats::kUserBuckets; ++bucket) {
        const auto of_bucket = static_cast<int64_t>(n / stats::kUserBuckets);
        const int64_t good = std::binomial_distribution<int64_t>(of_bucket, rate)(rng);
        stats::OutcomeCounts one;
        one.n = of_bucket;
        one.mean = static_cast<double>(good) / static_cast<double>(of_bucket);
        one.m2 = static_cast<double>(good) * (1 - one.mean);
        one.users[static_cast<size_t>(bucket)] = {of_bucket, static_cast<double>(good), static_cast<double>(good)};
        counts.Merge(one);
      }
    };
    fill(baseline, 0.8 * calls, 0.9);
    fill(candidate, 0.2 * calls, 0.9 + lift);
    const auto comparison = stats::CompareMeans(baseline, candidate, 0.05);
    if (!comparison) {
      // So few calls a user that buckets are all that is known: the error of independent outcomes.
      const double error = 0.3 * std::sqrt(1 / (0.8 * calls) + 1 / (0.2 * calls));
      shown += stats::LogMeanExcess(candidate.mean - baseline.mean, error, calls, 0.05) >= std::log(20);
    } else {
      shown += comparison->log_e_higher >= std::log(20);
    }
  }
  EXPECT_NEAR(shown, kRuns / 2, 4 * std::sqrt(kRuns / 4.0));
}

}  // namespace
}  // namespace weir::cli
