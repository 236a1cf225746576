// A small seeded run of what `./run statistical` measures at length: no cell may miss its promise by more than chance.

#include <cmath>
#include <string>
#include <string_view>

#include "gtest/gtest.h"
#include "stats/statistical/measurement.h"
#include "stats/statistical/report.h"

namespace weir::stats {
namespace {

constexpr uint64_t kSeed = 20261124;

// All cells whose name has one of `parts` in it.
MeasuredTarget Measured(const Target& target, std::initializer_list<std::string_view> parts, int streams) {
  MeasuredTarget measured{.target = target, .cells = {}};
  for (const Cell& cell : target.cells) {
    bool wanted = false;
    for (const std::string_view part : parts) wanted |= cell.name.find(part) != std::string::npos;
    if (!wanted) continue;
    measured.cells.push_back({cell.name, cell.measure({.streams = streams, .seed = kSeed, .alpha = 0.05})});
  }
  return measured;
}

void ExpectNoMiss(const MeasuredTarget& target) {
  EXPECT_FALSE(target.cells.empty());
  for (const MeasuredCell& cell : target.cells) {
    EXPECT_NE(ResultOf(cell.measurement), Result::kFail)
        << cell.name << ": " << cell.measurement.value << ", " << cell.measurement.note;
  }
}

TEST(StatisticalTest, NoNullRaisesMoreFalseAlarmsThanItMay) {
  ExpectNoMiss(Measured(FalseAlarms(), {"errors, sticky unequal Zipf 1.1, share 0.1", "tail, Pareto, share 0.5"}, 100));
}

TEST(StatisticalTest, RisesOfErrorsAreProvenSoonEnough) {
  ExpectNoMiss(Measured(ErrorDelays(), {"20 %, share 0.5", "20 %, share 0.1"}, 400));
}

TEST(StatisticalTest, SlowTailsAreProvenSoonEnough) { ExpectNoMiss(Measured(TailDelays(), {"x10, share 0.1"}, 400)); }

TEST(StatisticalTest, TheDetectorKeepsItsRunLengthAndItsDelay) {
  ExpectNoMiss(Measured(Detector(), {"false alarm, 5 % errors, share 0.5", "delay r=1, 1 % to 5 %, share 0.5"}, 1000));
}

TEST(StatisticalTest, IntervalsAndSequencesCover) {
  ExpectNoMiss(Measured(Coverage(), {"ratio, 3000", "relative change", "CUPED", "sequence, Zipf 1.5, rate 30"}, 300));
}

TEST(StatisticalTest, MergedReplicasGiveTheSameNumbers) { ExpectNoMiss(Measured(MergeInvariance(), {"merge"}, 640)); }

TEST(StatisticalTest, CostsAreOfTheRightOrder) {
  // A shared and unoptimised build: ten times what an idle machine may take.
  for (const MeasuredCell& cell : Measured(Timings(), {"a request", "a cohort", "full tail"}, 100).cells) {
    EXPECT_GT(cell.measurement.value, 0) << cell.name;
    EXPECT_LT(cell.measurement.value, 10) << cell.name << ": " << cell.measurement.note;
  }
}

TEST(StatisticalTest, ARunIsTheSameWhateverTheNumberOfThreads) {
  const Target target = Detector();
  const auto run = [&](int threads) {
    return target.cells.back().measure({.streams = 100, .seed = kSeed, .alpha = 0.05, .threads = threads});
  };
  EXPECT_EQ(run(1).value, run(3).value);
}

TEST(ResultTest, OutsideButWithinChanceIsOpen) {
  EXPECT_EQ(ResultOf({.value = 1, .low = 0.9, .high = 1.1, .judged = 1, .most = 1.2}), Result::kPass);
  EXPECT_EQ(ResultOf({.value = 1.3, .low = 1.1, .high = 1.5, .judged = 1.3, .most = 1.2}), Result::kOpen);
  EXPECT_EQ(ResultOf({.value = 1.3, .low = 1.28, .high = 1.5, .judged = 1.3, .most = 1.2}), Result::kFail);
  EXPECT_EQ(ResultOf({.value = 1, .low = 1, .high = 1, .judged = 1, .most = 0}), Result::kFail);
  EXPECT_EQ(ResultOf({.value = 1, .low = 1, .high = 1, .judged = std::nan(""), .most = 0}), Result::kFail);
}

TEST(ReportTest, ThePageHasNoNanAndEscapesWhatItShows) {
  StatisticalReport report;
  MeasuredTarget target{.target = {.number = 2, .title = "a < b", .axis = "x", .text = "t", .cells = {}}, .cells = {}};
  target.cells.push_back({"\"cell\" & more", {.value = 0, .low = 0, .high = 0, .judged = 0, .most = 0}});
  target.cells.push_back({"second", {.value = 5, .low = 4, .high = 6, .judged = 5, .least = 1, .note = "n"}});
  target.target.is_logarithmic = true;
  report.targets.push_back(target);
  const std::string page = ReportPage(report), json = ReportJson(report);
  EXPECT_EQ(page.find("nan"), std::string::npos);
  EXPECT_EQ(page.find("a < b"), std::string::npos);
  EXPECT_NE(page.find("&quot;cell&quot; &amp; more"), std::string::npos);
  EXPECT_NE(json.find(R"("cell":"\"cell\" & more")"), std::string::npos);
  EXPECT_NE(json.find(R"("least":null)"), std::string::npos);
  EXPECT_EQ(report.CountOf(Result::kPass), 2);
}

}  // namespace
}  // namespace weir::stats
