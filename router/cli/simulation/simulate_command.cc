#include "router/cli/simulation/simulate_command.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "router/runtime/json.h"
#include "stats/proportions.h"

namespace weir::cli {
namespace {

constexpr double kQuantiles[] = {0.05, 0.25, 0.5, 0.75, 0.95};

double QuantileOf(const std::vector<double>& ascending, double q) {
  return ascending[std::min(ascending.size() - 1, static_cast<size_t>(q * static_cast<double>(ascending.size())))];
}

std::string Share(int count, int runs) {
  const stats::Interval interval = stats::WilsonInterval({static_cast<double>(count), static_cast<double>(runs)}, 0.05);
  return absl::StrFormat("%5d of %d = %.2f %%  (95 %%: %.2f to %.2f %%)", count, runs, 100.0 * count / runs,
                         100 * interval.lower, 100 * interval.upper);
}

std::string QuantilesText(const std::vector<double>& values, const char* unit) {
  std::string text;
  for (const double q : kQuantiles) absl::StrAppendFormat(&text, "  p%g %.4g", 100 * q, QuantileOf(values, q));
  return absl::StrCat(text, unit, "\n");
}

std::vector<std::pair<std::string, int>> MostOftenFirst(const std::map<std::string, int>& counts) {
  std::vector<std::pair<std::string, int>> sorted(counts.begin(), counts.end());
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return sorted;
}

template <typename Counts>
runtime::Json CountsJson(const Counts& counts) {
  runtime::Json::Object object;
  for (const auto& [name, count] : counts) object.emplace_back(name, count);
  return runtime::Json(std::move(object));
}

runtime::Json JsonOf(const std::vector<double>& values) {
  if (values.empty()) return runtime::Json();
  runtime::Json::Object quantiles;
  double sum = 0;
  for (const double value : values) sum += value;
  quantiles.emplace_back("mean", sum / static_cast<double>(values.size()));
  for (const double q : kQuantiles) quantiles.emplace_back(absl::StrFormat("p%g", 100 * q), QuantileOf(values, q));
  return runtime::Json(std::move(quantiles));
}

}  // namespace

std::vector<SimulatedOutcome> Simulate(const config::Experiment& experiment, const SimulatedTraffic& traffic,
                                       const std::vector<Fault>& faults, int runs, uint64_t seed, int threads,
                                       const std::function<void(int)>& progress) {
  std::vector<SimulatedOutcome> outcomes(static_cast<size_t>(runs));
  std::atomic<int> next = 0, done = 0;
  absl::Notification is_over;
  std::vector<std::thread> workers;
  for (int i = 0; i < std::max(threads, 1); ++i) {
    workers.emplace_back([&] {
      for (int run; (run = next.fetch_add(1)) < runs;) {
        // Seeds of neighbouring runs have nothing in common.
        const uint64_t own = (seed + static_cast<uint64_t>(run) * 0x9e3779b97f4a7c15) ^ 0xbf58476d1ce4e5b9;
        outcomes[static_cast<size_t>(run)] = RunOnce(experiment, traffic, faults, own);
        if (done.fetch_add(1) + 1 == runs) is_over.Notify();
      }
    });
  }
  while (runs > 0 && !is_over.WaitForNotificationWithTimeout(absl::Milliseconds(200))) progress(done.load());
  for (std::thread& worker : workers) worker.join();
  progress(runs);
  return outcomes;
}

SimulationSummary Summarise(const std::vector<SimulatedOutcome>& outcomes) {
  SimulationSummary summary;
  summary.runs = static_cast<int>(outcomes.size());
  std::map<std::string, int> by_guardrail, paused_by;
  for (const SimulatedOutcome& outcome : outcomes) {
    summary.promoted += outcome.ending == Ending::kPromoted;
    summary.completed += outcome.ending == Ending::kCompleted;
    summary.inconclusive += outcome.ending == Ending::kInconclusive;
    summary.still_running += outcome.ending == Ending::kStillRunning;
    // With several candidates one guardrail may have warned of each.
    for (const std::string& name : std::set<std::string>(outcome.warned.begin(), outcome.warned.end())) {
      ++summary.warned[name];
    }
    if (outcome.ending == Ending::kPromoted && outcome.promoted_after) {
      summary.promoted_after_hours.push_back(absl::ToDoubleHours(*outcome.promoted_after));
    }
    if (outcome.chosen_percent) summary.chosen_percent.push_back(*outcome.chosen_percent);
    const bool is_rolled_back = outcome.ending == Ending::kRolledBack;
    const bool is_stopped = is_rolled_back || outcome.ending == Ending::kInconclusive;
    if (is_stopped && !outcome.guardrail.empty()) ++(is_rolled_back ? by_guardrail : paused_by)[outcome.guardrail];
    if (is_stopped && outcome.delay) {
      summary.delay_seconds.push_back(absl::ToDoubleSeconds(*outcome.delay));
      summary.delay_requests.push_back(static_cast<double>(outcome.delay_requests));
    }
    summary.rolled_back += is_rolled_back;
    summary.false_rollbacks += is_rolled_back && !outcome.delay;
  }
  for (std::vector<double>* values :
       {&summary.promoted_after_hours, &summary.chosen_percent, &summary.delay_seconds, &summary.delay_requests}) {
    std::sort(values->begin(), values->end());
  }
  summary.by_guardrail = MostOftenFirst(by_guardrail);
  summary.paused_by = MostOftenFirst(paused_by);
  return summary;
}

std::string SummaryText(const SimulationTitle& title, const SimulationSummary& summary) {
  std::string text =
      absl::StrFormat("%s: %d runs, %s, %g calls/s of %d users, errors %g %%, median %g ms, seed %d\n",
                      title.experiment, summary.runs, ToString(title.faults), title.traffic.calls_per_second,
                      title.traffic.users, 100 * title.traffic.error_rate, title.traffic.latency_ms, title.seed);
  for (const auto& [metric, baseline] : title.traffic.outcomes) {
    absl::StrAppend(&text, "  outcomes of ", metric, ": ", ToString(baseline),
                    baseline.is_given ? "\n" : ", assumed (--baseline)\n");
  }
  absl::StrAppend(&text, "  promoted         ", Share(summary.promoted, summary.runs), "\n");
  if (summary.completed > 0)
    absl::StrAppend(&text, "  completed        ", Share(summary.completed, summary.runs), ", promoting nothing\n");
  absl::StrAppend(&text, "  rolled back      ", Share(summary.rolled_back, summary.runs), "\n");
  absl::StrAppend(&text, "  false rollbacks  ", Share(summary.false_rollbacks, summary.runs),
                  title.faults.empty() ? "\n" : ", before the fault\n");
  if (summary.inconclusive > 0)
    absl::StrAppend(&text, "  inconclusive     ", Share(summary.inconclusive, summary.runs), "\n");
  if (summary.still_running > 0)
    absl::StrAppend(&text, "  still running    ", Share(summary.still_running, summary.runs), "\n");
  for (const auto& [guardrail, count] : summary.by_guardrail) {
    absl::StrAppendFormat(&text, "  shut by %-16s %d\n", guardrail, count);
  }
  for (const auto& [guardrail, count] : summary.paused_by) {
    absl::StrAppendFormat(&text, "  paused by %-14s %d\n", guardrail, count);
  }
  for (const auto& [guardrail, count] : summary.warned) {
    absl::StrAppendFormat(&text, "  warned by %-14s %d\n", guardrail, count);
  }
  if (!summary.promoted_after_hours.empty())
    absl::StrAppend(&text, "  promoted after         ", QuantilesText(summary.promoted_after_hours, " h"));
  if (!summary.chosen_percent.empty())
    absl::StrAppend(&text, "  candidates' last share ", QuantilesText(summary.chosen_percent, " %"));
  if (!summary.delay_seconds.empty()) {
    absl::StrAppend(&text, summary.paused_by.empty() ? "  from fault to rollback " : "  from fault to stop     ",
                    QuantilesText(summary.delay_seconds, " s"));
    absl::StrAppend(&text, "  in candidate requests  ", QuantilesText(summary.delay_requests, ""));
  }
  return text;
}

std::string SummaryJson(const SimulationTitle& title, const SimulationSummary& summary) {
  runtime::Json::Array faults;
  for (const Fault& fault : title.faults) faults.push_back(ToString(fault));
  const auto rate = [&](int count) { return static_cast<double>(count) / summary.runs; };
  return runtime::WriteJson(
             runtime::Json(runtime::Json::Object{{"experiment", title.experiment},
                                                 {"runs", summary.runs},
                                                 {"seed", title.seed},
                                                 {"faults", runtime::Json(std::move(faults))},
                                                 {"calls_per_second", title.traffic.calls_per_second},
                                                 {"promotion_rate", rate(summary.promoted)},
                                                 {"completion_rate", rate(summary.completed)},
                                                 {"rollback_rate", rate(summary.rolled_back)},
                                                 {"false_rollback_rate", rate(summary.false_rollbacks)},
                                                 {"inconclusive_rate", rate(summary.inconclusive)},
                                                 {"still_running_rate", rate(summary.still_running)},
                                                 {"shut_by", CountsJson(summary.by_guardrail)},
                                                 {"paused_by", CountsJson(summary.paused_by)},
                                                 {"warned_by", CountsJson(summary.warned)},
                                                 {"promoted_after_hours", JsonOf(summary.promoted_after_hours)},
                                                 {"candidates_last_percent", JsonOf(summary.chosen_percent)},
                                                 {"delay_seconds", JsonOf(summary.delay_seconds)},
                                                 {"delay_candidate_requests", JsonOf(summary.delay_requests)}})) +
         "\n";
}

}  // namespace weir::cli
