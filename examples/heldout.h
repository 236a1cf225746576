// The held-out rows that train.py wrote: what the client replays, and the answers that it grades by.

#ifndef WEIR_EXAMPLES_HELDOUT_H_
#define WEIR_EXAMPLES_HELDOUT_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace weir::examples {

struct HeldOutRow {
  int digit = 0;                          // The truth.
  std::map<std::string, int> prediction;  // By model, as the training script saw it: "baseline", "enhanced".
  std::vector<double> pixels;
};

// From heldout.csv: a head line "digit,<model>,...,p0,...,p63", then whole numbers. InvalidArgument names the line.
absl::StatusOr<std::vector<HeldOutRow>> ParseHeldOut(std::string_view csv);

}  // namespace weir::examples

#endif  // WEIR_EXAMPLES_HELDOUT_H_
