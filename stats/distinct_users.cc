#include "stats/distinct_users.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

namespace weir::stats {
namespace {

// Ertl's sigma(x) = x + sum_{k>=1} x^(2^k) 2^(k-1): what empty registers stand for.
double Sigma(double x) {
  if (x == 1) return std::numeric_limits<double>::infinity();
  double sum = x, power = 1, last;
  do {
    x *= x;
    last = sum;
    sum += x * power;
    power += power;
  } while (sum != last);
  return sum;
}

// Ertl's tau(x) = (1 - x - sum_{k>=1} (1 - x^(2^-k))^2 2^-k) / 3: what full registers stand for.
double Tau(double x) {
  if (x == 0 || x == 1) return 0;
  double sum = 1 - x, power = 1, last;
  do {
    x = std::sqrt(x);
    last = sum;
    power *= 0.5;
    sum -= (1 - x) * (1 - x) * power;
  } while (sum != last);
  return sum / 3;
}

}  // namespace

void DistinctUsers::Add(uint64_t user_hash) {
  if (registers_.empty()) registers_.resize(kRegisters);
  const uint64_t index = user_hash >> (64 - kPrecision);
  // The place of the first one among the other bits; a sentinel one bounds it.
  const uint64_t rest = (user_hash << kPrecision) | (uint64_t{1} << (kPrecision - 1));
  uint8_t& held = registers_[index];
  held = std::max(held, static_cast<uint8_t>(std::countl_zero(rest) + 1));
}

void DistinctUsers::Merge(const DistinctUsers& other) {
  if (other.registers_.empty()) return;
  if (registers_.empty()) registers_.resize(kRegisters);
  for (size_t i = 0; i < registers_.size(); ++i) registers_[i] = std::max(registers_[i], other.registers_[i]);
}

double DistinctUsers::Estimate() const {
  if (registers_.empty()) return 0;
  std::array<int, kGreatest + 1> multiplicity{};
  for (const uint8_t value : registers_) ++multiplicity[value];
  const double m = kRegisters;
  double z = m * Tau(1 - multiplicity[kGreatest] / m);
  for (int k = kGreatest - 1; k >= 1; --k) z = 0.5 * (z + multiplicity[static_cast<size_t>(k)]);
  z += m * Sigma(multiplicity[0] / m);
  return m * m / (2 * std::log(2.0) * z);
}

absl::StatusOr<DistinctUsers> DistinctUsers::FromRegisters(std::span<const uint8_t> registers) {
  if (!registers.empty() && registers.size() != kRegisters) {
    return absl::InvalidArgumentError("distinct users: the number of registers is wrong");
  }
  if (std::any_of(registers.begin(), registers.end(), [](uint8_t value) { return value > kGreatest; })) {
    return absl::InvalidArgumentError("distinct users: a register is too great");
  }
  DistinctUsers users;
  users.registers_.assign(registers.begin(), registers.end());
  return users;
}

}  // namespace weir::stats
