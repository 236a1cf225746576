// Rollouts that choose their shares, as the controller carries them: outcomes and calls in, shares and rows of the
// journal out.

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "router/control/controller.h"
#include "router/control/controller_rig.h"

namespace weir::control {
namespace {

config::Percent Share(double percent) { return *config::Percent::FromDouble(percent); }

config::Experiment ABandit() {
  config::Experiment experiment = ControllerRig::AnExperiment();
  experiment.rollout = config::Rollout{.strategy = config::Strategy::kBandit,
                                       .steps = {{.weight = std::nullopt, .pause = {absl::Minutes(10), 1000}}},
                                       .holdback = Share(5),
                                       .watch = absl::Seconds(3),
                                       .bandit = config::Bandit{.metric = "accuracy",
                                                                .floor = Share(10),
                                                                .least_share = Share(1),
                                                                .max_move = Share(10),
                                                                .every = absl::Seconds(1),
                                                                .min_outcomes = 50}};
  return experiment;
}

config::Experiment ARisk() {
  config::Experiment experiment = ControllerRig::AnExperiment();
  experiment.guardrails.clear();  // What shrinks a share is not what shuts the gate.
  experiment.rollout = config::Rollout{
      .steps = {{.weight = Share(5)}},
      .holdback = Share(5),
      .watch = absl::Seconds(3),
      .schedule = config::RiskSchedule{
          .budget = 5, .impact = 100, .first = Share(5), .max_move = Share(30), .every = absl::Seconds(2)}};
  return experiment;
}

class AllocationTest : public testing::Test {
 protected:
  double share() const { return rig.Share("candidate"); }
  v1::AllocationStatus allocation() const { return rig.Status().rollout().allocation(); }
  std::string last_action() { return rig.journal().records().back().action(); }
  std::vector<v1::AuditRecord> Moves() {
    std::vector<v1::AuditRecord> moves;
    for (const v1::AuditRecord& record : rig.journal().records()) {
      if (record.action() == "shares-moved") moves.push_back(record);
    }
    return moves;
  }
  // Ticks in each of which the variants get outcomes in proportion to their shares.
  void RunWithOutcomes(int ticks, double baseline, double candidate) {
    for (int t = 0; t < ticks; ++t) {
      for (int i = 0; i < 20; ++i) {
        const bool is_candidate = std::bernoulli_distribution(share())(rng_);
        const bool is_correct = std::bernoulli_distribution(is_candidate ? candidate : baseline)(rng_);
        ASSERT_TRUE(rig.Outcome(++sequence_, is_correct, is_candidate ? "candidate" : "baseline").ok());
      }
      rig.Run(1);
    }
  }

  ControllerRig rig;

