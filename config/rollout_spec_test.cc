#include "config/rollout_spec.h"

#include <string>

#include "config/parse.h"
#include "gtest/gtest.h"

namespace weir::config {
namespace {

std::string With(const std::string& rollout, const std::string& weight = "30", const std::string& guardrails = "[]") {
  return R"(apiVersion: weir/v1
kind: Experiment
metadata: {name: e}
spec:
  default: a
  candidates: [{name: a, weight: 70}, {name: b, weight: )" +
         weight + R"(}]
  assignment: {key: [{header: x-user}]}
  guardrails: )" +
         guardrails + R"(
  rollout: )" +
         rollout + "\n";
}

Percent Of(double percent) { return *Percent::FromDouble(percent); }

Rollout Read(const std::string& rollout) {
  const auto parsed = ParseExperiments(With(rollout), "e.yaml");
  EXPECT_TRUE(parsed.value.has_value()) << ToString(parsed.errors);
  return parsed.value ? *parsed.value->at(0).rollout : Rollout();
}

std::string Errors(const std::string& rollout, const std::string& weight = "30") {
  return ToString(ParseExperiments(With(rollout, weight), "e.yaml").errors);
}

std::string Warnings(const std::string& rollout, const std::string& guardrails) {
  return ToString(ParseExperiments(With(rollout, "30", guardrails), "e.yaml").warnings);
}

constexpr char kRelative[] = "[{name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2}]";

TEST(ReadRolloutTest, EveryFieldOfACanaryArrives) {
  const Rollout rollout = Read(R"(
    strategy: canary
    steps:
      - {setWeight: 1, pause: {duration: 24h, minSamples: 1000}}
      - {pause: {duration: 1h}}
      - {setWeight: 25, approval: {required: 2, roles: [operator, owner], expires: 2d}}
      - {setWeight: 100}
    holdback: 0.5
    watch: 2h
    minDuration: 3d
    maxDuration: 14d
    onInconclusive: rollback
    onNoData: pause
    noDataAfter: 10m
    start: 2030-01-31T09:00:00+01:00)");
  EXPECT_EQ(
      rollout,
      (Rollout{
          .strategy = Strategy::kCanary,
          .steps = {{.weight = Of(1), .pause = {absl::Hours(24), 1000}, .approval = {}},
                    {.weight = Of(1), .pause = {absl::Hours(1), 0}, .approval = {}},
                    {.weight = Of(25), .pause = {}, .approval = Approval{2, {"operator", "owner"}, absl::Hours(48)}},
                    {.weight = Of(100), .pause = {}, .approval = {}}},
          .holdback = Of(0.5),
          .watch = absl::Hours(2),
          .min_duration = absl::Hours(72),
          .max_duration = absl::Hours(14 * 24),
          .on_inconclusive = OnInconclusive::kRollback,
          .on_no_data = OnNoData::kPause,
          .no_data_after = absl::Minutes(10),
          .start = absl::FromUnixSeconds(1896076800)}));
}

TEST(ReadRolloutTest, OnePercentIsHeldBackThroughADayOfWatchUnlessWrittenOtherwise) {
  const Rollout usual = Read("{strategy: canary, steps: [{setWeight: 100}]}");
  EXPECT_EQ(usual.holdback, Of(1));
  EXPECT_EQ(usual.watch, absl::Hours(24));
  const Rollout none = Read("{strategy: canary, steps: [{setWeight: 100}], holdback: 0, watch: 0s}");
  EXPECT_EQ(none.holdback, Of(0));
  EXPECT_EQ(none.watch, absl::ZeroDuration());
}

TEST(ReadRolloutTest, AStepWithoutAWeightKeepsTheOneBefore) {
  const Rollout rollout = Read("{strategy: canary, steps: [{pause: {duration: 1s}}, {setWeight: 5}, {approval: {}}]}");
  EXPECT_EQ(rollout.steps[0].weight, Of(0));
  EXPECT_EQ(rollout.steps[2].weight, Of(5));
  EXPECT_EQ(rollout.steps[2].approval, Approval{});
}

TEST(ReadRolloutTest, TheOtherStrategiesAreReadAsOneStep) {
  EXPECT_EQ(Read("{strategy: abTest, pause: {duration: 14d, minSamples: 500}}").steps,
            (std::vector<RolloutStep>{{.weight = std::nullopt, .pause = {absl::Hours(14 * 24), 500}, .approval = {}}}));
  const Rollout blue_green = Read("{strategy: blueGreen, approval: {roles: [owner]}, watch: 1h}");
  EXPECT_EQ(blue_green.steps,
            (std::vector<RolloutStep>{{.weight = Of(0), .pause = {}, .approval = Approval{1, {"owner"}}}}));
  EXPECT_EQ(blue_green.holdback, Of(0));
}

TEST(ReadRolloutTest, TimesThatBoundItArrive) {
  const Rollout rollout = Read(R"({strategy: abTest, start: 2030-01-01T00:00:00Z, end: 2030-02-01T00:00:00Z,
            dryRun: true, freeze: [{from: 2030-01-05T00:00:00Z, to: 2030-01-06T00:00:00Z}]})");
  const absl::Time start = absl::FromUnixSeconds(1893456000);
  EXPECT_EQ(rollout.start, start);
  EXPECT_EQ(rollout.end, start + absl::Hours(31 * 24));
  EXPECT_EQ(rollout.freezes, (std::vector<Freeze>{{start + absl::Hours(4 * 24), start + absl::Hours(5 * 24)}}));
  EXPECT_TRUE(rollout.is_dry_run);
}

