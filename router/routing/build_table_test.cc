#include "router/routing/build_table.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace weir::routing {
namespace {

config::Model Model(std::string name) { return {name, {{name, 8001}}, std::nullopt, std::nullopt}; }

config::Experiment Experiment(std::string name, std::vector<config::Variant> variants) {
  config::Experiment experiment;
  experiment.name = name;
  experiment.salt = name;
  experiment.variants = std::move(variants);
  experiment.match = {name + ".Service", ""};
  return experiment;
}

config::Weight Weight(double weight) { return *config::Weight::FromDouble(weight); }

config::Config TwoVariants() {
  config::Config config;
  config.proxy.models = {Model("a"), Model("b")};
  config.experiments = {Experiment("e", {{"a", Weight(70)}, {"b", Weight(30)}})};
  return config;
}

std::vector<std::string> NamesOf(const RouteTable& table) {
  std::vector<std::string> names;
  for (const ModelRoute& model : table.models) names.push_back(model.name);
  return names;
}

TEST(BuildTableTest, AModelKeepsItsNumberOverReloadsAndARemovedOnesIsNotGivenToAnother) {
  config::Config config;
  config.proxy.models = {Model("a"), Model("b")};
  const RouteTable first = *BuildRouteTable(config, {}, nullptr, 1);
  EXPECT_EQ(NamesOf(first), (std::vector<std::string>{"a", "b"}));
  config.proxy.models = {Model("c"), Model("b")};
  const RouteTable second = *BuildRouteTable(config, {}, &first, 2);
  EXPECT_EQ(NamesOf(second), (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_TRUE(second.models[0].endpoints.empty());
  EXPECT_FALSE(second.models[1].endpoints.empty());
  config.proxy.models = {Model("d"), Model("a")};
  const RouteTable third = *BuildRouteTable(config, {}, &second, 3);
  EXPECT_EQ(NamesOf(third), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_FALSE(third.models[0].endpoints.empty());
  EXPECT_TRUE(third.models[1].endpoints.empty());
}

TEST(BuildTableTest, VariantsMirrorsAndRoutesNameTheirModelsByNumber) {
  config::Config config = TwoVariants();
  config.proxy.models = {Model("x"), Model("b"), Model("a")};
  config.experiments[0].mirrors = {{"x", config::Percent::All()}};
  config.proxy.routes = {{{"*", ""}, "b", false}};
  const RouteTable table = *BuildRouteTable(config, {{"e", {7, 3, 2, false}}}, nullptr, 9);
  EXPECT_EQ(table.version, 9u);
  ASSERT_EQ(table.experiments.size(), 1u);
  EXPECT_EQ(table.experiments[0].variant_models, (std::vector<ModelIndex>{2, 1}));
  EXPECT_EQ(table.experiments[0].mirrors[0].model, 0);
  EXPECT_EQ(table.routes[0].model, 1);
  EXPECT_EQ(table.experiments[0].run, 7u);
  EXPECT_EQ(table.experiments[0].run_ordinal, 3u);
  EXPECT_EQ(table.experiments[0].epoch, 2u);
}

TEST(BuildTableTest, AShutGateGivesTheDefaultEverythingEvenIfItsOwnWeightIsZero) {
  config::Config config = TwoVariants();
  config.experiments[0].variants = {{"a", Weight(100)}, {"b", Weight(0)}};
  config.experiments[0].default_variant = 1;
  const RouteTable table = *BuildRouteTable(config, {{"e", {1, 1, 0, true}}}, nullptr, 1);
  EXPECT_EQ(table.experiments[0].variants, (std::vector<WeightedVariant>{{"a", 0}, {"b", 1}}));
  EXPECT_EQ(ShareInForce(table.experiments[0], 0), 0);
  EXPECT_EQ(ShareInForce(table.experiments[0], 1), 1);
}

TEST(BuildTableTest, SharesInForceFollowTheWeights) {
  const RouteTable table = *BuildRouteTable(TwoVariants(), {{"e", {1, 1, 0, false}}}, nullptr, 1);
  EXPECT_DOUBLE_EQ(ShareInForce(table.experiments[0], 0), 0.7);
  EXPECT_DOUBLE_EQ(ShareInForce(table.experiments[0], 1), 0.3);
}

TEST(BuildTableTest, RenamingAnExperimentWithItsOldSaltMovesNobody) {
  config::Config config = TwoVariants();
  const RouteTable before = *BuildRouteTable(config, {{"e", {1, 1, 0, false}}}, nullptr, 1);
  config.experiments[0].name = "renamed";
  const RouteTable after = *BuildRouteTable(config, {{"renamed", {2, 1, 0, false}}}, &before, 2);
  EXPECT_EQ(after.experiments[0].salt_seed, before.experiments[0].salt_seed);
  EXPECT_NE(after.experiments[0].name_hash, before.experiments[0].name_hash);
}

TEST(BuildTableTest, AnExperimentWithoutARunIsRefusedBecauseItsCallsWouldCountAsPlainTraffic) {
  EXPECT_EQ(BuildRouteTable(TwoVariants(), {}, nullptr, 1).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(BuildRouteTable(TwoVariants(), {{"e", {0, 1, 0, false}}}, nullptr, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(BuildTableTest, ErrorCodesAreBits) {
  config::Config config = TwoVariants();
  config.experiments[0].error_codes = {2, 16};
  const RouteTable table = *BuildRouteTable(config, {{"e", {1, 1, 0, false}}}, nullptr, 1);
  EXPECT_EQ(table.experiments[0].error_codes, (1u << 2) | (1u << 16));
  EXPECT_EQ(table.default_error_codes,
            (1u << 2) | (1u << 4) | (1u << 8) | (1u << 12) | (1u << 13) | (1u << 14) | (1u << 15));
}

TEST(BuildTableTest, AProcessRunsOutOfModelNumbersWithAnErrorNotByReusingOne) {
  RouteTable previous;
  for (int i = 0; i < 65535; ++i) previous.models.push_back({"old-" + std::to_string(i), {}, {}, {}});
  config::Config config;
  config.proxy.models = {Model("old-65534")};
  EXPECT_TRUE(BuildRouteTable(config, {}, &previous, 2).ok());
  config.proxy.models = {Model("one-more")};
  EXPECT_EQ(BuildRouteTable(config, {}, &previous, 2).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(BuildTableTest, OnlyARolledBackRunIsDrainedAsLongAsItsFileSays) {
  config::Config config = TwoVariants();
  config.experiments[0].drain_timeout = absl::Seconds(5);
  ExperimentState state{.run = 1, .run_ordinal = 1};
  EXPECT_EQ(BuildRouteTable(config, {{"e", state}}, nullptr, 1)->experiments[0].drained_by, absl::InfiniteFuture());
  state.is_gate_shut = true;
  EXPECT_EQ(BuildRouteTable(config, {{"e", state}}, nullptr, 1)->experiments[0].drained_by, absl::InfiniteFuture());
  state.rolled_back_at = absl::FromUnixSeconds(100);
  EXPECT_EQ(BuildRouteTable(config, {{"e", state}}, nullptr, 1)->experiments[0].drained_by, absl::FromUnixSeconds(105));
}

TEST(BuildTableTest, WhatTheRuleAsksOfABodyIsListedOnce) {
  config::Config config = TwoVariants();
  config.experiments[0].key_sources = {{"x-user"}};
  config.experiments[0].sequence = config::SequenceKey{"x-sequence"};
  const auto asked = [&] { return BuildRouteTable(config, {{"e", {1}}}, nullptr, 1)->experiments[0].parameters; };
  EXPECT_TRUE(asked().empty());
  config.experiments[0].key_sources = {{"x-user"}, {"user", /*is_parameter=*/true}, {"chat", /*is_parameter=*/true}};
  config.experiments[0].sequence = config::SequenceKey{"", "chat", "first", "last"};
  EXPECT_EQ(asked(), (std::vector<std::string>{"chat", "first", "last", "user"}));
}

TEST(BuildTableTest, APreviewIsThereOnlyWhileItGoesSomewhere) {
  config::Config config = TwoVariants();
  config.experiments[0].rollout.emplace().preview = {"x-preview", "green"};
  ExperimentState state{.run = 1, .run_ordinal = 1};
  EXPECT_FALSE(BuildRouteTable(config, {{"e", state}}, nullptr, 1)->experiments[0].preview.has_value());
  state.previewed = "b";
  EXPECT_EQ(BuildRouteTable(config, {{"e", state}}, nullptr, 1)->experiments[0].preview,
            (PreviewRoute{"x-preview", "green", 1}));
  state.previewed = "no variant any more";
  EXPECT_FALSE(BuildRouteTable(config, {{"e", state}}, nullptr, 1)->experiments[0].preview.has_value());
}

}  // namespace
}  // namespace weir::routing