 private:
  std::mt19937_64 rng_{7};
  uint64_t sequence_ = 0;
};

TEST_F(AllocationTest, ABanditGivesTheBetterVariantAllButTheFloorAndEveryMoveIsJournalled) {
  rig.File({ABandit()});
  EXPECT_NEAR(share(), 0.3, 1e-12);
  double before = share();
  for (int second = 0; second < 40; ++second) {
    RunWithOutcomes(10, 0.5, 0.8);
    EXPECT_LE(share() - before, 0.1 + 1e-9);
    EXPECT_LE(share(), 0.9 + 1e-9);
    before = share();
  }
  EXPECT_NEAR(share(), 0.9, 1e-9);
  ASSERT_GE(Moves().size(), 6u);
  EXPECT_NE(Moves()[0].detail().find("thompson by accuracy: baseline 0."), std::string::npos) << Moves()[0].detail();
  const v1::AllocationStatus shown = allocation();
  EXPECT_EQ(shown.policy(), "thompson");
  EXPECT_GT(shown.arms(1).best(), 0.99);
  EXPECT_NEAR(shown.arms(1).mean(), 0.8, 0.05);
  EXPECT_NEAR(shown.regret(), 0.1 * 0.3, 0.01);
  const auto metrics = rig.controller().View(rig.now()).metrics.allocations;
  ASSERT_EQ(metrics.size(), 2u);
  EXPECT_EQ(metrics[1].probability_best, shown.arms(1).best());
}

TEST_F(AllocationTest, UntilThereAreEnoughOutcomesTheStatusSaysWhatIsMissing) {
  rig.File({ABandit()});
  RunWithOutcomes(5, 0.5, 0.8);
  rig.Run(20);
  EXPECT_NE(allocation().waits_for().find("of 50 outcomes"), std::string::npos) << allocation().waits_for();
  EXPECT_NEAR(share(), 0.3, 1e-12);
}

TEST_F(AllocationTest, AMoveIsJournalledBeforeItIsInForceAndDoesNotHappenWhenTheJournalRefuses) {
  rig.File({ABandit()});
  rig.journal().FailWith(absl::UnavailableError("disk full"));
  RunWithOutcomes(40, 0.5, 0.8);
  EXPECT_NEAR(share(), 0.3, 1e-12);
  rig.journal().FailWith(absl::OkStatus());
  RunWithOutcomes(40, 0.5, 0.8);
  EXPECT_GT(share(), 0.35);
}

TEST_F(AllocationTest, AfterAKillItGoesOnWithTheSharesAndWhatItHadLearned) {
  rig.File({ABandit()});
  RunWithOutcomes(40, 0.5, 0.8);
  const double before = share();
  const int64_t outcomes = allocation().arms(1).count();
  EXPECT_GT(before, 0.35);
  rig.Restart();
  EXPECT_NEAR(share(), before, 1e-12);
  rig.Run(20);
  EXPECT_NEAR(share(), before, 1e-12) << "nothing has come since";
  EXPECT_GE(allocation().arms(1).count(), outcomes - 200) << "at most a second is lost";
  EXPECT_GT(allocation().arms(1).count(), 100);
  RunWithOutcomes(20, 0.5, 0.8);
  EXPECT_GT(share(), before);
}

TEST_F(AllocationTest, SamplesOfManyEpochsAreCountedTogetherAndFewEpochsStayOpen) {
  config::Experiment experiment = ABandit();
  experiment.rollout->bandit->max_move = Share(1);
  rig.File({experiment});
  RunWithOutcomes(400, 0.5, 0.8);
  EXPECT_GE(Moves().size(), 30u);
  EXPECT_EQ(rig.Status().rollout().missing_samples_size(), 0) << "400 ticks with 6 calls or more of the candidate";
  RunWithOutcomes(900, 0.5, 0.8);
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING);
  int rows = 0;
  for (const auto& [key, value] : rig.journal().checkpoints()) rows += key.starts_with("epoch/");
  EXPECT_LE(rows, static_cast<int>(GovernedExperiment::kEpochsOfAStep) + 1);
}

TEST_F(AllocationTest, ARiskScheduleWalksUpAndIsPromotedAndTheStatusSaysTheBound) {
  rig.File({ARisk()});
  EXPECT_NEAR(share(), 0.05, 1e-12);
  double before = share();
  bool was_shown = false;
  for (int i = 0; i < 3000 && rig.Status().phase() == v1::STEPPING; ++i) {
    rig.Run(1, "", 200);
    EXPECT_LE(share() - before, 0.30 + 1e-9);
    before = share();
    if (allocation().arms_size() == 2 && allocation().arms(1).has_harm() && share() < 0.9) {
      was_shown = true;
      EXPECT_LE(allocation().arms(1).harm() * 100 * share(), 5 * 1.06) << "the budget";
    }
  }
  EXPECT_TRUE(was_shown);
  EXPECT_EQ(rig.Status().phase(), v1::WATCHING);
  EXPECT_NEAR(share(), 0.95, 1e-12);
  EXPECT_GE(Moves().size(), 3u);
  EXPECT_EQ(last_action(), "promoted");
}

TEST_F(AllocationTest, ARiskScheduleShrinksWhenTheModelBecomesWorse) {
  rig.File({ARisk()});
  for (int i = 0; i < 3000 && share() < 0.5; ++i) rig.Run(1, "", 200);
  const double grown = share();
  ASSERT_GE(grown, 0.5);
  (void)rig.TakeOrder();
  for (int i = 0; i < 100 && share() >= grown; ++i) rig.Run(1, "candidate", 200);
  EXPECT_LT(share(), grown);
  std::vector<std::string> order = rig.TakeOrder();
  std::erase(order, "checkpoint");
  ASSERT_GE(order.size(), 2u);
  EXPECT_EQ(order[0], "table") << "in force before it is journalled";
  rig.Run(100, "candidate", 200);
  // A fifth of its calls fails: 5 / (100 x 0.19) at most.
  EXPECT_LE(share(), 0.27);
  EXPECT_EQ(rig.Status().phase(), v1::STEPPING);
}

TEST_F(AllocationTest, AFrozenRolloutChoosesNothingWhenTheJournalIsFound) {
  for (const config::Experiment& experiment : {ABandit(), ARisk()}) {
    ControllerRig rig;
    rig.File({experiment});
    rig.Run(30);
    rig.RestartUnreadable(absl::UnavailableError("locked"));
    rig.Run(20);
    rig.RepairJournal();
    rig.Run(100);
    EXPECT_EQ(rig.Status().phase(), v1::FROZEN);
    EXPECT_EQ(rig.Share("candidate"), 0);
  }
}

TEST_F(AllocationTest, WhenCallsStopComingARiskScheduleDoesNotGrow) {
  config::Experiment experiment = ARisk();
  experiment.rollout->no_data_after = absl::Seconds(2);
  rig.File({experiment});
  for (int i = 0; i < 3000 && share() < 0.3; ++i) rig.Run(1, "", 200);
  const double grown = share();
  for (int i = 0; i < 300; ++i) rig.Tick();
  EXPECT_NEAR(share(), grown, 1e-12);
  EXPECT_NE(allocation().waits_for().find("nothing came of"), std::string::npos) << allocation().waits_for();
}

}  // namespace
}  // namespace weir::control
