#include "router/control/traffic_totals.h"

#include <gtest/gtest.h>

namespace weir::control {
namespace {

CountsLayout Layout(uint32_t run, std::vector<std::string> variants) {
  return {.experiment = "x", .run = run, .variants = std::move(variants), .mirrors = {"m"}};
}

stats::ServedCounts Calls(int n) {
  stats::ServedCounts counts;
  for (int i = 0; i < n; ++i) counts.Count(0, stats::Reason::kAssigned, absl::Milliseconds(1), false);
  return counts;
}

TEST(TrafficTotalsTest, ANumberStandsForOneLayoutForEver) {
  TrafficTotals totals;
  const uint32_t first = totals.NumberOf(Layout(1, {"a", "b"}));
  EXPECT_NE(first, 0u);
  EXPECT_EQ(totals.NumberOf(Layout(1, {"a", "b"})), first);
  const uint32_t second = totals.NumberOf(Layout(1, {"b", "a"}));
  EXPECT_NE(second, first);
  EXPECT_NE(totals.NumberOf(Layout(1, {"a", "b"})), first);
  EXPECT_EQ(*totals.LayoutOf(first), Layout(1, {"a", "b"}));
  EXPECT_EQ(*totals.LayoutOf(second), Layout(1, {"b", "a"}));
}

TEST(TrafficTotalsTest, CallsAddUpByNameWhateverTheirPlaceWas) {
  TrafficTotals totals;
  const routing::RouteTable table;
  stats::WorkerReport before;
  before.delta.served[{.run = totals.NumberOf(Layout(1, {"a", "b"})), .epoch = 0, .variant = 1}] = Calls(3);
  stats::WorkerReport after;
  after.delta.served[{.run = totals.NumberOf(Layout(2, {"b", "a"})), .epoch = 0, .variant = 0}] = Calls(4);
  totals.Add(after, table);
  totals.Add(before, table);
  EXPECT_EQ(totals.served("x", "b").requests(), 7);
  EXPECT_EQ(totals.served("x", "a").requests(), 0);
}

TEST(TrafficTotalsTest, CallsOutsideExperimentsAreNamedByTheirModel) {
  TrafficTotals totals;
  routing::RouteTable table;
  table.models.resize(2);
  table.models[1].name = "plain";
  stats::WorkerReport report;
  report.delta.served[{.run = 0, .epoch = 0, .variant = 1}] = Calls(2);
  report.delta.served[{.run = 0, .epoch = 0, .variant = 9}] = Calls(5);
  totals.Add(report, table);
  EXPECT_EQ(totals.served(TrafficTotals::kOutside, "plain").requests(), 2);
}

TEST(TrafficTotalsTest, TheOldestTableIsThatOfTheSlowestWorkerAndHealthIsAveraged) {
  TrafficTotals totals;
  const routing::RouteTable table;
  for (int worker = 0; worker < 3; ++worker) {
    stats::WorkerReport report;
    report.worker = worker;
    report.table_version = static_cast<uint64_t>(10 - worker);
    report.healthy_endpoints = {static_cast<uint16_t>(worker == 0 ? 0 : 2)};
    report.connections = 5;
    totals.Add(report, table);
  }
  EXPECT_EQ(totals.oldest_table(), 8u);
  EXPECT_EQ(totals.healthy_endpoints(0), 1);
  EXPECT_EQ(totals.healthy_endpoints(7), 0);
  EXPECT_EQ(totals.connections(), 15);
}

}  // namespace
}  // namespace weir::control
