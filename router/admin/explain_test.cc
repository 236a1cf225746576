#include "router/admin/explain.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/routing/assignment.h"

namespace weir::admin {
namespace {

using ::testing::HasSubstr;

routing::ExperimentRoute Experiment(const std::string& name, std::vector<routing::WeightedVariant> variants) {
  routing::ExperimentRoute route;
  route.name = name;
  route.salt_seed = routing::SaltSeed(name);
  route.variants = std::move(variants);
  return route;
}

routing::RouteTable Table() {
  routing::RouteTable table;
  table.experiments = {Experiment("income", {{"baseline", 7000}, {"enhanced", 3000}}),
                       Experiment("shut", {{"baseline", 10000}, {"enhanced", 0}})};
  return table;
}

TEST(ExplainTest, AgreesWithTheAssignmentOfEveryUser) {
  const routing::RouteTable table = Table();
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "user-" + std::to_string(i);
    const auto answer = Explain(table, key, "income").value();
    ASSERT_EQ(answer.assignments_size(), 1);
    const auto& variants = table.experiments[0].variants;
    const size_t winner = routing::Assign(routing::HashUser(key, table.experiments[0].salt_seed), variants);
    EXPECT_EQ(answer.assignments(0).variant(), variants[winner].name);
  }
}

TEST(ExplainTest, TheWinnerIsTheDrawThatArrivesFirst) {
  const auto answer = Explain(Table(), "alice", "income")->assignments(0);
  ASSERT_EQ(answer.draws_size(), 2);
  const auto& first = answer.draws(0).arrival() < answer.draws(1).arrival() ? answer.draws(0) : answer.draws(1);
  EXPECT_EQ(answer.variant(), first.variant());
  for (const auto& draw : answer.draws()) {
    EXPECT_NEAR(draw.arrival() * draw.weight() * 100, -std::log(draw.unit_interval()), 1e-12);
  }
  EXPECT_EQ(answer.user_hash().size(), 16u);
}

TEST(ExplainTest, AShutVariantNeverArrivesAndTheTextSaysSo) {
  const auto answer = Explain(Table(), "alice", "shut")->assignments(0);
  EXPECT_EQ(answer.variant(), "baseline");
  EXPECT_TRUE(std::isinf(answer.draws(1).arrival()));
  EXPECT_THAT(answer.text(), HasSubstr("alice goes to baseline"));
  EXPECT_THAT(answer.text(), HasSubstr("enhanced never arrives (weight 0)"));
}

TEST(ExplainTest, NoNameMeansEveryExperimentAndAWrongOneIsNotFound) {
  EXPECT_EQ(Explain(Table(), "alice", "")->assignments_size(), 2);
  EXPECT_EQ(Explain(routing::RouteTable(), "alice", "")->assignments_size(), 0);
  EXPECT_EQ(Explain(Table(), "alice", "absent").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace weir::admin
