// About how many different users were seen, in 16 KiB: HyperLogLog with p = 14 (Flajolet et al. 2007), estimated as
// Ertl does (2017, "New cardinality estimation algorithms for HyperLogLog sketches", algorithm 6), which needs neither
// tables nor a switch to linear counting for few users. Standard error 1.04 / sqrt(2^14) = 0.81 %, at most; exact to
// rounding for a handful. For display only, never an input of a test: no test's error bound knows of this one.
//
// Merging takes the maximum of each register, so that any partition in any order is equal, and users seen by two
// replicas count once.

#ifndef WEIR_STATS_DISTINCT_USERS_H_
#define WEIR_STATS_DISTINCT_USERS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace weir::stats {

class DistinctUsers {
 public:
  static constexpr int kPrecision = 14;
  static constexpr int kRegisters = 1 << kPrecision;
  static constexpr int kGreatest = 64 - kPrecision + 1;  // Of a register.

  // `user_hash` is well mixed in all its 64 bits.
  void Add(uint64_t user_hash);
  void Merge(const DistinctUsers& other);
  double Estimate() const;

  // What a checkpoint keeps: empty, or a byte a register. InvalidArgument where it is neither, or a byte is too great.
  const std::vector<uint8_t>& registers() const { return registers_; }
  static absl::StatusOr<DistinctUsers> FromRegisters(std::span<const uint8_t> registers);
  bool operator==(const DistinctUsers&) const = default;

 private:
  std::vector<uint8_t> registers_;  // Empty until the first user: an empty one costs no memory.
};

}  // namespace weir::stats

#endif  // WEIR_STATS_DISTINCT_USERS_H_
