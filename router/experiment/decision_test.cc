#include "router/experiment/decision.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "router/experiment/checks.h"
#include "router/experiment/decision_record.h"

namespace weir::experiment {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

Finding Of(Check check, CheckState state) { return {.check = check, .state = state}; }

// --- What follows from findings.

// The verdict, written down again as the file comment of decision.h tells it.
Verdict Expected(const std::vector<CheckState>& states) {
  const auto state = [&](Check check) { return states[static_cast<size_t>(check)]; };
  using enum Check;
  for (const Check check : {kFailureCondition, kGuardrail}) {
    if (state(check) == CheckState::kFailed) return Verdict::kFailed;
  }
  for (const Check check : {kSampleRatio, kOutcomeRatio, kDataLoss}) {
    if (state(check) == CheckState::kFailed) return Verdict::kInconclusive;
  }
  for (const Check check : {kPrimary, kValue}) {
    if (state(check) == CheckState::kFailed) return Verdict::kFailed;
  }
  for (int check = 0; check < kChecks; ++check) {
    if (static_cast<Check>(check) != kSoftLimit && states[check] != CheckState::kPassed) return Verdict::kUndecided;
  }
  return Verdict::kSuccess;
}

TEST(ConcludeTest, EveryCombinationOfFindingsHasTheVerdictThatTheRulesGive) {
  int64_t combinations = 1;
  for (int check = 0; check < kChecks; ++check) combinations *= 3;
  for (int64_t code = 0; code < combinations; ++code) {
    std::vector<CheckState> states;
    std::vector<Finding> findings;
    int64_t rest = code;
    for (int check = 0; check < kChecks; ++check, rest /= 3) {
      states.push_back(static_cast<CheckState>(rest % 3));
      findings.push_back(Of(static_cast<Check>(check), states.back()));
    }
    ASSERT_EQ(Conclude(findings).verdict, Expected(states)) << code;
  }
}

TEST(ConcludeTest, NothingThatIsNotKnownEverMakesASuccess) {
  for (int check = 0; check < kChecks; ++check) {
    if (static_cast<Check>(check) == Check::kSoftLimit) continue;
    std::vector<Finding> findings;
    for (int other = 0; other < kChecks; ++other) {
      findings.push_back(Of(static_cast<Check>(other), other == check ? CheckState::kUnknown : CheckState::kPassed));
    }
    EXPECT_EQ(Conclude(findings).verdict, Verdict::kUndecided) << NameOf(static_cast<Check>(check));
  }
}

TEST(ConcludeTest, HealthAloneIsNoSuccess) {
  EXPECT_EQ(Conclude({Of(Check::kData, CheckState::kPassed), Of(Check::kDuration, CheckState::kPassed)}).verdict,
            Verdict::kUndecided);
  EXPECT_EQ(Conclude({}).verdict, Verdict::kUndecided);
}

// --- What is found in evidence.

// 2,000 users with two calls each, half of them in each variant; `errors` of every thousand calls fail, and `correct`
// of every thousand outcomes are.
VariantFacts Facts(const std::string& name, int errors, int correct, absl::Duration latency = absl::Milliseconds(10),
                   int calls = 4000) {
  VariantFacts facts;
  facts.name = name;
  facts.weight = config::Weight::FromHundredths(5000);
  facts.newest = kNow - absl::Seconds(1);
  const stats::Tick tick = stats::TickOf(facts.newest);
  for (int call = 0; call < calls; ++call) {
    const auto user = static_cast<uint8_t>((call / 2) * 73 % 256);
    const int draw = call * 617 % 1000;
    facts.counts.CountStart(tick, user);
    facts.counts.CountEnd({.started = tick,
                           .user_bucket = user,
                           .outcome = draw < errors ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                           .latency = latency + absl::Microseconds(call * (name == "a" ? 11 : 13) % 700)});
    facts.outcomes["accuracy"].Add(user, call * 379 % 1000 < correct ? 1 : 0);
    facts.assigned[user] += 1;
  }
  return facts;
}

Evidence TwoVariants(VariantFacts a, VariantFacts b) {
  return {.now = kNow,
          .begun = kNow - absl::Hours(48),
          .default_variant = "a",
          .variants = {std::move(a), std::move(b)},
          .guardrails = {{.guardrail = "errors", .candidate = "b", .is_hard = true, .log10_threshold = 3}},
          .promotion = {{.guardrail = "errors", .candidate = "b", .log10_evidence = 2.5, .log10_threshold = 1.6}}};
}

Criteria Wants(const config::Analysis& analysis) {
  return {.metrics = {{.name = "accuracy", .field = "accuracy", .role = config::Role::kPrimary}},
          .queries = {{.name = "checkouts", .max_age = absl::Minutes(2)}},
          .compared = {{"errors", true}},
          .analysis = analysis};
}

config::Analysis Only(const std::string& success, const std::string& failure = "") {
  config::Analysis analysis{.needs_non_inferiority = false};
  if (!success.empty()) analysis.success = *config::Condition::Parse(success);
  if (!failure.empty()) analysis.failure = *config::Condition::Parse(failure);
  return analysis;
}

const Finding* Find(const Decision& decision, Check check) {
  for (const Finding& finding : decision.findings) {
    if (finding.check == check) return &finding;
  }
  return nullptr;
}

TEST(DecideTest, NonInferiorityOfEveryGuardrailMakesASuccess) {
  const Decision decision = Decide(Wants({}), TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800)));
  EXPECT_EQ(decision.verdict, Verdict::kSuccess) << decision.why;
}

