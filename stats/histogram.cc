#include "stats/histogram.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace weir::stats {
namespace {

constexpr int64_t kFirstEdgeNs = 50'000;
constexpr int kEdges = LatencyHistogram::kBuckets - 1;  // Edge i is the upper edge of bucket i.

constexpr long double Power(long double base, int exponent) {
  long double result = 1;
  for (int i = 0; i < exponent; ++i) result *= base;
  return result;
}

// 1.5^(1/40), by Newton's method: std::pow is not constexpr.
constexpr long double Growth() {
  constexpr int kRoot = LatencyHistogram::kBucketsPerHalfAgain;
  long double g = 1.01L;
  for (int i = 0; i < 50; ++i) g -= (g - 1.5L / Power(g, kRoot - 1)) / kRoot;
  return g;
}

constexpr int64_t RoundedUp(long double value) {
  const int64_t down = static_cast<int64_t>(value);
  return static_cast<long double>(down) < value ? down + 1 : down;
}

// A sentinel that no latency reaches follows the last edge.
constexpr std::array<int64_t, kEdges + 1> MakeEdges() {
  std::array<int64_t, kEdges + 1> edges{};
  // Whole powers of 1.5 are multiplied out apart from the roots, so that every 40th edge is exact.
  std::array<long double, LatencyHistogram::kBucketsPerHalfAgain> roots{};
  for (size_t i = 0; i < roots.size(); ++i) roots[i] = Power(Growth(), static_cast<int>(i));
  long double whole = kFirstEdgeNs;
  for (int i = 0; i < kEdges; ++i) {
    const int root = i % LatencyHistogram::kBucketsPerHalfAgain;
    if (i > 0 && root == 0) whole *= 1.5L;
    edges[i] = RoundedUp(whole * roots[root]);
  }
  edges[kEdges] = std::numeric_limits<int64_t>::max();
  return edges;
}

constexpr std::array<int64_t, kEdges + 1> kEdgesNs = MakeEdges();

// A cell is one of 128 equal parts of an octave. It is at most 0.79 % wide, less than a bucket's 1.02 %, so that at
// most one edge lies in it: the bucket of a cell's start is the answer, or one less than it.
constexpr int kFirstOctave = 15;  // 2^15 ns = 32.8 us, below the first edge.
constexpr int kLastOctave = 36;   // Ends at 137 s, above the last edge.
constexpr int kCellBits = 7;
constexpr int kCells = (kLastOctave - kFirstOctave + 1) << kCellBits;

constexpr std::array<uint16_t, kCells> MakeBucketOfCell() {
  std::array<uint16_t, kCells> buckets{};
  uint16_t bucket = 0;
  for (int cell = 0; cell < kCells; ++cell) {
    const int octave = kFirstOctave + (cell >> kCellBits);
    const int64_t part = (1 << kCellBits) + (cell & ((1 << kCellBits) - 1));
    const int64_t start = part << (octave - kCellBits);
    while (kEdgesNs[bucket] <= start) ++bucket;
    buckets[cell] = bucket;
  }
  return buckets;
}

constexpr std::array<uint16_t, kCells> kBucketOfCell = MakeBucketOfCell();

static_assert(kEdgesNs[kEdges - 1] >= 120'000'000'000);
static_assert(kEdgesNs[kEdges - 2] < 120'000'000'000);

}  // namespace

int LatencyHistogram::BucketOf(absl::Duration latency) {
  const int64_t ns = absl::ToInt64Nanoseconds(latency);
  if (ns < (int64_t{1} << kFirstOctave)) return 0;
  const int octave = std::bit_width(static_cast<uint64_t>(ns)) - 1;
  if (octave > kLastOctave) return kBuckets - 1;
  const int part = static_cast<int>(ns >> (octave - kCellBits)) & ((1 << kCellBits) - 1);
  const int bucket = kBucketOfCell[((octave - kFirstOctave) << kCellBits) + part];
  return bucket + (ns >= kEdgesNs[bucket] ? 1 : 0);
}

absl::Duration LatencyHistogram::LowerEdge(int bucket) {
  if (bucket <= 0) return absl::ZeroDuration();
  if (bucket >= kBuckets) return absl::InfiniteDuration();
  return absl::Nanoseconds(kEdgesNs[bucket - 1]);
}

double LatencyHistogram::RatioOfBuckets(int buckets) {
  return std::pow(1.5, static_cast<double>(buckets) / kBucketsPerHalfAgain);
}

int LatencyHistogram::BucketsForRatio(double ratio) {
  // The tolerance keeps a ratio that is a whole number of buckets, such as 1.5 or 2.25, from being rounded to one more.
  const double buckets = kBucketsPerHalfAgain * std::log(ratio) / std::log(1.5);
  return std::max(0, static_cast<int>(std::ceil(buckets - 1e-9)));
}

void LatencyHistogram::Add(int bucket, int64_t n) {
  if (n == 0) return;
  if (counts_.empty()) counts_.resize(kBuckets);
  counts_[bucket] += n;
  count_ += n;
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  if (other.counts_.empty()) return;
  if (counts_.empty()) counts_.resize(kBuckets);
  for (int bucket = 0; bucket < kBuckets; ++bucket) counts_[bucket] += other.counts_[bucket];
  count_ += other.count_;
}

int64_t LatencyHistogram::CountFrom(int bucket) const {
  int64_t n = 0;
  for (size_t b = std::max(0, bucket); b < counts_.size(); ++b) n += counts_[b];
  return n;
}

std::optional<int> LatencyHistogram::QuantileBucket(double q) const {
  if (count_ == 0) return std::nullopt;
  const int64_t rank = std::clamp<int64_t>(static_cast<int64_t>(std::ceil(q * static_cast<double>(count_))), 1, count_);
  int64_t below = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    below += counts_[bucket];
    if (below >= rank) return bucket;
  }
  return kBuckets - 1;
}

std::optional<absl::Duration> LatencyHistogram::Quantile(double q) const {
  const std::optional<int> bucket = QuantileBucket(q);
  if (!bucket) return std::nullopt;
  if (*bucket == 0) return LowerEdge(1);
  if (*bucket == kBuckets - 1) return LowerEdge(*bucket);
  return LowerEdge(*bucket) * std::sqrt(RatioOfBuckets(1));
}

std::optional<absl::Duration> LatencyHistogram::QuantileAtMost(double q) const {
  const std::optional<int> bucket = QuantileBucket(q);
  if (!bucket) return std::nullopt;
  return LowerEdge(*bucket + 1);
}

}  // namespace weir::stats
