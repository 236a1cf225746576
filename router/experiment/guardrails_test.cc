#include "router/experiment/guardrails.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace weir::experiment {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

Split Variants(std::vector<std::string> names) {
  Split split;
  for (std::string& name : names) split.variants.push_back({std::move(name), config::Weight::FromHundredths(100)});
  return split;
}

config::Experiment Specification(std::vector<config::Guardrail> guardrails) {
  config::Experiment experiment;
  experiment.name = "x";
  experiment.metrics = {{.name = "accuracy", .field = "correct"}};
  experiment.guardrails = std::move(guardrails);
  return experiment;
}

const config::Guardrail kErrors{.name = "errors", .rule = config::ErrorRatio{1.2}};
const config::Guardrail kTail{.name = "tail", .rule = config::TailRatio{.quantile = 0.99, .max_ratio = 1.5}};
const config::Guardrail kCeiling{.name = "ceiling", .rule = config::ErrorCeiling{0.05}};
const config::Guardrail kFloor{.name = "floor",
                               .rule = config::OutcomeBound{.metric = "accuracy", .min = 0.75, .max = std::nullopt},
                               .action = config::GuardrailAction::kWarn};

// `period` is odd, so that failures fall on all user buckets alike. Ten calls of `variant` a tick for `ticks`, each
// ended by then; every `period`-th failed (0: none).
void Serve(RunEvidence& evidence, uint32_t epoch, const std::string& variant, absl::Time from, int ticks, int period,
           absl::Duration latency = absl::Milliseconds(20)) {
  stats::VariantCounts counts;
  int calls = 0;
  for (int t = 0; t < ticks; ++t) {
    const stats::Tick tick = stats::TickOf(from) + t;
    for (int i = 0; i < 10; ++i) {
      const auto bucket = static_cast<uint8_t>(++calls * 37);
      counts.CountStart(tick, bucket);
      const bool failed = period != 0 && calls % period == 0;
      counts.CountEnd({.started = tick,
                       .user_bucket = bucket,
                       .outcome = failed ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                       .latency = latency});
    }
  }
  evidence.Merge(epoch, variant, counts);
}

const Judgement* Find(const std::vector<Judgement>& judgements, const std::string& guardrail,
                      const std::string& candidate) {
  for (const Judgement& judgement : judgements) {
    if (judgement.guardrail == guardrail && judgement.candidate == candidate) return &judgement;
  }
  return nullptr;
}

struct Judged {
  explicit Judged(std::vector<std::string> names, std::vector<config::Guardrail> rules)
      : split(Variants(std::move(names))), specification(Specification(std::move(rules))) {
    evidence.BeginEpoch(1, split);
    guardrails.Follow(specification, split);
  }
  std::vector<Judgement> At(absl::Duration later) { return guardrails.Judge(evidence, kStart + later); }

  Split split;
  config::Experiment specification;
  RunEvidence evidence;
  Guardrails guardrails;
};

TEST(GuardrailsTest, ACandidateThatFailsOneCallInFiveBreachesAndAHealthyOneDoesNot) {
  Judged run({"a", "bad", "good"}, {kErrors});
  Serve(run.evidence, 1, "a", kStart, 50, 101);
  Serve(run.evidence, 1, "bad", kStart, 50, 5);
  Serve(run.evidence, 1, "good", kStart, 50, 101);
  const auto judgements = run.At(absl::Seconds(10));
  ASSERT_EQ(judgements.size(), 2u);
  EXPECT_TRUE(Find(judgements, "errors", "bad")->breached);
  EXPECT_FALSE(Find(judgements, "errors", "good")->breached);
  EXPECT_EQ(Find(judgements, "errors", "bad")->rule, "error rate > 1.2 x default's");
}

