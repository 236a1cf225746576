#include "router/experiment/analyst.h"

#include <cmath>
#include <map>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace weir::experiment {
namespace {

Split Even() {
  return {.variants = {{"a", config::Weight::FromHundredths(5000)}, {"b", config::Weight::FromHundredths(5000)}}};
}

// A step that wants non-inferiority of errors at a margin of 1.5.
config::Experiment ACanary() {
  config::Experiment experiment;
  experiment.name = "e";
  experiment.variants = Even().variants;
  experiment.guardrails = {
      {.name = "errors", .rule = config::ErrorRatio{1.5}, .action = config::GuardrailAction::kWarn}};
  experiment.rollout = config::Rollout{
      .steps = {{.weight = *config::Percent::FromDouble(50), .pause = {}, .analysis = config::Analysis{}}}};
  return experiment;
}

// One experiment in its first step: calls come, and it is looked at every second.
class World {
 public:
  explicit World(config::Experiment experiment = ACanary(), uint64_t seed = 1)
      : experiment_(std::move(experiment)), random_(seed) {
    state_ = {.run = {.ordinal = 1, .label = "", .started = now_},
              .epoch = {.ordinal = 1, .started = now_, .split = Even()},
              .phase = Stepping{.step = 0, .first_epoch = 1, .begun = now_, .entered = now_},
              .phase_since = now_};
    evidence_.BeginEpoch(1, Even());
    Follow();
  }
  void Follow() {
    analyst_.Follow(experiment_, state_.epoch.split);
    guardrails_.Follow(analyst_.Judged(experiment_), state_.epoch.split);
  }
  // An epoch in which b has that share.
  void BeginEpoch(uint32_t percent_of_b) {
    state_.epoch.ordinal += 1;
    state_.epoch.started = now_;
    state_.epoch.split.variants = {{"a", config::Weight::FromHundredths(10'000 - 100 * percent_of_b)},
                                   {"b", config::Weight::FromHundredths(100 * percent_of_b)}};
    evidence_.BeginEpoch(state_.epoch.ordinal, state_.epoch.split);
    Follow();
  }
  // Outcomes of the present epoch's calls, of which that part is 1.
  void Report(const std::string& variant, int outcomes, double mean) {
    for (int i = 0; i < outcomes; ++i) {
      evidence_.AddOutcome(state_.epoch.ordinal, variant, "accuracy", static_cast<uint8_t>(random_() % 256),
                           i < mean * outcomes ? 1 : 0);
    }
  }
  // `calls` a second of each variant where the shares are even, of 3,000 users.
  void Run(int seconds, double errors_of_a, double errors_of_b, int calls = 200,
           absl::Duration latency_of_b = absl::Milliseconds(10)) {
    for (int second = 0; second < seconds; ++second) {
      now_ += absl::Seconds(1);
      for (const bool is_b : {false, true}) {
        stats::VariantCounts counts;
        const std::string variant = is_b ? "b" : "a";
        const double calls_of_it = std::round(2 * calls * ShareOf(state_.epoch.split, variant));
        for (int i = 0; i < calls_of_it; ++i) {
          const auto bucket = static_cast<uint8_t>((random_() % 3000) * 167);
          const bool fails = chance_(random_) < (is_b ? errors_of_b : errors_of_a);
          counts.CountStart(stats::TickOf(now_), bucket);
          counts.CountEnd({.started = stats::TickOf(now_),
                           .user_bucket = bucket,
                           .outcome = fails ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                           .latency = (is_b ? latency_of_b : absl::Milliseconds(10)) + absl::Microseconds(i * 13)});
        }
        evidence_.Merge(state_.epoch.ordinal, variant, counts);
      }
      Look();
    }
  }
  // As Run, but b is down: its calls are diverted to a.
  void RunWithoutB(int seconds, int calls = 200) {
    for (int second = 0; second < seconds; ++second) {
      now_ += absl::Seconds(1);
      stats::VariantCounts of_a, of_b;
      for (int i = 0; i < calls; ++i) {
        const auto bucket = static_cast<uint8_t>((random_() % 3000) * 167);
        of_a.CountStart(stats::TickOf(now_), bucket);
        of_a.CountEnd({.started = stats::TickOf(now_),
                       .user_bucket = bucket,
                       .outcome = stats::CallOutcome::kSuccess,
                       .latency = absl::Milliseconds(10)});
        of_b.CountUncompared(static_cast<uint8_t>((random_() % 3000) * 167));
      }
      evidence_.Merge(state_.epoch.ordinal, "a", of_a);
      evidence_.Merge(state_.epoch.ordinal, "b", of_b);
      Look();
    }
  }
  void Look() {
    judgements_ = guardrails_.Judge(evidence_, now_);
    if (analyst_.Look({experiment_, state_, evidence_, judgements_, values_}, now_)) Follow();
    for (Warning& warning : analyst_.WarningsAt(now_)) warnings_.push_back(std::move(warning));
    has_succeeded_ |= verdict() == Verdict::kSuccess;
  }
  // The process dies; the next one reads what it wrote.
  void Restart() {
    const v1::AnalysisCheckpoint checkpoint = analyst_.Checkpoint();
    analyst_ = Analyst();
    ASSERT_TRUE(analyst_.Restore(checkpoint).ok());
    Follow();
    analyst_.TakeUp(evidence_, now_);
  }

  Verdict verdict() const { return analyst_.AnalysedIn(state_).verdict; }
  std::string why() const { return analyst_.AnalysedIn(state_).why; }

  config::Experiment experiment_;
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> chance_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  State state_;
  RunEvidence evidence_;
  Guardrails guardrails_;
  Analyst analyst_;
  std::vector<Judgement> judgements_;
  ExternalValues values_;
  std::vector<Warning> warnings_;
  bool has_succeeded_ = false;
};

TEST(AnalystTest, ACandidateThatIsAsGoodIsShownNotToBeWorse) {
  World world;
  world.Run(3, 0.10, 0.10);
  EXPECT_EQ(world.verdict(), Verdict::kUndecided) << "too early";
  world.Run(60, 0.10, 0.10);
  EXPECT_EQ(world.verdict(), Verdict::kSuccess) << world.why();
}

TEST(AnalystTest, ACandidateAtTheMarginPassesRarelyThoughItIsLookedAtAllTheTime) {
  int successes = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    World world(ACanary(), 1000 + seed);
    world.Run(60, 0.10, 0.15);
    successes += world.has_succeeded_;
  }
  // At alpha 0.05, more than 6 of 40 have probability 0.014.
  EXPECT_LE(successes, 6);
}

TEST(AnalystTest, ATailThatIsNoLongerIsShownNotToBe) {
  config::Experiment experiment = ACanary();
  experiment.guardrails = {{.name = "tail", .rule = config::TailRatio{0.95, 1.5}}};
  World same(experiment);
  same.Run(60, 0, 0);
  EXPECT_EQ(same.verdict(), Verdict::kSuccess) << same.why();
  World slower(experiment);
  slower.Run(60, 0, 0, 200, absl::Milliseconds(25));
  EXPECT_FALSE(slower.has_succeeded_);
}

TEST(AnalystTest, WhatWasShownIsNotForgottenByARestart) {
  World world;
  world.Run(63, 0.10, 0.10);
  const std::vector<Finding> before = world.analyst_.decision()->findings;
  world.Restart();
  world.Look();
  ASSERT_TRUE(world.analyst_.decision().has_value());
  EXPECT_EQ(world.analyst_.decision()->findings, before);
}

TEST(AnalystTest, ADecisionIsOfItsOwnStepAlone) {
  World world;
  world.Run(63, 0.10, 0.10);
  ASSERT_EQ(world.verdict(), Verdict::kSuccess);
  std::get<Stepping>(world.state_.phase).first_epoch = 2;
  EXPECT_EQ(world.verdict(), Verdict::kUndecided);
}

TEST(AnalystTest, AStepThatWasPausedIsLookedAtAtOnceForItCountsFromLater) {
  World world;
  world.Run(63, 0.10, 0.10);
  ASSERT_EQ(world.verdict(), Verdict::kSuccess);
  std::get<Stepping>(world.state_.phase).entered += absl::Seconds(10);
  EXPECT_EQ(world.verdict(), Verdict::kUndecided);
  world.Look();
  EXPECT_EQ(world.verdict(), Verdict::kSuccess);
}

TEST(AnalystTest, EqualModelsAreNotToldApartByWhatDriftsWhileTheirSharesChange) {
  config::Experiment experiment = ACanary();
  experiment.guardrails.clear();
  experiment.metrics = {{.name = "accuracy", .field = "accuracy", .role = config::Role::kPrimary}};
  experiment.rollout->steps[0].analysis = config::Analysis{.needs_non_inferiority = false, .needs_primaries = true};
  World world(experiment);
  world.BeginEpoch(30);
  world.Report("a", 3500, 0.6);
  world.Report("b", 1500, 0.6);
  world.Run(25, 0, 0, 100);
  EXPECT_EQ(world.verdict(), Verdict::kUndecided) << world.why();
  world.BeginEpoch(80);
  world.Report("a", 1000, 0.7);
  world.Report("b", 4000, 0.7);
  world.Run(25, 0, 0, 100);
  EXPECT_FALSE(world.has_succeeded_) << "over both b has 0.673, and a 0.622";
  EXPECT_EQ(world.verdict(), Verdict::kUndecided) << world.why();
  world.BeginEpoch(50);
  world.Report("a", 2500, 0.6);
  world.Report("b", 2500, 0.8);
  world.Run(25, 0, 0, 100);
  EXPECT_EQ(world.verdict(), Verdict::kSuccess) << world.why();
}

TEST(AnalystTest, OutcomesAreExpectedByTheSharesThatTheirCallsHad) {
  config::Experiment experiment = ACanary();
  experiment.guardrails.clear();
  experiment.metrics = {{.name = "accuracy", .field = "accuracy"}};
  experiment.rollout->strategy = config::Strategy::kBandit;
  experiment.rollout->bandit = config::Bandit{.metric = "accuracy"};
  experiment.rollout->steps[0].analysis =
      config::Analysis{.needs_non_inferiority = false, .success = *config::Condition::Parse("accuracy.b > 0.5")};
  World world(experiment);
  world.BeginEpoch(5);
  world.Report("a", 9500, 0.8);
  world.Report("b", 500, 0.8);
  world.Run(50, 0, 0, 100);
  EXPECT_EQ(world.verdict(), Verdict::kSuccess) << world.why();
  world.BeginEpoch(50);
  world.Run(5, 0, 0, 50);
  EXPECT_EQ(world.verdict(), Verdict::kSuccess) << "500 calls without labels yet: " << world.why();
  world.Run(15, 0, 0, 50);
  world.Report("a", 1000, 0.8);
  world.Run(1, 0, 0, 50);
  EXPECT_EQ(world.verdict(), Verdict::kInconclusive) << "and none of b's: " << world.why();
}

// A step that asks for that alone.
config::Experiment AnAnalysisOf(const std::string& success) {
  config::Experiment experiment = ACanary();
  experiment.guardrails.clear();
  experiment.rollout->steps[0].analysis =
      config::Analysis{.needs_non_inferiority = false, .success = *config::Condition::Parse(success)};
  return experiment;
}

TEST(AnalystTest, ALongOutageOfTheCandidateIsNoMismatch) {
  World world(AnAnalysisOf("error_rate.b < 0.1"));
  world.Run(30, 0, 0);
  world.RunWithoutB(400);
  EXPECT_EQ(world.verdict(), Verdict::kUndecided) << "nothing is heard of it: " << world.why();
  EXPECT_LT(world.analyst_.sample_ratio_log10_bayes_factor().value(), 0);
  world.Run(10, 0, 0);
  EXPECT_EQ(world.verdict(), Verdict::kSuccess) << world.why();
  EXPECT_LT(world.analyst_.sample_ratio_log10_bayes_factor().value(), 0);
  EXPECT_TRUE(Verify(*world.analyst_.Record("e")).ok());
}

TEST(AnalystTest, CallsThatAreLostBeforeAnyModelIsAskedAreAMismatchStill) {
  World world(AnAnalysisOf("error_rate.b < 0.1"));
  world.RunWithoutB(50);
  for (int second = 0; second < 50; ++second) {  // Those of b alone do not come.
    stats::VariantCounts of_a;
    for (int i = 0; i < 200; ++i) of_a.CountUncompared(static_cast<uint8_t>((world.random_() % 3000) * 167));
    world.evidence_.Merge(1, "a", of_a);
  }
  world.Run(10, 0, 0);
  EXPECT_EQ(world.verdict(), Verdict::kInconclusive) << world.why();
}

TEST(AnalystTest, OfDivertedCallsNoOutcomesAreDue) {
  config::Experiment experiment = AnAnalysisOf("accuracy.b > 0.5");
  experiment.metrics = {{.name = "accuracy", .field = "accuracy"}};
  World world(experiment);
  world.Run(25, 0, 0, 100);
  world.RunWithoutB(300, 100);  // 32,500 calls of a are compared, and 2,600 of b.
  world.Run(1, 0, 0, 100);
  world.Report("a", 3250, 0.8);
  world.Report("b", 260, 0.8);
  world.Run(1, 0, 0, 100);
  EXPECT_EQ(world.verdict(), Verdict::kSuccess) << world.why();
  world.Report("b", 3000, 0.8);
  world.Run(1, 0, 0, 100);
  EXPECT_EQ(world.verdict(), Verdict::kInconclusive) << "as many as if all had been its own: " << world.why();
}

TEST(AnalystTest, WithoutCallsASuccessEnds) {
  World world;
  world.Run(63, 0.10, 0.10);
  world.now_ += absl::Minutes(6);
  world.Look();
  EXPECT_EQ(world.verdict(), Verdict::kUndecided);
}

TEST(AnalystTest, ADryRunAndAStepWithoutAnAnalysisDecideNothing) {
  config::Experiment dry = ACanary();
  dry.rollout->is_dry_run = true;
  World world(dry);
  world.Run(3, 0.1, 0.1);
  EXPECT_FALSE(world.analyst_.decision().has_value());
  EXPECT_FALSE(AnalysisOf(dry, world.state_).has_value());
}

TEST(AnalystTest, WithoutAnAnalysisWhatTheSpecificationWantsToKnowIsTold) {
  config::Experiment experiment = ACanary();
  experiment.rollout->steps[0].analysis.reset();
  experiment.decision = config::DecisionWeights{.cost_per_millisecond = 1};
  World world(experiment);
  world.Run(30, 0.01, 0.01, 200, absl::Milliseconds(30));
  ASSERT_TRUE(world.analyst_.decision().has_value());
  EXPECT_EQ(world.analyst_.decision()->label, "REJECT");
  EXPECT_FALSE(world.analyst_.decides());
  EXPECT_EQ(world.verdict(), Verdict::kUndecided) << "it changes nothing";
}

TEST(AnalystTest, InTheWatchTheLastFailureConditionIsLookedAtAndNothingElse) {
  config::Experiment experiment = ACanary();
  experiment.metrics = {{.name = "accuracy", .field = "accuracy", .role = config::Role::kPrimary}};
  experiment.rollout->steps[0].analysis =
      config::Analysis{.needs_primaries = true, .failure = *config::Condition::Parse("error_rate.b > 0.3")};
  experiment.rollout->steps.push_back({.weight = *config::Percent::FromDouble(80)});
  World world(experiment);
  world.BeginEpoch(80);
  world.state_.phase = Watching{.since = world.now_};
  world.Report("a", 400, 0.9);
  world.Report("b", 1600, 0.1);
  world.Run(20, 0.1, 0.1, 100);
  EXPECT_TRUE(world.analyst_.decides());
  EXPECT_EQ(world.verdict(), Verdict::kUndecided) << world.why();
  world.Run(60, 0.1, 0.5, 100);
  EXPECT_EQ(world.verdict(), Verdict::kFailed) << world.why();
  world.state_.phase = Completed{};
  EXPECT_EQ(world.verdict(), Verdict::kUndecided);
}

TEST(AnalystTest, ALateRiseWarnsOrAsksForTheAction) {
  config::Experiment experiment = ACanary();
  experiment.guardrails[0].detector_arl = 1e6;
  World warns(experiment);
  warns.Run(60, 0.02, 0.02);
  EXPECT_TRUE(warns.warnings_.empty());
  warns.Run(20, 0.02, 0.2);
  ASSERT_FALSE(warns.warnings_.empty());
  EXPECT_EQ(warns.warnings_[0].kind, Warning::Kind::kDetector);
  EXPECT_EQ(warns.warnings_[0].candidate, "b");

  experiment.guardrails[0].action = config::GuardrailAction::kRollback;
  experiment.guardrails[0].detector_acts = true;
  World acts(experiment);
  bool asked = false;
  acts.Run(60, 0.02, 0.02);
  for (int i = 0; i < 20; ++i) {
    acts.Run(1, 0.02, 0.2);
    for (const Demand& demand : acts.analyst_.alarms()) asked |= demand.is_detectors && demand.guardrail == "errors";
  }
  EXPECT_TRUE(asked);
  EXPECT_TRUE(acts.warnings_.empty());
}

TEST(AnalystTest, AGuardrailIsJudgedOnceItsRateHasHeld) {
  config::Experiment experiment = ACanary();
  experiment.guardrails[0].when = config::RateGate{300, absl::Seconds(30)};
  World world(experiment);
  world.Run(40, 0.02, 0.5, 50);
  EXPECT_TRUE(world.judgements_.empty()) << "100 calls a second are not 300";
  world.Run(45, 0.02, 0.5, 200);
  ASSERT_FALSE(world.judgements_.empty());
  EXPECT_TRUE(world.judgements_[0].breached);
}

TEST(AnalystTest, ABreachPausesOnceARunAlsoAfterARestart) {
  World world;
  EXPECT_TRUE(world.analyst_.MarkPaused("errors", "b"));
  world.Restart();
  EXPECT_TRUE(world.analyst_.HasPaused("errors", "b"));
  EXPECT_FALSE(world.analyst_.HasPaused("errors", "c"));
}

TEST(AnalystTest, ARecordOfItsDecisionCanBeVerified) {
  World world;
  world.Run(30, 0.10, 0.11);
  const std::optional<v1::DecisionRecord> record = world.analyst_.Record("e");
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->inputs().experiment(), "e");
  EXPECT_TRUE(Verify(*record).ok()) << Verify(*record);
}

}  // namespace
}  // namespace weir::experiment
