#include "router/cli/command_line.h"

#include <cstdlib>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

CommandLine Parse(std::vector<const char*> arguments) { return ParseCommandLine(arguments, "1.2.3"); }

SayCommand Said(std::vector<const char*> arguments) {
  return std::get<SayCommand>(Parse(std::move(arguments)).command);
}

TEST(CommandLineTest, StatusHasItsThreeForms) {
  EXPECT_FALSE(std::get<StatusCommand>(Parse({"status"}).command).is_json);
  EXPECT_TRUE(std::get<StatusCommand>(Parse({"status", "--json", "--exit-code"}).command).wants_exit_code);
  EXPECT_TRUE(std::get<StatusCommand>(Parse({"status", "--watch"}).command).is_watch);
}

TEST(CommandLineTest, ValidateTakesAnyNumberOfFiles) {
  EXPECT_THAT(std::get<ValidateCommand>(Parse({"validate", "a.yaml", "b"}).command).files, ElementsAre("a.yaml", "b"));
}

TEST(CommandLineTest, ExplainNamesWhatItMeans) {
  const auto explain = std::get<ExplainCommand>(Parse({"explain", "--key", "-x y", "--experiment", "e"}).command);
  EXPECT_EQ(explain.key, "-x y");
  EXPECT_EQ(explain.experiment, "e");
}

TEST(CommandLineTest, AnExperimentIsCommandedByVerbs) {
  for (const char* verb :
       {"start", "pause", "resume", "promote", "abort", "rollback", "retry", "approve", "reject", "reset"}) {
    const auto command = std::get<RolloutCommand>(Parse({verb, "income"}).command);
    EXPECT_EQ(command.verb, verb);
    EXPECT_EQ(command.experiment, "income");
    EXPECT_FALSE(command.percent.has_value());
  }
  const auto reset = std::get<RolloutCommand>(
      Parse({"reset", "income", "--role", "operator", "--actor", "ann", "--comment", "mended"}).command);
  EXPECT_EQ(reset.actor, "ann");
  EXPECT_THAT(reset.roles, ElementsAre("operator"));
  EXPECT_EQ(reset.comment, "mended");
  const auto approve = std::get<RolloutCommand>(
      Parse({"approve", "income", "--role", "operator", "--role", "owner", "--actor", "ann", "--comment", "fine"})
          .command);
  EXPECT_EQ(approve.actor, "ann");
  EXPECT_THAT(approve.roles, ElementsAre("operator", "owner"));
  EXPECT_EQ(approve.comment, "fine");
  EXPECT_EQ(std::get<RolloutCommand>(Parse({"set-weight", "income", "12.5"}).command).percent, 12.5);
  EXPECT_TRUE(std::get<RolloutCommand>(Parse({"promote", "income", "--full"}).command).is_full);
}

TEST(CommandLineTest, PlanNeedsItsTrafficAndLeavesEmptyWhatIsNotGiven) {
  const auto plan = std::get<PlanCommand>(
      Parse({"plan", "a.yaml", "--traffic", "50/s", "--baseline", "accuracy=0.9", "--users", "1e4", "--json"}).command);
  EXPECT_EQ(plan.file, "a.yaml");
  EXPECT_EQ(plan.traffic, "50/s");
  EXPECT_THAT(plan.baselines, ElementsAre("accuracy=0.9"));
  EXPECT_EQ(plan.users, 1e4);
  EXPECT_FALSE(plan.alpha.has_value());
  EXPECT_EQ(plan.baseline_error, "");
  EXPECT_EQ(plan.simulated_runs, 0);
  EXPECT_TRUE(plan.is_json);
  EXPECT_THAT(Said({"plan", "--help"}).text, HasSubstr("Wald's bound log(1/alpha)/KL"));
}

TEST(CommandLineTest, SimulateHasADefaultForEverythingButItsFile) {
  const auto simulate = std::get<SimulateCommand>(
      Parse({"simulate", "a.yaml", "--fault", "errors=5%", "--fault", "latency=2x@stage2"}).command);
  EXPECT_EQ(simulate.file, "a.yaml");
  EXPECT_THAT(simulate.faults, ElementsAre("errors=5%", "latency=2x@stage2"));
  EXPECT_EQ(simulate.traffic, "50/s");
  EXPECT_THAT(Said({"simulate", "--help"}).text, HasSubstr("--fault accuracy=-0.1@stage2"));
}

