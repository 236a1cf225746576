// Chance, from a seed: the same on every machine and in every process, so that one number replays a whole run.

#ifndef WEIR_TEST_SIMULATOR_DICE_H_
#define WEIR_TEST_SIMULATOR_DICE_H_

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/time/time.h"

namespace weir::simulator {

// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). A uniform random bit
// generator, so that absl::BitGenRef takes it.
class Dice {
 public:
  using result_type = uint64_t;
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return std::numeric_limits<uint64_t>::max(); }

  explicit Dice(uint64_t seed) : state_(seed) {}

  uint64_t operator()() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // Dice of their own, so that more throws in one part of a world change nothing in the others.
  Dice Split() { return Dice((*this)()); }

  double Uniform() { return (static_cast<double>((*this)() >> 11) + 0.5) * 0x1p-53; }  // Above 0, below 1.
  bool Chance(double probability) { return Uniform() < probability; }
  // Both inclusive.
  int64_t Between(int64_t least, int64_t most) {
    return least + static_cast<int64_t>((*this)() % static_cast<uint64_t>(most - least + 1));
  }
  absl::Duration Between(absl::Duration least, absl::Duration most) { return least + Uniform() * (most - least); }
  absl::Duration Exponential(absl::Duration mean) { return -std::log(Uniform()) * mean; }
  // Means of up to some hundred: it multiplies as many numbers.
  int Poisson(double mean) {
    const double least = std::exp(-mean);
    int count = 0;
    for (double product = Uniform(); product > least; product *= Uniform()) ++count;
    return count;
  }
  template <typename T>
  const T& Pick(const std::vector<T>& from) {
    return from[static_cast<size_t>(Between(0, static_cast<int64_t>(from.size()) - 1))];
  }

 private:
  uint64_t state_;
};

}  // namespace weir::simulator

#endif  // WEIR_TEST_SIMULATOR_DICE_H_
