#include "router/runtime/log.h"

#include <functional>
#include <sstream>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace weir::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

// The lines that `write` logs.
std::vector<std::string> Lines(Severity least, const std::function<void(const Log&)>& write) {
  std::ostringstream out;
  {
    const Log log(least, out);
    write(log);
  }
  return absl::StrSplit(out.str(), '\n', absl::SkipEmpty());
}

TEST(LogTest, ALineHasTimeSeverityMessageAndPairs) {
  const auto lines = Lines(Severity::kInfo, [](const Log& log) {
    log.Info("reload accepted", {{"file", "a.yaml"}, {"experiments", 3}, {"share", 0.25}});
  });
  EXPECT_THAT(lines, ElementsAre(MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]+Z info    "
                                              "reload accepted file=a\\.yaml experiments=3 share=0\\.25")));
}

TEST(LogTest, NothingInAValueCanForgeALineOrAPair) {
  const auto lines = Lines(Severity::kInfo, [](const Log& log) {
    log.Warning("refused", {{"name", "a b\nx error=1 \"q\" \x1b[2J"}, {"empty", ""}, {"plain", "caf\xc3\xa9"}});
  });
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("name=\"a b\\nx error=1 \\\"q\\\" \\033[2J\" empty=\"\" plain=caf\xc3\xa9"));
}

TEST(LogTest, AControlCharacterInAMessageIsEscaped) {
  EXPECT_THAT(Lines(Severity::kInfo, [](const Log& log) { log.Info("a\nb"); }), ElementsAre(EndsWith("a\\nb")));
}

TEST(LogTest, LinesBelowTheLeastSeverityAreNotWritten) {
  EXPECT_THAT(Lines(Severity::kWarning, [](const Log& log) { log.Debug("d"), log.Info("i"); }), IsEmpty());
  EXPECT_THAT(Lines(Severity::kWarning, [](const Log& log) { log.Warning("w"), log.Error("e"); }), SizeIs(2));
}

TEST(LogTest, BracesInAMessageAreOrdinaryCharacters) {
  EXPECT_THAT(Lines(Severity::kInfo, [](const Log& log) { log.Info("{} {0} %s"); }),
              ElementsAre(EndsWith("{} {0} %s")));
}

TEST(ParseSeverityTest, KnowsTheFourNamesAndNoOther) {
  EXPECT_EQ(ParseSeverity("debug"), Severity::kDebug);
  EXPECT_EQ(ParseSeverity("warning"), Severity::kWarning);
  EXPECT_EQ(ParseSeverity("WARNING"), std::nullopt);
  EXPECT_EQ(ParseSeverity(""), std::nullopt);
}

TEST(LimitedLogTest, PassesABurstThenTheRateAndSaysHowManyWereLeftOut) {
  const absl::Time start = absl::UnixEpoch();
  const auto lines = Lines(Severity::kInfo, [&](const Log& log) {
    LimitedLog limited(log, /*per_second=*/1, /*burst=*/2);
    for (int i = 0; i < 10; ++i) limited.Write(start, Severity::kWarning, "bad preface", {{"i", i}});
    EXPECT_EQ(limited.suppressed(), 8);
    limited.Write(start + absl::Seconds(1), Severity::kWarning, "bad preface", {{"i", "later"}});
    EXPECT_EQ(limited.suppressed(), 0);
  });
  EXPECT_THAT(lines, ElementsAre(EndsWith("i=0"), EndsWith("i=1"), EndsWith("similar lines were left out count=8"),
                                 EndsWith("i=later")));
}

TEST(LimitedLogTest, AClockThatStepsBackGivesNoTokens) {
  const absl::Time start = absl::UnixEpoch();
  const auto lines = Lines(Severity::kInfo, [&](const Log& log) {
    LimitedLog limited(log, /*per_second=*/1, /*burst=*/1);
    limited.Write(start, Severity::kWarning, "a");
    limited.Write(start - absl::Hours(1), Severity::kWarning, "b");
  });
  EXPECT_THAT(lines, SizeIs(1));
}

}  // namespace
}  // namespace weir::runtime
