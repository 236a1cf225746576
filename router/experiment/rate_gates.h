// When guardrails are judged at all: `when: {minRate: 1000/s, for: 5m}`. A gate opens once the experiment's calls have
// come at that rate for so long, and stays open for the run: what was proven since is not taken back at night.

#ifndef WEIR_ROUTER_EXPERIMENT_RATE_GATES_H_
#define WEIR_ROUTER_EXPERIMENT_RATE_GATES_H_

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "config/config.h"

namespace weir::experiment {

// One run's. The control thread's.
class RateGates {
 public:
  // That a rate is an average over.
  static constexpr absl::Duration kWindow = absl::Seconds(10);

  // `started`: the run's calls until now; it never falls. About once a second. Whether a gate opened.
  bool Look(const std::vector<config::Guardrail>& guardrails, int64_t started, absl::Time now);
  bool IsOpen(const config::Guardrail& guardrail) const { return !guardrail.when || open_.contains(guardrail.name); }
  // "not judged before 1000/s for 5m (now 12/s)"
  std::string WhyShut(const config::Guardrail& guardrail) const;

  // What a checkpoint keeps: those that opened.
  const std::set<std::string>& open() const { return open_; }
  void Restore(std::set<std::string> open) { open_ = std::move(open); }

 private:
  struct Sample {
    absl::Time at;
    int64_t started;
  };
  std::deque<Sample> samples_;               // The newest window, and one sample before it.
  std::optional<double> rate_;               // Calls a second; nullopt before the first window is full.
  std::map<std::string, absl::Time> since_;  // By guardrail: when its rate began to hold.
  std::set<std::string> open_;
};

}  // namespace weir::experiment

#endif  // WEIR_ROUTER_EXPERIMENT_RATE_GATES_H_
