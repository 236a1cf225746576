// Who shares the traffic, and how: exact arithmetic on weights.

#ifndef WEIR_ROUTER_EXPERIMENT_SPLIT_H_
#define WEIR_ROUTER_EXPERIMENT_SPLIT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace weir::experiment {

struct Split {
  std::vector<config::Variant> variants;  // In the order of the specification.
  size_t default_variant = 0;             // Its place.
  bool operator==(const Split&) const = default;

  const std::string& default_name() const { return variants[default_variant].name; }
};
// By the file's weights.
Split SplitOf(const config::Experiment& experiment);

// The share, 0 to 1, that a split gives to the variant of that name; 0 where it has none.
double ShareOf(const Split& split, std::string_view variant);
// That its candidates have together, to the nearest 0.01 %.
config::Percent CandidateShareOf(const Split& split);

// The candidates together get `share`, divided in proportion to their weights in `split`, and the default the rest. The
// proportions among candidates are the same for every share above 0, so that a larger one only moves users from the
// default to candidates. They are exact where the weights, without common factors, sum to at most 10,000, and else
// rounded to 0.01 %.
Split WithCandidateShare(const Split& split, config::Percent share);

// Whether any candidate gets more under `to` than under `from`. Another default opens too: it gets what it never had.
bool Opens(const Split& from, const Split& to);

// What `to` takes away from candidates of `from`, given to the default, and nothing else changed; nullopt if it takes
// nothing. The sum stays, so that no other share moves; shares are rounded down to the weights' steps.
std::optional<Split> ShutPart(const Split& from, const Split& to);

// "a 70, b 30"
std::string Describe(const Split& split);

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_SPLIT_H_