TEST(GuardrailsTest, EveryKindOfRuleIsTested) {
  Judged run({"a", "b"}, {kErrors, kTail, kCeiling, kFloor});
  Serve(run.evidence, 1, "a", kStart, 200, 0);
  Serve(run.evidence, 1, "b", kStart, 200, 5, absl::Milliseconds(400));
  for (int i = 0; i < 400; ++i) run.evidence.AddOutcome(1, "b", "accuracy", static_cast<uint8_t>(i * 37), i % 2);
  for (const Judgement& judgement : run.At(absl::Seconds(30))) {
    EXPECT_TRUE(judgement.breached) << judgement.guardrail << " " << judgement.log10_evidence;
    EXPECT_GE(judgement.log10_evidence, judgement.log10_threshold);
  }
}

TEST(GuardrailsTest, CandidatesShareAlphaSoThatTheirSumStaysBounded) {
  Judged one({"a", "b"}, {kErrors});
  Judged two({"a", "b", "c"}, {kErrors});
  const double alone = one.At(absl::Seconds(1)).at(0).log10_threshold;
  for (const Judgement& judgement : two.At(absl::Seconds(1))) {
    EXPECT_NEAR(judgement.log10_threshold, alone + std::log10(2), 1e-9);
  }
}

double ThresholdOf(Judged& run, const std::string& candidate, absl::Duration at) {
  return Find(run.At(at), "errors", candidate)->log10_threshold;
}

// The alpha that a run's test at this threshold spends: half of its share.
double SpentAt(double log10_threshold) { return std::pow(10, -log10_threshold); }

TEST(GuardrailsTest, HoweverManyCandidatesJoinOneAfterAnotherTheSumOfTheirAlphasStaysBounded) {
  Judged run({"a", "b"}, {kErrors});
  const double alone = ThresholdOf(run, "b", absl::Seconds(1));
  double spent = SpentAt(alone);
  for (uint32_t late = 1; late <= 20; ++late) {
    const std::string name = "late" + std::to_string(late);
    run.split.variants.push_back({name, config::Weight::FromHundredths(100)});
    run.evidence.BeginEpoch(1 + late, run.split);
    run.guardrails.Follow(run.specification, run.split);
    spent += SpentAt(ThresholdOf(run, name, absl::Seconds(1 + late)));
    EXPECT_EQ(ThresholdOf(run, "b", absl::Seconds(1 + late)), alone);
  }
  EXPECT_LE(spent, kErrors.alpha / 2);
}

TEST(GuardrailsTest, ADefaultThatFlipsSpendsAlphaOfTheReserveAlsoOverRestarts) {
  Judged run({"a", "b"}, {kErrors});
  double spent = SpentAt(ThresholdOf(run, "b", absl::Seconds(1)));
  for (uint32_t flip = 1; flip <= 20; ++flip) {
    run.split.default_variant = flip % 2;
    run.evidence.BeginEpoch(1 + flip, run.split);
    Guardrails restored;
    ASSERT_TRUE(restored.Restore(run.guardrails.Checkpoint()).ok());
    run.guardrails = std::move(restored);
    run.guardrails.Follow(run.specification, run.split);
    spent += SpentAt(ThresholdOf(run, flip % 2 == 1 ? "a" : "b", absl::Seconds(1 + flip)));
  }
  EXPECT_LE(spent, kErrors.alpha / 2);
}

config::Rollout StepsOf(size_t steps) {
  return {.steps = std::vector<config::RolloutStep>(steps), .watch = absl::Hours(1)};
}

// Of the epoch's own test, which is nearer than the run's, since the candidate does worse than before; but no breach.
double ThresholdOfANewEpoch(Judged& run, uint32_t epoch) {
  const absl::Time from = kStart + absl::Seconds(100 * epoch);
  run.evidence.BeginEpoch(epoch, run.split);
  run.guardrails.Follow(run.specification, run.split);
  Serve(run.evidence, epoch, "a", from, 5, 101);
  Serve(run.evidence, epoch, "b", from, 5, 9);
  const std::vector<Judgement> judgements = run.At(from - kStart + absl::Seconds(2));
  EXPECT_FALSE(judgements.at(0).breached);
  EXPECT_EQ(judgements.at(0).note.substr(0, 17), "this epoch's test");
  return judgements.at(0).log10_threshold;
}

