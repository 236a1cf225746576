#include "router/experiment/allocation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "router/experiment/wait.h"
#include "router/routing/assignment.h"
#include "stats/propensity.h"

namespace weir::experiment {
namespace {

config::Percent Share(double percent) { return *config::Percent::FromDouble(percent); }

Split Weights(std::vector<std::pair<std::string, double>> weights) {
  Split split;
  for (auto& [name, weight] : weights) split.variants.push_back({name, *config::Weight::FromDouble(weight)});
  return split;
}

stats::ArmEstimate Proportion(double rate, double n) {
  return {
      .n = static_cast<int64_t>(n), .mean = rate, .standard_error = std::sqrt(rate * (1 - rate) / n), .effective_n = n};
}

Plan ABandit(config::Bandit bandit = {}) {
  bandit.metric = "accuracy";
  if (bandit.floor == config::Percent()) bandit.floor = Share(10);
  if (bandit.least_share == config::Percent()) bandit.least_share = Share(1);
  const config::Rollout rollout{.strategy = config::Strategy::kBandit,
                                .steps = {{.weight = std::nullopt, .pause = {absl::Hours(24), 0}}},
                                .holdback = Share(1),
                                .watch = absl::Hours(1),
                                .bandit = bandit};
  return {.run_label = "",
          .split = Weights({{"a", 50}, {"b", 25}, {"c", 25}}),
          .rollout = rollout,
          .metric = config::OutcomeMetric{.name = "accuracy", .field = "correct"}};
}

Plan ARisk(double budget = 5) {
  const config::Rollout rollout{
      .steps = {{.weight = Share(1)}},
      .holdback = Share(1),
      .watch = absl::Hours(1),
      .schedule = config::RiskSchedule{.budget = budget, .impact = 100, .first = Share(1), .max_move = Share(30)}};
  return {.run_label = "", .split = Weights({{"a", 50}, {"b", 50}}), .rollout = rollout};
}

// A rollout whose steps are all taken, told what it knows.
class Walk {
 public:
  explicit Walk(Plan plan) : plan_(std::move(plan)) { Tell(Filed{}); }

  std::optional<Step> Tell(const Event& event) {
    const auto step = Advance(plan_, state_, event, now_);
    EXPECT_TRUE(step.ok()) << step.status();
    if (!step.ok() || !*step) return std::nullopt;
    state_ = (*step)->next;
    if (std::holds_alternative<Weighed>(event)) {
      EXPECT_TRUE(HasFollowed(plan_, *state_)) << "the file would take the shares back";
    }
    return *step;
  }
  absl::Status Ask(Command command) {
    command.actor = "ann";
    const auto step = Advance(plan_, state_, command, now_);
    if (step.ok() && *step) state_ = (*step)->next;
    return step.status();
  }
  // Of the default and the candidates: rates of success of 1000 outcomes each, which came just now.
  Weighed Outcomes(const std::vector<double>& rates, double n = 1000) const {
    Weighed known;
    for (size_t i = 0; i < rates.size(); ++i) {
      known.arms.push_back(
          {.variant = plan_.split.variants[i].name, .outcomes = Proportion(rates[i], n), .newest = now_});
    }
    return known;
  }
  // Of the default and the candidate: rates of failure.
  Weighed Errors(double a, double b, double n) const {
    return {{{.variant = "a", .errors = Proportion(a, n), .newest = now_},
             {.variant = "b", .errors = Proportion(b, n), .newest = now_}}};
  }
  void Pass(absl::Duration time) { now_ += time; }
  double share(const std::string& variant) const { return ShareOf(SplitInForce(*state_), variant); }
  const State& state() const { return *state_; }
  const Plan& plan() const { return plan_; }
  Plan& plan() { return plan_; }
  absl::Time now() const { return now_; }
  template <typename T>
  const T* In() const {
    return std::get_if<T>(&state_->phase);
  }