TEST(DecideTest, ATestThatIsMissingIsNotPassed) {
  Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800));
  evidence.promotion.clear();
  EXPECT_EQ(Decide(Wants({}), evidence).verdict, Verdict::kUndecided);
  Criteria two = Wants({});
  two.compared.push_back({"tail", false});
  EXPECT_EQ(Decide(two, TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800))).verdict, Verdict::kUndecided);
}

TEST(DecideTest, AnErrorRateThatIsNegligibleIsNotWorseThanNone) {
  Evidence evidence =
      TwoVariants(Facts("a", 0, 800, absl::Milliseconds(10), 9000), Facts("b", 0, 800, absl::Milliseconds(10), 9000));
  evidence.promotion[0].log10_evidence = 0;
  EXPECT_EQ(Decide(Wants({}), evidence).verdict, Verdict::kSuccess);
  Criteria strict = Wants({});
  strict.rules.negligible_error_rate = 0;
  EXPECT_EQ(Decide(strict, evidence).verdict, Verdict::kUndecided);
}

TEST(DecideTest, CallsThatHangAreErrorsBeforeTheyEnd) {
  Evidence evidence =
      TwoVariants(Facts("a", 0, 800, absl::Milliseconds(10), 9000), Facts("b", 0, 800, absl::Milliseconds(10), 9000));
  evidence.promotion[0].log10_evidence = 0;
  // One in twenty of the candidate's, until their deadline.
  stats::VariantCounts& counts = evidence.variants[1].counts;
  for (int call = 0; call < 450; ++call) {
    counts.CountStart(stats::TickOf(evidence.variants[1].newest), static_cast<uint8_t>(call));
  }
  const Decision decision = Decide(Wants({}), evidence);
  EXPECT_NE(Find(decision, Check::kNonInferiority)->state, CheckState::kPassed);
  EXPECT_EQ(decision.verdict, Verdict::kUndecided);
}

TEST(DecideTest, AHardLimitFailsAndASoftOneDecidesNothing) {
  Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800));
  evidence.guardrails[0].is_proven = true;
  EXPECT_EQ(Decide(Wants({}), evidence).verdict, Verdict::kFailed);
  evidence.guardrails[0].is_hard = false;
  EXPECT_EQ(Decide(Wants({}), evidence).verdict, Verdict::kSuccess);
}