TEST(CommandLineTest, TheAddressStandsBeforeOrAfterTheCommandOrInTheEnvironment) {
  EXPECT_EQ(Parse({"status"}).address, "127.0.0.1:9901");
  EXPECT_EQ(Parse({"--address", "127.0.0.1:1", "status"}).address, "127.0.0.1:1");
  EXPECT_EQ(Parse({"status", "--address", "127.0.0.1:1"}).address, "127.0.0.1:1");
  setenv("WEIR_ADMIN", "127.0.0.1:2", 1);
  EXPECT_EQ(Parse({"status"}).address, "127.0.0.1:2");
  EXPECT_EQ(Parse({"status", "--address", "127.0.0.1:1"}).address, "127.0.0.1:1");
  unsetenv("WEIR_ADMIN");
}

TEST(CommandLineTest, AWrongCommandLineIsAUsageError) {
  for (const std::vector<const char*>& wrong :
       {std::vector<const char*>{},
        {"stats"},
        {"status", "--jsn"},
        {"validate"},
        {"reset"},
        {"reset", "a", "b"},
        {"explain"},
        {"plan", "a.yaml"},
        {"plan", "--traffic", "50/s"},
        {"plan", "a.yaml", "--traffic", "50/s", "--power", "1"},
        {"plan", "a.yaml", "--traffic", "50/s", "--users", "9", "--calls-per-user", "2"},
        {"simulate"},
        {"pause"},
        {"set-weight", "income"},
        {"set-weight", "income", "101"},
        {"pause", "income", "--full"},
        {"status", "--json", "--watch"},
        {"status", "validate", "x"}}) {
    EXPECT_EQ(Said(wrong).code, ExitCode::kUsage);
    EXPECT_NE(Said(wrong).text, "");
  }
}

TEST(CommandLineTest, HelpTeachesByExamplesAndNamesTheExitCodes) {
  EXPECT_EQ(Said({"--help"}).code, ExitCode::kOk);
  EXPECT_THAT(Said({"--help"}).text, HasSubstr("weirctl explain --key alice"));
  EXPECT_THAT(Said({"--help"}).text, HasSubstr("3  the proxy cannot be reached"));
  EXPECT_THAT(Said({"status", "--help"}).text, HasSubstr("--watch"));
  EXPECT_THAT(Said({"--version"}).text, HasSubstr("weirctl 1.2.3"));
}

TEST(ProxyCommandLineTest, WantsAFileAndKnowsFourLevels) {
  const std::vector<const char*> right = {"--config", "weir.yaml"};
  const auto command = std::get<ProxyCommand>(ParseProxyCommandLine(right, "1"));
  EXPECT_EQ(command.config, "weir.yaml");
  EXPECT_EQ(command.log_level, "info");
  for (const std::vector<const char*>& wrong :
       {std::vector<const char*>{}, {"weir.yaml"}, {"--config", "a", "--log-level", "loud"}}) {
    EXPECT_EQ(std::get<SayCommand>(ParseProxyCommandLine(wrong, "1")).code, ExitCode::kUsage);
  }
  const std::vector<const char*> version = {"--version"};
  EXPECT_THAT(std::get<SayCommand>(ParseProxyCommandLine(version, "1.2.3")).text, HasSubstr("weir 1.2.3"));
}

TEST(CommandLineTest, WhatIsAskedOfAJournalSaysWhichAndWhat) {
  const auto verify = std::get<AuditCommand>(Parse({"audit", "verify", "state", "--head", "ab"}).command);
  EXPECT_TRUE(verify.is_verify);
  EXPECT_EQ(verify.journal, "state");
  EXPECT_EQ(verify.head, "ab");
  const auto show = std::get<AuditCommand>(Parse({"audit", "show", "income", "--diff", "--journal", "j.db"}).command);
  EXPECT_FALSE(show.is_verify);
  EXPECT_EQ(show.experiment, "income");
  EXPECT_TRUE(show.wants_differences);
  EXPECT_EQ(show.journal, "j.db");
  const auto replay = std::get<ReplayCommand>(Parse({"replay", "income", "--json"}).command);
  EXPECT_EQ(replay.experiment, "income");
  EXPECT_TRUE(replay.is_json);
  const auto report = std::get<ReportCommand>(Parse({"report", "income", "--now"}).command);
  EXPECT_EQ(report.experiment, "income");
  EXPECT_TRUE(report.is_of_now);
  EXPECT_EQ(std::get<SayCommand>(Parse({"audit"}).command).code, ExitCode::kUsage);
}

}  // namespace
}  // namespace weir::cli