 private:
  Plan plan_;
  std::optional<State> state_;
  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
};

// --- Bandits.

TEST(BanditTest, ItBeginsWithTheFilesWeightsAndMovesTowardsTheBestArmByNoMoreThanItMay) {
  Walk walk(ABandit({.max_move = Share(15)}));
  EXPECT_DOUBLE_EQ(walk.share("a"), 0.5);
  walk.Pass(absl::Minutes(10));
  const auto step = walk.Tell(walk.Outcomes({0.70, 0.60, 0.80}));
  ASSERT_TRUE(step);
  EXPECT_EQ(step->gate, Gate::kOpens);
  EXPECT_EQ(step->action, "shares-moved");
  EXPECT_NEAR(walk.share("c"), 0.40, 1e-3);
  EXPECT_NEAR(walk.share("a") + walk.share("b") + walk.share("c"), 1, 1e-12);
  for (int i = 0; i < 10; ++i) {
    walk.Pass(absl::Minutes(10));
    walk.Tell(walk.Outcomes({0.70, 0.60, 0.80}));
  }
  EXPECT_DOUBLE_EQ(walk.share("a"), 0.10) << "its floor";
  EXPECT_DOUBLE_EQ(walk.share("b"), 0.01) << "the least share";
  EXPECT_DOUBLE_EQ(walk.share("c"), 0.89);
}

TEST(BanditTest, TheAuditSaysTheNumbersBehindAMove) {
  Walk walk(ABandit({.max_move = Share(15)}));
  walk.Pass(absl::Minutes(10));
  const auto step = walk.Tell(walk.Outcomes({0.70, 0.60, 0.80}));
  EXPECT_EQ(step->detail,
            "thompson by accuracy: a 0.7 +- 0.0145 of 1000 (best 0.00 %), b 0.6 +- 0.0155 of 1000 (best 0.00 %), c 0.8 "
            "+- 0.0126 of 1000 (best 100.00 %); weights a 40.63, b 19.38, c 39.99; before a 50, b 25, c 25");
}

TEST(BanditTest, NothingMovesTooEarlyWithTooFewOutcomesOrWhenTheyHaveBecomeOld) {
  Walk walk(ABandit({.every = absl::Minutes(30), .min_outcomes = 200}));
  walk.Pass(absl::Minutes(29));
  EXPECT_FALSE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8}))) << "too early";
  walk.Pass(absl::Minutes(1));
  EXPECT_FALSE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8}, 199))) << "too few";
  Weighed old = walk.Outcomes({0.7, 0.6, 0.8});
  walk.Pass(absl::Minutes(31));
  EXPECT_FALSE(walk.Tell(old));
  EXPECT_EQ(ChooseShares(walk.plan(), walk.state(), old, walk.now()).why, "nothing came of a for 30m");
  EXPECT_EQ(ChooseShares(walk.plan(), walk.state(), walk.Outcomes({0.7, 0.6, 0.8}, 12), walk.now()).why,
            "a has 12 of 200 outcomes, b has 12 of 200 outcomes, c has 12 of 200 outcomes");
  EXPECT_TRUE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
  EXPECT_FALSE(walk.Tell(walk.Outcomes({0.9, 0.6, 0.8}))) << "it has just moved";
}

TEST(BanditTest, AGoalToDecreaseTurnsTheOrderAround) {
  for (const config::MetricType type : {config::MetricType::kProportion, config::MetricType::kMean}) {
    Plan plan = ABandit();
    plan.metric->goal = config::Goal::kDecrease;
    plan.metric->type = type;
    Walk walk(plan);
    walk.Pass(absl::Minutes(10));
    ASSERT_TRUE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
    EXPECT_DOUBLE_EQ(walk.share("b"), 0.89);
  }
}

TEST(BanditTest, EveryPolicyKnowsTheBestArmAndEpsilonGreedyExplores) {
  for (const auto policy : {config::BanditPolicy::kUcb1, config::BanditPolicy::kEpsilonGreedy}) {
    Walk walk(ABandit({.policy = policy, .epsilon = 0.3}));
    walk.Pass(absl::Minutes(10));
    ASSERT_TRUE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8}, 10'000)));
    EXPECT_DOUBLE_EQ(walk.share("c"), policy == config::BanditPolicy::kUcb1 ? 0.89 : 0.80);
  }
}

