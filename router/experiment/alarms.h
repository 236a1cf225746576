// The alarms of a detector or of a trend, and the warning that they make together: both begin anew after an alarm, so
// that what is still so alarms again, and who has been quiet for kQuiet has nothing to warn of any more.

#ifndef WEIR_ROUTER_EXPERIMENT_ALARMS_H_
#define WEIR_ROUTER_EXPERIMENT_ALARMS_H_

#include <optional>

#include "absl/time/time.h"

namespace weir::experiment {

struct Alarms {
  static constexpr absl::Duration kQuiet = absl::Minutes(15);

  int count = 0;  // In this run.
  std::optional<absl::Time> last{};
  std::optional<absl::Time> since{};  // The first of those that are the last one's warning.

  // Whether its warning stands. An alarm from the future is of a clock that was set back since.
  bool StandAt(absl::Time now) const { return last && absl::AbsDuration(now - *last) < kQuiet; }
  void Note(absl::Time now) {
    if (!StandAt(now)) since = now;
    last = now;
    ++count;
  }
  bool operator==(const Alarms&) const = default;
};

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_ALARMS_H_
