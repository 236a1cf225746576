// Evidence that a latency quantile is too high, as the logarithm of an e-value, with no assumption on how latencies are
// distributed (error_evidence.h says what an e-value is).
//
// Of n calls let k be slower than an edge. The mixture e-value for "more than 1 - q are" puts a Beta(10 (1-q), 10 q)
// prior, truncated to (1 - q, 1), over the fraction; the one for "fewer than 1 - q are" puts it on (0, 1 - q):
//   log E = log I + log B(a+k, b+n-k) - log I0 - log B(a, b) - k log(1-q) - (n-k) log q,
// where I and I0 are the posterior's and the prior's mass on that side. n and k are divided by the design effect.
//
// Ratio, "candidate's quantile > c x baseline's", c = s buckets. For each bucket edge i: E_A(i), that the baseline's
// quantile is below edge i, and E_B(i), that the candidate's is above edge i+s+1; E = min_i ((1+E_A)/2) ((1+E_B)/2). At
// the largest edge not above the baseline's true quantile both nulls hold, and the minimum is below the product there.

#ifndef WEIR_STATS_TAIL_EVIDENCE_H_
#define WEIR_STATS_TAIL_EVIDENCE_H_

#include <array>
#include <cstdint>

#include "absl/time/time.h"
#include "stats/counts.h"

namespace weir::stats {

// Of `calls`, how many were at or above each bucket's lower edge. Never increasing along the edges.
struct TailCounts {
  int64_t calls = 0;
  std::array<int64_t, LatencyHistogram::kBuckets> from{};
  bool operator==(const TailCounts&) const = default;
};

// The candidate's at `now`: of all calls that started, those that certainly were that slow (in flight ones by their
// age). What is unresolved counts as fast.
TailCounts CertainlySlow(const VariantCounts& counts, absl::Time now);

// The baseline's: of the calls that started before the tick `before`, those that may have been that slow. What is
// unresolved counts as slow, which is why the youngest cohorts, mostly in flight, are left out. Their calls that have
// ended are in the histogram; all of them are taken for fast, so that the result is an upper bound for the older
// cohorts alone.
TailCounts PossiblySlow(const VariantCounts& counts, Tick before);

class TailMixture {
 public:
  // 0 < quantile < 1.
  explicit TailMixture(double quantile);

  // log E for "more than 1 - quantile are slower". 0 <= slow <= calls.
  double LogAbove(double slow, double calls) const;
  // log E for "fewer than 1 - quantile are slower".
  double LogBelow(double slow, double calls) const;

 private:
  double LogMarginal(double slow, double calls) const;
  double LogFarOff(double a, double b, double x) const;

  double tail_;  // 1 - quantile
  double a_, b_;
  double log_beta_, log_mass_above_, log_mass_below_, log_tail_, log_body_;
};

// log E of the ratio test with a shift of `shift` buckets; a negative one tests for a ratio below 1. The exact minimum
// over all edges; edges at which nothing changes are skipped, as are those that cannot hold the minimum, since E_A only
// rises along the edges and E_B only falls.
double LogTailRatio(const TailMixture& mixture, int shift, const TailCounts& baseline, const TailCounts& candidate,
                    double design_effect);

// log E of "the quantile is above `bucket`'s lower edge".
double LogTailCeiling(const TailMixture& mixture, int bucket, const TailCounts& candidate, double design_effect);
// The first bucket whose lower edge is at or above `max`; kBuckets, and then never any evidence, when `max` is beyond
// all.
int BucketAtOrAbove(absl::Duration max);

// log((1 + exp(log_e)) / 2): half of the stake kept back, so that a past that went against the alternative costs log 2
// only.
double LogHalfKept(double log_e);

}  // namespace weir::stats

#endif  // WEIR_STATS_TAIL_EVIDENCE_H_