TEST(GuardrailsTest, ARolloutsStagesShareTheHalfThatIsNotTheRunsAndAnEditDoesNotChangeThat) {
  Judged run({"a", "b"}, {});
  run.specification.guardrails = {{.name = "errors", .rule = config::ErrorRatio{1.2}, .alpha = 1e-6}};
  run.specification.rollout = StepsOf(4);
  run.guardrails = Guardrails();
  run.guardrails.Follow(run.specification, run.split);
  // A long healthy past, so that the stage's test is the nearer one.
  Serve(run.evidence, 1, "a", kStart, 500, 21);
  Serve(run.evidence, 1, "b", kStart, 500, 201);
  // Three steps, the watch and the end come after the first step.
  const double even = -std::log10(1e-6 * AlphaShare(1, 0) * 0.4 / 5);
  EXPECT_NEAR(ThresholdOfANewEpoch(run, 2), even, 1e-9);

  run.specification.rollout = StepsOf(60);
  Guardrails restored;
  ASSERT_TRUE(restored.Restore(run.guardrails.Checkpoint()).ok());
  run.guardrails = std::move(restored);
  run.guardrails.Follow(run.specification, run.split);
  run.At(absl::Seconds(202));
  EXPECT_NEAR(ThresholdOfANewEpoch(run, 3), even, 1e-9);
}

TEST(GuardrailsTest, EvidenceGoesOnOverEpochs) {
  Judged run({"a", "b"}, {kErrors});
  Serve(run.evidence, 1, "a", kStart, 10, 51);
  Serve(run.evidence, 1, "b", kStart, 10, 9);
  const double before = run.At(absl::Seconds(5)).at(0).log10_evidence;
  run.evidence.BeginEpoch(2, run.split);
  run.guardrails.Follow(run.specification, run.split);
  Serve(run.evidence, 2, "a", kStart + absl::Seconds(5), 10, 51);
  Serve(run.evidence, 2, "b", kStart + absl::Seconds(5), 10, 7);  // Other users fail.
  EXPECT_GT(run.At(absl::Seconds(10)).at(0).log10_evidence, before);
}

TEST(GuardrailsTest, AnEditedGuardrailBeginsAnewAndItsNeighbourGoesOn) {
  Judged run({"a", "b"}, {kErrors, kTail});
  Serve(run.evidence, 1, "a", kStart, 200, 51);
  Serve(run.evidence, 1, "b", kStart, 200, 5, absl::Milliseconds(300));
  EXPECT_TRUE(run.At(absl::Seconds(30)).at(0).breached);
  EXPECT_TRUE(run.At(absl::Seconds(30)).at(1).breached);
  config::Guardrail edited = kErrors;
  edited.rule = config::ErrorRatio{100};
  run.specification.guardrails = {kTail, edited};
  run.guardrails.Follow(run.specification, run.split);
  const auto judgements = run.At(absl::Seconds(31));
  EXPECT_TRUE(Find(judgements, "tail", "b")->breached);
  EXPECT_FALSE(Find(judgements, "errors", "b")->breached);
}

TEST(GuardrailsTest, AnotherDefaultIsAnotherTest) {
  Judged run({"a", "b"}, {kErrors});
  Serve(run.evidence, 1, "a", kStart, 50, 51);
  Serve(run.evidence, 1, "b", kStart, 50, 5);
  EXPECT_TRUE(run.At(absl::Seconds(10)).at(0).breached);
  run.split.default_variant = 1;
  run.evidence.BeginEpoch(2, run.split);
  run.guardrails.Follow(run.specification, run.split);
  const auto judgements = run.At(absl::Seconds(11));
  ASSERT_EQ(judgements.size(), 1u);
  EXPECT_EQ(judgements[0].candidate, "a");
  EXPECT_FALSE(judgements[0].breached);
}

