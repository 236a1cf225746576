// What was measured, as JSON for programs and as a page for people.

#ifndef WEIR_STATS_STATISTICAL_REPORT_H_
#define WEIR_STATS_STATISTICAL_REPORT_H_

#include <string>
#include <vector>

#include "stats/statistical/measurement.h"

namespace weir::stats {

struct MeasuredCell {
  std::string name;
  Measurement measurement;
};

struct MeasuredTarget {
  Target target;
  std::vector<MeasuredCell> cells;
};

struct StatisticalReport {
  Settings settings;
  double seconds = 0;  // That it took.
  std::vector<MeasuredTarget> targets;

  int CountOf(Result result) const;
};

std::string ReportJson(const StatisticalReport& report);

// One page without any reference to another file: a plot of each target, a row a cell, with its promise shaded.
std::string ReportPage(const StatisticalReport& report);

}  // namespace weir::stats

#endif  // WEIR_STATS_STATISTICAL_REPORT_H_
