// What the controller does with reports of outcomes, and what it shows.

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "router/control/controller_rig.h"

namespace weir::control {
namespace {

v1::OutcomeStatus AccuracyOf(const ControllerRig& rig, const std::string& variant) {
  const v1::ExperimentStatus experiment = rig.Status();
  for (const v1::VariantStatus& status : experiment.variants()) {
    if (status.name() == variant) return status.outcomes(0);
  }
  return {};
}

class OutcomesTest : public testing::Test {
 protected:
  OutcomesTest() { rig_.File({ControllerRig::AnExperiment()}); }
  ControllerRig rig_;
};

TEST_F(OutcomesTest, AReportIsCountedForTheVariantOfItsTicket) {
  EXPECT_TRUE(rig_.Outcome(1, 1, "candidate").ok());
  EXPECT_TRUE(rig_.Outcome(2, 0, "candidate").ok());
  EXPECT_TRUE(rig_.Outcome(3, 1, "baseline").ok());
  EXPECT_EQ(AccuracyOf(rig_, "candidate").count(), 2);
  EXPECT_EQ(AccuracyOf(rig_, "candidate").mean(), 0.5);
  EXPECT_EQ(AccuracyOf(rig_, "baseline").count(), 1);
}

TEST_F(OutcomesTest, ATicketCountsOnce) {
  EXPECT_TRUE(rig_.Outcome(1, 1).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(rig_.Outcome(1, 1)));
  EXPECT_EQ(AccuracyOf(rig_, "candidate").count(), 1);
  EXPECT_EQ(rig_.controller().View(rig_.now()).metrics.experiments[0].outcomes_refused.at("repeated"), 1);
}

TEST_F(OutcomesTest, AOnceOnlyTicketSurvivesARestart) {
  const stats::OutcomeReport report{.ticket = rig_.TicketOf(7), .metrics = {{"correct", 1}}};
  EXPECT_TRUE(rig_.controller().TakeOutcome(report, rig_.now()).ok());
  rig_.Run(11);
  rig_.Restart();
  EXPECT_EQ(AccuracyOf(rig_, "candidate").count(), 1);
  EXPECT_TRUE(absl::IsAlreadyExists(rig_.controller().TakeOutcome(report, rig_.now())));
  EXPECT_EQ(AccuracyOf(rig_, "candidate").count(), 1);
}

TEST_F(OutcomesTest, WhenReportedTicketsAreUnreadableNoneOfThemIsCountedAgain) {
  const stats::OutcomeReport report{.ticket = rig_.TicketOf(7), .metrics = {{"correct", 1}}};
  EXPECT_TRUE(rig_.controller().TakeOutcome(report, rig_.now()).ok());
  rig_.Run(11);
  const std::vector<experiment::CheckpointRow> damaged = {{"tickets/1/1/0/0", "damaged"}};
  ASSERT_TRUE(rig_.journal().WriteCheckpoint(damaged).ok());
  for (int life = 0; life < 2; ++life) {
    rig_.Restart();
    EXPECT_TRUE(absl::IsOutOfRange(rig_.controller().TakeOutcome(report, rig_.now())));
    rig_.Run(11);
  }
  EXPECT_FALSE(rig_.journal().checkpoints().contains("tickets/1/1/0/0"));
  EXPECT_TRUE(rig_.Outcome(8, 1).ok());
}

TEST_F(OutcomesTest, CountAndMarkAreCheckpointedTogetherSoThatALostReportMayBeRepeated) {
  rig_.Run(11);
  const stats::OutcomeReport report{.ticket = rig_.TicketOf(7), .metrics = {{"correct", 1}}};
  EXPECT_TRUE(rig_.controller().TakeOutcome(report, rig_.now()).ok());
  rig_.Restart();  // Within the second: neither is there.
  EXPECT_EQ(AccuracyOf(rig_, "candidate").count(), 0);
  EXPECT_TRUE(rig_.controller().TakeOutcome(report, rig_.now()).ok());
  EXPECT_EQ(AccuracyOf(rig_, "candidate").count(), 1);
}

TEST_F(OutcomesTest, ATicketOfAnEpochThatACrashForgotIsNotOfTheNextOfItsNumberWhateverTheClock) {
  rig_.Run(11);
  config::Experiment edited = ControllerRig::AnExperiment();
  uint32_t weight = 3000;
  for (const absl::Duration clock_step : {absl::Seconds(1), -absl::Hours(1)}) {
    rig_.journal().FailWith(absl::ResourceExhaustedError("disk full"));
    edited.variants[1].weight = config::Weight::FromHundredths(weight -= 1000);
    rig_.File({edited});  // Takes away: it is in force, and no row tells of it.
    const stats::OutcomeReport report{.ticket = rig_.TicketOf(7), .metrics = {{"correct", 1}}};
    rig_.journal().FailWith(absl::OkStatus());
    rig_.Advance(clock_step);
    rig_.Restart();  // Follows the file anew.
    ASSERT_EQ(rig_.TicketOf(8).epoch, report.ticket.epoch);
    const int64_t before = AccuracyOf(rig_, "candidate").count();
    EXPECT_TRUE(absl::IsOutOfRange(rig_.controller().TakeOutcome(report, rig_.now())));
    EXPECT_TRUE(rig_.Outcome(8, 1).ok());
    EXPECT_EQ(AccuracyOf(rig_, "candidate").count(), before + 1);
    rig_.Run(11);
  }
}

TEST_F(OutcomesTest, LateOutcomesOfCallsFromBeforeARestartCountWhateverTheClock) {
  uint64_t sequence = 0;
  std::vector<stats::OutcomeReport> reports;
  rig_.Run(11);
  for (const absl::Duration clock_step : {absl::Hours(2), -absl::Hours(1), -absl::Hours(3)}) {
    reports.push_back({.ticket = rig_.TicketOf(++sequence), .metrics = {{"correct", 1}}});
    rig_.Advance(clock_step);
    rig_.Restart();
    rig_.Run(1);
  }
  for (const stats::OutcomeReport& report : reports) {
    EXPECT_TRUE(rig_.controller().TakeOutcome(report, rig_.now()).ok()) << report.ticket.sequence;
  }
  EXPECT_TRUE(rig_.Outcome(++sequence, 1).ok());
  EXPECT_EQ(AccuracyOf(rig_, "candidate").count(), 4);
}

TEST_F(OutcomesTest, AnEpochOfWhichACrashForgotAllThatWasCountedTakesNoLateOutcomes) {
  const stats::OutcomeReport report{.ticket = rig_.TicketOf(7), .metrics = {{"correct", 1}}};
  rig_.Restart();  // Before the first checkpoint.
  EXPECT_TRUE(absl::IsOutOfRange(rig_.controller().TakeOutcome(report, rig_.now())));
  EXPECT_EQ(rig_.controller().View(rig_.now()).metrics.experiments[0].outcomes_refused.at("unknown_run"), 1);
  EXPECT_TRUE(rig_.Outcome(8, 1).ok());
}

TEST_F(OutcomesTest, ATicketOfARunOfAJournalThatWasLostIsNotOfTheRunThatHasItsNumberNow) {
  const stats::OutcomeReport report{.ticket = rig_.TicketOf(7), .metrics = {{"correct", 1}}};
  rig_.Advance(-absl::Hours(1));
  rig_.LoseJournal();
  ASSERT_EQ(rig_.TicketOf(8).run, report.ticket.run);
  EXPECT_TRUE(absl::IsOutOfRange(rig_.controller().TakeOutcome(report, rig_.now())));
  EXPECT_TRUE(rig_.Outcome(8, 1).ok());
}

// A step that opens is on its way through the journal when one that shuts takes its number, and a crash forgets that
// one.
class OvertakenTest : public OutcomesTest {
 protected:
  // The report of a call of the epoch that shut.
  stats::OutcomeReport Overtake() {
    rig_.Run(11);
    rig_.HoldReplies();
    config::Experiment wider = ControllerRig::AnExperiment();
    wider.variants.insert(wider.variants.begin(), {"other", config::Weight::FromHundredths(3000)});
    wider.variants[1].weight = config::Weight::FromHundredths(4000);
    wider.default_variant = 1;
    rig_.File({wider});  // Written, and not in force.
    rig_.journal().FailWith(absl::ResourceExhaustedError("disk full"));
    EXPECT_TRUE(absl::IsDeadlineExceeded(rig_.Obey(experiment::CommandKind::kRollback)));
    rig_.journal().FailWith(absl::OkStatus());
    return {.ticket = rig_.TicketOf(7, "baseline"), .metrics = {{"correct", 1}}};
  }
};

TEST_F(OvertakenTest, ItsOutcomesAreNotThoseOfTheEpochThatIsFound) {
  const stats::OutcomeReport report = Overtake();
  rig_.Restart();
  ASSERT_GT(rig_.Share("other"), 0);
  ASSERT_EQ(rig_.TicketOf(8).epoch, report.ticket.epoch);
  EXPECT_TRUE(absl::IsOutOfRange(rig_.controller().TakeOutcome(report, rig_.now())));
}

TEST_F(OvertakenTest, WhereItWasCheckpointedWhatGoesOnIsAnEpochOfItsOwn) {
  const stats::OutcomeReport report = Overtake();
  rig_.Tick();  // Writes a checkpoint.
  rig_.Restart();
  ASSERT_GT(rig_.Share("other"), 0);
  EXPECT_EQ(rig_.TicketOf(8).epoch, report.ticket.epoch + 1);
  EXPECT_TRUE(rig_.controller().TakeOutcome(report, rig_.now()).ok());
  EXPECT_EQ(AccuracyOf(rig_, "baseline").count(), 1);
}

TEST_F(OutcomesTest, AReportAfterTheJoinWindowIsRefused) {
  const stats::OutcomeReport report{.ticket = rig_.TicketOf(7), .metrics = {{"correct", 1}}};
  rig_.Advance(absl::Hours(24) + absl::Seconds(1));
  EXPECT_TRUE(absl::IsOutOfRange(rig_.controller().TakeOutcome(report, rig_.now())));
  EXPECT_EQ(rig_.controller().View(rig_.now()).metrics.experiments[0].outcomes_refused.at("expired"), 1);
}

TEST_F(OutcomesTest, AReportForAPastEpochCountsForTheRun) {
  const stats::OutcomeReport report{.ticket = rig_.TicketOf(7), .metrics = {{"correct", 1}}};
  config::Experiment edited = ControllerRig::AnExperiment();
  std::swap(edited.variants[0], edited.variants[1]);  // The place in the ticket means what it meant.
  edited.default_variant = 1;
  rig_.File({edited});
  EXPECT_TRUE(rig_.controller().TakeOutcome(report, rig_.now()).ok());
  EXPECT_EQ(AccuracyOf(rig_, "candidate").count(), 1);
}

TEST_F(OutcomesTest, AReportForAPastRunIsTakenAndDoesNotCountForThePresentOne) {
  const stats::OutcomeReport report{.ticket = rig_.TicketOf(7), .metrics = {{"correct", 1}}};
  for (const char* label : {"second", "third"}) {
    config::Experiment next = ControllerRig::AnExperiment();
    next.run = label;
    rig_.File({next});
  }
  EXPECT_TRUE(rig_.controller().TakeOutcome(report, rig_.now()).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(rig_.controller().TakeOutcome(report, rig_.now())));
  EXPECT_EQ(AccuracyOf(rig_, "candidate").count(), 0);
  rig_.Run(11);
  rig_.Restart();
  EXPECT_TRUE(absl::IsAlreadyExists(rig_.controller().TakeOutcome(report, rig_.now())));
  config::Experiment fourth = ControllerRig::AnExperiment();
  fourth.run = "fourth";
  rig_.File({fourth});
  EXPECT_TRUE(absl::IsOutOfRange(rig_.controller().TakeOutcome(report, rig_.now())));  // No longer kept.
}

TEST_F(OutcomesTest, WhatNamesNoMetricOrNoPossibleValueIsRefusedAndMayBeCorrected) {
  stats::OutcomeReport report{.ticket = rig_.TicketOf(7), .metrics = {{"something", 1}}};
  EXPECT_TRUE(absl::IsInvalidArgument(rig_.controller().TakeOutcome(report, rig_.now())));
  for (double impossible : {-0.1, 1.5, std::numeric_limits<double>::quiet_NaN()}) {
    report.metrics = {{"correct", impossible}};
    EXPECT_TRUE(absl::IsInvalidArgument(rig_.controller().TakeOutcome(report, rig_.now())));
  }
  report.metrics = {{"correct", 1}};
  EXPECT_TRUE(rig_.controller().TakeOutcome(report, rig_.now()).ok());
}

TEST_F(OutcomesTest, AnUnknownExperimentIsRefused) {
  stats::OutcomeReport report{.ticket = rig_.TicketOf(7), .metrics = {{"correct", 1}}};
  report.ticket.experiment = 1;
  EXPECT_TRUE(absl::IsOutOfRange(rig_.controller().TakeOutcome(report, rig_.now())));
}

TEST_F(OutcomesTest, AccuracyIsShownFromThirtyOutcomesOn) {
  const auto accuracy = [&] { return rig_.controller().View(rig_.now()).metrics.models[1].accuracy; };
  for (uint64_t i = 0; i < 29; ++i) ASSERT_TRUE(rig_.Outcome(i, i % 2 == 0).ok());
  EXPECT_FALSE(accuracy());
  EXPECT_FALSE(AccuracyOf(rig_, "candidate").has_lower());
  ASSERT_TRUE(rig_.Outcome(29, 0).ok());
  EXPECT_NEAR(accuracy().value(), 0.5, 1e-12);
  EXPECT_LT(AccuracyOf(rig_, "candidate").lower(), 0.5);
  EXPECT_GT(AccuracyOf(rig_, "candidate").upper(), 0.5);
}

TEST_F(OutcomesTest, AnOutcomeBelowItsBoundRollsBack) {
  config::Experiment bounded = ControllerRig::AnExperiment();
  bounded.guardrails = {
      {.name = "floor", .rule = config::OutcomeBound{.metric = "accuracy", .min = 0.75, .max = std::nullopt}}};
  rig_.File({bounded});
  uint64_t sequence = 0;
  for (int tick = 0; tick < 100 && rig_.Share("candidate") > 0; ++tick) {
    for (int i = 0; i < 20; ++i, ++sequence) ASSERT_TRUE(rig_.Outcome(sequence, sequence % 3 == 0).ok());
    rig_.Tick();
  }
  EXPECT_EQ(rig_.Status().phase(), v1::ROLLED_BACK);
  EXPECT_EQ(rig_.Status().breach().guardrail(), "floor");
}

TEST(ViewTest, TheWorkedExampleOfBusinessValueIsShown) {
  ControllerRig rig;
  config::Experiment weighed = ControllerRig::AnExperiment();
  weighed.decision = config::DecisionWeights{
      .revenue_per_accuracy_point = 0.5, .cost_per_millisecond = 0.1, .risk_per_error_point = 10};
  weighed.guardrails.clear();
  rig.File({weighed});
  const routing::ExperimentRoute route = rig.controller().table()->experiments[0];
  stats::WorkerReport report;
  uint64_t sequence = 0;
  const auto serve = [&](uint16_t variant, const char* name, int errors, absl::Duration latency, int correct) {
    stats::VariantCounts& counts = report.delta.inference[{route.run, route.epoch, variant}];
    for (int i = 0; i < 1000; ++i) {
      const auto bucket = static_cast<uint8_t>(i * 37);
      counts.CountStart(stats::TickOf(rig.now()), bucket);
      counts.CountEnd({.started = stats::TickOf(rig.now()),
                       .user_bucket = bucket,
                       .outcome = i < errors ? stats::CallOutcome::kError : stats::CallOutcome::kSuccess,
                       .latency = latency});
      ASSERT_TRUE(rig.Outcome(sequence++, i < correct, name).ok());
    }
  };
  serve(0, "baseline", 12, absl::Milliseconds(45), 785);
  serve(1, "candidate", 8, absl::Milliseconds(62), 821);
  rig.controller().TakeReport(report);
  rig.Tick();
  EXPECT_NEAR(rig.Status().variants(1).business_impact(), 4.1, 0.1);
  EXPECT_FALSE(rig.Status().variants(0).has_business_impact());
}

TEST(ViewTest, WhatCannotChangeLiveIsSaidClearly) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  config::Config changed = ControllerRig::ConfigWith({ControllerRig::AnExperiment()});
  changed.proxy.workers = 7;
  changed.proxy.models.push_back({.name = "late", .endpoints = {{"late", 1}}, .health = {}, .deadline = {}});
  rig.controller().TakeConfig(changed, rig.now());
  const Snapshot view = rig.controller().View(rig.now());
  ASSERT_EQ(view.status.notices_size(), 1);
  EXPECT_NE(view.status.notices(0).find("spec.listener.workers"), std::string::npos);
  EXPECT_TRUE(view.metrics.control.restart_needed);
  EXPECT_EQ(rig.controller().table()->models.size(), 4u);  // Models change live.
}

TEST(ViewTest, BrokenFilesAreListedAndTheLastGoodOnesStay) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.controller().RefuseConfig({"a.yaml:1:2: bad", "b.yaml:3:4: worse"}, rig.now());
  Snapshot view = rig.controller().View(rig.now());
  EXPECT_EQ(view.status.configuration_errors_size(), 2);
  EXPECT_FALSE(view.metrics.control.configuration_valid);
  EXPECT_EQ(view.metrics.control.reloads_refused, 1);
  EXPECT_NEAR(rig.Share("candidate"), 0.3, 1e-12);
  rig.File({ControllerRig::AnExperiment()});
  view = rig.controller().View(rig.now());
  EXPECT_EQ(view.status.configuration_errors_size(), 0);
  EXPECT_TRUE(view.metrics.control.configuration_valid);
  EXPECT_EQ(view.metrics.control.reloads_accepted, 1);
}

