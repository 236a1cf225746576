// Quantities of a configuration as types that cannot be wrong.

#ifndef WEIR_CONFIG_UNITS_H_
#define WEIR_CONFIG_UNITS_H_

#include <compare>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace weir::config {

// A share of traffic in basis points: exact, so that shares sum to precisely 100 %.
class Percent {
 public:
  constexpr Percent() = default;  // 0 %.
  // InvalidArgument outside 0 to 10,000.
  static absl::StatusOr<Percent> FromBasisPoints(int64_t basis_points);
  // `percent` in steps of 0.01; InvalidArgument outside 0 to 100, for a finer step, or for NaN.
  static absl::StatusOr<Percent> FromDouble(double percent);
  static constexpr Percent All() { return Percent(10000); }

  constexpr int basis_points() const { return basis_points_; }
  constexpr double fraction() const { return basis_points_ / 10000.0; }
  std::string ToString() const;  // "12.5 %"
  friend auto operator<=>(Percent, Percent) = default;

 private:
  explicit constexpr Percent(uint16_t basis_points) : basis_points_(basis_points) {}
  uint16_t basis_points_ = 0;
};

// A relative weight in steps of 0.01; 0 means no traffic. Weights need not sum to 100.
class Weight {
 public:
  constexpr Weight() = default;  // 0
  // InvalidArgument below 0, above 1,000,000, for a finer step than 0.01, or for NaN.
  static absl::StatusOr<Weight> FromDouble(double weight);
  static constexpr Weight FromHundredths(uint32_t hundredths) { return Weight(hundredths); }

  constexpr uint32_t hundredths() const { return hundredths_; }
  constexpr double value() const { return hundredths_ / 100.0; }
  std::string ToString() const;  // "70", "0.25"
  friend auto operator<=>(Weight, Weight) = default;

 private:
  explicit constexpr Weight(uint32_t hundredths) : hundredths_(hundredths) {}
  uint32_t hundredths_ = 0;
};

}  // namespace weir::config

#endif  // WEIR_CONFIG_UNITS_H_
