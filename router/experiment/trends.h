// Soft limits on how a candidate's metrics move: `spec.trends`, the control charts of stats/trend.h on windows of ten
// seconds. A chart learns from its first kReferenceWindows windows where the metric is and how it spreads, users who
// make many calls included, and then warns where it leaves that. A latency limit watches the share of calls that are
// slower than the quantile was in the beginning. After an alarm a chart begins anew, with the same reference.

#ifndef WEIR_ROUTER_EXPERIMENT_TRENDS_H_
#define WEIR_ROUTER_EXPERIMENT_TRENDS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"
#include "proto/weir/v1/journal.pb.h"
#include "router/experiment/alarms.h"
#include "router/experiment/run_evidence.h"
#include "router/experiment/split.h"
#include "stats/trend.h"

namespace weir::experiment {

struct TrendReading {
  std::string name;
  std::string candidate;
  std::string metric;
  config::TrendMethod method = config::TrendMethod::kEwma;
  double statistic = 0;  // Of the chart, in either direction; beyond the limit it alarms.
  double limit = 0;
  bool alarms_now = false;  // At this look.
  Alarms alarms{};
  std::string note{};  // "learning: 12 of 30 windows"
};
std::string NameOf(config::TrendMethod method);  // "ewma", as it is written.

// One chart's arithmetic: windows in, readings out.
class TrendChart {
 public:
  static constexpr int kReferenceWindows = 30;  // Five minutes of traffic.
  static constexpr int64_t kLeastValues = 30;   // Of a window; else the next ten seconds are added to it.

  TrendChart(config::TrendMethod method, bool is_proportion);

  // The next window: the mean of `n` values, at least kLeastValues. Whether it alarms.
  bool Add(int64_t n, double mean);
  bool is_learning() const { return windows_ < kReferenceWindows; }
  int windows() const { return windows_; }
  double statistic() const;
  double limit() const;
  void Begin();  // The chart anew; the reference stays.

  void Write(v1::TrendCheckpoint& record) const;
  void Restore(const v1::TrendCheckpoint& record);

 private:
  using Chart = std::variant<stats::Ewma, stats::Cusum, stats::ThreeSigma, stats::PageHinkley>;
  double StandardDeviation() const;

  config::TrendMethod method_;
  bool is_proportion_;
  Chart chart_;
  double last_ = 0;                   // The last z.
  int windows_ = 0;                   // Learned from, at most kReferenceWindows.
  double n_ = 0, mean_ = 0, m2_ = 0;  // Of the reference: weighted by each window's values.
};

// One run's. The control thread's.
class Trends {
 public:
  // Those of a limit (by name, metric and method) and candidate that were there before go on.
  void Follow(const config::Experiment& specification, const Split& split);
  // Does something once in a window.
  const std::vector<TrendReading>& Look(const RunEvidence& evidence, absl::Time now);

  void Write(v1::AnalysisCheckpoint& checkpoint) const;
  // On a new object, before Follow.
  void Restore(const v1::AnalysisCheckpoint& checkpoint);

 private:
  struct Watched {
    config::TrendLimit limit;
    std::string candidate;
    TrendChart chart;
    int bucket = 0;  // Of latency: slower than its lower edge; 0 while too few calls tell the quantile.
    std::optional<int64_t> window{};  // Under way; with what was counted before it.
    int64_t n = 0;
    double sum = 0;
    Alarms alarms{};
  };
  void Take(const RunEvidence& evidence, absl::Time now, Watched& watched, bool& alarms_now);

  std::vector<Watched> watched_;
  std::map<std::string, v1::TrendCheckpoint> restored_;  // By KeyOf; until Follow.
  std::vector<TrendReading> readings_;
  std::optional<int64_t> window_;  // Of the last look.
};

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_TRENDS_H_
