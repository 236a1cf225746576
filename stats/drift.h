// Do inputs, predictions or confidences look as they did? Values are binned, and a window's bins compared with a
// reference's:
//   PSI = sum_i (p_i - q_i) ln(p_i / q_i)       (the symmetrised Kullback-Leibler divergence; below 0.1 is usually
//                                                called stable, above 0.25 a shift: Siddiqi 2006)
//   chi^2 = sum over both samples and bins of (observed - expected)^2 / expected,   bins - 1 degrees of freedom,
// over the bins that either sample has. A bin that one sample lacks counts as half a value of it in the PSI. The
// chi-square takes values for independent, which those of one user are not, and its approximation wants an expected
// count of 5 or so: it warns. Several features at once are adjusted by Benjamini and Hochberg (1995).

#ifndef WEIR_STATS_DRIFT_H_
#define WEIR_STATS_DRIFT_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace weir::stats {

// Counts by bin. They add, in any order, where bins are the same.
class BinnedCounts {
 public:
  explicit BinnedCounts(size_t bins) : counts_(bins) {}
  void Add(size_t bin, double times = 1) { counts_[bin] += times; }
  // `other` has as many bins.
  void Merge(const BinnedCounts& other);
  std::span<const double> counts() const { return counts_; }
  bool operator==(const BinnedCounts&) const = default;

 private:
  std::vector<double> counts_;
};

// Where a number goes: bin i holds what is from edge i-1 up to but excluding edge i, and the last bin what is not a
// number.
class NumberBins {
 public:
  static constexpr size_t kAtMost = 100;
  // Ascending edges, one to kAtMost of them, all finite.
  static absl::StatusOr<NumberBins> Create(std::vector<double> edges);
  // Edges at the quantiles of a reference sample, `bins` bins about equally full; fewer where values are equal. Values
  // that are not finite are left out; InvalidArgument without any, or unless 2 <= bins <= kAtMost.
  static absl::StatusOr<NumberBins> OfSample(std::vector<double> sample, size_t bins = 10);
  size_t BinOf(double value) const;
  size_t size() const { return edges_.size() + 2; }
  const std::vector<double>& edges() const { return edges_; }

 private:
  explicit NumberBins(std::vector<double> edges) : edges_(std::move(edges)) {}
  std::vector<double> edges_;
};

// Where a category goes, by a hash of its name: two may share a bin, which can only hide a difference, and memory stays
// bounded whatever names come.
inline constexpr size_t kCategoryBins = 64;
size_t CategoryBinOf(uint64_t name_hash);

// InvalidArgument where the numbers of bins differ, or a sample is empty or has a negative count.
absl::StatusOr<double> PopulationStabilityIndex(std::span<const double> reference, std::span<const double> window);

struct DriftTest {
  double chi_square = 0;
  int degrees_of_freedom = 0;  // 0, with a p-value of 1, where both samples are in one bin.
  double p_value = 1;
};
// InvalidArgument as above.
absl::StatusOr<DriftTest> TwoSampleChiSquare(std::span<const double> reference, std::span<const double> window);

// One feature's window beside its reference. The counts are borrowed for the call.
struct FeatureWindow {
  std::string name;
  const BinnedCounts* reference = nullptr;
  const BinnedCounts* window = nullptr;
};
struct FeatureDrift {
  std::string name;
  double psi = 0;
  DriftTest test;
  double adjusted_p_value = 1;  // Over the features of the call.
};
// In the order given; a feature whose window or reference is empty is left out.
std::vector<FeatureDrift> DriftOf(std::span<const FeatureWindow> features);

}  // namespace weir::stats

#endif  // WEIR_STATS_DRIFT_H_
