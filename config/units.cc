#include "config/units.h"

#include <cmath>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace weir::config {
namespace {

constexpr int kMostBasisPoints = 10'000;
constexpr double kMostWeight = 1'000'000;

// `value` in hundredths, or nullopt if it is no whole number of them. A decimal such as 0.29 is no exact double, so a
// deviation far below the step is forgiven.
std::optional<int64_t> Hundredths(double value) {
  const double scaled = value * 100;
  const double rounded = std::round(scaled);
  if (std::abs(scaled - rounded) > 1e-6) return std::nullopt;
  return static_cast<int64_t>(rounded);
}

// 1250 -> "12.5"
std::string DecimalOfHundredths(uint32_t hundredths) {
  const uint32_t whole = hundredths / 100;
  const uint32_t rest = hundredths % 100;
  if (rest == 0) return absl::StrCat(whole);
  if (rest % 10 == 0) return absl::StrCat(whole, ".", rest / 10);
  return absl::StrFormat("%d.%02d", whole, rest);
}

}  // namespace

absl::StatusOr<Percent> Percent::FromBasisPoints(int64_t basis_points) {
  if (basis_points < 0 || basis_points > kMostBasisPoints) {
    return absl::InvalidArgumentError("must be from 0 to 100 percent");
  }
  return Percent(static_cast<uint16_t>(basis_points));
}

absl::StatusOr<Percent> Percent::FromDouble(double percent) {
  if (!(percent >= 0 && percent <= 100)) return absl::InvalidArgumentError("must be from 0 to 100");  // NaN included.
  const std::optional<int64_t> basis_points = Hundredths(percent);
  if (!basis_points.has_value()) return absl::InvalidArgumentError("must be a multiple of 0.01");
  return FromBasisPoints(*basis_points);
}

std::string Percent::ToString() const { return absl::StrCat(DecimalOfHundredths(basis_points_), " %"); }

absl::StatusOr<Weight> Weight::FromDouble(double weight) {
  if (!(weight >= 0)) return absl::InvalidArgumentError("must be at least 0");  // NaN included.
  if (weight > kMostWeight) return absl::InvalidArgumentError("must be at most 1000000");
  const std::optional<int64_t> hundredths = Hundredths(weight);
  if (!hundredths.has_value()) return absl::InvalidArgumentError("must be a multiple of 0.01");
  return FromHundredths(static_cast<uint32_t>(*hundredths));
}

std::string Weight::ToString() const { return DecimalOfHundredths(hundredths_); }

}  // namespace weir::config
