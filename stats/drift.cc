#include "stats/drift.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "stats/multiplicity.h"
#include "stats/special_functions.h"

namespace weir::stats {
namespace {

constexpr double kHalfAValue = 0.5;

double SumOf(std::span<const double> counts) { return std::accumulate(counts.begin(), counts.end(), 0.0); }

absl::Status CheckSample(std::span<const double> counts, absl::string_view name) {
  for (size_t i = 0; i < counts.size(); ++i) {
    if (!(counts[i] >= 0) || !std::isfinite(counts[i])) {
      return absl::InvalidArgumentError(absl::StrCat(name, "[", i, "]: must be at least 0, got ", counts[i]));
    }
  }
  if (!(SumOf(counts) > 0)) return absl::InvalidArgumentError(absl::StrCat(name, ": must not be empty"));
  return absl::OkStatus();
}

absl::Status CheckSamples(std::span<const double> reference, std::span<const double> window) {
  if (reference.size() != window.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("window: must have as many bins as the reference, ", reference.size(), ", got ", window.size()));
  }
  if (absl::Status status = CheckSample(reference, "reference"); !status.ok()) return status;
  return CheckSample(window, "window");
}

void AdjustForDiscoveries(std::vector<FeatureDrift>& features) {
  std::vector<double> p_values;
  for (const FeatureDrift& feature : features) p_values.push_back(feature.test.p_value);
  const std::vector<double> adjusted = AdjustBenjaminiHochberg(p_values);
  for (size_t i = 0; i < features.size(); ++i) features[i].adjusted_p_value = adjusted[i];
}

}  // namespace

void BinnedCounts::Merge(const BinnedCounts& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
}

absl::StatusOr<NumberBins> NumberBins::Create(std::vector<double> edges) {
  if (edges.empty() || edges.size() > kAtMost) {
    return absl::InvalidArgumentError(absl::StrCat("edges: must be 1 to ", kAtMost, ", got ", edges.size()));
  }
  for (size_t i = 0; i < edges.size(); ++i) {
    if (!std::isfinite(edges[i]) || (i > 0 && !(edges[i] > edges[i - 1]))) {
      return absl::InvalidArgumentError(absl::StrCat("edges[", i, "]: must be finite and ascending, got ", edges[i]));
    }
  }
  return NumberBins(std::move(edges));
}

absl::StatusOr<NumberBins> NumberBins::OfSample(std::vector<double> sample, size_t bins) {
  if (bins < 2 || bins > kAtMost) {
    return absl::InvalidArgumentError(absl::StrCat("bins: must be 2 to ", kAtMost, ", got ", bins));
  }
  std::erase_if(sample, [](double value) { return !std::isfinite(value); });
  if (sample.empty()) return absl::InvalidArgumentError("sample: must not be empty");
  std::sort(sample.begin(), sample.end());
  std::vector<double> edges;
  for (size_t i = 1; i < bins; ++i) {
    const double edge = sample[i * sample.size() / bins];
    if (edges.empty() || edge > edges.back()) edges.push_back(edge);
  }
  return NumberBins(std::move(edges));
}

size_t NumberBins::BinOf(double value) const {
  if (std::isnan(value)) return edges_.size() + 1;
  return static_cast<size_t>(std::upper_bound(edges_.begin(), edges_.end(), value) - edges_.begin());
}

size_t CategoryBinOf(uint64_t name_hash) { return static_cast<size_t>(name_hash >> 58); }

absl::StatusOr<double> PopulationStabilityIndex(std::span<const double> reference, std::span<const double> window) {
  if (absl::Status status = CheckSamples(reference, window); !status.ok()) return status;
  const double n_reference = SumOf(reference), n_window = SumOf(window);
  double psi = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    if (reference[i] == 0 && window[i] == 0) continue;
    const double q = (reference[i] > 0 ? reference[i] : kHalfAValue) / n_reference;
    const double p = (window[i] > 0 ? window[i] : kHalfAValue) / n_window;
    psi += (p - q) * std::log(p / q);
  }
  return psi;
}

absl::StatusOr<DriftTest> TwoSampleChiSquare(std::span<const double> reference, std::span<const double> window) {
  if (absl::Status status = CheckSamples(reference, window); !status.ok()) return status;
  const double n_reference = SumOf(reference), n_window = SumOf(window), n = n_reference + n_window;
  DriftTest test;
  int used = 0;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double both = reference[i] + window[i];
    if (both == 0) continue;
    ++used;
    const double expected = both * n_window / n;
    // Of one bin, the reference's deviation is the window's: both terms together.
    test.chi_square += (window[i] - expected) * (window[i] - expected) * n * n / (both * n_reference * n_window);
  }
  test.degrees_of_freedom = used - 1;
  if (used > 1) test.p_value = ChiSquareAbove(test.degrees_of_freedom, test.chi_square);
  return test;
}

std::vector<FeatureDrift> DriftOf(std::span<const FeatureWindow> features) {
  std::vector<FeatureDrift> drifts;
  for (const FeatureWindow& feature : features) {
    const auto psi = PopulationStabilityIndex(feature.reference->counts(), feature.window->counts());
    const auto test = TwoSampleChiSquare(feature.reference->counts(), feature.window->counts());
    if (psi.ok() && test.ok()) drifts.push_back({.name = feature.name, .psi = *psi, .test = *test});
  }
  AdjustForDiscoveries(drifts);
  return drifts;
}

}  // namespace weir::stats
