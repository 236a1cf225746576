// Target 7: any partition over 1 to 64 replicas, merged in any order, gives the same numbers.

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "absl/strings/str_format.h"
#include "stats/guardrails.h"
#include "stats/outcomes.h"
#include "stats/statistical/measurement.h"

namespace weir::stats {
namespace {

constexpr Tick kFirst = 17'000'000'000;
constexpr Tick kTicks = 300;

struct Pair {
  VariantCounts baseline, candidate;
};

// The same calls given to one pair, and one by one to replicas by chance.
struct Partition {
  Pair whole;
  std::vector<Pair> replicas;
};

Partition Deal(int replicas, std::mt19937_64& rng) {
  Partition partition{.whole = {}, .replicas = std::vector<Pair>(static_cast<size_t>(replicas))};
  for (int call = 0; call < 6000; ++call) {
    const bool is_candidate = rng() % 3 == 0;
    const auto bucket = static_cast<uint8_t>(rng());
    const Tick started = kFirst + static_cast<Tick>(rng() % kTicks);
    const bool is_error = rng() % (is_candidate ? 20 : 50) == 0;
    const auto latency_us = static_cast<int64_t>(5000 + rng() % (is_candidate ? 90'000 : 40'000));
    const CallEnd end{.started = started,
                      .user_bucket = bucket,
                      .outcome = is_error ? CallOutcome::kError : CallOutcome::kSuccess,
                      .latency = absl::Microseconds(latency_us)};
    const bool has_ended = rng() % 100 != 0;
    const size_t starts_at = rng() % partition.replicas.size(), ends_at = rng() % partition.replicas.size();
    const auto take = [&](Pair& at_start, Pair& at_end) {
      (is_candidate ? at_start.candidate : at_start.baseline).CountStart(started, bucket);
      if (has_ended) (is_candidate ? at_end.candidate : at_end.baseline).CountEnd(end);
    };
    take(partition.whole, partition.whole);
    take(partition.replicas[starts_at], partition.replicas[ends_at]);
  }
  return partition;
}

Pair Merged(std::vector<Pair> replicas, std::mt19937_64& rng) {
  std::shuffle(replicas.begin(), replicas.end(), rng);
  Pair merged;
  for (const Pair& replica : replicas) {
    merged.baseline.Merge(replica.baseline);
    merged.candidate.Merge(replica.candidate);
  }
  return merged;
}

std::vector<double> LogEvidence(const Pair& pair) {
  GuardrailLedger ledger({{ErrorRatioRule{1.2}, 0.01},
                          {ErrorCeilingRule{0.03}, 0.01},
                          {TailRatioRule{.quantile = 0.95, .max_ratio = 1.5}, 0.01},
                          {TailCeilingRule{.quantile = 0.95, .max = absl::Milliseconds(80)}, 0.01}});
  Evidence evidence;
  evidence.epochs.push_back({0, &pair.baseline, &pair.candidate});
  std::vector<double> logs;
  for (const Verdict& verdict : ledger.Judge(evidence, StartOf(kFirst + kTicks + 5))) logs.push_back(verdict.log_e);
  return logs;
}

int ReplicasOf(uint64_t seed) { return 1 + static_cast<int>(seed % 64); }

double UnequalCounts(uint64_t seed) {
  std::mt19937_64 rng(seed);
  const Partition partition = Deal(ReplicasOf(seed), rng);
  const Pair merged = Merged(partition.replicas, rng);
  return merged.baseline == partition.whole.baseline && merged.candidate == partition.whole.candidate ? 0 : 1;
}

double EvidenceError(uint64_t seed) {
  std::mt19937_64 rng(seed);
  const Partition partition = Deal(ReplicasOf(seed), rng);
  const std::vector<double> one = LogEvidence(partition.whole), other = LogEvidence(Merged(partition.replicas, rng));
  double greatest = 0;
  for (size_t i = 0; i < one.size(); ++i) greatest = std::max(greatest, std::abs(one[i] - other[i]));
  return greatest;
}

double MomentError(uint64_t seed) {
  std::mt19937_64 rng(seed);
  std::lognormal_distribution<double> value(3, 1);
  OutcomeCounts whole, merged;
  std::vector<OutcomeCounts> replicas(static_cast<size_t>(ReplicasOf(seed)));
  for (int i = 0; i < 5000; ++i) {
    const auto bucket = static_cast<uint8_t>(rng());
    const double outcome = value(rng);
    whole.Add(bucket, outcome);
    replicas[rng() % replicas.size()].Add(bucket, outcome);
  }
  std::shuffle(replicas.begin(), replicas.end(), rng);
  for (const OutcomeCounts& replica : replicas) merged.Merge(replica);
  return std::max(std::abs(merged.m2 / whole.m2 - 1), std::abs(merged.mean / whole.mean - 1));
}

Measurement Greatest(double (*error_of)(uint64_t), double most, const Settings& settings) {
  const int streams = std::clamp(settings.streams / 10, 64, 640);
  const std::vector<double> errors = OverStreams(settings, streams, error_of);
  const double greatest = *std::max_element(errors.begin(), errors.end());
  return {.value = greatest,
          .low = greatest,
          .high = greatest,
          .judged = greatest,
          .most = most,
          .note = absl::StrFormat("greatest difference %.2g in %d partitions", greatest, streams)};
}

}  // namespace

Target MergeInvariance() {
  Target target{.number = 7,
                .title = "Merging replicas",
                .axis = "greatest difference from one stream",
                .text =
                    "Calls dealt by chance over 1 to 64 replicas, their starts and ends apart, and merged in any "
                    "order: counts are equal, evidence agrees within 1e-9, moments within 1e-12.",
                .is_logarithmic = true,
                .cells = {}};
  const auto add = [&](const char* name, double (*error_of)(uint64_t), double most) {
    target.cells.push_back(
        {name, [error_of, most](const Settings& settings) { return Greatest(error_of, most, settings); }});
  };
  add("merge, counts unequal", UnequalCounts, 0);
  add("merge, log E of four guardrails", EvidenceError, 1e-9);
  add("merge, mean and M2, relative", MomentError, 1e-12);
  return target;
}

}  // namespace weir::stats
