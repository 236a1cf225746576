#include "router/cli/planning/run_plan.h"

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
  guardrails:
    - {name: errors, metric: error_rate, compareTo: default, maxRatio: 1.9, alpha: 0.001, action: rollback}
)";

Answer Plan(PlanCommand command, bool is_watched = false) {
  if (command.file.empty()) command.file = "canary.yaml";
  if (command.traffic.empty()) command.traffic = "50/s";
  const std::map<std::string, std::string> files = {{"canary.yaml", kSpec}, {"broken.yaml", "kind: Experiment\n"}};
  return AnswerOf([&](const Terminal& terminal) { return RunPlan(command, config::MemoryFiles(files), terminal); },
                  is_watched);
}

TEST(RunPlanTest, AnswersAsTextOrJsonWithTheFilesOwnWarnings) {
  const Answer text = Plan({});
  EXPECT_EQ(text.code, ExitCode::kOk);
  EXPECT_THAT(text.out, HasSubstr("canary: no rollout at 50 calls/s"));
  EXPECT_THAT(text.out, HasSubstr("canary.yaml:11:"));
  EXPECT_THAT(text.out, HasSubstr("can never prove a rise to twice the default's"));
  EXPECT_THAT(text.err, IsEmpty());
  EXPECT_TRUE(runtime::ParseJson(Plan({.is_json = true}).out).ok());
}

TEST(RunPlanTest, ABrokenFileAndAnAbsentOneAreRefusedWithTheirPlaces) {
  const Answer broken = Plan({.file = "broken.yaml"});
  EXPECT_EQ(broken.code, ExitCode::kRefused);
  EXPECT_THAT(broken.err, HasSubstr("broken.yaml:1:"));
  EXPECT_THAT(broken.out, IsEmpty());
  EXPECT_EQ(Plan({.file = "absent.yaml"}).code, ExitCode::kRefused);
  EXPECT_THAT(Plan({.experiment = "other"}).err, HasSubstr("holds no Experiment other; it holds canary"));
}

TEST(RunPlanTest, AWrongOptionIsAUsageError) {
  const Answer answer = Plan({.traffic = "50/w"});
  EXPECT_EQ(answer.code, ExitCode::kUsage);
  EXPECT_THAT(answer.err, HasSubstr("weirctl: --traffic must be calls in a time"));
}

TEST(RunPlanTest, SimulatedDelaysStandBelowTheCalculatedOnes) {
  const Answer answer = Plan({.simulated_runs = 2}, true);
  EXPECT_THAT(answer.out, HasSubstr("simulated"));
  EXPECT_THAT(answer.err, HasSubstr("[####"));
}

TEST(RunPlanTest, APlotGoesToItsFileOrTheCommandFails) {
  const std::string file = testing::TempDir() + "plan.svg";
  EXPECT_EQ(Plan({.svg = file}).code, ExitCode::kOk);
  std::stringstream written;
  written << std::ifstream(file).rdbuf();
  EXPECT_THAT(written.str(), HasSubstr("</svg>"));
  EXPECT_EQ(Plan({.svg = testing::TempDir() + "absent/plan.svg"}).code, ExitCode::kRefused);
}

}  // namespace
}  // namespace weir::cli