TEST(DecideTest, APrimaryMetricIsBetterOrWorseOrNotKnown) {
  const auto verdict = [](int correct) {
    return Decide(Wants({.needs_non_inferiority = false, .needs_primaries = true}),
                  TwoVariants(Facts("a", 10, 800), Facts("b", 10, correct)))
        .verdict;
  };
  EXPECT_EQ(verdict(900), Verdict::kSuccess);
  EXPECT_EQ(verdict(800), Verdict::kUndecided);
  EXPECT_EQ(verdict(700), Verdict::kFailed);
}

TEST(DecideTest, AMetricThatShouldFallIsBetterWhenItFalls) {
  Criteria criteria = Wants({.needs_non_inferiority = false, .needs_primaries = true});
  criteria.metrics[0].goal = config::Goal::kDecrease;
  EXPECT_EQ(Decide(criteria, TwoVariants(Facts("a", 10, 800), Facts("b", 10, 700))).verdict, Verdict::kSuccess);
  EXPECT_EQ(Decide(criteria, TwoVariants(Facts("a", 10, 800), Facts("b", 10, 900))).verdict, Verdict::kFailed);
}

TEST(DecideTest, TheValueIsLabelledByItsIntervalAndTheEstimateStandsBesideIt) {
  Criteria criteria = Wants({.needs_non_inferiority = false, .needs_value = true});
  criteria.weights = config::DecisionWeights{.revenue_per_accuracy_point = 1, .cost_per_millisecond = 0.1};
  const Decision good = Decide(criteria, TwoVariants(Facts("a", 10, 700), Facts("b", 10, 900)));
  EXPECT_EQ(good.verdict, Verdict::kSuccess) << good.why;
  EXPECT_EQ(good.label, "STRONG_RECOMMEND");
  const Decision bad = Decide(criteria, TwoVariants(Facts("a", 10, 900), Facts("b", 10, 700)));
  EXPECT_EQ(bad.verdict, Verdict::kFailed);
  EXPECT_EQ(bad.label, "REJECT");
  const Decision slight = Decide(criteria, TwoVariants(Facts("a", 10, 800), Facts("b", 10, 803)));
  EXPECT_EQ(slight.verdict, Verdict::kUndecided);
  EXPECT_EQ(slight.label, "CONTINUE_TESTING");
  const Finding* finding = Find(slight, Check::kValue);
  ASSERT_NE(finding, nullptr);
  EXPECT_LT(*finding->lower, *finding->value);
  EXPECT_LT(*finding->value, *finding->upper);
}

TEST(DecideTest, AFewCallsOfACandidateAreWorthNothingYet) {
  for (const bool by_criterion : {false, true}) {
    Criteria criteria = Wants({.needs_non_inferiority = false, .needs_value = true});
    if (by_criterion) criteria.rules.criterion = {{"accuracy", 1}};
    if (!by_criterion) criteria.weights = config::DecisionWeights{.revenue_per_accuracy_point = 0.5};
    Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 0, 1000, absl::Milliseconds(10), /*calls=*/2));
    const Decision decision = Decide(criteria, evidence);
    EXPECT_EQ(decision.label, "CONTINUE_TESTING");
    EXPECT_EQ(Find(decision, Check::kValue)->state, CheckState::kUnknown);
  }
}

TEST(DecideTest, WhatShouldFallIsNoAccuracy) {
  std::vector<config::OutcomeMetric> metrics = {
      {.name = "churn", .field = "churn", .goal = config::Goal::kDecrease, .role = config::Role::kPrimary}};
  EXPECT_EQ(AccuracyOf(metrics), nullptr);
  metrics.push_back({.name = "hits", .field = "hits"});
  EXPECT_EQ(AccuracyOf(metrics)->name, "hits");
}

