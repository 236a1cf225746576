// Standard errors of any smooth function of sums, when requests come from users who make many each: leave out one user
// bucket at a time and see how much the function moves.
//   se^2 = (K-1)/K * sum_b (theta_(b) - mean theta_(.))^2,
// where theta_(b) is the function of all sums but bucket b's (Tukey 1958; Efron and Stein 1981: biased upwards, if at
// all). It needs one pass over the K buckets and agrees with the delta method of clustered.h to order 1/K. Assumes that
// buckets are exchangeable, which a hash of the user makes them, and that the function is smooth near the sums (ratios,
// their products and sums; not a quantile). The same bucket of two variants holds different users, and is left out of
// both at once.

#ifndef WEIR_STATS_JACKKNIFE_H_
#define WEIR_STATS_JACKKNIFE_H_

#include <optional>
#include <span>
#include <vector>

#include "absl/functional/function_ref.h"
#include "stats/clustered.h"

namespace weir::stats {

// Sums by user bucket: one row a bucket, one column for each thing summed (the calls of a variant, its errors, ...). A
// value of fixed size; it adds up exactly where the summands are whole numbers.
class BucketTable {
 public:
  // `columns` is positive, and so is `buckets`.
  explicit BucketTable(int columns, int buckets = kUserBuckets);

  // bucket < buckets(), column < columns().
  void Add(int bucket, int column, double value) { sums_[Index(bucket, column)] += value; }
  // Takes `sums` into two columns: n into `column`, the sum into the next. Of a table of kUserBuckets.
  void Add(int column, const BucketSums& sums);
  // `other` has the same size.
  void Merge(const BucketTable& other);

  // The same sums over `buckets` rows; it divides buckets().
  BucketTable Folded(int buckets) const;
  std::vector<double> Totals() const;
  // How many users the nonempty rows stand for (clustered.h).
  double ActiveUsers() const;

  int buckets() const { return buckets_; }
  int columns() const { return columns_; }
  double at(int bucket, int column) const { return sums_[Index(bucket, column)]; }
  bool operator==(const BucketTable&) const = default;

 private:
  size_t Index(int bucket, int column) const { return static_cast<size_t>(bucket * columns_ + column); }

  int columns_, buckets_;
  std::vector<double> sums_;
};

struct JackknifeEstimate {
  double estimate = 0;
  double standard_error = 0;
  int buckets = 0;  // K.
  // estimate -+ t(K-1) * standard_error, at one planned look. 0 < alpha < 1.
  Interval ConfidenceInterval(double alpha) const;
};

// Of the columns' sums; nothing where it is undefined, as a ratio with nothing below the line.
using SumsFunction = absl::FunctionRef<std::optional<double>(std::span<const double> sums)>;

// Over the rows as given. Nothing where the function is undefined on all rows, or without one of them: a single bucket
// that holds everything has no spread.
std::optional<JackknifeEstimate> Jackknife(const BucketTable& table, SumsFunction function);

// Over 256 buckets, or 64 with fewer than 512 active users; nothing below 128 (clustered.h says why).
std::optional<JackknifeEstimate> JackknifeOverUsers(const BucketTable& table, SumsFunction function);

}  // namespace weir::stats

#endif  // WEIR_STATS_JACKKNIFE_H_
