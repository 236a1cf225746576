#include "router/cli/simulation/run_simulate.h"

#include <fstream>
#include <map>
#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/cli/memory_terminal.h"
#include "router/runtime/json.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kSpec[] = R"(apiVersion: weir/v1
kind: Experiment
metadata: {name: canary}
spec:
  default: baseline
  candidates:
    - {name: baseline, weight: 50}
    - {name: candidate, weight: 50}
  match: {service: S}
  assignment: {key: [{header: x-user-id}]}
  metrics:
    - {name: accuracy, source: feedback, field: correct, type: proportion}
  guardrails:
    - {name: errors, metric: error_rate, compareTo: default, maxRatio: 1.2, alpha: 0.001, action: rollback}
    - {name: floor, metric: accuracy, min: 0.75, alpha: 0.001, action: rollback}
)";

Answer Simulate(SimulateCommand command, bool is_watched = false) {
  command.file = "canary.yaml";
  command.runs = 3;
  command.longest_pause_minutes = 2;
  const std::map<std::string, std::string> files = {{"canary.yaml", kSpec}};
  return AnswerOf([&](const Terminal& terminal) { return RunSimulate(command, config::MemoryFiles(files), terminal); },
                  is_watched);
}

TEST(RunSimulateTest, AnswersOnOneStreamAndKeepsQuietOnTheOther) {
  const Answer answer = Simulate({});
  EXPECT_EQ(answer.code, ExitCode::kOk);
  EXPECT_THAT(answer.out, HasSubstr("canary: 3 runs, no fault, 50 calls/s"));
  EXPECT_THAT(answer.out, HasSubstr("outcomes of accuracy: 90 %, assumed (--baseline)"));
  EXPECT_THAT(answer.err, IsEmpty());
}

TEST(RunSimulateTest, ShowsProgressWhereSomebodyWatches) {
  EXPECT_THAT(Simulate({}, true).err, HasSubstr("[########################################] 3 of 3\n"));
}

TEST(RunSimulateTest, OutcomesFailAsAsked) {
  const Answer answer = Simulate({.faults = {"accuracy=-0.4"}, .traffic = "3000/m", .is_json = true});
  const auto json = runtime::ParseJson(answer.out);
  ASSERT_TRUE(json.ok()) << answer.out << answer.err;
  EXPECT_EQ(json->Find("rollback_rate")->ToNumber(), 1);
  EXPECT_EQ(json->Find("shut_by")->Find("floor")->ToNumber(), 3);
}

TEST(RunSimulateTest, WhatCannotBeIsAUsageErrorThatNamesItsOption) {
  const Answer fault = Simulate({.faults = {"cost=1"}});
  EXPECT_EQ(fault.code, ExitCode::kUsage);
  EXPECT_THAT(fault.err, HasSubstr("--fault cost=1: must be one of errors=RATE, latency=FACTORx, accuracy=SHIFT"));
  EXPECT_THAT(Simulate({.traffic = "fast"}).err, HasSubstr("--traffic must be calls in a time"));
  EXPECT_THAT(Simulate({.traffic = "6000/s"}).err, HasSubstr("--traffic must be at most 5000/s"));
  EXPECT_THAT(Simulate({.baselines = {"cost=1"}}).err, HasSubstr("--baseline cost=1: canary has no metric cost"));
}

TEST(RunSimulateTest, APlotGoesToItsFileOrTheCommandFails) {
  const std::string file = testing::TempDir() + "simulate.svg";
  EXPECT_EQ(Simulate({.svg = file}).code, ExitCode::kOk);
  std::stringstream written;
  written << std::ifstream(file).rdbuf();
  EXPECT_THAT(written.str(), HasSubstr("<svg"));
  const Answer failed = Simulate({.svg = testing::TempDir() + "absent/simulate.svg"});
  EXPECT_EQ(failed.code, ExitCode::kRefused);
  EXPECT_THAT(failed.err, HasSubstr("cannot write"));
}

}  // namespace
}  // namespace weir::cli
