// Latencies as counts in buckets of equal ratio: exact to add, and exact in rank at the buckets' edges.
//
// Bucket b of 1 to kBuckets - 2 holds latencies from 50 us * g^(b-1) up to but excluding 50 us * g^b, with the growth
// g = 1.5^(1/40) = 1.010188: "1.5 times slower" is exactly 40 buckets. Bucket 0 holds what is below 50 us, the last one
// what is at or above 120.9 s. An edge is rounded up to a nanosecond, which changes no comparison, since latencies are
// whole nanoseconds: `latency >= edge` means the same for both.

#ifndef WEIR_STATS_HISTOGRAM_H_
#define WEIR_STATS_HISTOGRAM_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"

namespace weir::stats {

// A value. An empty one costs no allocation, since workers make new ones ten times a second.
class LatencyHistogram {
 public:
  static constexpr int kBuckets = 1452;
  static constexpr int kBucketsPerHalfAgain = 40;  // Buckets in a ratio of 1.5.

  // A negative latency counts as 0. About 2 ns: a table over the leading bits, and one comparison that makes it exact.
  static int BucketOf(absl::Duration latency);
  // The least latency of a bucket; 0 for the first. A bucket of kBuckets or beyond: InfiniteDuration, which none
  // reaches.
  static absl::Duration LowerEdge(int bucket);
  // The least number of buckets whose ratio is at least `ratio` (>= 1): 40 for 1.5, 69 for 2 (which is x2.0125).
  static int BucketsForRatio(double ratio);
  static double RatioOfBuckets(int buckets);

  void Add(absl::Duration latency) { Add(BucketOf(latency), 1); }
  // `n` is positive, or 0 and then nothing happens; `bucket` is below kBuckets.
  void Add(int bucket, int64_t n);
  void Merge(const LatencyHistogram& other);

  int64_t count() const { return count_; }
  int64_t at(int bucket) const { return counts_.empty() ? 0 : counts_[bucket]; }
  // The number of latencies at or above the bucket's lower edge: exact.
  int64_t CountFrom(int bucket) const;
  // The latency of rank ceil(q n), to within 0.51 % (the geometric middle of its bucket; 50 us and 120.9 s in the
  // outermost). Nothing when empty. 0 <= q <= 1.
  std::optional<absl::Duration> Quantile(double q) const;
  // An upper bound of the same latency: its bucket's upper edge (InfiniteDuration in the last).
  std::optional<absl::Duration> QuantileAtMost(double q) const;

  // Calls `visit(bucket, n)` for each bucket with n > 0, in ascending order: what a checkpoint writes, and `Add` reads
  // back.
  template <typename Visit>
  void ForEachNonzero(Visit visit) const {
    for (size_t bucket = 0; bucket < counts_.size(); ++bucket) {
      if (counts_[bucket] != 0) visit(static_cast<int>(bucket), counts_[bucket]);
    }
  }

  bool operator==(const LatencyHistogram&) const = default;

 private:
  std::optional<int> QuantileBucket(double q) const;

  std::vector<int64_t> counts_;  // Empty until the first count, then kBuckets: so == compares what was counted.
  int64_t count_ = 0;
};

}  // namespace weir::stats

#endif  // WEIR_STATS_HISTOGRAM_H_
