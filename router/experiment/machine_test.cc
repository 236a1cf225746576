#include "router/experiment/machine.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace weir::experiment {
namespace {

const absl::Time kThen = absl::FromUnixSeconds(1000);
const absl::Time kNow = absl::FromUnixSeconds(2000);

struct Named {
  const char* name;
  uint32_t weight;
};

// The first is the default.
Split Of(std::vector<Named> variants) {
  Split split;
  for (const Named& v : variants) split.variants.push_back({v.name, config::Weight::FromHundredths(v.weight * 100)});
  return split;
}

State RunningAt(Split split, std::string label = "") {
  return State{.run = {.ordinal = 3, .label = label, .started = kThen},
               .epoch = {.ordinal = 5, .started = kThen, .split = split},
               .phase = Running{},
               .phase_since = kThen};
}

State RolledBackAt(Split split, std::string label = "") {
  State state = RunningAt(split, label);
  state.phase = RolledBack{.breach = Breach{.guardrail = "errors", .variant = "b"}};
  return state;
}

State FrozenAt(Split split) {
  State state = RunningAt(split);
  state.phase = Frozen{"the journal is corrupt"};
  return state;
}

std::optional<Step> Must(const Plan& plan, const std::optional<State>& state, const Event& event) {
  absl::StatusOr<std::optional<Step>> step = Advance(plan, state, event, kNow);
  EXPECT_TRUE(step.ok()) << step.status();
  return step.ok() ? *step : std::nullopt;
}

std::optional<Step> File(const std::optional<State>& state, const Plan& plan) { return Must(plan, state, Filed{}); }

Command ResetBy(std::string actor) { return {.kind = CommandKind::kReset, .actor = std::move(actor)}; }

TEST(AdvanceTest, AnExperimentNeverSeenOpensItsFirstRun) {
  const auto step = File(std::nullopt, Plan{"a", Of({{"a", 70}, {"b", 30}})});
  ASSERT_TRUE(step);
  EXPECT_EQ(step->gate, Gate::kOpens);
  EXPECT_EQ(step->next, (State{.run = {1, "a", kNow},
                               .epoch = {1, kNow, Of({{"a", 70}, {"b", 30}})},
                               .phase = Running{},
                               .phase_since = kNow}));
}

TEST(AdvanceTest, TheSameFileChangesNothingInAnyPhase) {
  const Split split = Of({{"a", 70}, {"b", 30}});
  for (const State& state : {RunningAt(split), RolledBackAt(split), FrozenAt(split)}) {
    EXPECT_FALSE(File(state, Plan{"", split}));
  }
}

TEST(AdvanceTest, MoreForACandidateOpensAnEpochOfTheSameRun) {
  const State state = RunningAt(Of({{"a", 70}, {"b", 30}}));
  const auto step = File(state, Plan{"", Of({{"a", 60}, {"b", 30}})});
  ASSERT_TRUE(step);
  EXPECT_EQ(step->gate, Gate::kOpens);
  EXPECT_EQ(step->next.run, state.run);
  EXPECT_EQ(step->next.epoch, (Epoch{6, kNow, Of({{"a", 60}, {"b", 30}})}));
  EXPECT_EQ(step->next.phase_since, state.phase_since);
}

TEST(AdvanceTest, LessForACandidateShutsAndBeginsAnEpoch) {
  for (const Split& less : {Of({{"a", 90}, {"b", 10}}), Of({{"a", 70}, {"b", 0}}), Of({{"a", 1}})}) {
    const auto step = File(RunningAt(Of({{"a", 70}, {"b", 30}})), Plan{"", less});
    ASSERT_TRUE(step);
    EXPECT_EQ(step->gate, Gate::kShuts);
    EXPECT_EQ(step->next.epoch.split, less);
    EXPECT_EQ(step->next.epoch.ordinal, 6u);
  }
}

TEST(AdvanceTest, TheSameSharesInOtherNumbersAreNotOpening) {
  const auto step = File(RunningAt(Of({{"a", 70}, {"b", 30}})), Plan{"", Of({{"a", 7}, {"b", 3}})});
  ASSERT_TRUE(step);
  EXPECT_EQ(step->gate, Gate::kShuts);
}

TEST(AdvanceTest, ANewCandidateOrAnotherDefaultOpens) {
  Split swapped = Of({{"a", 70}, {"b", 30}});
  swapped.default_variant = 1;
  for (const Split& split : {Of({{"a", 70}, {"b", 20}, {"c", 10}}), swapped}) {
    std::optional<State> state = RunningAt(Of({{"a", 70}, {"b", 30}}));
    auto step = File(state, Plan{"", split});
    ASSERT_TRUE(step);
    if (step->gate == Gate::kShuts) step = File(step->next, Plan{"", split});
    ASSERT_TRUE(step);
    EXPECT_EQ(step->gate, Gate::kOpens);
    EXPECT_EQ(step->next.epoch.split, split);
  }
}

TEST(AdvanceTest, RemovingOneOfTwoCandidatesOpensBecauseTheOthersShareGrows) {
  const Split now = Of({{"a", 70}, {"b", 20}, {"c", 10}});
  const auto shut = File(RunningAt(now), Plan{"", Of({{"a", 70}, {"b", 20}})});
  ASSERT_TRUE(shut);
  EXPECT_EQ(shut->gate, Gate::kShuts);
  EXPECT_EQ(shut->next.epoch.split, Of({{"a", 80}, {"b", 20}, {"c", 0}}));
  const auto open = File(shut->next, Plan{"", Of({{"a", 70}, {"b", 20}})});
  ASSERT_TRUE(open);
  EXPECT_EQ(open->gate, Gate::kOpens);
}

TEST(AdvanceTest, WhatAnEditTakesFromOneCandidateIsShutBeforeAnotherIsOpened) {
  const Split wanted = Of({{"a", 70}, {"b", 10}, {"c", 20}});
  const auto shut = File(RunningAt(Of({{"a", 70}, {"b", 20}, {"c", 10}})), Plan{"", wanted});
  ASSERT_TRUE(shut);
  EXPECT_EQ(shut->gate, Gate::kShuts);
  EXPECT_EQ(shut->next.epoch.split, Of({{"a", 80}, {"b", 10}, {"c", 10}}));
  const auto open = File(shut->next, Plan{"", wanted});
  ASSERT_TRUE(open);
  EXPECT_EQ(open->gate, Gate::kOpens);
  EXPECT_EQ(open->next.epoch.split, wanted);
  EXPECT_FALSE(File(open->next, Plan{"", wanted}));
}

// Exhausts small weights: told again after each step, a file is in force after at most two, and shutting never gives.
TEST(AdvanceTest, EveryEditSettlesAndAShuttingStepGivesNoCandidateMore) {
  const auto each = [](auto&& visit) {
    for (uint32_t a = 0; a < 5; ++a)
      for (uint32_t b = 0; b < 5; ++b)
        for (uint32_t c = 0; c < 5; ++c)
          if (a + b + c > 0) visit(Of({{"a", a}, {"b", b}, {"c", c}}));
  };
  each([&](const Split& from) {
    each([&](const Split& to) {
      State state = RunningAt(from);
      int steps = 0;
      while (auto step = File(state, Plan{"", to})) {
        ASSERT_LE(++steps, 2);
        for (const char* candidate : {"b", "c"}) {
          if (step->gate == Gate::kOpens) continue;
          ASSERT_LE(ShareOf(step->next.epoch.split, candidate), ShareOf(state.epoch.split, candidate) + 1e-12);
        }
        state = step->next;
      }
      ASSERT_EQ(state.epoch.split, to);
    });
  });
}

TEST(AdvanceTest, AnotherRunLabelOpensANewRunFromAnyPhase) {
  const Split split = Of({{"a", 70}, {"b", 30}});
  for (const State& state : {RunningAt(split), RolledBackAt(split), FrozenAt(split)}) {
    const auto step = File(state, Plan{"again", split});
    ASSERT_TRUE(step);
    EXPECT_EQ(step->gate, Gate::kOpens);
    EXPECT_EQ(step->next.run, (experiment::Run{4, "again", kNow}));
    EXPECT_EQ(step->next.epoch.ordinal, 1u);
    EXPECT_TRUE(std::holds_alternative<Running>(step->next.phase));
  }
}

TEST(AdvanceTest, ANewRunThatTakesFromACandidateTakesFirst) {
  const auto shut = File(RunningAt(Of({{"a", 70}, {"b", 30}})), Plan{"again", Of({{"a", 100}, {"b", 0}})});
  ASSERT_TRUE(shut);
  EXPECT_EQ(shut->gate, Gate::kShuts);
  EXPECT_EQ(shut->next.run.ordinal, 3u);
  const auto open = File(shut->next, Plan{"again", Of({{"a", 100}, {"b", 0}})});
  ASSERT_TRUE(open);
  EXPECT_EQ(open->next.run.ordinal, 4u);
}

TEST(AdvanceTest, ABreachRollsARunningExperimentBackAndIsOtherwiseIgnored) {
  const Split split = Of({{"a", 70}, {"b", 30}});
  const Breach breach{.guardrail = "tail", .variant = "b", .summary = "slow"};
  const auto step = Must(Plan{"", split}, RunningAt(split), Breached{breach});
  ASSERT_TRUE(step);
  EXPECT_EQ(step->gate, Gate::kShuts);
  EXPECT_EQ(step->next.phase, Phase(RolledBack{.breach = breach}));
  EXPECT_EQ(step->next.phase_since, kNow);
  EXPECT_EQ(step->detail, "slow");
  EXPECT_EQ(step->next.epoch, (Epoch{6, kNow, split}));
  EXPECT_FALSE(Must(Plan{"", split}, RolledBackAt(split), Breached{breach}));
  EXPECT_FALSE(Must(Plan{"", split}, FrozenAt(split), Breached{breach}));
  EXPECT_FALSE(Must(Plan{"", split}, std::nullopt, Breached{breach}));
}

TEST(AdvanceTest, AnEditedFileChangesNothingAfterARollback) {
  const State state = RolledBackAt(Of({{"a", 70}, {"b", 30}}));
  EXPECT_FALSE(File(state, Plan{"", Of({{"a", 0}, {"b", 100}})}));
  EXPECT_FALSE(File(state, Plan{"", Of({{"b", 100}})}));
}

TEST(AdvanceTest, AResetOpensANewRunByTheFileOfThatMoment) {
  const Split edited = Of({{"a", 50}, {"b", 50}});
  for (const State& state : {RolledBackAt(Of({{"a", 70}, {"b", 30}})), FrozenAt(Of({{"a", 70}, {"b", 30}}))}) {
    const auto step = Must(Plan{"", edited}, state, ResetBy("ann"));
    ASSERT_TRUE(step);
    EXPECT_EQ(step->gate, Gate::kOpens);
    EXPECT_EQ(step->actor, "ann");
    EXPECT_EQ(step->next.run.ordinal, 4u);
    EXPECT_EQ(step->next.epoch, (Epoch{1, kNow, edited}));
  }
}

TEST(AdvanceTest, ARunningExperimentIsNotReset) {
  const Split split = Of({{"a", 70}, {"b", 30}});
  const Plan plan{"", split};
  EXPECT_TRUE(absl::IsFailedPrecondition(Advance(plan, RunningAt(split), ResetBy("ann"), kNow).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(Advance(plan, std::nullopt, ResetBy("ann"), kNow).status()));
}

TEST(SplitInForceTest, OnlyARunningExperimentGivesCandidatesTraffic) {
  const Split split = Of({{"a", 0}, {"b", 30}});
  EXPECT_EQ(SplitInForce(RunningAt(split)), split);
  for (const State& state : {RolledBackAt(split), FrozenAt(split)}) {
    EXPECT_EQ(ShareOf(SplitInForce(state), "a"), 1);
    EXPECT_EQ(ShareOf(SplitInForce(state), "b"), 0);
  }
}

}  // namespace
}  // namespace weir::experiment
