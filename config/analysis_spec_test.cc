// `spec.decision`, `spec.trends`, `analysis`, and what guardrails have beside their rule.

#include "config/analysis_spec.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "config/parse.h"
#include "gtest/gtest.h"

namespace weir::config {
namespace {

constexpr char kHead[] = R"(apiVersion: weir/v1
kind: Experiment
metadata: {name: e}
spec:
  default: a
  candidates: [{name: a, weight: 70}, {name: b, weight: 30}]
  assignment: {key: [{header: x-user}]}
  metrics: [{name: accuracy, type: proportion, role: primary}, {name: revenue, type: mean}]
)";
constexpr char kGuardrails[] =
    "  guardrails: [{name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2}]\n";

Experiment Read(const std::string& rest) {
  const auto parsed = ParseExperiments(kHead + rest, "e.yaml");
  EXPECT_TRUE(parsed.value.has_value()) << ToString(parsed.errors);
  return parsed.value ? parsed.value->at(0) : Experiment();
}

std::string Errors(const std::string& rest) { return ToString(ParseExperiments(kHead + rest, "e.yaml").errors); }

// A canary of one step with that analysis.
std::string WithAnalysis(const std::string& analysis, const std::string& guardrails = kGuardrails) {
  return guardrails + "  rollout: {strategy: canary, steps: [{setWeight: 5, analysis: " + analysis + "}]}\n";
}

void ExpectError(const std::string& rest, const std::string& error) {
  const std::string errors = Errors(rest);
  EXPECT_NE(errors.find(error), std::string::npos) << rest << "\n" << errors;
}

TEST(AnalysisSpecTest, EveryRuleOfADecisionArrives) {
  const Experiment e = Read(R"(  guardrails: []
  decision: {alpha: 0.1, plannedUsers: 900, criterion: [{metric: accuracy, weight: 2}, {metric: revenue, weight: -1}],
             sampleRatioAlpha: 0.01, maxDataLoss: 0.2, negligibleErrorRate: 0.002, minDuration: 2d, wholeWeeks: true}
)");
  EXPECT_EQ(e.decision_rules, (DecisionRules{.alpha = 0.1,
                                             .planned_users = 900,
                                             .criterion = {{"accuracy", 2}, {"revenue", -1}},
                                             .sample_ratio_alpha = 0.01,
                                             .max_data_loss = 0.2,
                                             .negligible_error_rate = 0.002,
                                             .min_duration = absl::Hours(48),
                                             .needs_whole_weeks = true}));
  EXPECT_EQ(e.decision, std::nullopt);
}

TEST(AnalysisSpecTest, TheWeightsOfTheNetValueArriveBesideTheRules) {
  const Experiment e = Read("  decision: {revenuePerAccuracyPoint: 0.5, alpha: 0.2}\n");
  EXPECT_EQ(e.decision, (DecisionWeights{.revenue_per_accuracy_point = 0.5}));
  EXPECT_EQ(e.decision_rules.alpha, 0.2);
}

TEST(AnalysisSpecTest, WhatContradictsItselfInADecisionIsRefused) {
  ExpectError("  decision: {riskPerErrorPoint: 1, criterion: [{metric: revenue, weight: 1}]}\n",
              "spec.decision.criterion: contradicts the weights");
  ExpectError("  decision: {criterion: [{metric: precision, weight: 1}]}\n",
              "spec.decision.criterion[0].metric: must be the name of one of spec.metrics");
  ExpectError("  decision: {criterion: [{metric: revenue, weight: 0}]}\n", "must not be 0");
  ExpectError("  decision: {criterion: [{metric: revenue, weight: 1}, {metric: revenue, weight: 1}]}\n", "given once");
  ExpectError("  decision: {alpha: 1}\n", "spec.decision.alpha: must be a probability");
  ExpectError("  decision: {alhpa: 0.1}\n", "alpha");
}

TEST(AnalysisSpecTest, EveryFieldOfAnAnalysisArrives) {
  const Experiment e = Read(
      "  decision: {riskPerErrorPoint: 1}\n" +
      WithAnalysis("{nonInferiority: false, primaries: true, value: true, successCondition: accuracy.candidate >= 0.8, "
                   "failureCondition: error_rate.b > 0.1, timeout: 2h}"));
  const Analysis& analysis = *e.rollout->steps[0].analysis;
  EXPECT_FALSE(analysis.needs_non_inferiority);
  EXPECT_TRUE(analysis.needs_primaries);
  EXPECT_TRUE(analysis.needs_value);
  EXPECT_EQ(analysis.success->text(), "accuracy.candidate >= 0.8");
  EXPECT_EQ(analysis.failure->text(), "error_rate.b > 0.1");
  EXPECT_EQ(analysis.timeout, absl::Hours(2));
}

TEST(AnalysisSpecTest, AnEmptyAnalysisAsksForNonInferiority) {
  EXPECT_TRUE(Read(WithAnalysis("{}")).rollout->steps[0].analysis->needs_non_inferiority);
}

TEST(AnalysisSpecTest, AnAnalysisThatCouldNeverSucceedIsRefused) {
  ExpectError(WithAnalysis("{}", "  guardrails: []\n"), "spec.rollout.steps[0].analysis: has nothing to show");
  ExpectError(WithAnalysis("{value: true}"), "spec.rollout.steps[0].analysis.value: there is none");
  ExpectError(
      std::string(kGuardrails) +
          "  mirror: {name: m}\n  rollout: {strategy: shadow, pause: {duration: 1h}, analysis: {primaries: true}}\n",
      "spec.rollout.analysis: can compare nothing");
  ExpectError(
      "  rollout: {strategy: canary, steps: [{setWeight: 5, pause: {duration: 3h}, analysis: {primaries: true, "
      "timeout: 1h}}]}\n",
      "analysis: timeout: must be at least the pause");
}

TEST(AnalysisSpecTest, ADryRunOfTheSameFileIsTakenAndSaysThatItAnalysesNothing) {
  const std::string analysis = "{primaries: true, successCondition: accuracy.lift > 0}";
  const std::string dry = std::string(kGuardrails) +
                          "  rollout: {strategy: canary, dryRun: true, steps: [{setWeight: 5, "
                          "analysis: " +
                          analysis + "}]}\n";
  EXPECT_EQ(Errors(WithAnalysis(analysis)), "");
  EXPECT_EQ(Errors(dry), "");
  const std::string warnings = ToString(ParseExperiments(kHead + dry, "e.yaml").warnings);
  EXPECT_NE(warnings.find("spec.rollout.steps[0].analysis: is not made in a dry run"), std::string::npos) << warnings;
  // What would be refused without it, is.
  ExpectError("  guardrails: []\n  rollout: {strategy: canary, dryRun: true, steps: [{setWeight: 5, analysis: {}}]}\n",
              "has nothing to show");
}

TEST(AnalysisSpecTest, AStepThatMayBeLeftAtItsFirstLookIsSaid) {
  const auto warnings = [](const std::string& second) {
    const std::string steps = "{setWeight: 5, analysis: {}}, {setWeight: 25, " + second + "}";
    return ToString(
        ParseExperiments(std::string(kHead) + kGuardrails + "  rollout: {strategy: canary, steps: [" + steps + "]}\n",
                         "e.yaml")
            .warnings);
  };
  EXPECT_EQ(warnings("analysis: {}"),
            "e.yaml:10:95: spec.rollout.steps[1].analysis: has neither pause nor minSamples beside it: non-inferiority "
            "that the steps before have shown stands, and the step may be left as soon as it is looked at\n");
  for (const char* stays : {"pause: {duration: 1h}, analysis: {}", "pause: {minSamples: 1000}, analysis: {}",
                            "approval: {required: 1}, analysis: {}", "analysis: {primaries: true}",
                            "analysis: {nonInferiority: false, successCondition: accuracy.b > 0.5}"}) {
    EXPECT_EQ(warnings(stays), "") << stays;
  }
}

TEST(AnalysisSpecTest, ATimeoutBeforeAWeekIsWholeIsWarnedOf) {
  const auto warnings = [](const std::string& timeout) {
    const std::string text = absl::StrCat(
        kHead, kGuardrails, "  decision: {wholeWeeks: true}\n  rollout: {strategy: canary, steps: [{setWeight: 50, ",
        "pause: {duration: 1h}, analysis: {timeout: ", timeout, "}}]}\n");
    return ToString(ParseExperiments(text, "e.yaml").warnings);
  };
  EXPECT_NE(warnings("6d").find("never succeed"), std::string::npos) << warnings("6d");
  EXPECT_EQ(warnings("7d"), "");
}

TEST(AnalysisSpecTest, WhereSharesMoveNoRawMeansAreCompared) {
  const std::string decision = "  decision: {revenuePerAccuracyPoint: 1}\n";
  const std::string bandit =
      kGuardrails + decision +
      "  rollout: {strategy: bandit, bandit: {metric: accuracy}, pause: {duration: 1h}, analysis: ";
  const std::string risk = kGuardrails + decision +
                           "  rollout: {strategy: canary, schedule: risk, riskBudget: 40, risk: {impact: 2000}, "
                           "analysis: ";
  for (const std::string& rollout : {bandit, risk}) {
    ExpectError(rollout + "{primaries: true}}\n",
                "spec.rollout.analysis.primaries: compares raw means, and the shares move");
    ExpectError(rollout + "{value: true}}\n", "spec.rollout.analysis.value: is of raw means, and the shares move");
    ExpectError(rollout + "{successCondition: accuracy.lift > 0}}\n",
                "spec.rollout.analysis.successCondition: 'accuracy.lift' compares raw means");
    ExpectError(rollout + "{failureCondition: accuracy.b < accuracy.a}}\n",
                "spec.rollout.analysis.failureCondition: accuracy of a and of b in one condition compares raw means");
    EXPECT_EQ(Errors(rollout + "{failureCondition: accuracy.b < 0.5 || error_rate.a > 0.5}}\n"), "");
    EXPECT_EQ(Errors(rollout + "{failureCondition: requests.b > requests.a}}\n"), "");
  }
}

TEST(AnalysisSpecTest, AConditionNamesOnlyWhatThereIs) {
  ExpectError(
      WithAnalysis("{successCondition: acuracy.candidate > 0.8}"),
      "spec.rollout.steps[0].analysis.successCondition: 'acuracy.candidate' is no value that is known here, did "
      "you mean accuracy.candidate?");
  ExpectError(WithAnalysis("{successCondition: accuracy > 0.8}"),
              "'accuracy' is no value that is known here, did you mean accuracy.candidate?");
  ExpectError(WithAnalysis("{failureCondition: precision.b > 0.8}"), "known are requests, error_rate");
  ExpectError(WithAnalysis("{successCondition: accuracy.b >}"), "successCondition: column");
  ExpectError("  rollout: {strategy: blueGreen, analysis: {successCondition: accuracy.candidate > 0.8}}\n",
              "is never known: the step gives candidates no share");
}

TEST(AnalysisSpecTest, PreviewedCallsAreNamedWhereThereIsAPreview) {
  const auto with = [](const std::string& preview, const std::string& condition) {
    return "  rollout: {strategy: blueGreen, " + preview + "analysis: {successCondition: " + condition + "}}\n";
  };
  const std::string preview = "preview: {header: x-preview}, ";
  EXPECT_EQ(Errors(with(preview, "preview_requests.candidate > 50 && preview_error_rate.b < 0.01")), "");
  ExpectError(with("", "preview_error_rate.b < 0.01"), "'preview_error_rate.b' is no value that is known here");
  ExpectError(with(preview, "preview_error_rate.default < 0.01"), "is no value that is known here");
  ExpectError(with(preview, "preview_error_rate.a < 0.01"), "is no value that is known here");
  ExpectError(with(preview, "preview_error_rate.lift < 0.01"), "is no value that is known here");
  ExpectError(with(preview, "preview_error_rate < 0.01"), "did you mean preview_error_rate.candidate?");
  ExpectError(with(preview, "error_rate.b < 0.01"), "there are preview_requests and preview_error_rate");
}

TEST(AnalysisSpecTest, AGuardrailPausesAndWaitsForARateAndItsDetectorActs) {
  const Guardrail g = Read(
                          "  guardrails: [{name: errors, metric: error_rate, max: 0.1, action: pause, detector: act, "
                          "arl: 1e6, when: {minRate: 6000/m, for: 5m}}]\n"
                          "  rollout: {strategy: canary, steps: [{setWeight: 5}]}\n")
                          .guardrails.at(0);
  EXPECT_EQ(g.action, GuardrailAction::kPause);
  EXPECT_TRUE(g.detector_acts);
  EXPECT_EQ(g.detector_arl, 1e6);
  EXPECT_EQ(g.when, (RateGate{.min_rate_per_second = 100, .held_for = absl::Minutes(5)}));
}

TEST(AnalysisSpecTest, WhatAGuardrailCannotDoIsRefused) {
  const auto with = [](const std::string& rest) { return "  guardrails: [{name: g, " + rest + "}]\n"; };
  ExpectError(with("metric: error_rate, max: 0.1, action: pause"), "spec.guardrails[0].action: there is no rollout");
  ExpectError(with("metric: latency_p99, max: 1s, detector: act"), "spec.guardrails[0].detector: is of error rates");
  ExpectError(with("metric: error_rate, max: 0.1, action: warn, detector: act"), "warns already");
  ExpectError(with("metric: error_rate, max: 0.1, when: {minRate: fast}"), "such as 1000/s");
  ExpectError(with("metric: error_rate, max: 0.1, when: {for: 5m}"), "spec.guardrails[0].when.minRate");
}

TEST(AnalysisSpecTest, TrendsArrive) {
  const Experiment e = Read(
      "  trends: [{name: slow, metric: latency_p95, method: pageHinkley}, {name: acc, metric: "
      "accuracy}]\n");
  EXPECT_EQ(e.trends, (std::vector<TrendLimit>{{"slow", "latency_p95", TrendMethod::kPageHinkley},
                                               {"acc", "accuracy", TrendMethod::kEwma}}));
}

TEST(AnalysisSpecTest, ATrendOfNothingIsRefused) {
  ExpectError("  trends: [{name: t, metric: memory}]\n", "spec.trends[0].metric: must be error_rate");
  ExpectError("  trends: [{name: t, metric: revenue}, {name: t, metric: revenue}]\n", "must differ");
  ExpectError("  trends: [{name: t, metric: revenue, method: magic}]\n", "spec.trends[0].method");
}

}  // namespace
}  // namespace weir::config