TEST(BanditTest, WhatIsNotWorthAnEpochDoesNotMove) {
  Walk walk(ABandit());
  walk.plan().split = Weights({{"a", 33.33}, {"b", 33.33}, {"c", 33.34}});
  walk.Tell(Filed{});
  walk.Pass(absl::Minutes(10));
  EXPECT_FALSE(walk.Tell(walk.Outcomes({0.7, 0.7, 0.7})));
}

TEST(BanditTest, ToldAgainItGivesTheSameSharesToTheLastBit) {
  Walk one(ABandit({.max_move = Share(7)})), other(ABandit({.max_move = Share(7)}));
  for (int i = 0; i < 5; ++i) {
    one.Pass(absl::Minutes(10));
    other.Pass(absl::Minutes(10));
    const Weighed known = one.Outcomes({0.70, 0.69 + 0.003 * i, 0.71}, 500 + 100 * i);
    const auto first = one.Tell(known), second = other.Tell(known);
    ASSERT_EQ(first.has_value(), second.has_value());
    EXPECT_EQ(one.state(), other.state());
    if (first) {
      EXPECT_EQ(first->detail, second->detail);
    }
  }
}

TEST(BanditTest, AMoveIsAnEpochOfTheStepWhoseClockGoesOn) {
  Walk walk(ABandit());
  const Stepping before = *walk.In<Stepping>();
  const State at = walk.state();
  walk.Pass(absl::Minutes(10));
  ASSERT_TRUE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
  const Stepping* after = walk.In<Stepping>();
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(walk.state().epoch.ordinal, at.epoch.ordinal + 1);
  EXPECT_EQ(walk.state().phase_since, at.phase_since);
  EXPECT_EQ(after->entered, before.entered);
  EXPECT_EQ(after->first_epoch, before.first_epoch);
}

TEST(BanditTest, WhilePersonsHoldTheSharesNothingMovesAndAfterwardsItGoesOnFromWhatItChose) {
  Walk walk(ABandit({.max_move = Share(15)}));
  walk.Pass(absl::Minutes(10));
  ASSERT_TRUE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
  const double chosen = walk.share("c");
  ASSERT_TRUE(walk.Ask({.kind = CommandKind::kSetWeight, .weight = Share(20)}).ok());
  EXPECT_NEAR(walk.share("b") / walk.share("c"), 19.38 / 39.99, 1e-3) << "in the proportions that it chose";
  walk.Pass(absl::Minutes(10));
  EXPECT_FALSE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
  ASSERT_TRUE(walk.Ask({.kind = CommandKind::kResume}).ok());
  EXPECT_DOUBLE_EQ(walk.share("c"), chosen);
  ASSERT_TRUE(walk.Ask({.kind = CommandKind::kPause}).ok());
  walk.Pass(absl::Minutes(10));
  EXPECT_FALSE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
  ASSERT_TRUE(walk.Ask({.kind = CommandKind::kResume}).ok());
  walk.Pass(absl::Minutes(10));
  EXPECT_TRUE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
  ASSERT_TRUE(walk.Ask({.kind = CommandKind::kRetry}).ok());
  EXPECT_DOUBLE_EQ(walk.share("c"), 0.25) << "the step anew, by the file's weights";
}

TEST(BanditTest, AFreezeKeepsCandidatesFromGrowing) {
  Plan plan = ABandit();
  Walk walk(plan);
  plan.rollout->freezes = {{walk.now(), walk.now() + absl::Hours(1)}};
  walk.plan() = plan;
  walk.Pass(absl::Minutes(10));
  EXPECT_FALSE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
  EXPECT_TRUE(walk.Tell(walk.Outcomes({0.8, 0.3, 0.3}))) << "but from shrinking, it does not";
  walk.Pass(absl::Hours(1));
  EXPECT_TRUE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
}