TEST(DecideTest, ALatencyThatRisesCosts) {
  Criteria criteria = Wants({.needs_non_inferiority = false, .needs_value = true});
  criteria.weights = config::DecisionWeights{.cost_per_millisecond = 0.1};
  const Decision decision =
      Decide(criteria, TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800, absl::Milliseconds(60))));
  EXPECT_EQ(decision.label, "REJECT");
  ASSERT_TRUE(Find(decision, Check::kValue)->value.has_value()) << Find(decision, Check::kValue)->text;
  EXPECT_NEAR(*Find(decision, Check::kValue)->value, -5, 0.1);
}

TEST(DecideTest, ACriterionIsInPercentOfChange) {
  Criteria criteria = Wants({.needs_non_inferiority = false, .needs_value = true});
  criteria.rules.criterion = {{"accuracy", 1}};
  const Decision decision = Decide(criteria, TwoVariants(Facts("a", 10, 800), Facts("b", 10, 880)));
  EXPECT_NEAR(*Find(decision, Check::kValue)->value, 10, 0.5);
  EXPECT_EQ(decision.verdict, Verdict::kSuccess) << decision.why;
}

TEST(DecideTest, NothingIsRecommendedBeforeItsTime) {
  Criteria criteria = Wants({.needs_non_inferiority = false, .needs_value = true});
  criteria.weights = config::DecisionWeights{.revenue_per_accuracy_point = 1};
  criteria.rules.min_duration = absl::Hours(49);
  const Decision early = Decide(criteria, TwoVariants(Facts("a", 10, 700), Facts("b", 10, 900)));
  EXPECT_EQ(early.verdict, Verdict::kUndecided);
  EXPECT_EQ(early.label, "CONTINUE_TESTING");
  EXPECT_EQ(early.point_label, "STRONG_RECOMMEND");
  criteria.rules.min_duration = absl::ZeroDuration();
  criteria.rules.needs_whole_weeks = true;
  EXPECT_EQ(Decide(criteria, TwoVariants(Facts("a", 10, 700), Facts("b", 10, 900))).verdict, Verdict::kUndecided);
}

TEST(DecideTest, AWholeWeekIsOneOfTheStepsOwnData) {
  Criteria criteria = Wants({});
  criteria.rules.needs_whole_weeks = true;
  Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800));
  evidence.begun = kNow - absl::Hours(24 * 14);
  EXPECT_EQ(Decide(criteria, evidence).verdict, Verdict::kSuccess) << "as it was where no record says of the step";
  evidence.since = kNow - absl::Hours(2);
  EXPECT_EQ(Decide(criteria, evidence).verdict, Verdict::kUndecided) << "two hours of one weekday";
  evidence.since = kNow - absl::Hours(24 * 7);
  EXPECT_EQ(Decide(criteria, evidence).verdict, Verdict::kSuccess);
  criteria.rules.min_duration = absl::Hours(24 * 14);
  EXPECT_EQ(Decide(criteria, evidence).verdict, Verdict::kSuccess) << "of the rollout";
}

TEST(DecideTest, ASplitThatIsNotTheOneAskedForConcludesNothing) {
  Evidence evidence = TwoVariants(Facts("a", 10, 700), Facts("b", 10, 900, absl::Milliseconds(10), 2000));
  const Decision decision = Decide(Wants({}), evidence);
  EXPECT_EQ(decision.verdict, Verdict::kInconclusive);
  EXPECT_EQ(Find(decision, Check::kSampleRatio)->state, CheckState::kFailed);
  evidence.variants[1].weight = config::Weight::FromHundredths(2500);
  EXPECT_NE(Decide(Wants({}), evidence).verdict, Verdict::kInconclusive);
}

TEST(DecideTest, OneUserWhoCallsAllTheTimeIsNoMismatch) {
  Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800));
  evidence.variants[0].assigned[77] += 3000;
  EXPECT_EQ(Find(Decide(Wants({}), evidence), Check::kSampleRatio)->state, CheckState::kPassed);
}

