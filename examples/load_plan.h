// What the client will do, drawn ahead of doing it: which user calls when, with which rows, how, and when the outcome
// is told. Pure: the same options and seed give the same plan.

#ifndef WEIR_EXAMPLES_LOAD_PLAN_H_
#define WEIR_EXAMPLES_LOAD_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "absl/random/bit_gen_ref.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace weir::examples {

// Users of unequal activity: the k-th of n makes a share of the calls that is proportional to k^-exponent (Zipf's law).
class ZipfUsers {
 public:
  ZipfUsers(int64_t users, double exponent);  // At least one user.
  int64_t Draw(absl::BitGenRef rng) const;    // From 0, the most active one.

 private:
  std::vector<double> cumulative_;
};

struct LoadOptions {
  double rate =
      200;  // Calls a second, at random times (a Poisson process). 0: each as soon as there is room in flight.
  int64_t requests = 0;                            // At most so many calls; 0: no bound.
  absl::Duration duration = absl::ZeroDuration();  // For so long; 0: no bound. One of the two bounds is given.
  int64_t users = 1000;
  double zipf = 1.05;
  double streaming_share = 0;  // Of the calls.
  int64_t stream_length = 4;   // Rows of a streaming call; a unary one has a single row.
  double late_share = 0;       // Of the outcomes, that are told `late_by` after the answer.
  absl::Duration late_by = absl::Seconds(5);
  int64_t seed = 1;
};

struct PlannedCall {
  absl::Duration due;  // Since the start.
  int64_t user = 0;
  bool streaming = false;
  std::vector<size_t> rows;  // At least one.
  absl::Duration outcome_delay;
};

class LoadPlan {
 public:
  // InvalidArgument names the option. `rows` is the number of held-out rows, at least one.
  static absl::StatusOr<LoadPlan> Create(const LoadOptions& options, size_t rows);

  // None after the last. Every row comes once, in random order, before any comes again.
  std::optional<PlannedCall> Next();

 private:
  LoadPlan(const LoadOptions& options, size_t rows);
  size_t NextRow();

  LoadOptions options_;
  ZipfUsers users_;
  std::mt19937_64 rng_;
  std::vector<size_t> order_;
  size_t place_;  // In order_.
  int64_t planned_ = 0;
  absl::Duration due_;
};

}  // namespace weir::examples

#endif  // WEIR_EXAMPLES_LOAD_PLAN_H_