TEST(BanditTest, AtItsEndSomebodyDecidesAndPromotedCandidatesDivideAsItLastDid) {
  Walk walk(ABandit());
  walk.Pass(absl::Minutes(10));
  ASSERT_TRUE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
  walk.Pass(absl::Hours(24));
  walk.Tell(TimePassed{
      {{"a", 1, walk.now(), walk.now()}, {"b", 1, walk.now(), walk.now()}, {"c", 1, walk.now(), walk.now()}}});
  ASSERT_NE(walk.In<Inconclusive>(), nullptr);
  EXPECT_FALSE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
  ASSERT_TRUE(walk.Ask({.kind = CommandKind::kPromote}).ok());
  ASSERT_NE(walk.In<Watching>(), nullptr);
  EXPECT_DOUBLE_EQ(walk.share("a"), 0.01);
  EXPECT_NEAR(walk.share("c"), 0.99 * 89 / 90, 1e-3);
  EXPECT_TRUE(HasFollowed(walk.plan(), walk.state()));
  walk.Pass(absl::Hours(1));
  walk.Tell(TimePassed{
      {{"a", 1, walk.now(), walk.now()}, {"b", 1, walk.now(), walk.now()}, {"c", 1, walk.now(), walk.now()}}});
  ASSERT_NE(walk.In<Completed>(), nullptr);
  EXPECT_NEAR(walk.share("c"), 89.0 / 90, 1e-3);
}

TEST(BanditTest, AFileThatOnlyOrdersTheArmsOtherwiseChangesNoShare) {
  Walk walk(ABandit());
  walk.Pass(absl::Minutes(10));
  ASSERT_TRUE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
  const double chosen = walk.share("c");
  walk.plan().split = Weights({{"a", 50}, {"c", 25}, {"b", 25}});
  while (walk.Tell(Filed{})) continue;
  EXPECT_DOUBLE_EQ(walk.share("c"), chosen);
}

TEST(BanditTest, WithOtherArmsInTheFileItBeginsFromTheFilesWeightsAgain) {
  Walk walk(ABandit());
  walk.Pass(absl::Minutes(10));
  ASSERT_TRUE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
  Plan edited = walk.plan();
  edited.split = Weights({{"a", 40}, {"b", 20}, {"c", 20}, {"d", 20}});
  walk.plan() = edited;
  while (walk.Tell(Filed{})) continue;
  EXPECT_EQ(walk.state().epoch.split, edited.split);
}

TEST(BanditTest, APersonWaitsForApprovalOfTheSharesThatSheSees) {
  Plan plan = ABandit();
  plan.rollout->steps[0].approval = config::Approval{};
  Walk walk(plan);
  walk.Pass(absl::Hours(24));
  walk.Tell(TimePassed{
      {{"a", 1, walk.now(), walk.now()}, {"b", 1, walk.now(), walk.now()}, {"c", 1, walk.now(), walk.now()}}});
  ASSERT_TRUE(walk.In<Stepping>()->asked_at.has_value());
  EXPECT_FALSE(walk.Tell(walk.Outcomes({0.7, 0.6, 0.8})));
}

