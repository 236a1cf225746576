// Target 5: the Shiryaev-Roberts detector's mean time to a false alarm, and its delay after a change.

#include "stats/detector.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "stats/detection_bound.h"
#include "stats/statistical/measurement.h"

namespace weir::stats {
namespace {

struct Change {
  double share = 0.5;
  double max_ratio = 1;
  double baseline_error = 0.01;
  double candidate_error = 0.01;
  double healthy_calls = 0;  // Before the rise. None is the worst case: the statistic starts at 0.
};

// Batches of about ten calls of the rarer variant at most, so that a batch is a small part of any delay.
class Batches {
 public:
  Batches(double share, uint64_t seed)
      : rng_(seed),
        candidate_calls_(std::max(1, static_cast<int>(std::round(10 * share)))),
        baseline_calls_(std::max(1, static_cast<int>(std::round(candidate_calls_ * (1 - share) / share)))) {}

  double calls() const { return candidate_calls_ + baseline_calls_; }
  ErrorRatioGrid::Cohort Next(double baseline_error, double candidate_error) {
    const int candidate = std::binomial_distribution<int>(candidate_calls_, candidate_error)(rng_);
    const int baseline = std::binomial_distribution<int>(baseline_calls_, baseline_error)(rng_);
    return {.baseline_calls = baseline_calls_,
            .candidate_calls = candidate_calls_,
            .candidate_errors = candidate,
            .errors = candidate + baseline};
  }

 private:
  std::mt19937_64 rng_;
  int candidate_calls_, baseline_calls_;
};

double CallsToFalseAlarm(const Change& change, double threshold, uint64_t seed) {
  Batches batches(change.share, seed);
  ShiryaevRoberts detector(threshold);
  const ErrorRatioGrid grid(change.max_ratio);
  double calls = 0;
  for (; !detector.alarms(); calls += batches.calls()) {
    detector.Update(batches.calls(), grid.Term(batches.Next(change.baseline_error, change.candidate_error)));
  }
  return calls;
}

// Calls from the change to the alarm; one that alarmed before begins anew.
double DelayAfterChange(const Change& change, double threshold, uint64_t seed) {
  Batches batches(change.share, seed);
  ShiryaevRoberts detector(threshold);
  const ErrorRatioGrid grid(change.max_ratio);
  for (double calls = 0; calls < change.healthy_calls; calls += batches.calls()) {
    detector.Update(batches.calls(), grid.Term(batches.Next(change.baseline_error, change.baseline_error)));
    if (detector.alarms()) detector.Reset();
  }
  double calls = 0;
  for (; !detector.alarms(); calls += batches.calls()) {
    detector.Update(batches.calls(), grid.Term(batches.Next(change.baseline_error, change.candidate_error)));
  }
  return calls;
}

Measurement RunLength(const Change& change, const Settings& settings) {
  constexpr double kThreshold = 10'000;
  const int streams = std::clamp(settings.streams / 10, 50, 1000);
  const MeanOfStreams mean = MeanOf(
      OverStreams(settings, streams, [&](uint64_t seed) { return CallsToFalseAlarm(change, kThreshold, seed); }));
  const double value = mean.mean / kThreshold, half = 1.96 * mean.standard_error / kThreshold;
  return {.value = value,
          .low = value - half,
          .high = value + half,
          .judged = value,
          .least = 1,
          .note = absl::StrFormat("%.0f calls to a false alarm, A = %.0f, %d runs", mean.mean, kThreshold, streams)};
}

Measurement DelayRatio(const Change& change, const Settings& settings) {
  constexpr double kThreshold = 1e6;
  const int streams = std::clamp(settings.streams / 10, 50, 1000);
  // log A / KL in calls of both variants.
  const double bound = LeastDelayOfErrorRatio({.baseline_error = change.baseline_error,
                                               .candidate_error = change.candidate_error,
                                               .share = change.share,
                                               .max_ratio = change.max_ratio,
                                               .alpha = 1 / kThreshold})
                           .candidate_requests /
                       change.share;
  const MeanOfStreams mean =
      MeanOf(OverStreams(settings, streams, [&](uint64_t seed) { return DelayAfterChange(change, kThreshold, seed); }));
  const double value = mean.mean / bound, half = 1.96 * mean.standard_error / bound;
  return {.value = value,
          .low = value - half,
          .high = value + half,
          .judged = value,
          .least = 0,
          .most = 1.3,
          .note = absl::StrFormat("%.0f calls, log A / KL = %.0f, %d runs", mean.mean, bound, streams)};
}

void AddDelay(Target& target, const Change& rise) {
  const std::string history = rise.healthy_calls > 0 ? ", after 20,000 calls" : "";
  target.cells.push_back({absl::StrFormat("delay r=%g, 1 %% to %g %%, share %g%s", rise.max_ratio,
                                          100 * rise.candidate_error, rise.share, history),
                          [rise](const Settings& settings) { return DelayRatio(rise, settings); }});
}

}  // namespace

Target Detector() {
  Target target{.number = 5,
                .title = "The detector of late rises",
                .axis = "calls to a false alarm / A (at least 1); delay / (log A / KL) (at most 1.3)",
                .text =
                    "The Shiryaev-Roberts mixture: while nothing changes its mean time to a false alarm is at "
                    "least A calls, and a rise is found nearly as soon as log A / KL, which a long healthy "
                    "history makes sooner and not later.",
                .is_logarithmic = false,
                .cells = {}};
  for (const double share : {0.5, 0.1}) {
    for (const double error : {0.01, 0.05}) {
      const Change none{.share = share, .baseline_error = error, .candidate_error = error};
      target.cells.push_back({absl::StrFormat("time to a false alarm, %g %% errors, share %g", 100 * error, share),
                              [none](const Settings& settings) { return RunLength(none, settings); }});
    }
  }
  for (const double ratio : {1.0, 2.0}) {
    for (const double share : {0.5, 0.1}) {
      for (const double error : {0.05, 0.2}) {
        const Change rise{.share = share, .max_ratio = ratio, .baseline_error = 0.01, .candidate_error = error};
        AddDelay(target, rise);
      }
    }
  }
  AddDelay(target, {.candidate_error = 0.05, .healthy_calls = 20'000});
  AddDelay(target, {.max_ratio = 2, .candidate_error = 0.2, .healthy_calls = 20'000});
  return target;
}

}  // namespace weir::stats
