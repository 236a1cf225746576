#include "stats/moments.h"

namespace weir::stats {

void Moments::Add(double value) {
  n_ += 1;
  const double step = value - mean_;
  mean_ += step / n_;
  m2_ += step * (value - mean_);
}

void Moments::Merge(const Moments& other) {
  if (other.n_ == 0) return;
  if (n_ == 0) {
    *this = other;
    return;
  }
  const double n = n_ + other.n_, step = other.mean_ - mean_;
  mean_ += step * (other.n_ / n);
  m2_ += other.m2_ + step * step * (n_ * other.n_ / n);
  n_ = n;
}

Moments MomentsOf(std::span<const double> values) {
  Moments moments;
  for (const double value : values) moments.Add(value);
  return moments;
}

}  // namespace weir::stats