TEST(DecideTest, OutcomesReportedForOneVariantMoreThanForAnotherConcludeNothing) {
  Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800));
  stats::OutcomeCounts half;
  for (int i = 0; i < 2000; ++i) half.Add(static_cast<uint8_t>(i * 73), 1);
  evidence.variants[1].outcomes["accuracy"] = half;
  const Decision decision = Decide(Wants({}), evidence);
  EXPECT_EQ(decision.verdict, Verdict::kInconclusive);
  EXPECT_EQ(Find(decision, Check::kOutcomeRatio)->state, CheckState::kFailed);
}

TEST(DecideTest, CallsThatAreLostConcludeNothing) {
  Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800));
  for (int i = 0; i < 500; ++i) evidence.variants[1].counts.CountStart(stats::TickOf(kNow), 3);
  evidence.variants[1].counts.CloseInFlight();
  const Decision decision = Decide(Wants({}), evidence);
  EXPECT_EQ(decision.verdict, Verdict::kInconclusive);
  EXPECT_EQ(Find(decision, Check::kDataLoss)->variant, "b");
}

TEST(DecideTest, CallsThatStoppedComingMakeNoSuccess) {
  Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800));
  evidence.now += absl::Minutes(5);
  const Decision decision = Decide(Wants({}), evidence);
  EXPECT_EQ(decision.verdict, Verdict::kUndecided);
  EXPECT_EQ(Find(decision, Check::kData)->state, CheckState::kUnknown);
}

// --- Conditions.

TEST(DecideTest, ConditionsGoByTheStepsNumbers) {
  const Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 100, 900, absl::Milliseconds(30)));
  const auto verdict = [&](const std::string& success, const std::string& failure) {
    return Decide(Wants(Only(success, failure)), evidence).verdict;
  };
  EXPECT_EQ(verdict("accuracy.candidate > 0.85 && accuracy.lift > 0.1 && requests.default == 4000", ""),
            Verdict::kSuccess);
  EXPECT_EQ(verdict("accuracy.default > 0.85", ""), Verdict::kUndecided) << "it may come true";
  EXPECT_EQ(verdict("accuracy.b > 0.85", "error_rate.b > 0.09"), Verdict::kFailed);
  EXPECT_EQ(verdict("", "error_rate.a > 0.09"), Verdict::kSuccess) << "known not to be so";
  EXPECT_EQ(verdict("latency_p95.candidate > 29 && latency_p99.default < 15", ""), Verdict::kSuccess);
}

TEST(DecideTest, WhatTooFewCallsSayIsNotKnown) {
  const Evidence evidence =
      TwoVariants(Facts("a", 10, 800, absl::Milliseconds(10), 20), Facts("b", 10, 800, absl::Milliseconds(10), 20));
  for (const char* condition : {"error_rate.b < 1", "latency_p99.b < 1000", "accuracy.b > 0", "accuracy.lift < 9"}) {
    EXPECT_EQ(Decide(Wants(Only(condition)), evidence).verdict, Verdict::kUndecided) << condition;
  }
}

TEST(DecideTest, AnAnswerIsBelievedUntilItIsTooOld) {
  Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800));
  const Criteria criteria = Wants(Only("checkouts > 5"));
  EXPECT_EQ(Decide(criteria, evidence).verdict, Verdict::kUndecided) << "there is none";
  evidence.values["checkouts"] = {7, kNow - absl::Minutes(2)};
  EXPECT_EQ(Decide(criteria, evidence).verdict, Verdict::kSuccess);
  evidence.values["checkouts"] = {7, kNow - absl::Minutes(2) - absl::Seconds(1)};
  EXPECT_EQ(Decide(criteria, evidence).verdict, Verdict::kUndecided);
}

