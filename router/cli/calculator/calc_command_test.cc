#include "router/cli/calculator/calc_command.h"

#include <sstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "router/runtime/json.h"

namespace weir::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Outcome {
  bool is_ok = false;
  std::vector<std::string> lines;
};

Outcome Calc(const CalcCommand& command, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  Outcome outcome{.is_ok = RunCalc(command, in, out), .lines = {}};
  std::istringstream lines(out.str());
  for (std::string line; std::getline(lines, line);) outcome.lines.push_back(line);
  return outcome;
}

constexpr char kGood[] = R"({"id": "x", "function": "moments", "inputs": {"values": [1, 2, 3]}})";
constexpr char kAnswer[] = R"({"id":"x","result":{"n":3.0,"mean":2.0,"standard_deviation":1.0}})";

TEST(CalcCommandTest, EachLineHasItsAnswerAndABadOneStopsNobody) {
  const Outcome outcome =
      Calc({}, std::string(kGood) + "\nnot json\n\n{\"id\": 7, \"function\": \"nothing\"}\n" + kGood);
  EXPECT_FALSE(outcome.is_ok);
  ASSERT_EQ(outcome.lines.size(), 4u);
  EXPECT_EQ(outcome.lines[0], kAnswer);
  EXPECT_THAT(outcome.lines[1], StartsWith(R"({"id":null,"error":"line 2: )"));
  EXPECT_THAT(outcome.lines[2], StartsWith(R"({"id":7,"error":"function: there is no )"));
  EXPECT_EQ(outcome.lines[3], kAnswer);
}

TEST(CalcCommandTest, AnArrayOfCallsIsAnsweredLineByLineToo) {
  const Outcome outcome = Calc({}, std::string(" [") + kGood + ",\n " + kGood + "]\n");
  EXPECT_TRUE(outcome.is_ok);
  EXPECT_EQ(outcome.lines, (std::vector<std::string>{kAnswer, kAnswer}));
}

TEST(CalcCommandTest, NumbersMayBeWrittenAsPeopleWriteThem) {
  const Outcome outcome = Calc({.arguments = {"ucb1", "mean=.42", "n=+100", "total=1e3"}});
  EXPECT_TRUE(outcome.is_ok);
  EXPECT_EQ(outcome.lines, Calc({.arguments = {"ucb1", "mean=0.42", "n=100", "total=1000"}}).lines);
  EXPECT_FALSE(Calc({.arguments = {"ucb1", "mean=nan", "n=1", "total=2"}}).is_ok);
}

TEST(CalcCommandTest, OneCallMayStandOnTheCommandLine) {
  Outcome outcome = Calc({.arguments = {"ucb1", "mean=0.42", "n=100", "total=1000"}});
  EXPECT_TRUE(outcome.is_ok);
  EXPECT_THAT(outcome.lines.at(0), StartsWith(R"({"id":null,"result":{"bound":0.79169)"));
  outcome = Calc({.arguments = {"adjust_p_values", "p_values=[0.01, 0.2]", "method=holm"}});
  EXPECT_EQ(outcome.lines.at(0), R"({"id":null,"result":{"adjusted":[0.02,0.2]}})");
  outcome = Calc({.arguments = {"ucb1", "mean"}});
  EXPECT_FALSE(outcome.is_ok);
  EXPECT_THAT(outcome.lines.at(0), HasSubstr("must be name=value, got mean"));
}

TEST(CalcCommandTest, AnswersCarryFullPrecisionAndNoInvalidJson) {
  const Outcome outcome = Calc({.arguments = {"rate_ratio", "events=[3, 0]", "exposure=[1, 1]"}});
  EXPECT_THAT(outcome.lines.at(0), HasSubstr(R"("ratio":"Infinity")"));
  EXPECT_TRUE(runtime::ParseJson(outcome.lines.at(0)).ok());
  const Outcome third = Calc({.arguments = {"moments", "values=[0.1, 0.2, 0.4]"}});
  const auto json = runtime::ParseJson(third.lines.at(0));
  EXPECT_DOUBLE_EQ(json->Find("result")->Find("mean")->ToNumber(), 0.7 / 3);
}

TEST(CalcCommandTest, TheListNamesInputsOutputsAndSources) {
  const Outcome outcome = Calc({.is_list = true, .arguments = {"sprt"}});
  EXPECT_TRUE(outcome.is_ok);
  std::string text;
  for (const std::string& line : outcome.lines) text += line + "\n";
  for (const char* part : {"sprt  ", "in   alpha", "out  log_upper", "Wald (1945)", "may be left out"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  EXPECT_FALSE(Calc({.is_list = true, .arguments = {"spert"}}).is_ok);
}

}  // namespace
}  // namespace weir::cli
