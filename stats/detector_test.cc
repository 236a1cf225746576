#include "stats/detector.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "gtest/gtest.h"
#include "stats/detection_bound.h"

namespace weir::stats {
namespace {

using Cohort = ErrorRatioGrid::Cohort;

TEST(DetectorTest, TheStatisticIsTheRecursionsOwn) {
  ShiryaevRoberts detector(1e9);
  EXPECT_EQ(detector.log_statistic(), -std::numeric_limits<double>::infinity());
  const GridLog term =
      ErrorRatioGrid(1).Term({.baseline_calls = 30, .candidate_calls = 20, .candidate_errors = 3, .errors = 4});
  detector.Update(50, term, 1.5);
  detector.Update(50, term, 1.5);
  double mean = 0;
  for (const double log_ratio : term) {
    const double ratio = std::exp(log_ratio / 1.5);
    mean += (50 * ratio + 50) * ratio / 12;
  }
  EXPECT_NEAR(detector.log_statistic(), std::log(mean), 1e-12);
}

TEST(DetectorTest, WhatSaysNothingAddsItsCallsOnly) {
  ShiryaevRoberts detector(1000);
  for (int i = 0; i < 9; ++i) detector.Update(100, GridLog{});
  EXPECT_NEAR(std::exp(detector.log_statistic()), 900, 1e-9);
  EXPECT_FALSE(detector.alarms());
  detector.Update(100.1, GridLog{});
  EXPECT_TRUE(detector.alarms());
  detector.Reset();
  EXPECT_FALSE(detector.alarms());
}

// Exhausts the errors of a batch: under the null the statistic grows by the calls of the batch, on average.
TEST(DetectorTest, UnderTheNullTheStatisticLessTheCallsIsAMartingale) {
  const double p = 0.05;
  ShiryaevRoberts before(1e9);
  before.Update(7, CeilingGrid(p, 1, 7));
  double mean = 0;
  for (int k = 0; k <= 2; ++k) {
    ShiryaevRoberts after = before;
    after.Update(2, CeilingGrid(p, k, 2));
    mean += (k == 1 ? 2 : 1) * std::pow(p, k) * std::pow(1 - p, 2 - k) * std::exp(after.log_statistic());
  }
  EXPECT_NEAR(mean, std::exp(before.log_statistic()) + 2, 1e-9);
}

TEST(DetectorTest, ManyYearsOfHealthNeitherUnderflowNorHideARise) {
  ShiryaevRoberts detector(1e6);
  for (int i = 0; i < 100'000; ++i) detector.Update(10'000, CeilingGrid(0.05, 100, 10'000));
  EXPECT_TRUE(std::isfinite(detector.log_statistic()));
  EXPECT_FALSE(detector.alarms());
  int batches = 0;
  for (; !detector.alarms(); ++batches) detector.Update(100, CeilingGrid(0.05, 20, 100));
  EXPECT_LE(batches, 3);
}

TEST(DetectorTest, ACheckpointGoesOnAndADamagedOneIsRefused) {
  ShiryaevRoberts one(1e6), restored(1e6);
  one.Update(40, CeilingGrid(0.05, 3, 40));
  ASSERT_TRUE(restored.Restore(one.state()).ok());
  one.Update(40, CeilingGrid(0.05, 1, 40));
  restored.Update(40, CeilingGrid(0.05, 1, 40));
  EXPECT_EQ(one.log_statistic(), restored.log_statistic());
  ShiryaevRoberts::State damaged{};
  damaged[3] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(restored.Restore(damaged).ok());
}

// Calls until the alarm, of both variants, in batches of ten a side with error rates `baseline` and `candidate`.
double CallsToAlarm(double threshold, double baseline, double candidate, uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::binomial_distribution<int> a(10, baseline), b(10, candidate);
  ShiryaevRoberts detector(threshold);
  const ErrorRatioGrid grid(1);
  double calls = 0;
  while (!detector.alarms()) {
    const int candidate_errors = b(rng), errors = candidate_errors + a(rng);
    detector.Update(
        20, grid.Term(
                {.baseline_calls = 10, .candidate_calls = 10, .candidate_errors = candidate_errors, .errors = errors}));
    calls += 20;
  }
  return calls;
}

TEST(DetectorTest, TheMeanTimeToAFalseAlarmIsAtLeastItsThreshold) {
  const double threshold = 3000;
  double mean = 0, squares = 0;
  const int streams = 300;
  for (int i = 0; i < streams; ++i) {
    const double calls = CallsToAlarm(threshold, 0.05, 0.05, static_cast<uint64_t>(i));
    mean += calls / streams;
    squares += calls * calls / streams;
  }
  EXPECT_GE(mean + 1.645 * std::sqrt((squares - mean * mean) / streams), threshold);
}

TEST(DetectorTest, ARiseIsFoundWithin1Point3TimesLogAOverKl) {
  const double threshold = 1e6;
  const LeastDelay least = LeastDelayOfErrorRatio(
      {.baseline_error = 0.01, .candidate_error = 0.05, .share = 0.5, .max_ratio = 1, .alpha = 1 / threshold});
  double mean = 0;
  const int streams = 200;
  for (int i = 0; i < streams; ++i) mean += CallsToAlarm(threshold, 0.01, 0.05, static_cast<uint64_t>(i)) / streams;
  EXPECT_LE(mean, 1.3 * 2 * least.candidate_requests);
}

}  // namespace
}  // namespace weir::stats