// a has all, and calls were previewed, that long ago, of b.
Evidence Previewed(int calls, int errors, absl::Duration ago) {
  Evidence evidence = TwoVariants(Facts("a", 10, 800), {.name = "b"});
  stats::VariantCounts& counts = evidence.variants[1].counts;
  for (int call = 0; call < calls; ++call) {
    counts.CountPreviewStart(stats::TickOf(kNow - ago));
    counts.CountPreviewEnd(call < errors ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess);
  }
  return evidence;
}

TEST(DecideTest, PreviewedCallsAreKnownFromTwentyOnUntilTheNewestIsTooOld) {
  Criteria criteria = Wants(Only("preview_error_rate.candidate < 0.1 && preview_requests.b > 10"));
  criteria.preview_max_age = absl::Hours(1);
  EXPECT_EQ(Decide(criteria, Previewed(19, 0, absl::Seconds(1))).verdict, Verdict::kUndecided);
  EXPECT_EQ(Decide(criteria, Previewed(20, 1, absl::Seconds(1))).verdict, Verdict::kSuccess);
  EXPECT_EQ(Decide(criteria, Previewed(20, 2, absl::Seconds(1))).verdict, Verdict::kUndecided);
  EXPECT_EQ(Decide(criteria, Previewed(20, 1, absl::Minutes(59))).verdict, Verdict::kSuccess);
  EXPECT_EQ(Decide(criteria, Previewed(20, 1, absl::Hours(1))).verdict, Verdict::kUndecided);
  criteria.preview_max_age.reset();
  EXPECT_EQ(Decide(criteria, Previewed(20, 1, absl::Seconds(1))).verdict, Verdict::kUndecided) << "there is none";
}

TEST(DecideTest, AnAnswerFromBeforeTheStepIsNotOfTheStep) {
  Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800));
  evidence.values["checkouts"] = {7, kNow - absl::Seconds(20)};
  evidence.since = kNow - absl::Seconds(19);
  for (const config::Analysis& analysis :
       {Only("checkouts > 5"), Only("", "checkouts < 5"), Only("", "checkouts > 5")}) {
    const Decision decision = Decide(Wants(analysis), evidence);
    EXPECT_EQ(decision.verdict, Verdict::kUndecided) << decision.why;
  }
  evidence.since = kNow - absl::Seconds(20);
  EXPECT_EQ(Decide(Wants(Only("checkouts > 5")), evidence).verdict, Verdict::kSuccess);
  EXPECT_EQ(Decide(Wants(Only("", "checkouts > 5")), evidence).verdict, Verdict::kFailed);
}

TEST(DecideTest, AFailureThatIsNotKnownIsNoSuccess) {
  const Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800));
  EXPECT_EQ(Decide(Wants(Only("accuracy.b > 0.5", "checkouts < 1")), evidence).verdict, Verdict::kUndecided);
}

// --- Records.

TEST(DecisionRecordTest, ADecisionIsMadeAgainOfItsRecordBitByBit) {
  config::Analysis analysis = Only("accuracy.candidate > 0.1 && checkouts > 5", "error_rate.b > 0.5");
  analysis.needs_primaries = analysis.needs_value = analysis.needs_non_inferiority = true;
  Criteria criteria = Wants(analysis);
  criteria.weights = config::DecisionWeights{.revenue_per_accuracy_point = 1.0 / 3, .risk_per_error_point = 0.7};
  Evidence evidence = TwoVariants(Facts("a", 11, 801), Facts("b", 9, 833));
  evidence.values["checkouts"] = {7.1, kNow - absl::Seconds(3)};
  evidence.since = kNow - absl::Seconds(2);
  const Decision decision = Decide(criteria, evidence);
  const v1::DecisionRecord record = RecordOf({"income", 3, 2}, criteria, evidence, decision);
  v1::DecisionRecord read;
  ASSERT_TRUE(read.ParseFromString(record.SerializeAsString()));
  const absl::StatusOr<DecisionQuestion> question = Decode(read.inputs());
  ASSERT_TRUE(question.ok()) << question.status();
  EXPECT_EQ(Decide(question->criteria, question->evidence), decision);
  EXPECT_TRUE(Verify(read).ok());
}