TEST(ReadRolloutTest, WholeWeeksRoundUp) {
  constexpr absl::Duration kWeek = absl::Hours(7 * 24);
  EXPECT_EQ(Read("{strategy: abTest, pause: {duration: 8d}, wholeWeeks: true}").steps[0].pause.duration, 2 * kWeek);
  EXPECT_EQ(Read("{strategy: abTest, pause: {duration: 7d}, wholeWeeks: true}").steps[0].pause.duration, kWeek);
  EXPECT_EQ(Read("{strategy: canary, steps: [{setWeight: 1}], wholeWeeks: true}").min_duration, kWeek);
  EXPECT_EQ(Read("{strategy: canary, steps: [{setWeight: 1}], wholeWeeks: false}").min_duration, absl::ZeroDuration());
}

TEST(ReadRolloutTest, AStartByHandIsATextOfItsOwn) {
  EXPECT_TRUE(Read("{strategy: canary, steps: [{setWeight: 1}], start: manual}").is_started_by_hand);
}

TEST(ReadRolloutTest, EveryErrorIsReportedAtItsPlace) {
  EXPECT_EQ(Errors(R"(
    strategy: canary
    steps:
      - {setWeight: 101}
      - {setWeight: 5, pause: {}}
      - {setWeight: 5, pause: {duration: 0s, minSamples: 0}}
      - {approval: {required: 0, roles: [], expires: -1h}}
      - {analysis: {}}
      - {}
      - {setweight: 5}
    holdback: 51
    watch: soon
    minDuration: 2h
    maxDuration: 1h
    onInconclusive: promote
    onNoData: guess
    start: tomorrow
    end: 2030-01-31
    freeze: [{from: 2030-01-02T00:00:00Z, to: 2030-01-01T00:00:00Z}]
    drainTimeout: 5s
    pause: {duration: 1s})"),
            R"(e.yaml:12:21: spec.rollout.steps[0].setWeight: must be from 0 to 100, got 101
e.yaml:13:31: spec.rollout.steps[1].pause: must have duration or minSamples; a step that waits for a person has approval: {required: 1}
e.yaml:14:42: spec.rollout.steps[2].pause.duration: must be from 100ms to 8760h, got 0s
e.yaml:14:58: spec.rollout.steps[2].pause.minSamples: must be a whole number from 1 to 1000000000, got 0
e.yaml:15:31: spec.rollout.steps[3].approval.required: must be a whole number from 1 to 16, got 0
e.yaml:15:41: spec.rollout.steps[3].approval.roles: must have at least 1 item, got 0
e.yaml:15:54: spec.rollout.steps[3].approval.expires: must be a duration such as 500ms, 1s, 5m, 24h or 14d, got -1h
e.yaml:16:20: spec.rollout.steps[4].analysis: has nothing to show: give it successCondition or failureCondition, primaries: true or value: true, or a guardrail with "compareTo: default"
e.yaml:17:9: spec.rollout.steps[5]: must have setWeight, pause, analysis or approval
e.yaml:18:10: spec.rollout.steps[6].setweight: is not a known key, did you mean "setWeight"?
e.yaml:19:15: spec.rollout.holdback: must be from 0 to 50, got 51
e.yaml:20:12: spec.rollout.watch: must be a duration such as 500ms, 1s, 5m, 24h or 14d, got soon
e.yaml:22:18: spec.rollout.maxDuration: must be more than minDuration and the pauses of all steps, 2h, or it can never succeed, got 1h
e.yaml:23:21: spec.rollout.onInconclusive: promote is not supported yet by this version
e.yaml:24:15: spec.rollout.onNoData: must be wait, pause or rollback, got guess
e.yaml:25:12: spec.rollout.start: must be manual or a time such as 2030-01-31T09:00:00Z, got tomorrow
e.yaml:26:10: spec.rollout.end: must be a time such as 2030-01-31T09:00:00Z, got 2030-01-31
e.yaml:27:47: spec.rollout.freeze[0].to: must be after from, got 2030-01-01T00:00:00Z
e.yaml:28:19: spec.rollout.drainTimeout: stands beside the rollout: spec.drainTimeout
e.yaml:29:5: spec.rollout.pause: is not a known key (known: drainTimeout, dryRun, end, freeze, holdback, maxDuration, minDuration, noDataAfter, onInconclusive, onNoData, preview, schedule, start, steps, strategy, watch, wholeWeeks)
)");
}