TEST(ViewTest, ACandidateThatIsNoModelAnyMoreGetsNothing) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.journal().FailWith(absl::ResourceExhaustedError("disk full"));
  config::Experiment without = ControllerRig::AnExperiment();
  without.variants.pop_back();
  config::Config config = ControllerRig::ConfigWith({without});
  std::erase_if(config.proxy.models, [](const config::Model& model) { return model.name == "candidate"; });
  rig.controller().TakeConfig(config, rig.now());
  rig.Tick();
  EXPECT_EQ(rig.Share("baseline"), 1);
  EXPECT_EQ(rig.controller().table()->experiments[0].variants.size(), 1u);
}

TEST(ViewTest, ADefaultThatIsNoModelAnyMoreDoesNotTakeTrafficWithIt) {
  ControllerRig rig;
  rig.File({ControllerRig::AnExperiment()});
  rig.journal().FailWith(absl::ResourceExhaustedError("disk full"));
  config::Experiment moved = ControllerRig::AnExperiment();
  moved.variants[0].name = "other";
  config::Config config = ControllerRig::ConfigWith({moved});
  std::erase_if(config.proxy.models, [](const config::Model& model) { return model.name == "baseline"; });
  rig.controller().TakeConfig(config, rig.now());
  rig.Tick();
  EXPECT_EQ(rig.Share("other"), 1);
  EXPECT_EQ(rig.Share("candidate"), 0);
  // Its variants are not those of the run's epoch, where a ticket would name another one.
  EXPECT_FALSE(rig.controller().table()->experiments[0].issues_tickets);
  EXPECT_EQ(rig.controller().table()->experiments[0].run_ordinal, 0u);
  rig.journal().FailWith(absl::OkStatus());
  rig.Run(20);
  EXPECT_TRUE(rig.controller().table()->experiments[0].issues_tickets);
  EXPECT_EQ(rig.controller().table()->experiments[0].epoch, 2u);
}

}  // namespace
}  // namespace weir::control