// Half of b's calls were served by a: an outage.
VariantFacts AfterAnOutage(const std::string& name, bool counts_uncompared) {
  VariantFacts facts = Facts(name, 10, 800, absl::Milliseconds(10), 2000);
  if (!counts_uncompared) return facts;
  for (int call = 0; call < 2000; ++call) {
    const auto user = static_cast<uint8_t>((call / 2) * 73 % 256);
    facts.counts.CountUncompared(user);
    facts.assigned[user] += 1;
  }
  return facts;
}

TEST(DecisionRecordTest, ARecordKeepsThoseWhoWereServedElsewhere) {
  const Evidence evidence = TwoVariants(Facts("a", 10, 800), AfterAnOutage("b", /*counts_uncompared=*/true));
  const Decision decision = Decide(Wants({}), evidence);
  EXPECT_EQ(decision.verdict, Verdict::kSuccess) << decision.why;
  const v1::DecisionRecord record = RecordOf({"income", 1, 1}, Wants({}), evidence, decision);
  EXPECT_TRUE(Verify(record).ok()) << Verify(record);
  EXPECT_EQ(Decode(record.inputs())->evidence.variants[1].counts, evidence.variants[1].counts);
}

TEST(DecisionRecordTest, ARecordFromBeforeTheyWereCountedIsReplayedAsItWasDecided) {
  const Evidence evidence = TwoVariants(Facts("a", 10, 800), AfterAnOutage("b", /*counts_uncompared=*/false));
  const Decision decision = Decide(Wants({}), evidence);
  ASSERT_EQ(decision.verdict, Verdict::kInconclusive);
  v1::DecisionRecord record = RecordOf({"income", 1, 1}, Wants({}), evidence, decision);
  ASSERT_EQ(record.inputs().variants(1).counts().user_uncompared_size(), 0);
  EXPECT_TRUE(Verify(record).ok()) << Verify(record);
  // Whatever else is known: the ratio was decided by what the record says was assigned.
  for (int b = 0; b < stats::kUserBuckets; ++b) {
    record.mutable_inputs()->mutable_variants(1)->mutable_counts()->add_user_uncompared(8);
  }
  EXPECT_TRUE(Verify(record).ok()) << Verify(record);
}

TEST(DecisionRecordTest, ARecordKeepsPreviewedCallsAndUntilWhenTheyCount) {
  Criteria criteria = Wants(Only("preview_error_rate.candidate < 0.1"));
  criteria.preview_max_age = absl::Hours(1);
  const Evidence evidence = Previewed(20, 1, absl::Minutes(59));
  const Decision decision = Decide(criteria, evidence);
  ASSERT_EQ(decision.verdict, Verdict::kSuccess) << decision.why;
  v1::DecisionRecord record = RecordOf({"income", 1, 1}, criteria, evidence, decision);
  EXPECT_TRUE(Verify(record).ok()) << Verify(record);
  record.mutable_inputs()->mutable_criteria()->mutable_preview_max_age()->set_seconds(60);
  EXPECT_TRUE(absl::IsDataLoss(Verify(record)));
}

TEST(DecisionRecordTest, AnAlteredRecordIsFoundOut) {
  const Criteria criteria = Wants({});
  const Evidence evidence = TwoVariants(Facts("a", 10, 800), Facts("b", 10, 800));
  v1::DecisionRecord record = RecordOf({"income", 1, 1}, criteria, evidence, Decide(criteria, evidence));
  record.mutable_inputs()->mutable_promotion(0)->set_log10_evidence(0);
  EXPECT_TRUE(absl::IsDataLoss(Verify(record)));
}

}  // namespace
}  // namespace weir::experiment
