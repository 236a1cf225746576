// Mean and variance in one pass: Welford's recurrence, and Chan's rule to merge (Welford 1962; Chan, Golub, LeVeque
// 1979). Nothing is differenced, so that about 15 digits of the mean and 10 of the deviation survive even where values
// are large and close together (NIST StRD NumAcc3 and NumAcc4).

#ifndef WEIR_STATS_MOMENTS_H_
#define WEIR_STATS_MOMENTS_H_

#include <span>

namespace weir::stats {

// A sample as the tests of means need it.
struct Summary {
  double n = 0;
  double mean = 0;
  double variance = 0;  // Of one observation, over n - 1 unless its source says otherwise.
  bool operator==(const Summary&) const = default;
};

class Moments {
 public:
  void Add(double value);
  void Merge(const Moments& other);

  double n() const { return n_; }
  double mean() const { return mean_; }
  double m2() const { return m2_; }                                // Sum of squared deviations from the mean.
  double variance() const { return n_ < 2 ? 0 : m2_ / (n_ - 1); }  // 0 below two values.
  Summary summary() const { return {n_, mean_, variance()}; }
  bool operator==(const Moments&) const = default;

 private:
  double n_ = 0, mean_ = 0, m2_ = 0;
};

Moments MomentsOf(std::span<const double> values);

}  // namespace weir::stats

#endif  // WEIR_STATS_MOMENTS_H_