TEST(GuardrailsTest, ACandidateThatWasRemovedIsNotJudgedAndFindsItsEvidenceWhenItComesBack) {
  Judged run({"a", "b"}, {kErrors});
  Serve(run.evidence, 1, "a", kStart, 50, 51);
  Serve(run.evidence, 1, "b", kStart, 50, 5);
  EXPECT_TRUE(run.At(absl::Seconds(10)).at(0).breached);
  const Split without = Variants({"a"});
  run.evidence.BeginEpoch(2, without);
  run.guardrails.Follow(run.specification, without);
  EXPECT_TRUE(run.At(absl::Seconds(11)).empty());
  run.evidence.BeginEpoch(3, run.split);
  run.guardrails.Follow(run.specification, run.split);
  EXPECT_TRUE(run.At(absl::Seconds(12)).at(0).breached);
}

TEST(GuardrailsTest, TheEpochsOfACandidateThatWasRemovedAreFoldedAndItsEvidenceStays) {
  Judged run({"a", "b"}, {kErrors});
  Serve(run.evidence, 1, "a", kStart, 10, 51);
  Serve(run.evidence, 1, "b", kStart, 10, 9);
  const double before = run.At(absl::Seconds(5)).at(0).log10_evidence;
  const Split without = Variants({"a"});
  run.evidence.BeginEpoch(2, without);
  run.guardrails.Follow(run.specification, without);
  EXPECT_TRUE(run.At(absl::Seconds(59)).empty());
  EXPECT_FALSE(run.guardrails.IsFolded(run.evidence, 1));
  EXPECT_TRUE(run.At(absl::Seconds(62)).empty());
  ASSERT_TRUE(run.guardrails.IsFolded(run.evidence, 1));
  run.evidence.Fold(1);
  run.evidence.BeginEpoch(3, run.split);
  run.guardrails.Follow(run.specification, run.split);
  EXPECT_NEAR(run.At(absl::Seconds(63)).at(0).log10_evidence, before, 1e-9);
}

// Stops after each second of a run, goes on from the checkpoint, and must end where the run that never stopped ends.
TEST(GuardrailsTest, AfterARestartTheEvidenceIsWhatItWas) {
  Judged lasting({"a", "b"}, {kErrors, kTail, kCeiling, kFloor});
  Judged stopped({"a", "b"}, {kErrors, kTail, kCeiling, kFloor});
  for (int second = 0; second < 90; ++second) {
    const absl::Time from = kStart + absl::Seconds(second);
    const absl::Duration now = absl::Seconds(second + 1);
    for (Judged* run : {&lasting, &stopped}) {
      const uint32_t epoch = second < 20 ? 1 : 2;
      if (second == 20) run->evidence.BeginEpoch(2, run->split);
      Serve(run->evidence, epoch, "a", from, 10, 41);
      Serve(run->evidence, epoch, "b", from, 10, 31, absl::Milliseconds(24));
      run->evidence.AddOutcome(epoch, "b", "accuracy", static_cast<uint8_t>(second), second % 3 == 0);
    }
    const auto expected = lasting.At(now);
    stopped.At(now);

    Guardrails restored;
    v1::TestsCheckpoint checkpoint;
    ASSERT_TRUE(checkpoint.ParseFromString(stopped.guardrails.Checkpoint().SerializeAsString()));
    ASSERT_TRUE(restored.Restore(checkpoint).ok());
    restored.Follow(stopped.specification, stopped.split);
    stopped.guardrails = std::move(restored);
    const auto judgements = stopped.At(now);
    ASSERT_EQ(judgements.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(judgements[i].log10_evidence, expected[i].log10_evidence, 1e-9) << second << expected[i].guardrail;
    }
  }
  EXPECT_TRUE(lasting.guardrails.IsFolded(lasting.evidence, 1));
  EXPECT_TRUE(stopped.guardrails.IsFolded(stopped.evidence, 1));
  EXPECT_FALSE(stopped.guardrails.IsFolded(stopped.evidence, 2));
}

}  // namespace
}  // namespace weir::experiment
