#include "router/experiment/trends.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "router/experiment/alarms_record.h"

namespace weir::experiment {
namespace {

// That tell a quantile well enough to watch it: ten of them are beyond a p99.
constexpr int64_t kCallsForAQuantile = 1000;

std::string KeyOf(const config::TrendLimit& limit, const std::string& candidate) {
  return absl::StrCat(limit.name, "/", limit.metric, "/", NameOf(limit.method), "/", candidate);
}

std::optional<double> QuantileOf(const std::string& metric) {
  if (metric == "latency_p95") return 0.95;
  if (metric == "latency_p99") return 0.99;
  return std::nullopt;
}

bool IsProportion(const config::Experiment& specification, const std::string& metric) {
  for (const config::OutcomeMetric& outcome : specification.metrics) {
    if (outcome.name == metric) return outcome.type == config::MetricType::kProportion;
  }
  return true;  // Errors, and slow calls.
}

// What was counted of a metric until now.
struct Counted {
  int64_t n = 0;
  double sum = 0;
};

// `bucket`: from which a call counts as slow; it is chosen where it is 0 and can be.
Counted CountedOf(const RunEvidence& evidence, const std::string& candidate, const std::string& metric, int& bucket) {
  const std::optional<double> quantile = QuantileOf(metric);
  if (!quantile && metric != "error_rate") {
    const stats::OutcomeCounts* outcomes = evidence.OutcomesOf(candidate, metric);
    return outcomes == nullptr ? Counted{} : Counted{outcomes->n, outcomes->sum()};
  }
  const stats::VariantCounts total = evidence.Total(candidate);
  if (!quantile) return {total.ended() - total.neutral(), static_cast<double>(total.errors())};
  const stats::LatencyHistogram& latencies = total.latencies();
  if (bucket == 0 && latencies.count() >= kCallsForAQuantile) {
    bucket = stats::LatencyHistogram::BucketOf(latencies.Quantile(*quantile).value_or(absl::ZeroDuration())) + 1;
  }
  if (bucket == 0) return {};
  return {latencies.count(), static_cast<double>(latencies.CountFrom(bucket))};
}

}  // namespace

std::string NameOf(config::TrendMethod method) {
  constexpr const char* kNames[] = {"ewma", "cusum", "threeSigma", "pageHinkley"};
  return kNames[static_cast<size_t>(method)];
}

// --- One chart.

TrendChart::TrendChart(config::TrendMethod method, bool is_proportion)
    : method_(method), is_proportion_(is_proportion) {
  Begin();
}

void TrendChart::Begin() {
  last_ = 0;
  switch (method_) {
    case config::TrendMethod::kEwma:
      chart_ = stats::Ewma();
      return;
    case config::TrendMethod::kCusum:
      chart_ = stats::Cusum();
      return;
    case config::TrendMethod::kThreeSigma:
      chart_ = stats::ThreeSigma();
      return;
    case config::TrendMethod::kPageHinkley:
      chart_ = stats::PageHinkley();
      return;
  }
}

// Of single values, as the windows' means spread: what users have in common is in it. Of a proportion at least that of
// independent ones, and as if half a value more had been there: a metric that was never seen to vary may all the same.
double TrendChart::StandardDeviation() const {
  const double seen = windows_ > 1 ? m2_ / (windows_ - 1) : 0;
  if (!is_proportion_) return std::sqrt(seen);
  const double p = std::clamp((n_ * mean_ + 0.5) / (n_ + 1), 0.0, 1.0);
  return std::sqrt(std::max(seen, p * (1 - p)));
}

bool TrendChart::Add(int64_t n, double mean) {
  if (is_learning()) {
    const double weight = static_cast<double>(n);
    n_ += weight;
    const double delta = mean - mean_;
    mean_ += delta * weight / n_;
    m2_ += weight * delta * (mean - mean_);
    ++windows_;
    return false;
  }
  const double deviation = StandardDeviation();
  if (!(deviation > 0)) return false;  // Of what has never varied nothing can be said.
  last_ = stats::StandardisedWindow({.mean = mean_, .standard_deviation = deviation}, n, mean);
  return std::visit([&](auto& chart) { return chart.Add(last_); }, chart_);
}

double TrendChart::statistic() const {
  if (const auto* ewma = std::get_if<stats::Ewma>(&chart_)) return std::abs(ewma->value);
  if (const auto* cusum = std::get_if<stats::Cusum>(&chart_)) return std::max(cusum->up, cusum->down);
  if (const auto* hinkley = std::get_if<stats::PageHinkley>(&chart_)) return std::max(hinkley->up, hinkley->down);
  return std::abs(last_);
}

double TrendChart::limit() const {
  if (std::holds_alternative<stats::Ewma>(chart_)) {
    return stats::Ewma::kWidth * std::sqrt(stats::Ewma::kLambda / (2 - stats::Ewma::kLambda));
  }
  if (std::holds_alternative<stats::Cusum>(chart_)) return stats::Cusum::kLimit;
  if (std::holds_alternative<stats::PageHinkley>(chart_)) return stats::PageHinkley::kLimit;
  return stats::ThreeSigma::kLimit;
}

void TrendChart::Write(v1::TrendCheckpoint& record) const {
  record.set_windows(windows_);
  record.set_reference_n(n_);
  record.set_reference_mean(mean_);
  record.set_reference_m2(m2_);
  if (const auto* ewma = std::get_if<stats::Ewma>(&chart_)) record.add_chart(ewma->value);
  if (const auto* cusum = std::get_if<stats::Cusum>(&chart_)) {
    record.add_chart(cusum->up);
    record.add_chart(cusum->down);
  }
  if (const auto* hinkley = std::get_if<stats::PageHinkley>(&chart_)) {
    record.set_chart_n(hinkley->n);
    record.add_chart(hinkley->mean);
    record.add_chart(hinkley->up);
    record.add_chart(hinkley->down);
  }
}

void TrendChart::Restore(const v1::TrendCheckpoint& record) {
  windows_ = std::clamp(record.windows(), 0, kReferenceWindows);
  n_ = record.reference_n();
  mean_ = record.reference_mean();
  m2_ = record.reference_m2();
  const auto& numbers = record.chart();
  if (auto* ewma = std::get_if<stats::Ewma>(&chart_); ewma && numbers.size() == 1) ewma->value = numbers[0];
  if (auto* cusum = std::get_if<stats::Cusum>(&chart_); cusum && numbers.size() == 2) {
    *cusum = {.up = numbers[0], .down = numbers[1]};
  }
  if (auto* hinkley = std::get_if<stats::PageHinkley>(&chart_); hinkley && numbers.size() == 3) {
    *hinkley = {.n = record.chart_n(), .mean = numbers[0], .up = numbers[1], .down = numbers[2]};
  }
}

// --- All of an experiment.

void Trends::Follow(const config::Experiment& specification, const Split& split) {
  std::vector<Watched> followed;
  for (const config::TrendLimit& limit : specification.trends) {
    for (const config::Variant& variant : split.variants) {
      if (variant.name == split.default_name()) continue;
      const auto same = std::find_if(watched_.begin(), watched_.end(), [&](const Watched& known) {
        return known.limit == limit && known.candidate == variant.name;
      });
      if (same != watched_.end()) {
        followed.push_back(std::move(*same));
        continue;
      }
      Watched watched{limit, variant.name, TrendChart(limit.method, IsProportion(specification, limit.metric))};
      if (const auto kept = restored_.find(KeyOf(limit, variant.name)); kept != restored_.end()) {
        const v1::TrendCheckpoint& record = kept->second;
        watched.chart.Restore(record);
        watched.bucket = std::min(static_cast<int>(record.bucket()), stats::LatencyHistogram::kBuckets - 1);
        watched.window = record.window();
        watched.n = record.n();
        watched.sum = record.sum();
        watched.alarms = AlarmsOf(record);
      }
      followed.push_back(std::move(watched));
    }
  }
  watched_ = std::move(followed);
  restored_.clear();
  window_.reset();
}

void Trends::Take(const RunEvidence& evidence, absl::Time now, Watched& watched, bool& alarms_now) {
  const int64_t window = stats::TrendWindowOf(now);
  const int before = watched.bucket;
  const Counted counted = CountedOf(evidence, watched.candidate, watched.limit.metric, watched.bucket);
  const bool begins = !watched.window || counted.n < watched.n || window < *watched.window || before != watched.bucket;
  const int64_t n = counted.n - watched.n;
  if (!begins && n < TrendChart::kLeastValues) return;
  if (!begins && watched.chart.Add(n, (counted.sum - watched.sum) / static_cast<double>(n))) {
    alarms_now = true;
    watched.alarms.Note(now);
  }
  watched.window = window;
  watched.n = counted.n;
  watched.sum = counted.sum;
}

const std::vector<TrendReading>& Trends::Look(const RunEvidence& evidence, absl::Time now) {
  const int64_t window = stats::TrendWindowOf(now);
  for (TrendReading& reading : readings_) reading.alarms_now = false;
  if (window_ == window) return readings_;
  window_ = window;
  readings_.clear();
  for (Watched& watched : watched_) {
    bool alarms_now = false;
    Take(evidence, now, watched, alarms_now);
    TrendReading reading{.name = watched.limit.name,
                         .candidate = watched.candidate,
                         .metric = watched.limit.metric,
                         .method = watched.limit.method,
                         .statistic = watched.chart.statistic(),
                         .limit = watched.chart.limit(),
                         .alarms_now = alarms_now,
                         .alarms = watched.alarms};
    if (watched.chart.is_learning()) {
      reading.note =
          absl::StrCat("learning: ", watched.chart.windows(), " of ", TrendChart::kReferenceWindows, " windows");
    }
    if (alarms_now) watched.chart.Begin();
    readings_.push_back(std::move(reading));
  }
  return readings_;
}

void Trends::Write(v1::AnalysisCheckpoint& checkpoint) const {
  for (const Watched& watched : watched_) {
    v1::TrendCheckpoint* record = checkpoint.add_trends();
    record->set_name(watched.limit.name);
    record->set_method(NameOf(watched.limit.method));
    record->set_metric(watched.limit.metric);
    record->set_candidate(watched.candidate);
    record->set_window(watched.window.value_or(0));
    record->set_n(watched.n);
    record->set_sum(watched.sum);
    record->set_bucket(static_cast<uint32_t>(watched.bucket));
    WriteAlarms(watched.alarms, *record);
    watched.chart.Write(*record);
  }
}

void Trends::Restore(const v1::AnalysisCheckpoint& checkpoint) {
  for (const v1::TrendCheckpoint& record : checkpoint.trends()) {
    restored_[absl::StrCat(record.name(), "/", record.metric(), "/", record.method(), "/", record.candidate())] =
        record;
  }
}

}  // namespace weir::experiment