// A user goes from i to j only where j's weight grew more than i's; between two arms that is as few as there must be.
TEST(BanditTest, UsersMoveOnlyAsTheSharesMove) {
  const auto assign = [](const std::string& user, const Split& split) {
    std::vector<routing::WeightedVariant> variants;
    for (const config::Variant& v : split.variants) variants.push_back({v.name, v.weight.hundredths()});
    return routing::Assign(routing::HashUser(user, routing::SaltSeed("salt")), variants);
  };
  constexpr int kUsers = 20'000;
  for (const bool has_two_arms : {true, false}) {
    Plan plan = ABandit({.max_move = Share(8)});
    if (has_two_arms) plan.split = Weights({{"a", 60}, {"b", 40}});
    Walk walk(plan);
    for (int move = 0; move < 5; ++move) {
      const Split before = walk.state().epoch.split;
      walk.Pass(absl::Minutes(10));
      const Weighed known = has_two_arms ? walk.Outcomes({0.70, 0.75}) : walk.Outcomes({0.70, 0.60, 0.80});
      ASSERT_TRUE(walk.Tell(known));
      const Split after = walk.state().epoch.split;
      const auto growth = [&](size_t i) {
        return after.variants[i].weight.value() / before.variants[i].weight.value();
      };
      int moved = 0;
      for (int u = 0; u < kUsers; ++u) {
        const std::string user = std::to_string(u);
        const size_t from = assign(user, before), to = assign(user, after);
        if (from == to) continue;
        ++moved;
        ASSERT_GT(growth(to), growth(from));
      }
      const double part = static_cast<double>(moved) / kUsers;
      if (has_two_arms) {
        EXPECT_NEAR(part, ShareOf(after, "b") - ShareOf(before, "b"), 0.008);
      } else {
        EXPECT_LT(part, 2 * 0.08);
      }
    }
  }
}

// --- Risk.

TEST(RiskTest, TheShareIsTheLargestThatKeepsHarmTimesImpactTimesShareWithinTheBudget) {
  Walk walk(ARisk(/*budget=*/1));
  EXPECT_DOUBLE_EQ(walk.share("b"), 0.01);
  walk.Pass(absl::Minutes(10));
  const Weighed known = walk.Errors(0.10, 0.10, 2000);
  const auto step = walk.Tell(known);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->gate, Gate::kOpens);
  const double harm = *ChooseShares(walk.plan(), walk.state(), known, walk.now()).arms[1].harm;
  EXPECT_LE(harm * 100 * walk.share("b"), 1);
  EXPECT_GT(harm * 100 * (walk.share("b") + 1e-4), 1) << "a step of 0.01 % more";
}

TEST(RiskTest, ItGrowsByNoMoreThanItMayAndAtTheEndIsPromoted) {
  Walk walk(ARisk());
  std::vector<double> shares;
  for (int i = 0; i < 4; ++i) {
    walk.Pass(absl::Minutes(10));
    EXPECT_FALSE(walk.Tell(TimePassed{{{"a", 1000, walk.now(), walk.now()}, {"b", 1000, walk.now(), walk.now()}}}));
    walk.Tell(walk.Errors(0.01, 0.01, 1e6));
    shares.push_back(walk.share("b"));
  }
  EXPECT_EQ(shares, (std::vector<double>{0.31, 0.61, 0.91, 0.99}));
  const auto step = walk.Tell(TimePassed{{{"a", 1000, walk.now(), walk.now()}, {"b", 1000, walk.now(), walk.now()}}});
  ASSERT_TRUE(step);
  EXPECT_EQ(step->action, "promoted");
  EXPECT_NE(walk.In<Watching>(), nullptr);
}

TEST(RiskTest, UntilItsShareIsAllItSaysThatItWaitsForThat) {
  Walk walk(ARisk());
  const TimePassed known{{{"a", 1000, walk.now(), walk.now()}, {"b", 1000, walk.now(), walk.now()}}};
  EXPECT_EQ(Describe(WaitOf(walk.plan(), walk.state(), known, walk.now())), "the share grows to 99 %");
}

TEST(RiskTest, ItShrinksAtOnceAndGrowsOnlyWhenItIsTime) {
  Walk walk(ARisk());
  walk.Pass(absl::Minutes(10));
  ASSERT_TRUE(walk.Tell(walk.Errors(0.01, 0.01, 1e6)));
  EXPECT_DOUBLE_EQ(walk.share("b"), 0.31);
  walk.Pass(absl::Seconds(1));
  const auto step = walk.Tell(walk.Errors(0.01, 0.30, 1e6));
  ASSERT_TRUE(step);
  EXPECT_EQ(step->gate, Gate::kShuts);
  EXPECT_NEAR(walk.share("b"), 5 / (100 * 0.2925), 0.001);
  EXPECT_FALSE(walk.Tell(walk.Errors(0.01, 0.01, 1e6))) << "not before ten minutes";
}