TEST(ReadRolloutTest, EachStrategyNeedsWhatItIsMadeOf) {
  EXPECT_EQ(Errors("{strategy: bandit}"),
            "e.yaml:9:12: spec.rollout: a bandit needs pause: {duration: ..., minSamples: ...}, its planned length, or "
            "end\n"
            "e.yaml:9:12: spec.rollout.bandit: is missing\n");
  EXPECT_EQ(Errors("{strategy: canary, steps: []}"),
            "e.yaml:9:38: spec.rollout.steps: must have at least 1 item, got 0\n");
  EXPECT_EQ(
      Errors("{strategy: abTest}"),
      "e.yaml:9:12: spec.rollout: an abTest needs pause: {duration: ..., minSamples: ...}, its planned length, or "
      "end\n");
  EXPECT_EQ(Errors("{strategy: blueGreen}"),
            "e.yaml:9:12: spec.rollout: a blueGreen needs pause, analysis or approval: what is to be there before the "
            "switch\n");
  EXPECT_EQ(Errors("{strategy: shadow, pause: {duration: 1h}, holdback: 1}"),
            "e.yaml:9:12: spec.rollout: a shadow needs spec.mirror: there is none that would hear of the calls\n"
            "e.yaml:9:64: spec.rollout.holdback: is for what is promoted: a shadow never is\n");
}

TEST(ReadRolloutTest, BoundsThatLeaveNoTimeForASuccessAreRefused) {
  const auto of = [](const std::string& bounds) {
    return Errors(
        "{strategy: canary, steps: [{setWeight: 5, pause: {duration: 1h}}, {setWeight: 50, pause: {duration: "
        "2h}}], " +
        bounds + "}");
  };
  EXPECT_NE(
      of("maxDuration: 3h")
          .find("spec.rollout.maxDuration: must be more than minDuration and the pauses of all steps, 3h, or it can "
                "never succeed, got 3h"),
      std::string::npos)
      << of("maxDuration: 3h");
  EXPECT_NE(of("maxDuration: 5h, minDuration: 5h").find("steps, 5h, or it can never succeed, got 5h"),
            std::string::npos);
  EXPECT_EQ(of("maxDuration: 181m"), "");

  const std::string start = "start: 2030-01-01T00:00:00Z, ";
  EXPECT_NE(of(start + "end: 2030-01-01T03:00:00Z").find("spec.rollout.end: must be after 2030-01-01T03:00:00+00:00"),
            std::string::npos)
      << of(start + "end: 2030-01-01T03:00:00Z");
  EXPECT_EQ(of(start + "end: 2030-01-01T03:01:00Z"), "");
  EXPECT_EQ(of("start: manual, end: 2030-01-01T03:00:00Z"), "");
  // In a freeze nothing is promoted.
  const std::string frozen =
      ", freeze: [{from: 2030-01-01T04:00:00Z, to: 2030-01-02T00:00:00Z}, {from: "
      "2030-01-01T02:00:00Z, to: 2030-01-01T05:00:00Z}]";
  EXPECT_NE(of(start + "end: 2030-01-02T00:00:00Z" + frozen).find("must be after 2030-01-02T00:00:00+00:00"),
            std::string::npos);
  EXPECT_EQ(of(start + "end: 2030-01-02T00:01:00Z" + frozen), "");
}

TEST(ReadRolloutTest, ATestThatMayEndEarlyMayBeGivenItsPlannedLengthAtMost) {
  const std::string test = "{strategy: abTest, pause: {duration: 1h}, maxDuration: 1h";
  EXPECT_NE(Errors(test + "}").find("or it can never succeed"), std::string::npos);
  EXPECT_EQ(Errors(test + ", analysis: {nonInferiority: false, successCondition: error_rate.b < 0.1}}"), "");
  // Its end is its planned length.
  EXPECT_EQ(Errors("{strategy: abTest, pause: {duration: 2h}, start: 2030-01-01T00:00:00Z, end: 2030-01-01T01:00:00Z}"),
            "");
}

