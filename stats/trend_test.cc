#include "stats/trend.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "gtest/gtest.h"

namespace weir::stats {
namespace {

// The mean number of windows until the chart's first alarm, with z of this mean from window `from` on.
template <typename Chart>
double RunLength(double shift, int from, int streams, uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::normal_distribution<double> noise;
  double total = 0;
  for (int stream = 0; stream < streams; ++stream) {
    Chart chart;
    int window = 1;
    while (!chart.Add(noise(rng) + (window > from ? shift : 0))) ++window;
    total += window;
  }
  return total / streams;
}

// Run lengths are about exponential: the mean of 2,000 has a standard error of 2.2 %.
constexpr int kStreams = 2000;
constexpr double kWithin = 0.09;

TEST(TrendTest, TheMeanTimesToAFalseAlarmAreThoseOfTheLiterature) {
  EXPECT_NEAR(RunLength<ThreeSigma>(0, 0, kStreams, 1) / 370.4, 1, kWithin);
  EXPECT_NEAR(RunLength<Ewma>(0, 0, kStreams, 2) / 500, 1, kWithin);
  EXPECT_NEAR(RunLength<Cusum>(0, 0, kStreams, 3) / 465.4, 1, kWithin);
}

TEST(TrendTest, AShiftOfOneStandardErrorIsFoundAsSoonAsTheLiteratureSays) {
  // Lucas and Saccucci 1990: EWMA 10.3; Montgomery: CUSUM 10.4; three-sigma 43.9.
  EXPECT_NEAR(RunLength<Ewma>(1, 0, kStreams, 4), 10.3, 0.7);
  EXPECT_NEAR(RunLength<Cusum>(1, 0, kStreams, 5), 10.4, 0.7);
  EXPECT_NEAR(RunLength<ThreeSigma>(1, 0, kStreams, 6) / 43.9, 1, kWithin);
}

TEST(TrendTest, PageHinkleyRarelyAlarmsAndFindsAChangeAgainstItsOwnHistory) {
  EXPECT_GT(RunLength<PageHinkley>(0, 0, 200, 7), 1000);
  EXPECT_LT(RunLength<PageHinkley>(2, 200, 200, 8), 210);
}

TEST(TrendTest, EveryChartSeesRisesAndFallsAlike) {
  for (const double z : {4.0, -4.0}) {
    TrendCharts charts;
    charts.page_hinkley = {.n = 1000, .mean = 0, .up = 0, .down = 0};
    TrendCharts::Alarms alarms;
    for (int i = 0; i < 5; ++i) alarms = charts.Add(z);
    EXPECT_TRUE(alarms.three_sigma && alarms.ewma && alarms.cusum && alarms.page_hinkley) << z;
  }
  EXPECT_FALSE(TrendCharts().Add(0).any());
}

TEST(TrendTest, WhatIsNotANumberIsLeftOut) {
  TrendCharts charts;
  charts.Add(1);
  const TrendCharts before = charts;
  EXPECT_FALSE(charts.Add(std::numeric_limits<double>::quiet_NaN()).any());
  EXPECT_EQ(charts.ewma, before.ewma);
  EXPECT_EQ(charts.cusum, before.cusum);
  EXPECT_EQ(charts.page_hinkley, before.page_hinkley);
}

TEST(TrendTest, AWindowIsStandardisedByItsOwnNumberOfValues) {
  EXPECT_EQ(StandardisedWindow({.mean = 20, .standard_deviation = 5}, 25, 22), 2);
  EXPECT_EQ(TrendWindowOf(absl::FromUnixSeconds(129)), 12);
}

TEST(TrendTest, AnyPartitionInAnyOrderGivesTheSameWindows) {
  std::mt19937_64 rng(9);
  TrendWindows whole, merged;
  std::vector<TrendWindows> shards(8);
  for (int i = 0; i < 4000; ++i) {
    const int64_t window = 1000 + i / 70;
    const double value = static_cast<double>(rng() % 100);
    whole.Add(window, value);
    shards[rng() % 8].Add(window, value);
  }
  std::shuffle(shards.begin(), shards.end(), rng);
  for (const TrendWindows& shard : shards) merged.Merge(shard);
  EXPECT_EQ(merged, whole);
  EXPECT_EQ(whole.windows().size(), static_cast<size_t>(TrendWindows::kWindows));
}

TEST(TrendTest, CompleteWindowsAreTakenOnceInTheOrderOfTime) {
  TrendWindows windows;
  windows.Add(8, 3);
  windows.Add(7, 1);
  windows.Add(9, 5);
  const std::vector<TrendWindows::Window> taken = windows.TakeBefore(9);
  EXPECT_EQ(taken, (std::vector<TrendWindows::Window>{{1, 1}, {1, 3}}));
  EXPECT_TRUE(windows.TakeBefore(9).empty());
}

}  // namespace
}  // namespace weir::stats
