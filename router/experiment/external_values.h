// Numbers that the proxy cannot see itself and was told, such as the answers of a Prometheus server: what conditions
// and decisions read by name. How old one may be to be believed is its query's `max_age`.

#ifndef WEIR_ROUTER_EXPERIMENT_EXTERNAL_VALUES_H_
#define WEIR_ROUTER_EXPERIMENT_EXTERNAL_VALUES_H_

#include <map>
#include <string>

#include "absl/time/time.h"

namespace weir::experiment {

struct ExternalValue {
  double value = 0;  // Finite.
  absl::Time at;     // When it was so, by the answer's own time.
  bool operator==(const ExternalValue&) const = default;
};

// By the query's name: the newest answer of each.
using ExternalValues = std::map<std::string, ExternalValue>;

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_EXTERNAL_VALUES_H_