TEST(RiskTest, ASmallShrinkWaitsSoThatEpochsAreNotSpentOnNoise) {
  Walk walk(ARisk(/*budget=*/1));
  walk.Pass(absl::Minutes(10));
  ASSERT_TRUE(walk.Tell(walk.Errors(0.10, 0.10, 2000)));
  const double share = walk.share("b");
  walk.Pass(absl::Seconds(1));
  EXPECT_FALSE(walk.Tell(walk.Errors(0.10, 0.102, 2000)));
  walk.Pass(absl::Minutes(10));
  EXPECT_TRUE(walk.Tell(walk.Errors(0.10, 0.102, 2000)));
  EXPECT_LT(walk.share("b"), share);
}

TEST(RiskTest, OnStaleDataItNeverGrowsButMayShrink) {
  Walk walk(ARisk());
  walk.Pass(absl::Minutes(10));
  ASSERT_TRUE(walk.Tell(walk.Errors(0.01, 0.01, 1e6)));
  const Weighed good = walk.Errors(0.01, 0.01, 1e6), bad = walk.Errors(0.01, 0.30, 1e6);
  walk.Pass(absl::Minutes(11));
  EXPECT_FALSE(walk.Tell(good));
  EXPECT_TRUE(walk.Tell(bad));
}

TEST(RiskTest, TheWorstOfSeveralCandidatesCounts) {
  Plan plan = ARisk();
  plan.split = Weights({{"a", 50}, {"b", 25}, {"c", 25}});
  Walk walk(plan);
  walk.Pass(absl::Minutes(10));
  Weighed known = walk.Errors(0.01, 0.01, 1e6);
  known.arms.push_back({.variant = "c", .errors = Proportion(0.5, 1e6), .newest = walk.now()});
  walk.Tell(known);
  EXPECT_NEAR(walk.share("b") + walk.share("c"), 0.10, 0.003);
  EXPECT_DOUBLE_EQ(walk.share("b"), walk.share("c"));
}

TEST(RiskTest, AShareThatShrinksWhileItWaitsForApprovalIsAskedForAgain) {
  Plan plan = ARisk();
  plan.rollout->steps[0].approval = config::Approval{2};
  Walk walk(plan);
  for (int i = 0; i < 4; ++i) {
    walk.Pass(absl::Minutes(10));
    walk.Tell(walk.Errors(0.01, 0.01, 1e6));
  }
  walk.Tell(TimePassed{{{"a", 1000, walk.now(), walk.now()}, {"b", 1000, walk.now(), walk.now()}}});
  ASSERT_TRUE(walk.In<Stepping>()->asked_at.has_value());
  ASSERT_TRUE(walk.Ask({.kind = CommandKind::kApprove}).ok());
  EXPECT_EQ(walk.In<Stepping>()->approvals.size(), 1u);
  walk.Pass(absl::Seconds(1));
  ASSERT_TRUE(walk.Tell(walk.Errors(0.01, 0.30, 1e6)));
  EXPECT_FALSE(walk.In<Stepping>()->asked_at.has_value());
  EXPECT_TRUE(walk.In<Stepping>()->approvals.empty());
}

// --- The ledger of alpha.

TEST(PlannedRestartsTest, ARolloutThatChoosesItsSharesPlansWithItsMovesUpToABound) {
  Plan bandit = ABandit({.every = absl::Hours(1)});
  EXPECT_EQ(PlannedRestarts(bandit), 24u + 2u);
  bandit.rollout->bandit->every = absl::Seconds(1);
  EXPECT_EQ(PlannedRestarts(bandit), kMostPlannedMoves + 2);
  EXPECT_EQ(PlannedRestarts(ARisk()), 7u + 2u) << "twice the 3.3 moves of 30 %";
}

}  // namespace
}  // namespace weir::experiment