TEST(ReadRolloutTest, SamplesThatWouldNeverComeAreNotWaitedFor) {
  EXPECT_EQ(Errors("{strategy: canary, steps: [{pause: {minSamples: 5}}]}"),
            "e.yaml:9:47: spec.rollout.steps[0].pause: minSamples would wait for ever: the step gives candidates no "
            "share\n");
  const std::string blue_green = "{strategy: blueGreen, pause: {minSamples: 5}";
  EXPECT_NE(Errors(blue_green + "}").find("spec.rollout.pause: minSamples would wait for ever: before the switch"),
            std::string::npos);
  EXPECT_EQ(Read(blue_green + ", preview: {header: x-preview}}").steps[0].pause.min_samples, 5);
}

TEST(ReadPreviewTest, OneThatNothingJudgesIsWarnedOf) {
  const auto warnings = [](const std::string& checks) {
    return Warnings("{strategy: blueGreen, preview: {header: x-preview}, " + checks + "}", kRelative);
  };
  for (const char* checks : {"pause: {duration: 1h}", "pause: {minSamples: 5}",
                             "analysis: {successCondition: preview_requests.candidate > 5}"}) {
    EXPECT_NE(warnings(checks).find("spec.rollout: preview: the switch comes however its calls end"), std::string::npos)
        << checks;
    EXPECT_NE(warnings(checks).find("successCondition: preview_error_rate.b < 0.01"), std::string::npos);
  }
  for (const char* checks : {"approval: {}", "analysis: {successCondition: preview_error_rate.candidate < 0.01}",
                             "analysis: {failureCondition: preview_error_rate.b > 0.01}"}) {
    EXPECT_EQ(warnings(checks).find("preview:"), std::string::npos) << warnings(checks);
  }
}

TEST(ReadRolloutTest, ACandidateMustBeThereToGetAShare) {
  EXPECT_EQ(Errors("{strategy: canary, steps: [{setWeight: 1}]}", "0"),
            "e.yaml:9:12: spec.rollout: needs a candidate beside the default with a weight above 0: the steps' shares "
            "are divided by it\n");
}

TEST(ReadRolloutTest, WhatIsAllowedButSurprisingIsAWarning) {
  EXPECT_EQ(Warnings("{strategy: canary, steps: [{setWeight: 25}, {setWeight: 5}]}", kRelative),
            "e.yaml:9:68: spec.rollout.steps[1].setWeight: is below the step before, which has 25 %: the users between "
            "move back to the default\n");
  EXPECT_EQ(Warnings("{strategy: canary, steps: [{setWeight: 100}], holdback: 0}", kRelative),
            "e.yaml:9:12: spec.rollout: with holdback 0 the default has nothing at the end, and nothing can be "
            "compared with it: from then on only absolute guardrails watch\n");
  EXPECT_EQ(Warnings("{strategy: canary, steps: [{setWeight: 100}]}", kRelative), "");
}

TEST(LessHoldbackTest, AFullShareLeavesTheHoldback) {
  EXPECT_EQ(LessHoldback(Of(100), Of(1)), Of(99));
  EXPECT_EQ(LessHoldback(Of(50), Of(1)), Of(50));
}

TEST(ReadPreviewTest, ABlueGreenIsLookedAtBeforeItsSwitchByAHeader) {
  const std::string start = "{strategy: blueGreen, pause: {duration: 1h}, preview: ";
  EXPECT_EQ(Read(start + "{header: X-Preview, value: green}}").preview, (Preview{"x-preview", "green"}));
  EXPECT_EQ(Read(start + "{header: x-preview, maxAge: 2h}}").preview, (Preview{"x-preview", "", absl::Hours(2)}));
  EXPECT_EQ(Errors(start + "{value: ''}}"),
            "e.yaml:9:66: spec.rollout.preview.header: is missing\n"
            "e.yaml:9:74: spec.rollout.preview.value: must be a text of 1 to 256 bytes (leave it out for any), got the "
            "text \"\"\n");
  EXPECT_EQ(Errors(start + "{header: x-weir-variant, from: [::1]}}"),
            "e.yaml:9:75: spec.rollout.preview.header: must not be one of Weir's own headers (x-weir-...), got "
            "x-weir-variant\n"
            "e.yaml:9:91: spec.rollout.preview.from: is not supported yet by this version\n");
}

TEST(ReadPreviewTest, OnlyABlueGreenWithOneCandidateHasOne) {
  EXPECT_EQ(Errors("{strategy: abTest, pause: {duration: 1h}, preview: {header: x-preview}}"),
            "e.yaml:9:63: spec.rollout.preview: is for a blueGreen, which has a switch to look before\n");
  EXPECT_EQ(
      Errors("{strategy: blueGreen, pause: {duration: 1h}, preview: {header: x-preview}}", "30}, {name: c, weight: 1"),
      "e.yaml:9:12: spec.rollout: preview: must have one candidate with a weight above 0 to go to, got several\n");
}

}  // namespace
}  // namespace weir::config
