// Which of several connections takes the next call.

#ifndef WEIR_ROUTER_DATAPLANE_LEAST_LOADED_H_
#define WEIR_ROUTER_DATAPLANE_LEAST_LOADED_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace weir::dataplane {

struct Load {
  size_t calls = 0;       // Under way.
  uint32_t capacity = 0;  // That it would take besides; 0: none, for whatever reason.
};

// The one with room that carries the fewest calls, looked for from place `start` on, so that equals take turns. Nullopt
// when none has room.
inline std::optional<size_t> LeastLoaded(std::span<const Load> loads, size_t start) {
  std::optional<size_t> best;
  for (size_t n = 0; n < loads.size(); ++n) {
    const size_t i = (start + n) % loads.size();
    if (loads[i].capacity == 0) continue;
    if (!best.has_value() || loads[i].calls < loads[*best].calls) best = i;
  }
  return best;
}

}  // namespace weir::dataplane

#endif  // WEIR_ROUTER_DATAPLANE_LEAST_LOADED_H_
